"""What cannot work in a schedule, and what might not. Source: docs/explanation/conflicts.md"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from django.db.models import F, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from common import dates
from events.models import Room, RoomHold
from scheduling.models import TAKES_EVERY_ROOM, Schedule, Slot, SlotKind
from scheduling.problems import first_instant, last_instant
from submissions.models import Availability, Speaker, Talk

#: People may be in the room and nothing is given: these claim nobody's time.
LEAVES_PEOPLE_FREE: Final = frozenset({SlotKind.BREAK, SlotKind.SOCIAL})

Severity = Literal["fatal", "warning"]
Period = tuple[datetime, datetime]
#: Somebody: a person known across events, or else a speaker of this one.
Somebody = tuple[Literal["person", "speaker"], int]


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """`fatal`: a room or a person would be needed twice at once, or where they are not to be had. `slots`: those concerned, of
    this schedule, earlier first."""

    severity: Severity
    code: str
    message: str | Promise
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class _Placed:
    """What counts of a slot."""

    pk: int
    kind: str
    submission_id: int | None
    expected: int | None
    room_id: int | None
    parent_id: int | None
    parent_room_id: int | None
    board: str
    starts_at: datetime
    ends_at: datetime
    people: frozenset[Somebody]

    @property
    def period(self) -> Period:
        return self.starts_at, self.ends_at


@dataclass(frozen=True, slots=True)
class _Finding:
    severity: Severity
    code: str
    slots: tuple[_Placed, ...]
    who: Somebody | None = None


def conflicts_of(schedule: Schedule, *, touching: Iterable[Slot] | None = None) -> list[Conflict]:
    """All of them, fatal ones first, then by time. A constant number of queries.

    `touching`: only those that concern one of these slots; what is elsewhere at other times is not even read.
    """
    slots = Slot.objects.filter(schedule=schedule)
    wanted: set[int] | None = None
    if touching is not None:
        touching = list(touching)
        wanted = {slot.pk for slot in touching}
        slots = slots.filter(_beside(touching))
    found = [
        finding
        for finding in _findings(schedule, _read(slots))
        if wanted is None or any(slot.pk in wanted for slot in finding.slots)
    ]
    return _in_words(schedule, found)


def _beside(slots: Iterable[Slot]) -> Q:
    """Everything that shares an instant with one of these, what holds them, and what they hold."""
    found = Q(pk__in=[])
    for slot in slots:
        found |= Q(starts_at__lt=slot.ends_at, ends_at__gt=slot.starts_at) | Q(starts_at=slot.starts_at)
        found |= Q(pk__in=[pk for pk in (slot.pk, slot.parent_id) if pk]) | Q(parent=slot.pk)
    return found


# -- Reading ------------------------------------------------------------------------------------------------------------


def _read(slots: QuerySet[Slot]) -> list[_Placed]:
    talks = Talk.objects.filter(submission__slots__in=slots).distinct()
    of_session: dict[int, set[Somebody]] = defaultdict(set)
    for submission_id, speaker_id, person_id in talks.values_list("submission_id", "speaker_id", "speaker__person_id"):
        of_session[submission_id].add(_somebody(speaker_id, person_id))
    of_slot: dict[int, set[Somebody]] = defaultdict(set)
    chairs = Slot.chairs.through.objects.filter(slot__in=slots)
    for slot_id, speaker_id, person_id in chairs.values_list("slot_id", "speaker_id", "speaker__person_id"):
        of_slot[slot_id].add(_somebody(speaker_id, person_id))
    rows = slots.order_by("starts_at", "pk").values_list(
        "pk", "kind", "submission_id", "submission__expected_attendance", "room_id", "parent_id", "parent__room_id", "board",
        "starts_at", "ends_at",
    )  # fmt: skip
    return [
        _Placed(*row, people=frozenset(of_slot.get(row[0], set()) | of_session.get(row[2] or 0, set()))) for row in rows
    ]


def _somebody(speaker_id: int, person_id: int | None) -> Somebody:
    return ("person", person_id) if person_id else ("speaker", speaker_id)


# -- Finding ------------------------------------------------------------------------------------------------------------


def _findings(schedule: Schedule, slots: list[_Placed]) -> Iterator[_Finding]:
    yield from _rooms_twice(slots)
    yield from _people_twice(slots)
    yield from _rooms_not_ours(schedule, slots)
    yield from _people_elsewhere(schedule, slots)
    yield from _people_away(schedule, slots)
    yield from _outside_the_event(schedule, slots)
    yield from _outside_the_block(slots)
    yield from _too_small(slots)
    for slot in slots:
        if slot.room_id is None and slot.parent_id is None and slot.submission_id:
            yield _Finding("warning", "no_room", (slot,))
        if slot.starts_at == slot.ends_at:
            yield _Finding("warning", "no_time", (slot,))


def _rooms_twice(slots: list[_Placed]) -> Iterator[_Finding]:
    """Two slots in one room at once. What a block holds is inside it; a plenary needs the people of every room."""
    by_room: dict[int, list[_Placed]] = defaultdict(list)
    for slot in _claiming_a_room(slots):
        by_room[slot.room_id or 0].append(slot)
    for held in by_room.values():
        for first, second in overlapping_pairs(held):
            if not _hang_side_by_side(first, second):
                yield _Finding("fatal", "room_twice", (first, second))
    top = [slot for slot in slots if slot.parent_id is None]
    plenaries = [slot for slot in top if slot.kind in TAKES_EVERY_ROOM]
    if plenaries:
        others = [slot for slot in top if slot.kind not in TAKES_EVERY_ROOM | LEAVES_PEOPLE_FREE]
        for first, second in overlapping_pairs([*plenaries, *others]):
            for_everybody = first.kind in TAKES_EVERY_ROOM or second.kind in TAKES_EVERY_ROOM
            if for_everybody and (first.room_id is None or first.room_id != second.room_id):
                yield _Finding("warning", "beside_a_plenary", (first, second))


def _people_twice(slots: list[_Placed]) -> Iterator[_Finding]:
    """A speaker or chair in two slots at once; the same human being under two names counts once known as one person."""
    for who, held in _by_person(slots).items():
        for first, second in overlapping_pairs(held):
            # A chair may speak in the own block, and poster presenters stand at several boards.
            if first.pk == second.parent_id or second.pk == first.parent_id:
                continue
            if not _hang_side_by_side(first, second):
                yield _Finding("fatal", "person_twice", (first, second), who)


def _rooms_not_ours(schedule: Schedule, slots: list[_Placed]) -> Iterator[_Finding]:
    """Rooms that another event holds or has published something in; rooms that this event holds, but not then."""
    placed = _claiming_a_room(slots)
    if not placed:
        return
    rooms = {slot.room_id for slot in placed}
    ours: dict[int, list[Period]] = defaultdict(list)
    theirs: dict[int, list[Period]] = defaultdict(list)
    for hold in RoomHold.objects.filter(room__in=rooms).only("room_id", "event_id", "period"):
        (ours if hold.event_id == schedule.event_id else theirs)[hold.room_id].append(
            (hold.period.lower, hold.period.upper)
        )
    # What a block holds is in the block's room, which is the block's claim.
    foreign = _published_elsewhere(schedule, placed).filter(Q(parent=None) | ~Q(parent__room=F("room")), room__in=rooms)
    for room_id, starts_at, ends_at in foreign.values_list("room_id", "starts_at", "ends_at"):
        theirs[room_id or 0].append((starts_at, ends_at))
    for slot in placed:
        room_id = slot.room_id or 0
        if any(_share_an_instant(slot.period, period) for period in theirs[room_id]):
            yield _Finding("fatal", "room_taken_elsewhere", (slot,))
        elif ours[room_id] and not _is_within(slot.period, ours[room_id]):
            yield _Finding("fatal", "outside_hold", (slot,))


def _people_elsewhere(schedule: Schedule, slots: list[_Placed]) -> Iterator[_Finding]:
    """People who speak in what another event has published, at the same time."""
    held = {who[1]: own for who, own in _by_person(slots).items() if who[0] == "person"}
    if not held:
        return
    foreign = _published_elsewhere(schedule, [slot for own in held.values() for slot in own]).exclude(
        kind__in=LEAVES_PEOPLE_FREE
    )
    taken: dict[int, set[Period]] = defaultdict(set)
    for path in ("submission__talks__speaker__person_id", "chairs__person_id"):
        for person_id, *period in foreign.filter(**{f"{path}__in": held}).values_list(path, "starts_at", "ends_at"):
            taken[person_id].add((period[0], period[1]))
    for person_id, periods in taken.items():
        for slot in held[person_id]:
            if any(_share_an_instant(slot.period, period) for period in periods):
                yield _Finding("fatal", "person_elsewhere", (slot,), ("person", person_id))


def _people_away(schedule: Schedule, slots: list[_Placed]) -> Iterator[_Finding]:
    """People who have said when they can come, and are needed at another time."""
    said: dict[Somebody, list[Period]] = defaultdict(list)
    rows = Availability.objects.filter(speaker__event=schedule.event_id)
    for speaker_id, person_id, starts_at, ends_at in rows.values_list(
        "speaker_id", "speaker__person_id", "starts_at", "ends_at"
    ):
        said[_somebody(speaker_id, person_id)].append((starts_at, ends_at))
    if not said:
        return
    for who, held in _by_person(slots).items():
        for slot in held:
            if who in said and not _is_within(slot.period, said[who]):
                yield _Finding("fatal", "person_away", (slot,), who)


def _outside_the_event(schedule: Schedule, slots: list[_Placed]) -> Iterator[_Finding]:
    first, last = first_instant(schedule.event), last_instant(schedule.event)
    for slot in slots:
        if slot.parent_id is None and (slot.starts_at < first or slot.ends_at > last):
            yield _Finding("warning", "outside_event_days", (slot,))


def _outside_the_block(slots: list[_Placed]) -> Iterator[_Finding]:
    by_pk = {slot.pk: slot for slot in slots}
    for slot in slots:
        block = by_pk.get(slot.parent_id or 0)
        if block and (slot.starts_at < block.starts_at or slot.ends_at > block.ends_at):
            yield _Finding("warning", "outside_block", (block, slot))


def _too_small(slots: list[_Placed]) -> Iterator[_Finding]:
    room_of = {slot: slot.room_id or slot.parent_room_id for slot in slots if slot.expected}
    if not room_of:
        return
    capacity = dict(
        Room.objects.filter(pk__in={room for room in room_of.values() if room}).values_list("pk", "capacity")
    )
    for slot, room_id in room_of.items():
        seats = capacity.get(room_id or 0)
        if seats is not None and (slot.expected or 0) > seats:
            yield _Finding("warning", "over_capacity", (slot,))


def _by_person(slots: list[_Placed]) -> dict[Somebody, list[_Placed]]:
    found: dict[Somebody, list[_Placed]] = defaultdict(list)
    for slot in slots:
        if slot.kind not in LEAVES_PEOPLE_FREE:
            for who in slot.people:
                found[who].append(slot)
    return found


def _published_elsewhere(schedule: Schedule, beside: list[_Placed]) -> QuerySet[Slot]:
    start, end = min(slot.starts_at for slot in beside), max(slot.ends_at for slot in beside)
    return Slot.objects.filter(is_live=True, starts_at__lte=end, ends_at__gte=start).exclude(
        schedule__event=schedule.event_id
    )


def overlapping_pairs(slots: Iterable[_Placed]) -> Iterator[tuple[_Placed, _Placed]]:
    """Every pair that shares an instant. Touching is fine; a slot without length is in whatever lasts around it, and two that
    begin at the same instant clash even if one has no length."""
    running: list[_Placed] = []
    for slot in sorted(slots, key=lambda slot: (slot.starts_at, slot.ends_at, slot.pk)):
        running = [other for other in running if other.ends_at > slot.starts_at or other.starts_at == slot.starts_at]
        for other in running:
            yield other, slot
        running.append(slot)


def _share_an_instant(one: Period, other: Period) -> bool:
    """As `overlapping_pairs` has it, of two periods."""
    return (one[0] < other[1] and other[0] < one[1]) or one[0] == other[0]


def _is_within(period: Period, others: Iterable[Period]) -> bool:
    """Inside the union of the others: two reservations that touch are one."""
    merged: list[Period] = []
    for begin, finish in sorted(others):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], finish))
        else:
            merged.append((begin, finish))
    return any(begin <= period[0] and period[1] <= finish for begin, finish in merged)


def _claiming_a_room(slots: list[_Placed]) -> list[_Placed]:
    """All but what has none, and what is in the room of the block that holds it."""
    return [slot for slot in slots if slot.room_id and slot.room_id != slot.parent_room_id]


def _hang_side_by_side(first: _Placed, second: _Placed) -> bool:
    """Two posters of one session."""
    return bool(first.parent_id and first.parent_id == second.parent_id and first.board and second.board)


# -- Saying -------------------------------------------------------------------------------------------------------------

_MESSAGES: Final[Mapping[str, Any]] = {
    "room_twice": _("%(room)s has “%(first)s” and “%(second)s” at the same time."),
    "beside_a_plenary": _("“%(first)s” and “%(second)s” are at the same time, and one is for everybody."),
    "person_twice": _("%(name)s is in “%(first)s” and “%(second)s” at the same time."),
    "room_taken_elsewhere": _("%(room)s belongs to another event while “%(first)s” is in it."),
    "outside_hold": _("%(room)s is not reserved for this event while “%(first)s” is in it."),
    "person_elsewhere": _("%(name)s is on another event’s programme during “%(first)s”."),
    "person_away": _("%(name)s cannot be there for all of “%(first)s”."),
    "outside_event_days": _("“%(first)s” is on %(day)s, which is not a day of the event."),
    "outside_block": _("“%(second)s” is not within the time of “%(first)s”."),
    "over_capacity": _("%(expected)s people are expected at “%(first)s”, and %(room)s has %(capacity)s seats."),
    "no_room": _("“%(first)s” has no room yet."),
    "no_time": _("“%(first)s” ends when it begins."),
}


def _in_words(schedule: Schedule, findings: list[_Finding]) -> list[Conflict]:
    wanted = {slot.pk for finding in findings for slot in finding.slots}
    slots = Slot.objects.select_related("room", "submission", "parent__room").in_bulk(wanted) if wanted else {}
    names = _names(schedule, {finding.who for finding in findings if finding.who})
    conflicts = []
    for finding in findings:
        concerned = tuple(slots[slot.pk] for slot in finding.slots)
        slot = concerned[0]
        room = slot.room or (slot.parent.room if slot.parent else None)
        message = _MESSAGES[finding.code] % {
            "room": room,
            "capacity": room.capacity if room else None,
            "expected": finding.slots[0].expected,
            "first": slot.heading,
            "second": concerned[-1].heading,
            "name": names.get(finding.who, "") if finding.who else "",
            "day": dates.day(slot.starts_at.astimezone(schedule.event.tz).date()),
        }
        conflicts.append(Conflict(severity=finding.severity, code=finding.code, message=message, slots=concerned))
    return sorted(conflicts, key=_order)


def _order(conflict: Conflict) -> tuple[object, ...]:
    """The same in every process, so that pages of the list fit together."""
    pks = [slot.pk for slot in conflict.slots]
    return conflict.severity != "fatal", conflict.slots[0].starts_at, conflict.code, pks, str(conflict.message)


def _names(schedule: Schedule, people: set[Somebody]) -> dict[Somebody, str]:
    """As this event's programme calls them."""
    if not people:
        return {}
    speakers = Speaker.objects.filter(event=schedule.event_id).filter(
        Q(pk__in=[pk for kind, pk in people if kind == "speaker"])
        | Q(person__in=[pk for kind, pk in people if kind == "person"])
    )
    return {_somebody(pk, person_id): name for pk, person_id, name in speakers.values_list("pk", "person_id", "name")}
