"""What a release holds, read once for all of its pages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from events.models import Event, Track
from scheduling.models import TAKES_EVERY_ROOM, Schedule, Slot, SlotKind
from scheduling.services import grid as layout
from scheduling.services.programme import slots_with_all
from submissions.models import Submission

_SPAN_WITHOUT_ROOM: Final = frozenset({SlotKind.BREAK, SlotKind.CEREMONY, SlotKind.SOCIAL})


@dataclass(kw_only=True)
class Release:
    """All that the pages of one release need, read in a constant number of queries."""

    event: Event
    schedule: Schedule
    # In order of time, then room; children among them.
    slots: list[Slot]
    children: dict[int, list[Slot]]
    rooms: list[Any]
    tracks: list[Track]
    grid: layout.Grid
    # The event's submissions that an earlier release had and this one has not.
    gone: list[Submission]


def read_release(schedule: Schedule) -> Release:
    return release_from(schedule, slots_with_all(schedule.slots.all()))


def release_from(schedule: Schedule, rows: Iterable[Slot]) -> Release:
    """`rows`: all of its slots, read by `slots_with_all`. A constant number of queries."""
    event = schedule.event
    places = {row.room_id: row.position for row in event.event_rooms.all()}
    slots = sorted(rows, key=lambda slot: (slot.starts_at, places.get(slot.room_id or 0, 10**6), slot.ends_at, slot.pk))
    children: dict[int, list[Slot]] = defaultdict(list)
    for slot in slots:
        if slot.parent_id:
            children[slot.parent_id].append(slot)
    for held in children.values():
        held.sort(key=lambda slot: (slot.starts_at, _board_key(slot.board), slot.pk))
    used = {slot.room_id: slot.room for slot in slots if slot.room}
    rooms = sorted(used.values(), key=lambda room: (places.get(room.pk, 10**6), room.pk))
    cells = [
        layout.Cell(
            key=slot.pk,
            day=event.conference_day(slot.starts_at),
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
            column=slot.room_id,
            takes_every_room=slot.kind in TAKES_EVERY_ROOM
            or (slot.kind in _SPAN_WITHOUT_ROOM and slot.room_id is None),
        )
        for slot in slots
        if slot.parent_id is None
    ]
    released = Slot.objects.filter(
        schedule__event=event, schedule__version__isnull=False, schedule__number__lt=schedule.number or 10**6
    )
    here = {slot.submission_id for slot in slots}
    gone = [
        submission
        for submission in Submission.objects.filter(event=event, pk__in=released.values("submission"))
        if submission.pk not in here
    ]
    return Release(
        event=event,
        schedule=schedule,
        slots=slots,
        children=dict(children),
        rooms=rooms,
        tracks=list(event.tracks.order_by("position", "pk")),
        grid=layout.grid_of(cells, [room.pk for room in rooms], event.tz),
        gone=gone,
    )


def _board_key(board: str) -> tuple[str, int, str]:
    """P2 before P10."""
    letters = board.rstrip("0123456789")
    digits = board[len(letters) :]
    return letters, int(digits or 0), board
