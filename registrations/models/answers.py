from __future__ import annotations

from datetime import date
from typing import Any

from django.db import models
from django.utils.translation import gettext
from django_countries import countries

from common import dates
from common.codes import new_secret
from registrations.models.questions import QuestionKind


class Answer(models.Model):
    """What one registration answered to one question.

    By kind: words; a number; an option's identifier, or `{"other": words}`; a list of these; true or false; a date
    (`2027-06-07`); a country's code; a telephone number (E.164); a file's reference; true for a consent.
    """

    # The constraint's index begins with it.
    registration = models.ForeignKey(
        "registrations.Registration", on_delete=models.CASCADE, related_name="answers", db_index=False
    )
    question = models.ForeignKey("registrations.Question", on_delete=models.PROTECT, related_name="answers")
    # The words that were answered, whatever the question says now.
    version = models.ForeignKey("registrations.QuestionVersion", on_delete=models.RESTRICT, related_name="answers")
    value = models.JSONField()
    answered_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["registration", "question"], name="registrations_answer_once_per_question")
        ]

    def __str__(self) -> str:
        return str(self.value)

    def in_words(self) -> str:
        """As people read it, in the words of the version that was answered, which must be at hand; of a file its name."""
        return words_of(self.version, self.value, files=self.registration.files.all() if self._is_file else ())

    @property
    def _is_file(self) -> bool:
        return self.version.kind == QuestionKind.FILE


def words_of(version: Any, value: Any, *, files: Any = ()) -> str:
    """An answer to a version of a question (or to the question as it is) as people read it."""
    if version.kind == QuestionKind.CONSENT:
        return gettext("Agreed") if value else gettext("Not agreed")
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if version.kind == QuestionKind.COUNTRY:
        return str(countries.name(value) or value)
    if version.kind == QuestionKind.DATE:
        return dates.day(date.fromisoformat(value))
    if version.kind == QuestionKind.NUMBER:
        return f"{value} {version.unit}".rstrip()
    if version.kind == QuestionKind.FILE:
        return next((file.name for file in files if file.reference == value), gettext("A file that was deleted"))
    if version.kind in {QuestionKind.CHOICE, QuestionKind.MULTIPLE_CHOICE}:
        chosen = value if isinstance(value, list) else [value]
        labels = version.option_labels
        words = [one["other"] if isinstance(one, dict) else str(labels.get(one, one)) for one in chosen]
        return "; ".join(words)
    return str(value)


class AnswerFile(models.Model):
    """A file that somebody sent as an answer. Until it belongs to a registration only its reference knows it, and it is deleted a
    day after it came."""

    event = models.ForeignKey("events.Event", on_delete=models.CASCADE, related_name="answer_files")
    question = models.ForeignKey("registrations.Question", on_delete=models.CASCADE, related_name="files")
    registration = models.ForeignKey(
        "registrations.Registration", null=True, on_delete=models.SET_NULL, related_name="files"
    )
    reference = models.CharField(max_length=40, unique=True, default=new_secret)
    # As its owner called it.
    name = models.CharField(max_length=200)
    # Told from its content (`registrations.sniffing`).
    media_type = models.CharField(max_length=100)
    # Bytes.
    size = models.PositiveIntegerField()
    file = models.FileField(max_length=200)
    uploaded_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(
                fields=["uploaded_at"],
                condition=models.Q(registration=None),
                name="registrations_file_unattached",
            )
        ]

    def __str__(self) -> str:
        return self.name
