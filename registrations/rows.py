"""Registrations as rows of a table to take along."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.db.models import QuerySet

from common.tables import Cell
from events.models import Event
from registrations.models import Registration

#: Rows fetched at once, with their answers.
_CHUNK: Final = 500
_FIELDS: Final = ("code", "state", "ticket", "name", "native_name", "email", "affiliation", "country", "language")


def rows_of(event: Event, found: QuerySet[Registration]) -> Iterator[list[Cell]]:
    """The head, and a row for each of `found`, one column a question; instants on the event's clocks.

    Fetched in parts, so that memory does not grow with their number.
    """
    questions = list(event.questions.order_by("position", "pk"))
    yield [*_FIELDS, "registered_at", "changed_at", *(question.identifier for question in questions)]
    for registration in found.iterator(chunk_size=_CHUNK):
        answers = {answer.question_id: answer.in_words() for answer in registration.answers.all()}
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
