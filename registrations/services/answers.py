"""Answers and the files among them. Source: docs/explanation/registration-forms.md"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import structlog
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext_lazy as _

from common.codes import new_secret
from common.inserts import Inserts, insert
from common.problems import Invalid, Problem
from events.models import Event
from registrations.answering import Read, read_answers
from registrations.models import (
    Answer,
    AnswerFile,
    Question,
    QuestionKind,
    Registration,
    TicketType,
)
from registrations.sniffing import FILE_TYPES, ending_of, file_type_of

log = structlog.get_logger(__name__)

#: How long a file waits for the registration that it belongs to.
KEPT_UNATTACHED: Final = timedelta(days=1)
#: Bytes of files of one event that wait so, all together: nobody fills the disk through a public form.
MOST_UNATTACHED: Final = 2 * 1024**3
DEFAULT_MEGABYTES: Final = 10
#: Whatever a question says.
MOST_MEGABYTES: Final = 30


class Upload(Protocol):
    """What a browser or the API sends: Django's UploadedFile."""

    name: str | None
    size: int | None

    def read(self) -> bytes: ...


def questions_of(event: Event) -> list[Question]:
    """Those that are asked now, in order, with sections, conditions and tickets; two queries."""
    return list(Question.objects.filter(event=event).asked())


def check_answers(
    *,
    questions: Sequence[Question],
    answers: Mapping[str, Any],
    ticket_type: TicketType,
    country: str = "",
    registration: Registration | None = None,
    stored: Mapping[str, Any] | None = None,
) -> Read:
    """`answering.read_answers`, and that the files are there: sent for this question, and of nobody else's registration."""
    read = read_answers(questions, answers, ticket_id=ticket_type.pk, country=country, stored=stored)
    wanted = {
        question.identifier: question
        for question in questions
        if question.kind == QuestionKind.FILE and question.identifier in read.values
    }
    if not wanted:
        return read
    mine = registration.pk if registration else None
    found = {
        file.reference: file.question_id
        for file in AnswerFile.objects.filter(reference__in=[read.values[name] for name in wanted])
        if file.registration_id in {None, mine}
    }
    gone = [name for name, question in wanted.items() if found.get(read.values[name]) != question.pk]
    return Read(values=read.values, problems=[*read.problems, *(_file_gone(name) for name in gone)])


def write_answers(
    registration: Registration,
    *,
    questions: Sequence[Question],
    values: Mapping[str, Any],
    now: datetime,
    into: Inserts | None = None,
) -> list[Answer]:
    """Store checked answers, each with the version of the question that is asked now, with what else is written `into`; then the
    files among them are to be taken (`take_files`). Belongs inside the caller's transaction."""
    answered = [question for question in questions if question.identifier in values]
    return insert(
        (
            Answer(
                registration=registration,
                question=question,
                version=question.version,
                value=values[question.identifier],
                answered_at=now,
            )
            for question in answered
        ),
        into,
    )


def has_files(answers: Iterable[Answer]) -> bool:
    return any(answer.question.kind == QuestionKind.FILE for answer in answers)


def take_files(registration: Registration, answers: Sequence[Answer]) -> None:
    """Files that were sent become the registration's. Raises Invalid (`file_not_found`) where another one took it meanwhile."""
    for answer in answers:
        if answer.question.kind != QuestionKind.FILE:
            continue
        unattached = AnswerFile.objects.filter(reference=answer.value, question=answer.question, registration=None)
        if not unattached.update(registration=registration):
            raise Invalid([_file_gone(answer.question.identifier)])


def replace_answers(
    registration: Registration, *, questions: Sequence[Question], changes: Mapping[str, Any], now: datetime
) -> tuple[bool, list[Problem]]:
    """Write those of `changes` that differ; what is not named, or is the same, keeps its version and time. Returns whether anything
    changed, and why nothing may.

    Answers that are no longer asked because of a change go; those to questions that are retired stay. Files that were replaced
    belong to nobody, and are swept. Belongs inside the caller's transaction, with the registration locked.
    """
    asked = {question.identifier for question in questions}
    rows = {
        answer.question.identifier: answer
        for answer in registration.answers.select_related("question")
        if answer.question.identifier in asked
    }
    stored = {name: answer.value for name, answer in rows.items()}
    ticket_type = registration.ticket_type
    country = str(registration.country)
    named = {**stored, **changes}
    read = check_answers(
        questions=questions,
        answers=named,
        ticket_type=ticket_type,
        country=country,
        registration=registration,
        stored=stored,
    )
    # Whoever changes what decides need not take back what hung on it.
    problems = [
        problem
        for problem in read.problems
        if problem.code != "not_asked" or problem.field.removeprefix("answers.") in changes
    ]
    if problems:
        return False, problems
    kept = {name for name, value in stored.items() if name in read.values and read.values[name] == value}
    gone = [answer for name, answer in rows.items() if name not in kept]
    new = {name: value for name, value in read.values.items() if name not in kept}
    if gone:
        Answer.objects.filter(pk__in=[answer.pk for answer in gone]).delete()
        registration.files.filter(question__in=[answer.question_id for answer in gone]).update(
            registration=None, uploaded_at=now
        )
    take_files(registration, write_answers(registration, questions=questions, values=new, now=now))
    return bool(gone or new), []


