"""Registrations as rows of a table to take along."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from django.db.models import OuterRef, QuerySet, Subquery, Sum

from common.tables import Cell
from events.models import Event
from registrations.models import (
    Answer,
    AnswerFile,
    EntryKind,
    LedgerEntry,
    LineItem,
    LineState,
    QuestionKind,
    QuestionVersion,
    Registration,
    words_of,
)

#: Rows fetched at once, with their answers.
_CHUNK: Final = 500
_FIELDS: Final = (
    *("code", "state", "ticket", "name", "family_name", "native_name", "email", "affiliation", "country", "language"),
    *("registered_at", "changed_at"),
)
#: `services.imports` passes over these, and over products.
MONEY: Final = ("ticket_price", "amount", "paid", "owed", "currency", "payment", "payment_due_at")
#: What the head of a product's column begins with.
PRODUCT: Final = "product: "


def rows_of(event: Event, found: QuerySet[Registration]) -> Iterator[list[Cell]]:
    """The head, and a row for each of `found`: who it is, what is owed, how many they have of each product, and one
    column a question; instants on the event's clocks.

    Fetched in parts, so that memory does not grow with their number.
    """
    questions = list(event.questions.in_order())
    products = list(event.products.order_by("position", "pk"))
    yield [
        *_FIELDS,
        *MONEY,
        *(f"{PRODUCT}{product.name}" for product in products),
        *(question.identifier for question in questions),
    ]
    details = _Details()
    # Details are read for many at once, and only what is written of them.
    rows = _with_balance(found.select_related(None).prefetch_related(None).select_related("ticket_type"))
    for chunk in _chunks(rows.iterator(chunk_size=_CHUNK)):
        details.read([registration.pk for registration in chunk])
        for registration in chunk:
            held = details.products.get(registration.pk, {})
            answers = details.answers.get(registration.pk, {})
            yield [
                registration.code,
                registration.state,
                str(registration.ticket_type.name),
                registration.name,
                registration.family_name,
                registration.native_name,
                registration.email,
                registration.affiliation,
                str(registration.country),
                registration.language,
                registration.registered_at.astimezone(event.tz),
                registration.state_changed_at.astimezone(event.tz),
                *_money(event, registration),
                *(held.get(product.pk) for product in products),
                *(answers.get(question.pk) for question in questions),
            ]


class _Details:
    """Of some registrations at a time, by their rows; versions of questions are kept for the next."""

    def __init__(self) -> None:
        self._versions: dict[int, QuestionVersion] = {}

    def read(self, registrations: Sequence[int]) -> None:
        """At most four queries."""
        self.products: dict[int, dict[int, int]] = {}
        self.answers: dict[int, dict[int, Cell]] = {}
        lines = LineItem.objects.filter(registration__in=registrations, state=LineState.HELD)
        for pk, product, quantity in lines.values_list("registration", "product", "quantity"):
            self.products.setdefault(pk, {})[product] = quantity
        answers = list(
            Answer.objects.filter(registration__in=registrations).values_list(
                "registration", "question", "version", "value"
            )
        )
        unknown = {version for *_keys, version, _value in answers} - self._versions.keys()
        if unknown:
            self._versions.update(QuestionVersion.objects.in_bulk(unknown))
        has_files = any(version.kind == QuestionKind.FILE for version in self._versions.values())
        files = list(AnswerFile.objects.filter(registration__in=registrations)) if has_files else []
        for pk, question, version, value in answers:
            self.answers.setdefault(pk, {})[question] = _cell(self._versions[version], value, files)


def _chunks(registrations: Iterator[Any]) -> Iterator[list[Any]]:
    while chunk := list(islice(registrations, _CHUNK)):
        yield chunk


def _with_balance(found: QuerySet[Registration]) -> QuerySet[Any]:
    """With `owed` and `came`: None where nothing was ever charged, or came. Summed where they are stored: ten thousand registrations
    have many more entries."""
    entries = LedgerEntry.objects.filter(registration=OuterRef("pk")).order_by().values("registration")
    came = entries.filter(kind__in=[EntryKind.PAYMENT, EntryKind.REFUND])
    return found.annotate(
        owed=Subquery(entries.annotate(sum=Sum("amount")).values("sum")),
        came=Subquery(came.annotate(sum=Sum("amount")).values("sum")),
    )


def _money(event: Event, registration: Any) -> list[Cell]:
    """As MONEY names them. `amount` is what ticket and products cost, `owed` what is left of it: below 0 is to be given back."""
    nothing = Decimal("0.00")
    owed, paid = registration.owed or nothing, -(registration.came or nothing)
    due = registration.payment_due_at
    return [
        registration.ticket_price,
        registration.amount,
        paid,
        owed,
        registration.currency,
        _payment(owed, paid, is_charged=registration.owed is not None),
        due.astimezone(event.tz) if due else None,
    ]


def _payment(owed: Decimal, paid: Decimal, *, is_charged: bool) -> str:
    if owed > 0:
        return "part" if paid > 0 else "open"
    if owed < 0:
        return "to_return"
    if paid > 0:
        return "paid"
    return "waived" if is_charged else "none"


def _cell(version: QuestionVersion, answer: Any, files: Iterable[AnswerFile]) -> Cell:
    """Numbers, days, yes and no as values; everything else in words."""
    if version.kind in {QuestionKind.NUMBER, QuestionKind.YES_NO, QuestionKind.CONSENT}:
        value: int | float | bool = answer
        return value
    if version.kind == QuestionKind.DATE:
        return date.fromisoformat(answer)
    return words_of(version, answer, files=files)
