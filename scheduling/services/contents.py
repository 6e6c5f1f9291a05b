"""What a release holds, read once for all of its pages."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Prefetch

from events.models import Event, Track
from scheduling.models import TAKES_EVERY_ROOM, Schedule, Slot, SlotKind
from scheduling.services import grid as layout
from submissions.models import Link, Speaker, Submission, Talk

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
    event = schedule.event
    talks = Talk.objects.select_related("speaker").order_by("position", "pk")
    slots = list(
        schedule.slots.select_related("room", "submission__track").prefetch_related(
            Prefetch("submission__talks", talks),
            Prefetch("submission__links", Link.objects.order_by("position", "pk")),
            Prefetch("chairs", Speaker.objects.in_order()),
        )
    )
    places = {row.room_id: row.position for row in event.event_rooms.all()}
    slots.sort(key=lambda slot: (slot.starts_at, places.get(slot.room_id or 0, 10**6), slot.ends_at, slot.pk))
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
    here = {slot.submission_id for slot in slots}
    gone = [
        submission
        for submission in Submission.objects.filter(event=event, slots__schedule__number__lt=schedule.number or 10**6)
        .filter(slots__schedule__version__isnull=False)
        .distinct()
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
