"""Whom the planner reminds before an event: those who have a place."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta

from events.models import Event, EventState
from notifications.models import Anchor, Audience
from notifications.sources import Occasion, Source, register_source
from registrations import notices
from registrations.models import Registration, RegistrationState


def register() -> None:
    register_source(Anchor.EVENT, Audience.ATTENDEES, Source(kind=notices.EVENT_REMINDER, occasions=before_the_event))


def before_the_event(event_id: int, after: datetime, until: datetime) -> Iterator[Occasion]:
    """An event begins at midnight of its first day, in its zone; a reminder is of use until the evening of that day."""
    event = Event.objects.select_related("venue").filter(pk=event_id, state=EventState.LIVE).first()
    if event is None:
        return
    useful_until = datetime.combine(event.starts_on, time(), event.tz) + timedelta(hours=18)
    if not (event.starts_at <= until and useful_until > after):
        return
    confirmed = Registration.objects.filter(event=event, state=RegistrationState.CONFIRMED)
    for registration in confirmed.select_related("ticket_type").order_by("pk"):
        registration.event = event
        yield Occasion(
            about=notices.about(registration),
            at=event.starts_at,
            to=notices.recipient(registration),
            context=notices.facts(registration),
            useful_until=useful_until,
        )
