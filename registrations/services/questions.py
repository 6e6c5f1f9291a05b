"""The form of an event: its questions, their versions, sections and order. Source: docs/explanation/registration-forms.md"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from accounts.models import User
from common import audit
from common.localized import Localized, localized, validate_localized
from common.problems import Invalid, Problem, refusal_from
from events.models import Event
from events.services.texts import assign, locked, take_over, validate
from registrations.answering import Unfit, answers_with, clean
from registrations.models import (
    CAN_DECIDE,
    HAS_OPTIONS,
    IS_LIVE,
    SETTINGS,
    Answer,
    Question,
    QuestionKind,
    QuestionSection,
    QuestionVersion,
    TicketType,
)
from registrations.models.questions import validate_identifier
from registrations.problems import (
    problems_with_condition,
    problems_with_options,
    problems_with_settings,
    question_decides,
)

#: `{"identifier": …, "label": …}` for each option of a choice, in order.
Options = Sequence[Mapping[str, Any]]

#: A change of one of these is a new version.
VERSIONED: Final = ("kind", "label", "help_text", "options", "settings")
#: Questions of one form, and its sections.
MOST_QUESTIONS: Final = 200


@dataclass(frozen=True, kw_only=True)
class Place:
    """One line of the form's order: a section, or a question in the section above it."""

    section: int | None = None
    question: int | None = None


@transaction.atomic
def create_question(
    *,
    event: Event,
    identifier: str,
    label: Localized,
    kind: str = QuestionKind.TEXT,
    options: Options = (),
    ticket_types: Sequence[TicketType] = (),
    actor: User | None,
    now: datetime,
    **fields: Any,
) -> Question:
    """Ask one more thing, last in its section; its first version. Audit "question_created". Raises Invalid."""
    form = _locked_form(event)
    if len(form) >= MOST_QUESTIONS:
        raise Invalid([_too_many()])
    question = Question(
        event=event, identifier=identifier, kind=kind, position=max((q.position for q in form), default=-1) + 1
    )
    assign(question, {"label": label, "options": _plain(options, event.language), **fields}, event.language)
    _check(question, form=[*form, question], ticket_types=ticket_types)
    question.save()
    question.ticket_types.set(ticket_types)
    _new_version(question, now)
    audit.record(actor=actor, verb="question_created", subject=question, at=now, event_id=event.pk)
    return question


@transaction.atomic
def update_question(*, question: Question, changes: Mapping[str, Any], actor: User | None, now: datetime) -> Question:
    """Change a question from now on. Answers given stay, and are read in the words that they answered: a change of words, answers to
    choose from or bounds writes a new version.

    Locks the event's questions. Audit "question_changed". Raises Invalid (`question_answered`: kind and identifier stay once
    anybody has answered).
    """
    form = _locked_form(question.event)
    stored = next((q for q in form if q.pk == question.pk), None) or locked(question)
    form = form if stored in form else [*form, stored]
    fields = {name: value for name, value in changes.items() if name != "ticket_types"}
    if "options" in fields:
        fields["options"] = _plain(fields["options"], stored.event.language)
    if "kind" in fields and fields["kind"] != stored.kind:
        # What the new kind does not have goes with the old one.
        fields.setdefault("options", stored.options if fields["kind"] in HAS_OPTIONS else [])
        kept = {name: value for name, value in stored.settings.items() if name in SETTINGS[fields["kind"]]}
        fields.setdefault("settings", kept)
    changed = set(assign(stored, fields, stored.event.language))
    if changed & {"identifier", "kind"} and Answer.objects.filter(question=stored).exists():
        raise Invalid([_answered()])
    tickets = list(changes.get("ticket_types", stored.ticket_types.all()))
    _check(stored, form=form, ticket_types=tickets)
    if changed:
        stored.save()
    if {ticket.pk for ticket in tickets} != {ticket.pk for ticket in stored.ticket_types.all()}:
        stored.ticket_types.set(tickets)
        changed.add("ticket_types")
    if changed & set(VERSIONED):
        _new_version(stored, now)
    if changed:
        audit.record(
            actor=actor,
            verb="question_changed",
            subject=stored,
            at=now,
            event_id=stored.event_id,
            fields=sorted(changed),
        )
    return take_over(question, stored, [*fields, "version"])


