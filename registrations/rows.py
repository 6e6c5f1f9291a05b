"""Registrations as rows of a table to take along."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final

from django.db.models import QuerySet

from common.tables import Cell
from events.models import Event
from registrations.models import Answer, AnswerFile, QuestionKind, Registration, words_of

#: Rows fetched at once, with their answers.
_CHUNK: Final = 500
_FIELDS: Final = ("code", "state", "ticket", "name", "native_name", "email", "affiliation", "country", "language")


def rows_of(event: Event, found: QuerySet[Registration]) -> Iterator[list[Cell]]:
    """The head, and a row for each of `found`, one column a question; instants on the event's clocks.

    Fetched in parts, so that memory does not grow with their number.
    """
    questions = list(event.questions.in_order())
    yield [*_FIELDS, "registered_at", "changed_at", *(question.identifier for question in questions)]
    for registration in found.iterator(chunk_size=_CHUNK):
        files = registration.files.all()
        answers = {answer.question_id: _cell(answer, files) for answer in registration.answers.all()}
        yield [
            registration.code,
            registration.state,
            str(registration.ticket_type.name),
            registration.name,
            registration.native_name,
            registration.email,
            registration.affiliation,
            str(registration.country),
            registration.language,
            registration.registered_at.astimezone(event.tz),
            registration.state_changed_at.astimezone(event.tz),
            *(answers.get(question.pk) for question in questions),
        ]


def _cell(answer: Answer, files: Iterable[AnswerFile]) -> Cell:
    """Numbers, days, yes and no as values; everything else in words."""
    if answer.version.kind in {QuestionKind.NUMBER, QuestionKind.YES_NO, QuestionKind.CONSENT}:
        value: int | float | bool = answer.value
        return value
    if answer.version.kind == QuestionKind.DATE:
        return date.fromisoformat(answer.value)
    return words_of(answer.version, answer.value, files=files)
