"""Which questions are asked of somebody, and what may be answered to them. Pure rules: nothing here reads the database.

Source: docs/explanation/registration-forms.md
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

import phonenumbers
from django.core.exceptions import ValidationError
from django.utils.formats import localize
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy
from django_countries import countries

from common import dates
from common.problems import Problem
from common.text import validate_plain_text, validate_single_line
from registrations.models import Question, QuestionKind

K = QuestionKind

#: Characters of one answer in words, by kind.
LONGEST_ANSWER: Final = 2000
LONGEST_LONG_ANSWER: Final = 20_000
#: Characters of an answer of one's own to a choice.
LONGEST_OTHER: Final = 200
#: Numbers with more digits than this are no longer told apart by programs.
_MOST_DIGITS: Final = 15


class Unfit(Exception):
    """This is no answer to the question: `message` says why, `fix` what to do."""

    def __init__(self, message: str | Promise, fix: str | Promise) -> None:
        self.message, self.fix = message, fix
        super().__init__(str(message))


@dataclass(frozen=True, kw_only=True)
class Read:
    """Answers as they are stored, by identifier, empty ones left out; and why they cannot be taken."""

    values: dict[str, Any]
    problems: list[Problem]


def is_empty(value: Any) -> bool:
    return value is None or value == [] or (isinstance(value, str) and not value.strip())


def asked_of(questions: Sequence[Question], *, ticket_id: int | None, answers: Mapping[str, Any]) -> list[Question]:
    """Those that are asked of somebody with this ticket who answers so. `questions` in order, with tickets and conditions."""
    asked: list[Question] = []
    identifiers: set[str] = set()
    for question in questions:
        if question.ticket_ids and ticket_id not in question.ticket_ids:
            continue
        if (decides := question.condition_question) is not None and not (
            decides.identifier in identifiers
            and answers_with(answers.get(decides.identifier), question.condition_values)
        ):
            continue
        asked.append(question)
        identifiers.add(question.identifier)
    return asked


def needed(questions: Sequence[Question]) -> list[Question]:
    """Those without whose answers somebody may be refused who answers nothing else; `questions` in order."""
    found: list[Question] = []
    for question in questions:
        decides = question.condition_question
        if question.is_required and (decides is None or decides in found):
            found.append(question)
    return found


def answers_with(value: Any, wanted: Collection[Any]) -> bool:
    """Whether an answer is, or has among its choices, one of `wanted`."""
    given = value if isinstance(value, list) else [value]
    return any(type(one) is type(other) and one == other for one in given for other in wanted)


def read_answers(
    questions: Sequence[Question],
    answers: Mapping[str, Any],
    *,
    ticket_id: int | None,
    country: str = "",
    stored: Mapping[str, Any] | None = None,
) -> Read:
    """`answers` as they will be stored, and every reason why they cannot be.

    Only what is asked may be answered (`not_asked`), and must be where it is required. An answer equal to the one in `stored`
    stands as it is: it was right when it was given. `country`: of the person, for telephone numbers without a country code.
    """
    stored = stored or {}
    asked = asked_of(questions, ticket_id=ticket_id, answers=answers)
    asked_identifiers = {question.identifier for question in asked}
    problems = list(_not_asked({q.identifier for q in questions}, asked_identifiers, answers))
    values: dict[str, Any] = {}
    for question in asked:
        value, field = answers.get(question.identifier), f"answers.{question.identifier}"
        if question.kind == K.CONSENT and value is False:
            value = None
        if is_empty(value):
            if question.is_required:
                problems.append(_required(question, field))
        elif question.identifier in stored and stored[question.identifier] == value:
            values[question.identifier] = value
        else:
            try:
                values[question.identifier] = clean(question, value, country=country)
            except Unfit as unfit:
                problems.append(Problem(code="answer_invalid", field=field, message=unfit.message, fix=unfit.fix))
    return Read(values=values, problems=problems)


def _not_asked(known: set[str], asked: set[str], answers: Mapping[str, Any]) -> Iterator[Problem]:
    for identifier, value in answers.items():
        field = f"answers.{identifier}"[:100]
        if identifier not in known:
            yield Problem(
                code="unknown_question",
                field=field,
                message=_("This event does not ask that."),
                fix=_("Leave this answer out."),
            )
        elif identifier not in asked and not is_empty(value):
            yield Problem(
                code="not_asked",
                field=field,
                message=_("This is not asked with this ticket and these answers."),
                fix=_("Leave this answer out."),
            )


def _required(question: Question, field: str) -> Problem:
    if question.kind == K.CONSENT:
        return Problem(
            code="answer_required",
            field=field,
            message=_("We cannot register you without this."),
            fix=_("Tick the box if you agree."),
        )
    return Problem(
        code="answer_required",
        field=field,
        message=_("Please answer: %(question)s") % {"question": question.label},
        fix=_("Answer this question."),
    )


# -- Kind by kind -------------------------------------------------------------------------------------------------------


def clean(question: Question, value: Any, *, country: str = "") -> Any:
    """`value` as it is stored; raises Unfit. Whether a file is there is not looked at."""
    if question.kind == K.PHONE:
        return _phone(value, country)
    return _CLEANERS[QuestionKind(question.kind)](question, value)


def _text(question: Question, value: Any) -> str:
    limit = LONGEST_LONG_ANSWER if question.kind == K.LONG_TEXT else LONGEST_ANSWER
    if not isinstance(value, str):
        raise Unfit(_("Answer this question in words."), _("Write a text."))
    if len(value) > limit:
        raise Unfit(
            _("This answer has more than %(count)s characters.") % {"count": localize(limit)},
            _("Shorten it by %(count)s.") % {"count": localize(len(value) - limit)},
        )
    return _plain(value, validate_plain_text)


def _plain(value: str, validate: Any) -> str:
    try:
        validate(value)
    except ValidationError as error:
        raise Unfit(error.messages[0], _("Change this answer.")) from error
    return value


def _number(question: Question, value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise Unfit(_("Answer this question with a number."), _("Write it in digits."))
    number = Decimal(str(value))
    if not number.is_finite() or len(number.normalize().as_tuple().digits) > _MOST_DIGITS or abs(number) >= 10**15:
        raise Unfit(_("This number has too many digits."), _("Write a shorter one."))
    least, most = (_decimal(question.settings.get(name)) for name in ("minimum", "maximum"))
    if least is not None and number < least:
        raise Unfit(_("This number is too small."), _("Write %(least)s or more.") % {"least": localize(least)})
    if most is not None and number > most:
        raise Unfit(_("This number is too large."), _("Write %(most)s or less.") % {"most": localize(most)})
    step = _decimal(question.settings.get("step")) or Decimal(1)
    if (number - (least or 0)) % step:
        if step == 1 and (least or Decimal(0)) % 1 == 0:
            raise Unfit(_("This is not a whole number."), _("Leave out what stands behind the point."))
        raise Unfit(
            _("This number lies between two that are possible."),
            _("Write one in steps of %(step)s.") % {"step": localize(step)},
        )
    return int(number) if number == number.to_integral_value() else float(number)


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _one_choice(question: Question, value: Any) -> Any:
    if isinstance(value, str) and value in question.option_labels:
        return value
    if isinstance(value, dict) and set(value) == {"other"} and question.settings.get("has_other"):
        words = value["other"]
        if not isinstance(words, str) or not words.strip():
            raise Unfit(_("You chose “Other”."), _("Say in words what."))
        if len(words) > LONGEST_OTHER:
            raise Unfit(
                _("This answer has more than %(count)s characters.") % {"count": LONGEST_OTHER},
                _("Shorten it by %(count)s.") % {"count": len(words) - LONGEST_OTHER},
            )
        return {"other": _plain(words, validate_single_line)}
    raise Unfit(_("Choose one of the answers given."), _("Change this answer."))


def _choices(question: Question, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Unfit(_("Choose from the answers given."), _("Write a list, even of one."))
    chosen = [_one_choice(question, one) for one in value]
    if any(one in chosen[:place] for place, one in enumerate(chosen)) or sum(isinstance(o, dict) for o in chosen) > 1:
        raise Unfit(_("The same answer is given twice."), _("Leave one out."))
    least, most = question.settings.get("at_least", 0), question.settings.get("at_most")
    if len(chosen) < least:
        raise Unfit(
            _("Too few are chosen."),
            ngettext_lazy("Choose at least %(count)s.", "Choose at least %(count)s.", least) % {"count": least},
        )
    if most is not None and len(chosen) > most:
        raise Unfit(
            _("Too many are chosen."),
            ngettext_lazy("Choose at most %(count)s.", "Choose at most %(count)s.", most) % {"count": most},
        )
    # In the order in which they are offered, so that equal answers are equal.
    places = {identifier: place for place, identifier in enumerate(question.option_labels)}
    return sorted(chosen, key=lambda one: len(places) if isinstance(one, dict) else places[one])


def _yes_no(_question: Question, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Unfit(_("Answer this question with yes or no."), _("Choose one of the two."))
    return value


def _consent(_question: Question, value: Any) -> bool:
    if value is not True:
        raise Unfit(_("Agree or leave this open."), _("Tick the box if you agree."))
    return True


def _date(question: Question, value: Any) -> str:
    try:
        day = date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        day = None
    if day is None:
        raise Unfit(_("This is not a day of the calendar."), _("Write a day such as 2027-06-07."))
    earliest, latest = question.settings.get("earliest"), question.settings.get("latest")
    if earliest and value < earliest:
        raise Unfit(
            _("This day is too early."),
            _("Choose %(day)s or later.") % {"day": dates.day(date.fromisoformat(earliest))},
        )
    if latest and value > latest:
        raise Unfit(
            _("This day is too late."), _("Choose %(day)s or earlier.") % {"day": dates.day(date.fromisoformat(latest))}
        )
    return day.isoformat()


def _country(_question: Question, value: Any) -> str:
    if not isinstance(value, str) or value not in countries:
        raise Unfit(_("This is no country or region of the list."), _("Choose a country from the list."))
    return value


def _phone(value: Any, country: str) -> str:
    """E.164. Without a country code the number is taken as one of `country`, the person's."""
    if not isinstance(value, str) or len(value) > 100:
        raise Unfit(
            _("This is not a telephone number."), _("Write it with its country code, such as +86 138 0013 8000.")
        )
    try:
        number = phonenumbers.parse(value, country or None)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        if value.lstrip().startswith(("+", "+")):
            raise Unfit(_("No telephone has this number."), _("Check its digits."))
        raise Unfit(
            _("We cannot tell which country this number belongs to."),
            _("Write it with its country code, such as +86 138 0013 8000."),
        )
    if number.extension:
        raise Unfit(_("This number has an extension."), _("Write a number that we can call directly."))
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _file(_question: Question, value: Any) -> str:
    if not isinstance(value, str) or not value.isascii() or len(value) > 40:
        raise Unfit(
            _("This is not a file that was sent."), _("Send the file first, and name it here by its reference.")
        )
    return value


_CLEANERS: Final[Mapping[QuestionKind, Any]] = {
    K.TEXT: _text,
    K.LONG_TEXT: _text,
    K.NUMBER: _number,
    K.CHOICE: _one_choice,
    K.MULTIPLE_CHOICE: _choices,
    K.YES_NO: _yes_no,
    K.DATE: _date,
    K.COUNTRY: _country,
    K.FILE: _file,
    K.CONSENT: _consent,
}