def _file_gone(identifier: str) -> Problem:
    return Problem(
        code="file_not_found",
        field=f"answers.{identifier}",
        message=_("This file is no longer here."),
        fix=_("Send it again."),
    )


# -- Files --------------------------------------------------------------------------------------------------------------


def keep_file(*, question: Question, upload: Upload, now: datetime) -> AnswerFile:
    """Store a file that somebody means to give as an answer, under a random name; its reference is the answer.

    What it is is told from its content, and must be what its name says and what the question takes. Raises Invalid, on the field
    `file` (`file_too_large`, `file_empty`, `file_type`, `file_disguised`, `too_many_files`).
    """
    name = _clean_name(upload.name or "")
    limit = min(question.settings.get("max_megabytes", DEFAULT_MEGABYTES), MOST_MEGABYTES)
    size = upload.size or 0
    if size > limit * 1024 * 1024:
        raise _refused(
            Problem(
                code="file_too_large",
                field="file",
                message=_("“%(name)s” has %(size)s MB.") % {"name": name, "size": f"{size / 1024 / 1024:.1f}"},
                fix=_("Send one of at most %(limit)s MB.") % {"limit": limit},
            )
        )
    content = upload.read()
    if not content:
        raise _refused(
            Problem(
                code="file_empty",
                field="file",
                message=_("“%(name)s” is empty.") % {"name": name},
                fix=_("Choose another file."),
            )
        )
    kind = file_type_of(content)
    taken = file_types_of(question)
    labels = ", ".join(FILE_TYPES[code].label for code in taken)
    if kind is None or kind.code not in taken:
        raise _refused(
            Problem(
                code="file_type",
                field="file",
                message=_("“%(name)s” is not a file of a kind that we can take, or it is damaged.") % {"name": name},
                fix=_("Send one of these: %(kinds)s.") % {"kinds": labels},
            )
        )
    if ending_of(name) not in kind.endings:
        raise _refused(
            Problem(
                code="file_disguised",
                field="file",
                message=_("“%(name)s” is called otherwise, but is a file of the kind %(kind)s.")
                % {"name": name, "kind": kind.label},
                fix=_("Save it anew, with a name that ends in .%(ending)s.") % {"ending": kind.endings[0]},
            )
        )
    waiting = AnswerFile.objects.filter(event=question.event_id, registration=None).aggregate(bytes=Sum("size"))
    if (waiting["bytes"] or 0) + len(content) > MOST_UNATTACHED:
        raise _refused(
            Problem(
                code="too_many_files",
                field="file",
                message=_("Too many files are waiting for their registrations at the moment."),
                fix=_("Try again tomorrow, or write to the organizers."),
            )
        )
    path = default_storage.save(f"answers/{new_secret()}", ContentFile(content))
    return AnswerFile.objects.create(
        event_id=question.event_id,
        question=question,
        name=name,
        media_type=kind.media_type,
        size=len(content),
        file=path,
        uploaded_at=now,
    )


def file_types_of(question: Question) -> list[str]:
    """Codes of `FILE_TYPES`; all of them unless the question says which."""
    return [code for code in FILE_TYPES if code in question.settings.get("file_types", FILE_TYPES)]


def unattached_file(*, question: Question, reference: str) -> AnswerFile | None:
    """A file that was sent and waits for its registration."""
    return AnswerFile.objects.filter(question=question, reference=reference, registration=None).first()


def sweep_files(*, now: datetime) -> int:
    """Delete files that came a day ago and belong to no registration. Returns how many. Repeating it changes nothing.

    The row goes first: whoever is killed between the two leaves a file that nobody can reach, never a row without a file.
    """
    swept = 0
    while True:
        with transaction.atomic():
            old = list(
                AnswerFile.objects.select_for_update(skip_locked=True)
                .filter(registration=None, uploaded_at__lt=now - KEPT_UNATTACHED)
                .order_by("pk")[:100]
            )
            AnswerFile.objects.filter(pk__in=[file.pk for file in old]).delete()
        for file in old:
            file.file.delete(save=False)
        swept += len(old)
        if not old:
            break
    if swept:
        log.info("unattached_files_swept", count=swept)
    return swept


def _clean_name(name: str) -> str:
    """The last part of a path, without what cannot be shown; at most 200 characters, its ending kept."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    # Marks of direction among them: they make `exe.pdf` of `fdp.exe` for the eye.
    shown = "".join(c for c in last if unicodedata.category(c) not in {"Cc", "Cf", "Cs"}).strip() or "file"
    if len(shown) <= 200:
        return shown
    ending = ending_of(shown)[:10]
    return f"{shown[: 199 - len(ending)]}.{ending}"


def _refused(problem: Problem) -> Invalid:
    return Invalid([problem])
