"""What workers and beat run. Each may be lost, or run twice or side by side, without harm."""

from __future__ import annotations

from typing import Any, Final

from celery import Task, shared_task
from django.core.cache import cache
from django.utils import timezone

from notifications.services import campaigns, delivery, reminders

#: Well below the hard limit, so that a run ends by itself; what is left is asked for again.
RUN_SECONDS: Final = 40
_AWAY: Final = "notifications:mail-server-away"
#: How often at most to look whether the limits let something go: a few mails at a time over one connection.
PAUSE_SECONDS: Final = 2
_HELD_BACK: Final = "notifications:held-back"


# The hard limit is above the longest that one mail can take (see services.transport), and below STUCK_AFTER.
@shared_task(name="notifications.deliver_due", bind=True, time_limit=420, acks_late=True, ignore_result=True)
def deliver_due(self: Task[..., None], **_newer: Any) -> None:
    if cache.get(_AWAY):
        return
    done = delivery.deliver_due(now=timezone.now(), until_empty=True, seconds=RUN_SECONDS)
    if done.trouble:
        # Workers leave it alone; beat asks every ten seconds.
        cache.set(_AWAY, True, done.rest.total_seconds())
    elif done.is_more:
        self.apply_async()
    elif done.held_back and cache.add(_HELD_BACK, True, PAUSE_SECONDS):
        # Of all runs that the limits stopped, one goes on.
        self.apply_async(countdown=max(done.held_back, PAUSE_SECONDS))


@shared_task(name="notifications.sweep_stuck", time_limit=60, acks_late=True, ignore_result=True)
def sweep_stuck(**_newer: Any) -> None:
    delivery.sweep_stuck(now=timezone.now())


@shared_task(name="notifications.plan_reminders", time_limit=300, acks_late=True, ignore_result=True)
def plan_reminders(**_newer: Any) -> None:
    reminders.plan_reminders(now=timezone.now())


@shared_task(name="notifications.advance_campaigns", time_limit=300, acks_late=True, ignore_result=True)
def advance_campaigns(**_newer: Any) -> None:
    campaigns.advance_campaigns(now=timezone.now())
