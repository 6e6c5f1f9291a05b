"""Why somebody cannot register, and why tickets, quotas and questions cannot be changed so."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django_countries import countries
from i18nfield.strings import LazyI18nString

from common import dates
from common.localized import validate_localized
from common.problems import Problem
from common.validators import validate_web_address
from events.models import Event, EventState
from registrations.models import CAN_DECIDE, HAS_OPTIONS, SETTINGS, Product, Question, QuestionKind, TicketType
from registrations.sniffing import FILE_TYPES

#: A choice with more answers than this is better asked in words.
MOST_OPTIONS: Final = 200
#: People of one group.
LARGEST_GROUP: Final = 50


def problems_with_time(event: Event, ticket_type: TicketType, now: datetime) -> list[Problem]:
    if ticket_type.event_id != event.pk:
        return [
            Problem(
                code="ticket_not_of_event",
                field="ticket_type",
                message=_("This ticket is for another event."),
                fix=_("Choose one of this event's tickets."),
            )
        ]
    if event.state != EventState.LIVE:
        return [
            Problem(
                code="event_not_live",
                message=_("Registration for this event is not open."),
                fix=_("Come back when the event is published."),
            )
        ]
    opens, closes = ticket_type.available_from, ticket_type.available_until
    if opens and now < opens:
        return [
            Problem(
                code="registration_not_open",
                field="ticket_type",
                message=_("Registration opens on %(moment)s.") % {"moment": dates.moment(opens, event.tz)},
                fix=_("Come back then, or choose another ticket."),
            )
        ]
    if (closes and now >= closes) or event.is_over(now):
        return [
            Problem(
                code="registration_closed",
                field="ticket_type",
                message=_("Registration closed on %(moment)s.")
                % {"moment": dates.moment(closes or event.ends_at, event.tz)},
                fix=_("Ask the organizer if you still want to come."),
            )
        ]
    return []


def sold_out(ticket_type: TicketType) -> Problem:
    return Problem(
        code="sold_out",
        field="ticket_type",
        message=_("All places for “%(ticket)s” are taken.") % {"ticket": ticket_type.name},
        fix=_("Choose another ticket, or come back later: a place may become free."),
    )


def already_registered() -> Problem:
    return Problem(
        code="already_registered",
        field="email",
        message=_("This address is registered for this event already."),
        fix=_("Use the link in the mail that we sent to it, or another address."),
    )


def group_sold_out(size: int) -> Problem:
    return Problem(
        code="sold_out",
        field="registrations",
        message=_("There are not %(size)s places left for all of you.") % {"size": size},
        fix=_("Register fewer people, or choose another ticket."),
    )


def product_sold_out(product: Product) -> Problem:
    return Problem(
        code="sold_out",
        field="products",
        message=_("There is no more left of “%(product)s”.") % {"product": product.name},
        fix=_("Choose fewer of it, or leave it out."),
    )


def problems_with_products(
    event: Event,
    ticket_type: TicketType,
    wanted: Sequence[tuple[Product, int]],
    now: datetime,
    *,
    has: Mapping[int, int] = MappingProxyType({}),
) -> list[Problem]:
    """All but places. What somebody `has` (product's row → how many) they may keep whatever has changed; `ticket_types` of
    each product must be at hand."""
    return [
        problem
        for product, quantity in wanted
        if quantity > has.get(product.pk, 0)
        and (problem := _problem_with_product(event, ticket_type, product, quantity, now))
    ]


def _problem_with_product(
    event: Event, ticket_type: TicketType, product: Product, quantity: int, now: datetime
) -> Problem | None:
    name = {"product": product.name}
    opens, closes = product.available_from, product.available_until
    tickets = {ticket.pk for ticket in product.ticket_types.all()}
    if product.event_id != event.pk:
        return Problem(
            code="product_not_of_event",
            field="products",
            message=_("The event has no such product."),
            fix=_("Choose one of this event's products."),
        )
    if tickets and ticket_type.pk not in tickets:
        return Problem(
            code="product_not_for_ticket",
            field="products",
            message=_("“%(product)s” cannot be had with this ticket.") % name,
            fix=_("Leave it out, or choose another ticket."),
        )
    if quantity > product.max_per_registration:
        most = product.max_per_registration
        return Problem(
            code="too_many_of_product",
            field="products",
            message=_("You can have at most %(count)s of “%(product)s”.") % {**name, "count": most},
            fix=_("Choose fewer of it."),
        )
    if opens and now < opens:
        moment = dates.moment(opens, event.tz)
        return Problem(
            code="product_not_open",
            field="products",
            message=_("“%(product)s” can be had from %(moment)s on.") % {**name, "moment": moment},
            fix=_("Come back then."),
        )
    if (closes and now >= closes) or event.is_over(now):
        return Problem(
            code="product_closed",
            field="products",
            message=_("“%(product)s” can no longer be had.") % name,
            fix=_("Leave it out, or ask the organizers."),
        )
    return None


def group_has_registered() -> Problem:
    """Whose address it is, nobody is told but they themselves."""
    return Problem(
        code="already_registered",
        field="registrations",
        message=_(
            "One of these addresses, or more, is registered for this event already, so nobody has been registered now."
        ),
        fix=_("We have written to whoever it is. Ask them, leave them out, and register the others."),
    )


def of_person(problem: Problem, place: int) -> Problem:
    """As a problem of one of a group, counted from 0; what is of the whole request stays so."""
    return replace(problem, field=f"registrations[{place}].{problem.field}") if problem.field else problem


def problems_with_group(emails: Sequence[str]) -> list[Problem]:
    """`emails`: their keys; empty ones are nobody's."""
    if not 1 <= len(emails) <= LARGEST_GROUP:
        return [
            Problem(
                code="group_size",
                field="registrations",
                message=_("A group is 1 to %(count)s people.") % {"count": LARGEST_GROUP},
                fix=_("Register the others in a second group."),
            )
        ]
    return [
        Problem(
            code="twice_in_group",
            field=f"registrations[{place}].email",
            message=_("The address %(email)s stands there more than once.") % {"email": email},
            fix=_("Give each person an address of their own."),
        )
        for place, email in enumerate(emails)
        if email and email in emails[:place]
    ]


def quota_below_taken(taken: int, last: Sequence[str]) -> Problem:
    """`last`: those who came last, who would have to go."""
    return Problem(
        code="quota_below_taken",
        field="size",
        message=ngettext(
            "%(taken)s place is taken already. This person would have to go: %(people)s.",
            "%(taken)s places are taken already. Who came last would have to go: %(people)s.",
            taken,
        )
        % {"taken": taken, "people": ", ".join(last)},
        fix=_("Choose at least %(taken)s, or cancel registrations first.") % {"taken": taken},
    )


def not_offered() -> Problem:
    return Problem(
        code="not_offered",
        message=_("Nothing is on offer to this registration."),
        fix=_("We write to you as soon as it is your turn."),
    )


def offer_expired() -> Problem:
    return Problem(
        code="offer_expired",
        message=_("This offer has run out, and the place has gone to the next in line."),
        fix=_("Register again; you then stand at the end of the line."),
    )


def more_than_owed(owed: str) -> Problem:
    return Problem(
        code="more_than_owed",
        field="amount",
        message=_("Only %(amount)s is owed.") % {"amount": owed},
        fix=_("Choose at most that."),
    )


def more_than_paid(paid: str) -> Problem:
    return Problem(
        code="more_than_paid",
        field="amount",
        message=_("Only %(amount)s was paid.") % {"amount": paid},
        fix=_("Choose at most that."),
    )


def event_is_over() -> Problem:
    return Problem(
        code="event_is_over",
        message=_("The event is over: nothing about a registration changes any more."),
        fix=_("Write to the organizers if something is wrong."),
    )


# -- Questions ----------------------------------------------------------------------------------------------------------


def problems_with_options(kind: str, identifiers: Sequence[str]) -> list[Problem]:
    if kind in HAS_OPTIONS and len(identifiers) < (2 if kind == QuestionKind.CHOICE else 1):
        return [
            Problem(
                code="options_required",
                field="options",
                message=_("A choice needs at least two answers to choose from."),
                fix=_("Add answers."),
            )
        ]
    if kind not in HAS_OPTIONS and identifiers:
        return [
            Problem(
                code="options_not_allowed",
                field="options",
                message=_("Only a choice has answers to choose from."),
                fix=_("Leave them out, or make it a choice."),
            )
        ]
    if len(identifiers) > MOST_OPTIONS:
        return [
            Problem(
                code="too_many_options",
                field="options",
                message=_("These are more answers than anybody reads."),
                fix=_("Leave at most %(count)s, or ask for words.") % {"count": MOST_OPTIONS},
            )
        ]
    if len(set(identifiers)) != len(identifiers):
        return [
            Problem(
                code="option_twice",
                field="options",
                message=_("Two answers have the same identifier."),
                fix=_("Give each its own."),
            )
        ]
    return []


def problems_with_settings(kind: str, settings: Mapping[str, Any], *, options: int = 0) -> list[Problem]:
    """Each setting is one of its kind's, of its type, and no two contradict each other."""
    return list(_each_setting(kind, settings, options))


def _each_setting(kind: str, settings: Mapping[str, Any], options: int) -> Iterator[Problem]:
    for name in sorted(set(settings) - SETTINGS[kind]):
        yield _setting(name, _("A question of this kind has no such setting."), _("Leave it out."))
    known = {name: value for name, value in settings.items() if name in SETTINGS[kind]}
    for name, value in known.items():
        if not _is_right[name](value):
            yield _setting(name, _("This value does not fit."), _RIGHT.get(name, _("Correct it, or leave it out.")))
            return
    for least, most in (("minimum", "maximum"), ("at_least", "at_most"), ("earliest", "latest")):
        if least in known and most in known and known[least] > known[most]:
            yield _setting(most, _("This is less than the other end."), _("Exchange the two, or leave one out."))
    offered = options + bool(known.get("has_other"))
    if kind == QuestionKind.MULTIPLE_CHOICE and known.get("at_least", 0) > offered:
        yield _setting("at_least", _("There are not so many answers to choose from."), _("Choose a smaller number."))


def _setting(name: str, message: Any, fix: Any) -> Problem:
    return Problem(code="setting_invalid", field=f"settings.{name}", message=message, fix=fix)


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and abs(value) < 10**12
    )


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_OPTIONS


