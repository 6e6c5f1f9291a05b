"""Whom the planner reminds before an event: those who have a place; and before registration closes: speakers who have none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from common.text import email_key
from events.models import Event, EventState
from notifications.models import Anchor, Audience
from notifications.sources import Occasion, Source, register_source
from registrations import notices
from registrations.models import Registration, RegistrationState, TicketType
from scheduling import notices as slots
from submissions.models import ON_THE_PROGRAMME, Speaker


def register() -> None:
    register_source(Anchor.EVENT, Audience.ATTENDEES, Source(kind=notices.EVENT_REMINDER, occasions=before_the_event))

    register_source(
        Anchor.DEADLINE,
        Audience.SPEAKERS,
        Source(kind=notices.REGISTRATION_CLOSES, occasions=before_registration_closes),
    )


def before_registration_closes(event_id: int, after: datetime, until: datetime) -> Iterator[Occasion]:
    """Registration closes when the last of its tickets does; an event with a ticket that does not close has no such deadline."""
    event = Event.objects.filter(pk=event_id, state=EventState.LIVE).first()
    closes = list(TicketType.objects.filter(event=event_id).values_list("available_until", flat=True))
    if event is None or not closes or None in closes:
        return
    at = max(instant for instant in closes if instant)
    if not after < at <= until:
        return
    registered = set(Registration.objects.live().filter(event=event).values_list("email_key", flat=True))
    speakers = Speaker.objects.filter(event=event, talks__submission__state__in=ON_THE_PROGRAMME).distinct()
    for speaker in speakers.select_related("person__user").order_by("pk"):
        to = slots.recipient(speaker, language=event.language)
        if to is not None and email_key(to.email) not in registered:
            yield Occasion(
                about=f"registering:{event.pk}:{speaker.code}",
                at=at,
                to=to,
                context=notices.facts_of_closing(event, name=speaker.name, closes=at, language=to.language),
            )


def before_the_event(event_id: int, after: datetime, until: datetime) -> Iterator[Occasion]:
    """An event begins at midnight of its first day, in its zone; see `Event.reminders_end_at`."""
    event = Event.objects.select_related("venue").filter(pk=event_id, state=EventState.LIVE).first()
    if event is None:
        return
    if not (event.starts_at <= until and event.reminders_end_at > after):
        return
    confirmed = Registration.objects.filter(event=event, state=RegistrationState.CONFIRMED)
    for registration in confirmed.select_related("ticket_type").order_by("pk"):
        registration.event = event
        yield Occasion(
            about=notices.about(registration),
            at=event.starts_at,
            to=notices.recipient(registration),
            context=notices.facts(registration),
            useful_until=event.reminders_end_at,
        )
