"""What the programme does when its event changes: the functions behind `events.hooks`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.utils.translation import ngettext

from common.jobs import enqueue_on_commit
from events.models import Event, EventState, Room
from scheduling.models import Slot
from scheduling.services import releases, serving, telling


def event_changed(event: Event, fields: frozenset[str], now: datetime) -> None:
    serving.refresh(event)
    if fields - {"state", "search_text", "updated_at"}:
        enqueue_on_commit("scheduling.reframe", event_id=event.pk)


def state_changed(event: Event, old: str, new: str, now: datetime) -> None:
    serving.refresh(event)
    if old == EventState.DRAFT and new == EventState.LIVE:
        releases.announce(event=event, now=now)
    elif new == EventState.DRAFT:
        telling.take_back(event=event, now=now)


def uses_of_room(event: Event, room: Room) -> Iterator[str]:
    placed = Slot.objects.filter(schedule__event=event, schedule__version=None, room=room).count()
    if placed:
        yield ngettext(
            "%(count)s place of the draft schedule is in it.",
            "%(count)s places of the draft schedule are in it.",
            placed,
        ) % {"count": placed}