@transaction.atomic
def delete_question(*, question: Question, actor: User | None, now: datetime) -> None:
    """No longer ask it; answers given are kept, and the question with them. Audit "question_deleted". Raises Invalid
    (`question_decides`) while others depend on it. Repeating it changes nothing."""
    form = _locked_form(question.event)
    if dependents := [other for other in form if other.condition_question_id == question.pk]:
        raise Invalid([question_decides(question, dependents)])
    stored = locked(question)
    if not stored.is_active:
        return
    audit.record(actor=actor, verb="question_deleted", subject=stored, at=now, event_id=stored.event_id)
    if stored.answers.exists() or stored.dependents.exists():
        stored.is_active = False
        stored.save(update_fields=["is_active"])
    else:
        stored.delete()


@transaction.atomic
def restore_question(*, question: Question, actor: User | None, now: datetime) -> Question:
    """Ask it again, last in its section and of everybody it was asked of; a condition whose question is gone goes. Audit
    "question_restored". Repeating it changes nothing."""
    form = _locked_form(question.event)
    stored = locked(question)
    if stored.is_active:
        return question
    stored.is_active = True
    stored.position = max((q.position for q in form), default=-1) + 1
    if problems_with_condition(stored, before=form):
        stored.condition_question, stored.condition_values = None, []
    stored.save()
    audit.record(actor=actor, verb="question_restored", subject=stored, at=now, event_id=stored.event_id)
    return take_over(question, stored, ["is_active", "position", "condition_question", "condition_values"])


@transaction.atomic
def duplicate_question(*, question: Question, actor: User | None, now: datetime) -> Question:
    """The same once more, right after it. Audit "question_created"."""
    event = question.event
    form = _locked_form(event)
    taken = set(event.questions.values_list("identifier", flat=True))
    copy = _copied(question, event, identifier=free_identifier(question.identifier, taken), actor=actor, now=now)
    Question.objects.filter(pk=copy.pk).update(section=question.section)
    order = [q.pk for q in form]
    place = order.index(question.pk) + 1 if question.pk in order else len(order)
    _renumber([*order[:place], copy.pk, *order[place:]])
    copy.refresh_from_db()
    return copy


@transaction.atomic
def copy_form(*, source: Event, event: Event, actor: User | None, now: datetime) -> list[Question]:
    """Every section and question that `source` asks now, after those of `event`, with conditions; tickets are the event's own, so that
    a question that was asked of some is asked of all. Questions whose identifier the event has are left out.

    Repeating it changes nothing but empty sections. Audit "question_created" for each. Raises Invalid.
    """
    form = _locked_form(event)
    taken = set(event.questions.values_list("identifier", flat=True))
    wanted = [q for q in Question.objects.filter(event=source).asked() if q.identifier not in taken]
    if len(form) + len(wanted) > MOST_QUESTIONS:
        raise Invalid([_too_many()])
    sections: dict[int, QuestionSection] = {}
    copies: dict[int, Question] = {}
    for question in wanted:
        copy = _copied(question, event, identifier=question.identifier, tickets=False, actor=actor, now=now)
        if (section := question.section) is not None:
            if section.pk not in sections:
                sections[section.pk] = create_section(
                    event=event, title=section.title, description=section.description, actor=actor, now=now
                )
            copy.section = sections[section.pk]
        if question.condition_question_id in copies:
            copy.condition_question = copies[question.condition_question_id]
            copy.condition_values = question.condition_values
        copy.save()
        copies[question.pk] = copy
    return list(copies.values())


# -- Sections and order --------------------------------------------------------------------------------------------------


@transaction.atomic
def create_section(
    *, event: Event, title: Localized, description: Localized = "", actor: User | None, now: datetime
) -> QuestionSection:
    """A heading, last in the form. Audit "question_section_created". Raises Invalid."""
    section = QuestionSection(event=event, position=QuestionSection.objects.filter(event=event).count())
    assign(section, {"title": title, "description": description}, event.language)
    validate(section)
    section.save()
    audit.record(actor=actor, verb="question_section_created", subject=section, at=now, event_id=event.pk)
    return section


