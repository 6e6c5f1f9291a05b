from __future__ import annotations

from registrations.models.agendas import FollowedAgenda
from registrations.models.answers import Answer, AnswerFile, words_of
from registrations.models.check_ins import CheckIn, CheckInReason, CheckInResult
from registrations.models.ledger import EntryKind, LedgerEntry, PaymentMethod
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
    HAS_ITS_PLACE,
    HOLDS_A_PLACE,
    IS_CHARGED,
    IS_KEPT,
    IS_LIVE,
    IS_WANTED,
    LineItem,
    LineState,
    Registration,
    RegistrationGroup,
    RegistrationQuerySet,
    RegistrationState,
)
from registrations.models.segments import Segment, SegmentQuerySet
from registrations.models.tickets import Product, Quota, TicketType

__all__ = [
    "CAN_DECIDE",
    "HAS_ITS_PLACE",
    "HAS_OPTIONS",
    "HOLDS_A_PLACE",
    "IS_CHARGED",
    "IS_KEPT",
    "IS_LIVE",
    "IS_WANTED",
    "SETTINGS",
    "Answer",
    "AnswerFile",
    "CheckIn",
    "CheckInReason",
    "CheckInResult",
    "EntryKind",
    "FollowedAgenda",
    "LedgerEntry",
    "LineItem",
    "LineState",
    "Option",
    "PaymentMethod",
    "Product",
    "Question",
    "QuestionKind",
    "QuestionQuerySet",
    "QuestionSection",
    "QuestionVersion",
    "Quota",
    "Registration",
    "RegistrationGroup",
    "RegistrationQuerySet",
    "RegistrationState",
    "Segment",
    "SegmentQuerySet",
    "TicketType",
    "words_of",
]
