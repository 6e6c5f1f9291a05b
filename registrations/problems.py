"""Why somebody cannot register, and why tickets, quotas and questions cannot be changed so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django_countries import countries

from common import dates
from common.problems import Problem
from common.text import validate_plain_text
from events.models import Event, EventState
from registrations.models import Product, Question, QuestionKind, TicketType

#: Characters of one answer in words.
LONGEST_ANSWER: Final = 2000
#: People of one group.
LARGEST_GROUP: Final = 50


def problems_with_registering(
    *, event: Event, ticket_type: TicketType, questions: Sequence[Question], answers: Mapping[str, Any], now: datetime
) -> list[Problem]:
    """All but places: whether there is one is known only when it is taken."""
    return [*problems_with_time(event, ticket_type, now), *problems_with_answers(questions, answers)]


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


def problems_with_answers(questions: Sequence[Question], answers: Mapping[str, Any]) -> list[Problem]:
    return list(_each_answer(questions, answers))


def is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _each_answer(questions: Sequence[Question], answers: Mapping[str, Any]) -> Iterator[Problem]:
    known = {question.identifier for question in questions}
    for identifier in answers:
        if identifier not in known:
            yield Problem(
                code="unknown_question",
                field=f"answers.{identifier}"[:100],
                message=_("This event does not ask that."),
                fix=_("Leave this answer out."),
            )
    for question in questions:
        value = answers.get(question.identifier)
        field = f"answers.{question.identifier}"
        if is_empty(value):
            if question.is_required:
                yield Problem(
                    code="answer_required",
                    field=field,
                    message=_("Please answer: %(question)s") % {"question": question.label},
                    fix=_("Answer this question."),
                )
        elif problem := _problem_with_answer(question, value, field):
            yield problem


def _problem_with_answer(question: Question, value: Any, field: str) -> Problem | None:
    message: Any = None
    if question.kind == QuestionKind.TEXT:
        if not isinstance(value, str):
            message = _("Answer this question in words.")
        elif len(value) > LONGEST_ANSWER:
            message = _("This answer has more than %(count)s characters.") % {"count": LONGEST_ANSWER}
        else:
            try:
                validate_plain_text(value)
            except ValidationError as error:
                message = error.messages[0]
    elif question.kind == QuestionKind.YES_NO:
        if not isinstance(value, bool):
            message = _("Answer this question with yes or no.")
    elif question.kind == QuestionKind.COUNTRY:
        if not isinstance(value, str) or value not in countries:
            message = _("Choose a country from the list.")
    elif value not in [option.identifier for option in question.options.all()]:
        message = _("Choose one of the answers given.")
    if message is None:
        return None
    return Problem(code="answer_invalid", field=field, message=message, fix=_("Change this answer."))


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
    code = ""
    message: Any = None
    fix: Any = ""
    name = {"product": product.name}
    opens, closes = product.available_from, product.available_until
    if product.event_id != event.pk:
        code, message = "product_not_of_event", _("The event has no such product.")
        fix = _("Choose one of this event's products.")
    elif (tickets := [ticket.pk for ticket in product.ticket_types.all()]) and ticket_type.pk not in tickets:
        code, message = "product_not_for_ticket", _("“%(product)s” cannot be had with this ticket.") % name
        fix = _("Leave it out, or choose another ticket.")
    elif quantity > product.max_per_registration:
        code = "too_many_of_product"
        message = _("You can have at most %(count)s of “%(product)s”.") % {
            **name,
            "count": product.max_per_registration,
        }
        fix = _("Choose fewer of it.")
    elif opens and now < opens:
        code = "product_not_open"
        message = _("“%(product)s” can be had from %(moment)s on.") % {**name, "moment": dates.moment(opens, event.tz)}
        fix = _("Come back then.")
    elif (closes and now >= closes) or event.is_over(now):
        code, message = "product_closed", _("“%(product)s” can no longer be had.") % name
        fix = _("Leave it out, or ask the organizers.")
    return Problem(code=code, field="products", message=message, fix=fix) if code else None


def problems_with_group(emails: Sequence[str]) -> list[Problem]:
    if not 1 <= len(emails) <= LARGEST_GROUP:
        return [
            Problem(
                code="group_size",
                field="registrations",
                message=_("A group is 1 to %(count)s people.") % {"count": LARGEST_GROUP},
                fix=_("Register the others in a second group."),
            )
        ]
    twice = sorted({email for email in emails if emails.count(email) > 1})
    return [
        Problem(
            code="twice_in_group",
            field="registrations",
            message=_("The address %(email)s stands there more than once.") % {"email": email},
            fix=_("Give each person an address of their own."),
        )
        for email in twice
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