@transaction.atomic
def update_section(
    *, section: QuestionSection, changes: Mapping[str, Any], actor: User | None, now: datetime
) -> QuestionSection:
    """Audit "question_section_changed". Raises Invalid."""
    stored = locked(section)
    if changed := assign(stored, changes, section.event.language):
        validate(stored)
        stored.save()
        audit.record(
            actor=actor,
            verb="question_section_changed",
            subject=stored,
            at=now,
            event_id=stored.event_id,
            fields=sorted(changed),
        )
    return take_over(section, stored, changes)


@transaction.atomic
def delete_section(*, section: QuestionSection, actor: User | None, now: datetime) -> None:
    """The heading goes; its questions stay, in their order, at the end of the section before, or of those without one. Audit
    "question_section_deleted"."""
    form = _locked_form(section.event)
    stored = locked(section)
    before = section.event.question_sections.filter(position__lt=section.position).order_by("-position", "-pk").first()
    audit.record(actor=actor, verb="question_section_deleted", subject=stored, at=now, event_id=stored.event_id)
    Question.objects.filter(section=stored).update(section=before)
    stored.delete()
    _renumber([question.pk for question in form])


@transaction.atomic
def arrange(*, event: Event, order: Sequence[Place], actor: User | None, now: datetime) -> None:
    """Put sections and questions in this order; each question belongs to the section above it. Those that are not named come last.

    Locks the event's questions. Audit "questions_arranged". Raises Invalid (`condition_invalid`) where a question would stand
    before the one that decides whether it is asked. Repeating it changes nothing.
    """
    form = {question.pk: question for question in _locked_form(event)}
    sections = {section.pk: section for section in event.question_sections.order_by("position", "pk")}
    named = [*order, *(Place(section=pk) for pk in sections if all(place.section != pk for place in order))]
    section: QuestionSection | None = None
    arranged: list[Question] = []
    places: list[int] = []
    for place in named:
        if place.section in sections and place.section not in places:
            section = sections[place.section]
            places.append(section.pk)
        elif place.question in form and form[place.question] not in arranged:
            form[place.question].section = section
            arranged.append(form[place.question])
    arranged += [question for question in form.values() if question not in arranged]
    for position, pk in enumerate(places):
        sections[pk].position = position
    for position, question in enumerate(arranged):
        question.position = position
    arranged.sort(key=_place_in_form)
    problems = [
        Problem(
            code="condition_invalid",
            message=_("“%(question)s” is asked by the answer to “%(decides)s”, and so must stand after it.")
            % {"question": question.label, "decides": question.condition_question},
            fix=_("Move the other first."),
        )
        for place, question in enumerate(arranged)
        if problems_with_condition(question, before=arranged[:place])
    ]
    if problems:
        raise Invalid(problems)
    QuestionSection.objects.bulk_update(sections.values(), ["position"])
    Question.objects.bulk_update(arranged, ["position", "section"])
    audit.record(actor=actor, verb="questions_arranged", subject=event, at=now, event_id=event.pk)


def moved(event: Event, *, what: Place, by: int) -> list[Place]:
    """The form's order with one line moved up (-1) or down (1): a question by one line, into the next section where it stands at the
    edge; a section with its questions."""
    order: list[Place] = []
    sections = list(event.question_sections.order_by("position", "pk"))
    questions = list(Question.objects.filter(event=event, is_active=True).in_order())
    for section in [None, *sections]:
        if section is not None:
            order.append(Place(section=section.pk))
        order += [Place(question=q.pk) for q in questions if q.section_id == (section.pk if section else None)]
    if what not in order:
        return order
    if what.question is not None:
        place = order.index(what)
        other = max(0, min(len(order) - 1, place + by))
        order.insert(other, order.pop(place))
        return order
    blocks: list[list[Place]] = [[]]
    for line in order:
        if line.section is not None:
            blocks.append([])
        blocks[-1].append(line)
    place = next(n for n, block in enumerate(blocks) if block and block[0] == what)
    # What has no section stays on top.
    other = max(1, min(len(blocks) - 1, place + by))
    blocks.insert(other, blocks.pop(place))
    return [line for block in blocks for line in block]


