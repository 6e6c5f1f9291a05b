from __future__ import annotations

from registrations.models.answers import Answer, AnswerFile, words_of
from registrations.models.check_ins import CheckIn, CheckInReason, CheckInResult
from registrations.models.questions import (
    CAN_DECIDE,
    HAS_OPTIONS,
    SETTINGS,
    Option,
    Question,
    QuestionKind,
    QuestionQuerySet,
    QuestionSection,
    QuestionVersion,
)
from registrations.models.registrations import (
    HOLDS_A_PLACE,
    IS_LIVE,
    Registration,
    RegistrationQuerySet,
    RegistrationState,
)
from registrations.models.tickets import Quota, TicketType, TicketTypeQuerySet

__all__ = [
    "CAN_DECIDE",
    "HAS_OPTIONS",
    "HOLDS_A_PLACE",
    "IS_LIVE",
    "SETTINGS",
    "Answer",
    "AnswerFile",
    "CheckIn",
    "CheckInReason",
    "CheckInResult",
    "Option",
    "Question",
    "QuestionKind",
    "QuestionQuerySet",
    "QuestionSection",
    "QuestionVersion",
    "Quota",
    "Registration",
    "RegistrationQuerySet",
    "RegistrationState",
    "TicketType",
    "TicketTypeQuerySet",
    "words_of",
]