def _is_day(value: Any) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _is_words(value: Any) -> bool:
    try:
        validate_localized(LazyI18nString(value), max_length=40)
    except (ValidationError, AttributeError, TypeError):
        return False
    return isinstance(value, Mapping) and all(isinstance(text, str) for text in value.values())


def _is_link(value: Any) -> bool:
    try:
        validate_web_address(value)
    except (ValidationError, AttributeError, TypeError):
        return False
    return isinstance(value, str) and len(value) <= 500


_is_right: Final[Mapping[str, Any]] = {
    "minimum": _is_number,
    "maximum": _is_number,
    "step": lambda value: _is_number(value) and value > 0 and Decimal(str(value)) >= Decimal("0.000001"),
    "unit": _is_words,
    "has_other": lambda value: isinstance(value, bool),
    "at_least": _is_count,
    "at_most": lambda value: _is_count(value) and value > 0,
    "earliest": _is_day,
    "latest": _is_day,
    "file_types": lambda value: isinstance(value, list) and bool(value) and all(v in list(FILE_TYPES) for v in value),
    "max_megabytes": lambda value: _is_count(value) and 1 <= value <= 30,
    "link": _is_link,
}
_RIGHT: Final[Mapping[str, Any]] = {
    "step": _("Write a number above 0, such as 1 or 0.5."),
    "unit": _("Write one text a language, of at most 40 characters."),
    "at_least": _("Write a whole number of answers."),
    "at_most": _("Write a whole number of answers."),
    "earliest": _("Write a day such as 2027-06-07."),
    "latest": _("Write a day such as 2027-06-07."),
    "file_types": _("Choose from %(types)s.") % {"types": ", ".join(FILE_TYPES)},
    "max_megabytes": _("Write a whole number from 1 to 30."),
    "link": _("Write the whole address, such as https://example.org."),
}