def free_identifier(wanted: str, taken: set[str]) -> str:
    base = wanted[:36].rstrip("_")
    candidates = (wanted if n == 1 else f"{base}_{n}" for n in range(1, len(taken) + 3))
    return next(name for name in candidates if name not in taken)


def forget_ticket(*, ticket_type: TicketType, actor: User | None, now: datetime) -> None:
    """The ticket goes: what was asked with it alone is no longer asked, rather than with every other."""
    for question in Question.objects.filter(is_active=True, ticket_types=ticket_type).select_related("event"):
        if question.ticket_types.count() == 1:
            for dependent in question.dependents.filter(is_active=True):
                update_question(
                    question=dependent,
                    changes={"condition_question": None, "condition_values": []},
                    actor=actor,
                    now=now,
                )
            delete_question(question=question, actor=actor, now=now)


# -- What a change means for those who answered ---------------------------------------------------------------------------


def warnings_about(question: Question, changes: Mapping[str, Any]) -> list[str | Promise]:
    """What an organizer should know before `update_question` with these changes; nothing where nobody has answered. Reads the
    answers of live registrations."""
    answers = list(
        Answer.objects.filter(question=question, registration__state__in=IS_LIVE).values_list("value", flat=True)
    )
    if not answers:
        return []
    language = question.event.language
    after = Question(event=question.event, identifier=question.identifier, kind=question.kind)
    assign(after, {name: getattr(question, name) for name in VERSIONED}, language)
    changed = assign(
        after,
        {
            name: _plain(value, language) if name == "options" else value
            for name, value in changes.items()
            if name in VERSIONED
        },
        language,
    )
    count = len(answers)
    found: list[str | Promise] = []
    if changed & {"label", "help_text"}:
        found.append(
            ngettext_lazy(
                "%(count)s person has answered the words as they were. List and export keep telling that answer in those words.",
                "%(count)s people have answered the words as they were. List and export keep telling their answers in those words.",
                count,
            )
            % {"count": count}
        )
    labels, new = question.option_labels, after.option_labels
    for identifier in labels:
        chosen = sum(answers_with(value, [identifier]) for value in answers)
        if chosen and identifier not in new:
            found.append(
                ngettext_lazy(
                    "%(count)s person has chosen “%(answer)s”, which you take away. Their answer stays.",
                    "%(count)s people have chosen “%(answer)s”, which you take away. Their answers stay.",
                    chosen,
                )
                % {"count": chosen, "answer": labels[identifier]}
            )
        elif chosen and str(labels[identifier]) != str(new[identifier]):
            found.append(
                ngettext_lazy(
                    "%(count)s person has chosen “%(answer)s”, which is called “%(new)s” from now on.",
                    "%(count)s people have chosen “%(answer)s”, which is called “%(new)s” from now on.",
                    chosen,
                )
                % {"count": chosen, "answer": labels[identifier], "new": new[identifier]}
            )
    if "settings" in changed and after.kind not in HAS_OPTIONS and (outside := _no_longer_fit(after, answers)):
        found.append(
            ngettext_lazy(
                "%(count)s answer does not fit the new bounds. It stays as it is.",
                "%(count)s answers do not fit the new bounds. They stay as they are.",
                outside,
            )
            % {"count": outside}
        )
    if {"condition_question", "condition_values", "ticket_types"} & set(changes) and _narrows(question, changes):
        found.append(_("Answers of people who are no longer asked stay until they change what decides it."))
    return found


def _narrows(question: Question, changes: Mapping[str, Any]) -> bool:
    before = (question.condition_question_id, question.condition_values)
    condition = changes.get("condition_question", question.condition_question)
    after = (condition.pk if condition else None, changes.get("condition_values", question.condition_values))
    tickets = {ticket.pk for ticket in question.ticket_types.all()}
    wanted = {ticket.pk for ticket in changes["ticket_types"]} if "ticket_types" in changes else tickets
    return (after != before and condition is not None) or (wanted != tickets and bool(wanted))


def _no_longer_fit(question: Question, answers: Sequence[Any]) -> int:
    outside = 0
    for value in answers:
        try:
            clean(question, value)
        except Unfit:
            outside += 1
    return outside


