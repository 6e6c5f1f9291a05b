"""Whom the planner reminds before a slot: its speakers, or its chairs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from django.db.models import Prefetch, Q

from events.models import EventState
from notifications.models import Anchor, Audience
from notifications.sources import Occasion, Source, register_source
from scheduling import notices
from scheduling.models import Slot, SlotQuerySet
from submissions.models import ON_THE_PROGRAMME, Speaker, Talk


def register() -> None:
    register_source(Anchor.SLOT, Audience.SPEAKERS, Source(kind=notices.SLOT_REMINDER, occasions=before_speaking))
    register_source(Anchor.SLOT, Audience.CHAIRS, Source(kind=notices.SLOT_REMINDER, occasions=before_chairing))


def before_speaking(event_id: int, after: datetime, until: datetime) -> Iterator[Occasion]:
    talks = Talk.objects.select_related("speaker__person__user").order_by("position", "pk")
    slots = _live_slots(event_id, after, until).prefetch_related(Prefetch("submission__talks", talks))
    for slot in slots.exclude(submission=None):
        assert slot.submission is not None
        yield from _occasions(slot, [talk.speaker for talk in slot.submission.talks.all()])


def before_chairing(event_id: int, after: datetime, until: datetime) -> Iterator[Occasion]:
    chairs = Speaker.objects.select_related("person__user").in_order()
    for slot in _live_slots(event_id, after, until).prefetch_related(Prefetch("chairs", chairs)):
        yield from _occasions(slot, slot.chairs.all())


def _live_slots(event_id: int, after: datetime, until: datetime) -> SlotQuerySet:
    """Of the current release of an event that the public sees, as far as they are still to take place."""
    return (
        Slot.objects.filter(schedule__event=event_id, is_live=True, starts_at__gt=after, starts_at__lte=until)
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
                context=notices.facts(slot, speaker, language=to.language),
                calendar=notices.calendar(slot, method="REQUEST", sequence=slot.sequence, language=to.language),
            )