def problems_with_condition(question: Question, *, before: Sequence[Question]) -> list[Problem]:
    """`before`: the questions that stand before it in the form."""
    decides = question.condition_question
    if decides is None:
        if question.condition_values:
            return [_condition(_("Answers are named, but no question that they answer."), _("Name the question, too."))]
        return []
    if decides.pk not in {other.pk for other in before}:
        return [
            _condition(
                _("It depends on a question that is not asked before it."),
                _("Choose one of those that stand before it, or change the order."),
            )
        ]
    if decides.kind not in CAN_DECIDE:
        return [
            _condition(
                _("Only a choice, yes or no, or a country can decide what else is asked."),
                _("Choose another question."),
            )
        ]
    if not question.condition_values or not all(_could_answer(decides, value) for value in question.condition_values):
        return [
            _condition(
                _("These are no answers to “%(question)s”.") % {"question": decides.label},
                _("Choose from the answers that can be given to it."),
            )
        ]
    return []


def _could_answer(question: Question, value: Any) -> bool:
    if question.kind == QuestionKind.YES_NO:
        return isinstance(value, bool)
    if question.kind == QuestionKind.COUNTRY:
        return isinstance(value, str) and value in countries
    return isinstance(value, str) and value in question.option_labels


def _condition(message: Any, fix: Any) -> Problem:
    return Problem(code="condition_invalid", field="condition", message=message, fix=fix)


def question_decides(question: Question, dependents: Sequence[Question]) -> Problem:
    return Problem(
        code="question_decides",
        message=_("Whether others are asked depends on “%(question)s”: %(others)s.")
        % {"question": question.label, "others": ", ".join(str(other.label) for other in dependents)},
        fix=_("Change when those are asked first."),
    )
