"""The distributed engine: queues, and what beat starts and when.

Tasks are thin: they take ids, call one service and return. Every task may be lost or run twice without harm,
because the truth is in PostgreSQL and a sweeper below finds what was left lying.
"""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, Task
from celery.schedules import crontab
from django_structlog.celery.steps import DjangoStructLogInitStep

from common import jobs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class WakeUp(Task):  # type: ignore[type-arg]  # Celery's has none when it runs
    """A task that tells, before it begins, that it no longer waits."""

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        jobs.begins(self.name)
        super().before_start(task_id, args, kwargs)


app = Celery("lihu", task_cls=WakeUp)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add(DjangoStructLogInitStep)

app.conf.task_routes = {
    "notifications.*": {"queue": "mail"},
    "scheduling.*": {"queue": "slow"},
}

app.conf.beat_schedule = {
    "plan reminders": {"task": "notifications.plan_reminders", "schedule": crontab()},
    "deliver what is due": {"task": "notifications.deliver_due", "schedule": 10.0},
    "begin, write and finish campaigns": {"task": "notifications.advance_campaigns", "schedule": 10.0},
    "requeue messages stuck in sending": {"task": "notifications.sweep_stuck", "schedule": 60.0},
    "end offers and places that are overdue": {"task": "registrations.expire_overdue", "schedule": 60.0},
    "give free places to those in line": {"task": "registrations.fill_free_places", "schedule": 60.0},
    "delete files that no registration took": {"task": "registrations.sweep_files", "schedule": crontab(minute="41")},
    "renew pages whose frame is out of date": {"task": "scheduling.reframe_stale", "schedule": 300.0},
    "forget agendas of past events": {"task": "scheduling.sweep_agendas", "schedule": crontab(hour="3", minute="41")},
    "forget old idempotency keys": {"task": "common.forget_idempotency_keys", "schedule": crontab(minute="17")},
}
