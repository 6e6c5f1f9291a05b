from __future__ import annotations

from registrations.models.questions import Question, QuestionKind, QuestionOption
from registrations.models.registrations import (
    HOLDS_A_PLACE,
    IS_LIVE,
    Answer,
    Registration,
    RegistrationQuerySet,
    RegistrationState,
)
from registrations.models.segments import Segment, SegmentQuerySet
from registrations.models.tickets import Quota, TicketType, TicketTypeQuerySet

__all__ = [
    "HOLDS_A_PLACE",
    "IS_LIVE",
    "Answer",
    "Question",
    "QuestionKind",
    "QuestionOption",
    "Quota",
    "Registration",
    "RegistrationQuerySet",
    "RegistrationState",
    "Segment",
    "SegmentQuerySet",
    "TicketType",
    "TicketTypeQuerySet",
]
