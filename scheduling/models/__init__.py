from __future__ import annotations

from scheduling.models.agendas import TOKEN_PATTERN, Agenda, AgendaItem
from scheduling.models.artifacts import Artifact
from scheduling.models.schedules import Schedule, ScheduleQuerySet
from scheduling.models.slots import HOLDS_TALKS, TAKES_EVERY_ROOM, Slot, SlotKind, SlotQuerySet

__all__ = [
    "HOLDS_TALKS",
    "TAKES_EVERY_ROOM",
    "TOKEN_PATTERN",
    "Agenda",
    "AgendaItem",
    "Artifact",
    "Schedule",
    "ScheduleQuerySet",
    "Slot",
    "SlotKind",
    "SlotQuerySet",
]
