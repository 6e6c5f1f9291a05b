from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common import audit
from common.localized import Localized
from common.problems import Invalid, Problem
from events.models import Event
from events.services.texts import assign, locked, take_over, validate
from registrations.models import Answer, Question, QuestionKind, QuestionOption

#: `{"identifier": …, "label": …}` for each option of a choice, in order.
Options = Sequence[Mapping[str, Any]]


@transaction.atomic
def create_question(
    *,
    event: Event,
    identifier: str,
    label: Localized,
    kind: str = QuestionKind.TEXT,
    options: Options = (),
    actor: User | None,
    now: datetime,
    **fields: Any,
) -> Question:
    """Ask one more thing, last. Audit "question_created". Raises Invalid."""
    question = Question(
        event=event, identifier=identifier, kind=kind, position=Question.objects.filter(event=event).count()
    )
    assign(question, {"label": label, **fields}, event.language)
    _check(question, options)
    question.save()
    _set_options(question, options)
    audit.record(actor=actor, verb="question_created", subject=question, at=now, event_id=event.pk)
    return question


@transaction.atomic
def update_question(*, question: Question, changes: Mapping[str, Any], actor: User | None, now: datetime) -> Question:
    """Words, help, order and whether it must be answered; and, as long as nobody has answered, everything.

    Locks the row. Audit "question_changed". Raises Invalid (`question_answered`).
    """
    stored = locked(question)
    fields = {name: value for name, value in changes.items() if name != "options"}
    changed = set(assign(stored, fields, question.event.language))
    before = {option.identifier for option in stored.options.all()}
    options: Options = changes.get("options", _options_of(stored))
    answered = Answer.objects.filter(question=stored)
    if (changed & {"identifier", "kind"} and answered.exists()) or (
        (gone := before - {option["identifier"] for option in options})
        and answered.filter(value__in=sorted(gone)).exists()
    ):
        raise Invalid(
            [
                Problem(
                    code="question_answered",
                    message=_(
                        "People have answered this question already, so that its kind, identifier and the answers given stay."
                    ),
                    fix=_("Ask a new question instead, and take this one away."),
                )
            ]
        )
    _check(stored, options)
    stored.save()
    if "options" in changes:
        _set_options(stored, options)
        changed.add("options")
    if changed:
        audit.record(
            actor=actor,
            verb="question_changed",
            subject=stored,
            at=now,
            event_id=stored.event_id,
            fields=sorted(changed),
        )
    return take_over(question, stored, fields)


@transaction.atomic
def delete_question(*, question: Question, actor: User | None, now: datetime) -> None:
    """No longer ask it; answers given are kept, and the question with them. Audit "question_deleted"."""
    stored = locked(question)
    audit.record(actor=actor, verb="question_deleted", subject=stored, at=now, event_id=stored.event_id)
    if stored.answers.exists():
        stored.is_active = False
        stored.save(update_fields=["is_active"])
    else:
        stored.delete()


def _options_of(question: Question) -> Options:
    return [
        {"identifier": option.identifier, "label": option.label}
        for option in question.options.order_by("position", "pk")
    ]


def _set_options(question: Question, options: Options) -> None:
    question.options.all().delete()
    QuestionOption.objects.bulk_create(_option(question, position, option) for position, option in enumerate(options))


def _option(question: Question, position: int, option: Mapping[str, Any]) -> QuestionOption:
    made = QuestionOption(question=question, identifier=option["identifier"], position=position)
    assign(made, {"label": option["label"]}, question.event.language)
    return made


def _check(question: Question, options: Options) -> None:
    validate(question)
    identifiers = [option["identifier"] for option in options]
    problem = None
    if question.kind == QuestionKind.CHOICE and len(identifiers) < 2:
        problem = Problem(
            code="options_required",
            field="options",
            message=_("A choice needs at least two answers to choose from."),
            fix=_("Add answers."),
        )
    elif question.kind != QuestionKind.CHOICE and identifiers:
        problem = Problem(
            code="options_not_allowed",
            field="options",
            message=_("Only a choice has answers to choose from."),
            fix=_("Leave them out, or make it a choice."),
        )
    elif len(set(identifiers)) != len(identifiers):
        problem = Problem(
            code="option_twice",
            field="options",
            message=_("Two answers have the same identifier."),
            fix=_("Give each its own."),
        )
    if problem:
        raise Invalid([problem])
    for position, option in enumerate(options):
        validate(_option(question, position, option), exclude=("question",), constraints=False)
