"""Whom the planner reminds before a slot: its speakers, or its chairs; and before the event: those who speak at it, or chair."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime

from django.db.models import Prefetch, Q

from events.models import Event, EventState
from notifications.models import Anchor, Audience
from notifications.sources import Occasion, Source, register_source
from scheduling import notices
from scheduling.models import Slot, SlotQuerySet
from submissions.models import ON_THE_PROGRAMME, Speaker, Talk


def register() -> None:
    register_source(Anchor.SLOT, Audience.SPEAKERS, Source(kind=notices.SLOT_REMINDER, occasions=before_speaking))
    register_source(Anchor.SLOT, Audience.CHAIRS, Source(kind=notices.SLOT_REMINDER, occasions=before_chairing))
    register_source(
        Anchor.EVENT, Audience.SPEAKERS, Source(kind=notices.EVENT_REMINDER, occasions=speakers_before_the_event)
    )
    register_source(
        Anchor.EVENT, Audience.CHAIRS, Source(kind=notices.EVENT_REMINDER, occasions=chairs_before_the_event)
    )


def before_speaking(event_id: int, after: datetime, until: datetime) -> Iterator[Occasion]:
    for slot in _with_speakers(live_slots(event_id).filter(starts_at__gt=after, starts_at__lte=until)):
        assert slot.submission is not None
        yield from _occasions(slot, [talk.speaker for talk in slot.submission.talks.all()])


def before_chairing(event_id: int, after: datetime, until: datetime) -> Iterator[Occasion]:
    for slot in _with_chairs(live_slots(event_id).filter(starts_at__gt=after, starts_at__lte=until)):
        yield from _occasions(slot, slot.chairs.all())


def speakers_before_the_event(event_id: int, after: datetime, until: datetime) -> Iterator[Occasion]:
    yield from _before_the_event(event_id, after, until, _speakers_of(live_slots(event_id)))


def chairs_before_the_event(event_id: int, after: datetime, until: datetime) -> Iterator[Occasion]:
    yield from _before_the_event(event_id, after, until, _chairs_of(live_slots(event_id)))


def _before_the_event(
    event_id: int, after: datetime, until: datetime, theirs: Iterable[tuple[Slot, Speaker]]
) -> Iterator[Occasion]:
    """One to each person, with all their sessions (`theirs`, read only when it is time); see `Event.reminders_end_at`."""
    event = Event.objects.filter(pk=event_id, state=EventState.LIVE).first()
    if event is None or not (event.starts_at <= until and event.reminders_end_at > after):
        return
    slots: dict[int, list[Slot]] = defaultdict(list)
    speakers: dict[int, Speaker] = {}
    for slot, speaker in theirs:
        speakers[speaker.pk] = speaker
        slots[speaker.pk].append(slot)
    for pk, speaker in speakers.items():
        to = notices.recipient(speaker, language=event.language)
        if to is not None:
            yield Occasion(
                about=f"speaker:{event.pk}:{speaker.code}",
                at=event.starts_at,
                to=to,
                context={
                    "name": speaker.name,
                    "event": event.name.localize(to.language),
                    "session": [notices.heading(slot, to.language) for slot in slots[pk]],
                    "starts": [slot.starts_at.isoformat() for slot in slots[pk]],
                    "room": [slot.room.name.localize(to.language) if slot.room else "–" for slot in slots[pk]],
                    "link": notices.programme_link(event),
                    "time_zone": event.time_zone,
                },
                useful_until=event.reminders_end_at,
            )


def _speakers_of(slots: SlotQuerySet) -> Iterator[tuple[Slot, Speaker]]:
    for slot in _with_speakers(slots):
        assert slot.submission is not None
        for talk in slot.submission.talks.all():
            yield slot, talk.speaker


def _chairs_of(slots: SlotQuerySet) -> Iterator[tuple[Slot, Speaker]]:
    for slot in _with_chairs(slots):
        for chair in slot.chairs.all():
            yield slot, chair


def _with_chairs(slots: SlotQuerySet) -> SlotQuerySet:
    chairs = Speaker.objects.select_related("person__user").in_order()
    return slots.prefetch_related(Prefetch("chairs", chairs))


def _with_speakers(slots: SlotQuerySet) -> SlotQuerySet:
    talks = Talk.objects.select_related("speaker__person__user").order_by("position", "pk")
    return slots.exclude(submission=None).prefetch_related(Prefetch("submission__talks", talks))


def live_slots(event_id: int) -> SlotQuerySet:
    """Of the current release of an event that the public sees."""
    return (
        Slot.objects.filter(schedule__event=event_id, is_live=True)
        .exclude(schedule__event__state=EventState.DRAFT)
        .filter(Q(submission=None) | Q(submission__state__in=ON_THE_PROGRAMME))
        .select_related("schedule__event", "room", "submission")
        .order_by("starts_at", "pk")
    )


def _occasions(slot: Slot, people: Iterable[Speaker]) -> Iterator[Occasion]:
    language = slot.schedule.event.language
    for speaker in people:
        to = notices.recipient(speaker, language=language)
        if to is not None:
            yield Occasion(
                about=notices.about(slot),
                at=slot.starts_at,
                to=to,
                context=notices.facts(slot, speaker.name, language=to.language),
                calendar=notices.calendar(slot, method="REQUEST", sequence=slot.sequence, language=to.language),
            )
