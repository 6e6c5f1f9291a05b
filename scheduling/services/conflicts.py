"""What cannot work in a schedule, and what might not. Source: docs/explanation/conflicts.md"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from django.db.models import Prefetch
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from common import dates
from events.models import RoomHold
from scheduling.models import TAKES_EVERY_ROOM, Schedule, Slot, SlotKind
from scheduling.problems import first_instant, last_instant
from submissions.models import Talk

#: People may be in the room and nothing is given: these claim nobody's time.
LEAVES_PEOPLE_FREE: Final = frozenset({SlotKind.BREAK, SlotKind.SOCIAL})


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """`fatal`: a room or a person would be needed twice at once, or where they are not to be had. `slots`: those concerned, of
    this schedule, earlier first."""

    severity: Literal["fatal", "warning"]
    code: str
    message: str | Promise
    slots: tuple[Slot, ...]


def conflicts_of(schedule: Schedule) -> list[Conflict]:
    """All of them, fatal ones first, then by time. A constant number of queries."""
    slots = list(
        Slot.objects.filter(schedule=schedule)
        .select_related("room", "submission", "parent__submission")
        .prefetch_related(
            Prefetch("submission__talks", Talk.objects.select_related("speaker").order_by("position", "pk")), "chairs"
        )
        .order_by("starts_at", "pk")
    )
    found = [
        *_rooms_twice(slots),
        *_people_twice(slots),
        *_rooms_not_ours(schedule, slots),
        *_outside_the_event(schedule, slots),
        *_without_room(slots),
    ]
    return sorted(
        found, key=lambda conflict: (conflict.severity != "fatal", conflict.slots[0].starts_at, conflict.code)
    )


def _rooms_twice(slots: list[Slot]) -> Iterator[Conflict]:
    """Two slots in one room at once. What a block holds is inside it; a plenary needs the people of every room."""
    top = [slot for slot in slots if slot.parent_id is None]
    by_room: dict[int, list[Slot]] = defaultdict(list)
    for slot in top:
        if slot.room_id:
            by_room[slot.room_id].append(slot)
    for held in by_room.values():
        for first, second in overlapping_pairs(held):
            yield Conflict(
                severity="fatal",
                code="room_twice",
                message=_("%(room)s has “%(first)s” and “%(second)s” at the same time.")
                % {"room": first.room, "first": first.heading, "second": second.heading},
                slots=(first, second),
            )
    plenaries = [slot for slot in top if slot.kind in TAKES_EVERY_ROOM]
    if plenaries:
        others = [slot for slot in top if slot.kind not in TAKES_EVERY_ROOM | LEAVES_PEOPLE_FREE]
        for first, second in overlapping_pairs([*plenaries, *others]):
            if (first.kind in TAKES_EVERY_ROOM) != (second.kind in TAKES_EVERY_ROOM) and (
                first.room_id is None or first.room_id != second.room_id
            ):
                yield Conflict(
                    severity="warning",
                    code="beside_a_plenary",
                    message=_("“%(first)s” and “%(second)s” are at the same time, and one is for everybody.")
                    % {"first": first.heading, "second": second.heading},
                    slots=(first, second),
                )


def _people_twice(slots: list[Slot]) -> Iterator[Conflict]:
    """A speaker or chair in two slots at once; the same human being under two names counts once known as one person."""
    by_person: dict[tuple[str, int], list[Slot]] = defaultdict(list)
    names: dict[tuple[str, int], str] = {}
    for slot in slots:
        if slot.kind in LEAVES_PEOPLE_FREE:
            continue
        speakers = [talk.speaker for talk in slot.submission.talks.all()] if slot.submission else []
        for speaker in {speaker.pk: speaker for speaker in (*speakers, *slot.chairs.all())}.values():
            key = ("person", speaker.person_id) if speaker.person_id else ("speaker", speaker.pk)
            names[key] = speaker.name
            by_person[key].append(slot)
    for key, held in by_person.items():
        for first, second in overlapping_pairs(held):
            # Poster presenters stand at several boards, and a chair may speak in the own block.
            if first.pk == second.parent_id or second.pk == first.parent_id:
                continue
            if first.parent_id and first.parent_id == second.parent_id and first.board and second.board:
                continue
            yield Conflict(
                severity="fatal",
                code="person_twice",
                message=_("%(name)s is in “%(first)s” and “%(second)s” at the same time.")
                % {"name": names[key], "first": first.heading, "second": second.heading},
                slots=(first, second),
            )


def _rooms_not_ours(schedule: Schedule, slots: list[Slot]) -> Iterator[Conflict]:
    """Rooms that another event holds or has published something in; rooms that this event holds, but not then."""
    placed = [slot for slot in slots if slot.room_id and slot.parent_id is None]
    if not placed:
        return
    start, end = min(slot.starts_at for slot in placed), max(slot.ends_at for slot in placed)
    rooms = {slot.room_id for slot in placed}
    ours: dict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    theirs: dict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    for hold in RoomHold.objects.filter(room__in=rooms).only("room_id", "event_id", "period"):
        (ours if hold.event_id == schedule.event_id else theirs)[hold.room_id].append(
            (hold.period.lower, hold.period.upper)
        )
    foreign = Slot.objects.filter(
        is_live=True, parent=None, room__in=rooms, starts_at__lt=end, ends_at__gt=start
    ).exclude(schedule__event=schedule.event_id)
    for room_id, starts_at, ends_at in foreign.values_list("room_id", "starts_at", "ends_at"):
        theirs[room_id or 0].append((starts_at, ends_at))
    for slot in placed:
        room_id = slot.room_id or 0
        if any(begin < slot.ends_at and slot.starts_at < finish for begin, finish in theirs[room_id]):
            yield Conflict(
                severity="fatal",
                code="room_taken_elsewhere",
                message=_("%(room)s belongs to another event while “%(title)s” is in it.")
                % {"room": slot.room, "title": slot.heading},
                slots=(slot,),
            )
        elif ours[room_id] and not _is_within(slot, ours[room_id]):
            yield Conflict(
                severity="fatal",
                code="outside_hold",
                message=_("%(room)s is not reserved for this event while “%(title)s” is in it.")
                % {"room": slot.room, "title": slot.heading},
                slots=(slot,),
            )


def _outside_the_event(schedule: Schedule, slots: list[Slot]) -> Iterator[Conflict]:
    event = schedule.event
    first, last = first_instant(event), last_instant(event)
    for slot in slots:
        if slot.parent_id is None and (slot.starts_at < first or slot.ends_at > last):
            yield Conflict(
                severity="warning",
                code="outside_event_days",
                message=_("“%(title)s” is on %(day)s, which is not a day of the event.")
                % {"title": slot.heading, "day": dates.day(slot.starts_at.astimezone(event.tz).date())},
                slots=(slot,),
            )


def _without_room(slots: list[Slot]) -> Iterator[Conflict]:
    for slot in slots:
        if slot.room_id is None and slot.parent_id is None and slot.submission_id:
            yield Conflict(
                severity="warning",
                code="no_room",
                message=_("“%(title)s” has no room yet.") % {"title": slot.heading},
                slots=(slot,),
            )


def overlapping_pairs(slots: Iterable[Slot]) -> Iterator[tuple[Slot, Slot]]:
    """Every pair that shares an instant. Touching is fine; a slot without length is in whatever lasts around it, and two that
    begin at the same instant clash even if one has no length."""
    running: list[Slot] = []
    for slot in sorted(slots, key=lambda slot: (slot.starts_at, slot.ends_at, slot.pk)):
        running = [other for other in running if other.ends_at > slot.starts_at or other.starts_at == slot.starts_at]
        for other in running:
            yield other, slot
        running.append(slot)


def _is_within(slot: Slot, periods: list[tuple[datetime, datetime]]) -> bool:
    """Inside the union of the periods: two reservations that touch are one."""
    reached = slot.starts_at
    for begin, finish in sorted(periods):
        if begin <= reached < finish or (begin <= reached and finish >= slot.ends_at):
            reached = max(reached, finish)
    return reached >= slot.ends_at and any(begin <= slot.starts_at for begin, _finish in periods)
