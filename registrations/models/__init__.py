from __future__ import annotations

from registrations.models.ledger import EntryKind, LedgerEntry, PaymentMethod
from registrations.models.questions import Question, QuestionKind, QuestionOption
from registrations.models.registrations import (
    HAS_ITS_PLACE,
    HOLDS_A_PLACE,
    IS_CHARGED,
    IS_KEPT,
    IS_LIVE,
    IS_WANTED,
    Answer,
    LineItem,
    LineState,
    Registration,
    RegistrationGroup,
    RegistrationQuerySet,
    RegistrationState,
)
from registrations.models.tickets import Product, Quota, TicketType

__all__ = [
    "HAS_ITS_PLACE",
    "HOLDS_A_PLACE",
    "IS_CHARGED",
    "IS_KEPT",
    "IS_LIVE",
    "IS_WANTED",
    "Answer",
    "EntryKind",
    "LedgerEntry",
    "LineItem",
    "LineState",
    "PaymentMethod",
    "Product",
    "Question",
    "QuestionKind",
    "QuestionOption",
    "Quota",
    "Registration",
    "RegistrationGroup",
    "RegistrationQuerySet",
    "RegistrationState",
    "TicketType",
]