# -- Rows ----------------------------------------------------------------------------------------------------------------


def _locked_form(event: Event) -> list[Question]:
    """Questions that are asked now, in order; whoever holds them is alone in changing the form."""
    Event.objects.select_for_update(no_key=True).filter(pk=event.pk).first()
    form = list(Question.objects.filter(event=event).asked())
    for question in form:
        question.event = event
    return form


def _place_in_form(question: Question) -> tuple[int, int, int, int]:
    section = question.section
    return (section.position if section else -1, section.pk if section else -1, question.position, question.pk or 0)


def _new_version(question: Question, now: datetime) -> None:
    last = question.versions.order_by("-number").values_list("number", flat=True).first() or 0
    question.version = QuestionVersion.objects.create(
        question=question, number=last + 1, created_at=now, **{name: getattr(question, name) for name in VERSIONED}
    )
    question.save(update_fields=["version"])


def _copied(
    question: Question, event: Event, *, identifier: str, tickets: bool = True, actor: User | None, now: datetime
) -> Question:
    names = ("label", "help_text", "kind", "settings", "is_required", "is_sensitive")
    values = {name: getattr(question, name) for name in names}
    if tickets:
        values |= {
            "ticket_types": list(question.ticket_types.all()),
            "section": question.section,
            "condition_question": question.condition_question,
            "condition_values": question.condition_values,
        }
    return create_question(event=event, identifier=identifier, options=question.options, actor=actor, now=now, **values)


def _renumber(order: Sequence[int]) -> None:
    Question.objects.bulk_update([Question(pk=pk, position=n) for n, pk in enumerate(order)], ["position"])


def _plain(options: Options, language: str) -> list[dict[str, Any]]:
    return [
        {"identifier": option["identifier"], "label": dict(localized(option["label"], language).data or {})}
        for option in options
    ]


def _check(question: Question, *, form: Sequence[Question], ticket_types: Sequence[TicketType]) -> None:
    """`form`: what is asked now, this question among it."""
    validate(question, exclude=("version",))
    identifiers = [option["identifier"] for option in question.options]
    problems = [
        *problems_with_options(question.kind, identifiers),
        *problems_with_settings(question.kind, question.settings, options=len(identifiers)),
    ]
    for option in question.options:
        try:
            validate_identifier(option["identifier"])
            validate_localized(localized(option["label"], question.event.language), max_length=300)
        except ValidationError as error:
            problems += [
                Problem(code=problem.code, field="options", message=problem.message)
                for problem in refusal_from(error).problems
            ]
    if any(ticket.event_id != question.event_id for ticket in ticket_types):
        problems.append(
            Problem(
                code="ticket_not_of_event",
                field="ticket_types",
                message=_("A ticket is for another event."),
                fix=_("Choose from this event's tickets."),
            )
        )
    if question.section is not None and question.section.event_id != question.event_id:
        problems.append(
            Problem(
                code="section_not_of_event",
                field="section",
                message=_("This section is of another event."),
                fix=_("Choose one of this event's sections."),
            )
        )
    place = _place_in_form(question)
    before = [other for other in form if other is not question and _place_in_form(other) < place]
    problems += problems_with_condition(question, before=before)
    dependents = [other for other in form if other.condition_question_id == question.pk and other.pk]
    lost = [
        other
        for other in dependents
        if question.kind not in CAN_DECIDE
        or problems_with_condition(_with_condition(other, question), before=[question])
        or _place_in_form(other) < place
    ]
    if lost and question.pk:
        problems.append(question_decides(question, lost))
    if problems:
        raise Invalid(problems)


def _with_condition(question: Question, decides: Question) -> Question:
    """`question` as it depends on `decides`, which is about to change."""
    question.condition_question = decides
    return question


def _answered() -> Problem:
    return Problem(
        code="question_answered",
        message=_("People have answered this question already, so that its kind and its identifier stay."),
        fix=_("Ask a new question instead, and take this one away."),
    )


def _too_many() -> Problem:
    return Problem(
        code="too_many_questions",
        message=_("A form has at most %(count)s questions.") % {"count": MOST_QUESTIONS},
        fix=_("Take one away first."),
    )
