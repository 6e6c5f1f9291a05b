"""Whom the planner reminds: those who have a place, before the event, before what everybody comes to and before what they starred;
those who must pay, before it is due; and speakers and chairs without a registration, before registration closes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.db.models import QuerySet

from common.text import email_key
from events.models import Event, EventState
from notifications.models import Anchor, Audience
from notifications.notices import CalendarPart
from notifications.sources import Occasion, Source, register_source
from registrations import notices
from registrations.models import FollowedAgenda, Registration, RegistrationState, TicketType
from scheduling import notices as slots
from scheduling.models import AgendaItem, Slot, SlotKind
from scheduling.sources import live_slots
from submissions.models import ON_THE_PROGRAMME, Speaker

#: Nobody signs up for these, and nobody has to: they are there for all.
FOR_EVERYBODY: Final = frozenset({SlotKind.PLENARY, SlotKind.CEREMONY, SlotKind.SOCIAL})


def register() -> None:
    register_source(Anchor.EVENT, Audience.ATTENDEES, Source(kind=notices.EVENT_REMINDER, occasions=before_the_event))

    register_source(
        Anchor.DEADLINE,
        Audience.SPEAKERS,
        Source(kind=notices.REGISTRATION_CLOSES, occasions=speakers_before_registration_closes),
    )
    register_source(
        Anchor.DEADLINE,
        Audience.CHAIRS,
        Source(kind=notices.REGISTRATION_CLOSES, occasions=chairs_before_registration_closes),
    )
    register_source(
        Anchor.DEADLINE, Audience.ATTENDEES, Source(kind=notices.PAYMENT_DEADLINE, occasions=before_payment_is_due)
    )
    register_source(
        Anchor.SLOT, Audience.ATTENDEES, Source(kind=slots.SESSION_REMINDER, occasions=before_what_is_for_everybody)
    )
    register_source(
        Anchor.SLOT, Audience.BOOKMARKED, Source(kind=slots.SESSION_REMINDER, occasions=before_what_they_starred)
    )


# -- Before a session ---------------------------------------------------------------------------------------------------


def before_what_is_for_everybody(event_id: int, after: datetime, until: datetime) -> Iterator[Occasion]:
    """Each plenary, ceremony and social event of the current release, to all who have a place."""
    found = list(live_slots(event_id).filter(starts_at__gt=after, starts_at__lte=until, kind__in=FOR_EVERYBODY))
    if found:
        registered = list(_confirmed(event_id))
        for slot in found:
            yield from _reminded(slot, registered)


def before_what_they_starred(event_id: int, after: datetime, until: datetime) -> Iterator[Occasion]:
    """Each session of the current release, to those who have a place and starred it in the agenda that they named as theirs."""
    found = list(live_slots(event_id).filter(starts_at__gt=after, starts_at__lte=until, submission__isnull=False))
    if not found:
        return
    followed = dict(FollowedAgenda.objects.filter(registration__event=event_id).values_list("registration", "agenda"))
    readers: dict[int, list[Registration]] = defaultdict(list)
    for registration in _confirmed(event_id).filter(pk__in=followed):
        readers[followed[registration.pk]].append(registration)
    starred: dict[int, list[Registration]] = defaultdict(list)
    items = AgendaItem.objects.filter(agenda__in=readers, submission__in={slot.submission_id for slot in found})
    for submission, agenda in items.order_by("pk").values_list("submission", "agenda"):
        starred[submission] += readers[agenda]
    for slot in found:
        assert slot.submission_id is not None
        yield from _reminded(slot, starred[slot.submission_id])


def _confirmed(event_id: int) -> QuerySet[Registration]:
    return Registration.objects.filter(event=event_id, state=RegistrationState.CONFIRMED).order_by("pk")


def _reminded(slot: Slot, registrations: Iterable[Registration]) -> Iterator[Occasion]:
    """The words are made once a language, not once a person."""
    facts: dict[str, dict[str, Any]] = {}
    calendars: dict[str, CalendarPart] = {}
    for registration in registrations:
        to = notices.recipient(registration)
        if to.language not in facts:
            facts[to.language] = slots.facts(slot, "", language=to.language)
            calendars[to.language] = slots.calendar(
                slot, method="REQUEST", sequence=slot.sequence, language=to.language
            )
        yield Occasion(
            about=slots.about(slot),
            at=slot.starts_at,
            to=to,
            context={**facts[to.language], "name": registration.name},
            calendar=calendars[to.language],
        )


# -- Before a deadline --------------------------------------------------------------------------------------------------


def before_payment_is_due(event_id: int, after: datetime, until: datetime) -> Iterator[Occasion]:
    """Each who has a place that is kept until it is paid, at their own deadline."""
    unpaid = Registration.objects.filter(
        event=event_id,
        event__state=EventState.LIVE,
        state=RegistrationState.AWAITING_PAYMENT,
        payment_due_at__gt=after,
        payment_due_at__lte=until,
    )
    for registration in unpaid.select_related("event__venue", "ticket_type").prefetch_related("ledger").order_by("pk"):
        assert registration.payment_due_at is not None
        yield Occasion(
            about=notices.about(registration),
            at=registration.payment_due_at,
            to=notices.recipient(registration),
            context=notices.facts(
                registration, owed=sum((entry.amount for entry in registration.ledger.all()), Decimal(0))
            ),
        )


def speakers_before_registration_closes(event_id: int, after: datetime, until: datetime) -> Iterator[Occasion]:
    speakers = Speaker.objects.filter(event=event_id, talks__submission__state__in=ON_THE_PROGRAMME).distinct()
    yield from _before_registration_closes(event_id, after, until, speakers)


def chairs_before_registration_closes(event_id: int, after: datetime, until: datetime) -> Iterator[Occasion]:
    chairs = Speaker.objects.filter(event=event_id, chaired_slots__in=live_slots(event_id)).distinct()
    yield from _before_registration_closes(event_id, after, until, chairs)


def _before_registration_closes(
    event_id: int, after: datetime, until: datetime, people: QuerySet[Speaker]
) -> Iterator[Occasion]:
    """Registration closes when the last of its tickets does; an event with a ticket that does not close has no such deadline."""
    event = Event.objects.filter(pk=event_id, state=EventState.LIVE).first()
    closes = list(TicketType.objects.filter(event=event_id).values_list("available_until", flat=True))
    if event is None or not closes or None in closes:
        return
    at = max(instant for instant in closes if instant)
    if not after < at <= until:
        return
    registered = set(Registration.objects.live().filter(event=event).values_list("email_key", flat=True))
    for speaker in people.select_related("person__user").order_by("pk"):
        to = slots.recipient(speaker, language=event.language)
        if to is not None and email_key(to.email) not in registered:
            yield Occasion(
                about=f"registering:{event.pk}:{speaker.code}",
                at=at,
                to=to,
                context=notices.facts_of_closing(event, name=speaker.name, closes=at, language=to.language),
            )


# -- Before the event ---------------------------------------------------------------------------------------------------


def before_the_event(event_id: int, after: datetime, until: datetime) -> Iterator[Occasion]:
    """An event begins at midnight of its first day, in its zone; see `Event.reminders_end_at`."""
    event = Event.objects.select_related("venue").filter(pk=event_id, state=EventState.LIVE).first()
    if event is None:
        return
    if not (event.starts_at <= until and event.reminders_end_at > after):
        return
    for registration in _confirmed(event_id).select_related("ticket_type"):
        registration.event = event
        yield Occasion(
            about=notices.about(registration),
            at=event.starts_at,
            to=notices.recipient(registration),
            context=notices.facts(registration),
            useful_until=event.reminders_end_at,
        )
