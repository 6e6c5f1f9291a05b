"""One day of the draft as its editors see it: what stands in which room, what is free, what clashes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from django.db.models import Prefetch, QuerySet

from common import dates
from events.models import Event, Room
from scheduling.models import HOLDS_TALKS, Schedule, Slot
from scheduling.services.conflicts import Conflict, conflicts_of
from submissions.models import Submission, Talk

#: Where nothing is placed yet, a day is offered between these hours.
_WORKING_DAY = (time(9), time(18))
#: Less than this between two slots is the way to the next room, not room for a talk.
_SHORTEST_GAP = timedelta(minutes=5)


@dataclass(kw_only=True)
class Entry:
    """A slot, or a free stretch (`slot` None) that something can be placed in."""

    starts_at: datetime
    ends_at: datetime
    starts: str
    ends: str
    slot: Slot | None = None
    severity: str = ""
    children: list[Entry] = field(default_factory=list)
    speakers: str = ""


@dataclass(kw_only=True)
class Lane:
    """One room, or None for what has no room."""

    room: Room | None
    entries: list[Entry]


@dataclass(kw_only=True)
class DayPlan:
    day: date
    days: list[date]
    lanes: list[Lane]
    conflicts: list[Conflict]
    unplaced: list[Submission]


def day_plan(event: Event, day: date | None) -> DayPlan:
    """A constant number of queries. `day` None, or one with nothing to see: the first."""
    draft = Schedule.objects.draft_of(event)
    talks = Talk.objects.select_related("speaker").order_by("position", "pk")
    slots = list(
        Slot.objects.filter(schedule=draft)
        .select_related("room", "submission__track")
        .prefetch_related(Prefetch("submission__talks", talks))
        .order_by("starts_at", "ends_at", "pk")
    )
    conflicts = conflicts_of(draft)
    severity: dict[int, str] = {}
    for conflict in reversed(conflicts):
        severity |= dict.fromkeys((slot.pk for slot in conflict.slots), conflict.severity)
    days = sorted({*event.days, *(event.conference_day(slot.starts_at) for slot in slots)})
    chosen = day if day in days else days[0]
    rooms = list(Room.objects.filter(event_rooms__event=event).order_by("event_rooms__position", "pk"))
    of_day = [slot for slot in slots if event.conference_day(slot.starts_at) == chosen]
    return DayPlan(
        day=chosen,
        days=days,
        lanes=_lanes(event, chosen, rooms, of_day, severity),
        conflicts=conflicts,
        unplaced=list(unplaced(event, draft)),
    )


def unplaced(event: Event, draft: Schedule) -> QuerySet[Submission]:
    return (
        Submission.objects.filter(event=event)
        .on_the_programme()
        .exclude(slots__schedule=draft)
        .with_people()
        .order_by("pk")
    )


def _lanes(event: Event, day: date, rooms: list[Room], slots: list[Slot], severity: dict[int, str]) -> list[Lane]:
    children: dict[int, list[Entry]] = defaultdict(list)
    entries: dict[int | None, list[Entry]] = defaultdict(list)
    for slot in slots:
        entry = _entry(event, slot, severity)
        if slot.parent_id:
            children[slot.parent_id].append(entry)
        else:
            entries[slot.room_id].append(entry)
    for held in entries.values():
        for entry in held:
            if entry.slot and entry.slot.kind in HOLDS_TALKS:
                entry.children = children[entry.slot.pk]
    first = min((slot.starts_at for slot in slots), default=datetime.combine(day, _WORKING_DAY[0], event.tz))
    last = max((slot.ends_at for slot in slots), default=datetime.combine(day, _WORKING_DAY[1], event.tz))
    first = min(first, datetime.combine(day, _WORKING_DAY[0], event.tz))
    last = max(last, datetime.combine(day, _WORKING_DAY[1], event.tz))
    lanes = [Lane(room=room, entries=_with_gaps(event, entries[room.pk], first, last)) for room in rooms]
    return [Lane(room=None, entries=entries[None]), *lanes]


def _entry(event: Event, slot: Slot, severity: dict[int, str]) -> Entry:
    return Entry(
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        starts=dates.clock(slot.starts_at, event.tz),
        ends=dates.clock(slot.ends_at, event.tz),
        slot=slot,
        severity=severity.get(slot.pk, ""),
        speakers=", ".join(talk.speaker.name for talk in slot.submission.talks.all()) if slot.submission else "",
    )


def _with_gaps(event: Event, entries: list[Entry], first: datetime, last: datetime) -> list[Entry]:
    filled: list[Entry] = []
    free_from = first
    for entry in entries:
        if entry.starts_at - free_from >= _SHORTEST_GAP:
            filled.append(_gap(event, free_from, entry.starts_at))
        filled.append(entry)
        free_from = max(free_from, entry.ends_at)
    if last - free_from >= _SHORTEST_GAP:
        filled.append(_gap(event, free_from, last))
    return filled


def _gap(event: Event, start: datetime, end: datetime) -> Entry:
    return Entry(starts_at=start, ends_at=end, starts=dates.clock(start, event.tz), ends=dates.clock(end, event.tz))
