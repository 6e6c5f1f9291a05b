"""Giving people places, or places in line.

Source: docs/explanation/places-and-waiting-list.md

Locks: see `registrations.services.quotas`.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

from django.db import IntegrityError, transaction

from accounts.models import Institution, Person, User
from accounts.names import order_of
from accounts.services import institutions
from accounts.services.institutions import Chosen
from common import audit, idempotency
from common.inserts import Inserts
from common.problems import Invalid, Problem, Refusal
from common.reads import Tuples, read
from common.text import email_key
from events.models import Event, Permission
from events.policies import may
from events.services.texts import validate
from notifications.services import ledger
from registrations import notices
from registrations.answering import Read
from registrations.models import (
    IS_LIVE,
    LineItem,
    LineState,
    Product,
    Registration,
    RegistrationGroup,
    RegistrationState,
    TicketType,
)
from registrations.problems import (
    already_registered,
    group_has_registered,
    group_sold_out,
    of_person,
    problems_with_group,
    problems_with_products,
    problems_with_time,
    product_sold_out,
    sold_out,
)
from registrations.services.answers import check_answers, has_files, take_files, write_answers
from registrations.services.charges import enter, write_charges
from registrations.services.quotas import QuotasChanged, take
from registrations.services.setups import Setup, setup_of
from registrations.services.telling import tell_of_states

_Row = TypeVar("_Row", Person, Registration)


#: A code that is taken already comes up once in millions; then another is drawn.
_TRIES: Final = 3
#: Organizers register people before it opens and after it closes.
_NOT_FOR_ORGANIZERS: Final = frozenset(
    {"registration_not_open", "registration_closed", "product_not_open", "product_closed"}
)


_LIVE: Final = ", ".join(f"'{state}'" for state in sorted(IS_LIVE))


class CannotRegister(Refusal):
    """Codes of `registrations.problems`, `sold_out` and `already_registered` among them."""


@dataclass(frozen=True, kw_only=True)
class Applicant:
    """One person as they fill in the form. `answers` by the identifier of the question; `products`: how many of each."""

    ticket_type: TicketType
    name: str
    email: str
    language: str
    answers: Mapping[str, Any]
    native_name: str = ""
    family_name: str = ""
    affiliation: str = ""
    institution: Institution | Chosen | None = None
    country: str = ""
    products: Sequence[tuple[Product, int]] = ()


def register(
    *,
    event: Event,
    ticket_type: TicketType,
    name: str,
    email: str,
    language: str,
    answers: Mapping[str, Any],
    native_name: str = "",
    family_name: str = "",
    affiliation: str = "",
    institution: Institution | Chosen | None = None,
    country: str = "",
    products: Sequence[tuple[Product, int]] = (),
    form_token: str = "",
    setup: Setup | None = None,
    actor: User | None,
    now: datetime,
) -> Registration:
    """Give the person a place or, where there is none and the ticket has a waiting list, the next place in line.

    One conditional UPDATE per quota, in id order; the quotas are locked only where one was full. Writes the registration, its
    answers, the products that it asks for, a charge where something has a price, audit "registered" and one message. Products
    that are full wait in lines of their own, or the registration is refused (`sold_out`, field `products`) where they have
    none. Repeating it with the same `form_token` and address returns the first registration. An organizer may register
    somebody before it opens and after it closes, but gets no more places than there are. Raises CannotRegister, Invalid. One
    live registration per address and event is a unique constraint, which two requests at once run into. `setup`: what the caller
    has read of the event a moment ago.
    """
    applicant = Applicant(
        ticket_type=ticket_type,
        name=name,
        email=email,
        language=language,
        answers=answers,
        native_name=native_name,
        family_name=family_name,
        affiliation=affiliation,
        institution=institution,
        country=country,
        products=products,
    )
    (registration,) = _register_once(event, [applicant], form_token=form_token, setup=setup, actor=actor, now=now)
    return registration


def register_group(
    *,
    event: Event,
    people: Sequence[Applicant],
    form_token: str = "",
    setup: Setup | None = None,
    actor: User | None,
    now: datetime,
) -> list[Registration]:
    """Give all of them places or, where there are not enough and their tickets have waiting lists, let them wait together.

    As `register`, for 1 to 50 people; each has a registration, a code and a mail of their own, and from then on changes or
    cancels it alone. In the order of `people`. Raises CannotRegister (`group_size`, `twice_in_group` and those of `register`)
    or Invalid for all of them; a field such as `registrations[0].email` says whose it is, except of an address that is
    registered already.
    """
    if problems := problems_with_group([email_key(person.email) for person in people]):
        raise CannotRegister(problems)
    return _register_once(event, people, in_group=True, form_token=form_token, setup=setup, actor=actor, now=now)


def _register_once(
    event: Event,
    people: Sequence[Applicant],
    *,
    in_group: bool = False,
    form_token: str,
    setup: Setup | None,
    actor: User | None,
    now: datetime,
) -> list[Registration]:
    claim: dict[str, Any] | None = None
    if form_token:
        claim = {"caller": f"form:{event.pk}", "key": _sending(form_token, people), "now": now}
    for attempt in range(_TRIES):
        try:
            with transaction.atomic():
                # Once it ran into a change of the ticket's quotas it keeps out further ones, and reads all anew.
                current = setup if setup and not attempt else setup_of(event)
                try:
                    asked = _asked(event, people, in_group=in_group, setup=current, actor=actor, now=now)
                except Refusal:
                    # Sent once more when it may no longer be.
                    if claim and idempotency.claim(**claim) and (first := _first(event, people)):
                        return first
                    raise
                known = _look_up(event, people, asked, claim)
                if known.was_sent and (first := _first(event, people)):
                    return first
                newcomers = _identify(asked, known, in_group=in_group)
                return _register(
                    event,
                    people,
                    asked,
                    newcomers,
                    in_group=in_group,
                    setup=current,
                    actor=actor,
                    alone=attempt > 0,
                    now=now,
                )
        except IntegrityError as error:
            if "one_live_per_person" in str(error):
                raise CannotRegister([group_has_registered() if in_group else already_registered()]) from error
            # A question that is deleted meanwhile is not asked at the next try, and a person who became known is found.
            may_go = any(
                name in str(error)
                for name in ("code_once_per_event", '"registrations_answer"', "person_one_per_address")
            )
            if not may_go or attempt == _TRIES - 1:
                raise
        except QuotasChanged:
            if attempt == _TRIES - 1:
                raise
    raise AssertionError("unreachable")


@dataclass(frozen=True)
class _Asked:
    """For one person: what is to be written of them, as far as they said it."""

    registration: Registration
    answers: Read


def _asked(
    event: Event, people: Sequence[Applicant], *, in_group: bool, setup: Setup, actor: User | None, now: datetime
) -> list[_Asked]:
    """Looks up files at most. Raises CannotRegister or Invalid."""
    reads = [
        check_answers(
            questions=setup.questions, answers=person.answers, ticket_type=person.ticket_type, country=person.country
        )
        for person in people
    ]
    problems = [
        of_person(problem, place) if in_group else problem
        for place, (person, answers) in enumerate(zip(people, reads, strict=True))
        for problem in [
            *problems_with_time(event, person.ticket_type, now),
            *answers.problems,
            *problems_with_products(event, person.ticket_type, person.products, now),
        ]
        if not (problem.code in _NOT_FOR_ORGANIZERS and may(actor, Permission.MANAGE_REGISTRATIONS, event))
    ]
    if problems:
        raise CannotRegister(list(dict.fromkeys(problems)))
    registrations = [_new(event, person, now) for person in people]
    _validate(registrations, in_group=in_group)
    return [_Asked(*one) for one in zip(registrations, reads, strict=True)]


def _register(
    event: Event,
    people: Sequence[Applicant],
    asked: Sequence[_Asked],
    newcomers: Sequence[Person],
    *,
    in_group: bool,
    setup: Setup,
    actor: User | None,
    alone: bool,
    now: datetime,
) -> list[Registration]:
    registrations = [one.registration for one in asked]
    lines = [
        product.asked_by(registration, quantity, now)
        for registration, person in zip(registrations, people, strict=True)
        for product, quantity in person.products
    ]
    written = Inserts()
    written.add(_in_one_order(newcomers))
    answers = [
        write_answers(one.registration, questions=setup.questions, values=one.answers.values, now=now, into=written)
        for one in asked
    ]
    counting = None if alone else setup.counting
    taken = take([person.ticket_type for person in people], lines, counting=counting, event_id=event.pk)
    # From here on others wait for us.
    if not taken.has_places and not all(person.ticket_type.waiting_list for person in people):
        raise CannotRegister([group_sold_out(len(people)) if len(people) > 1 else sold_out(people[0].ticket_type)])
    if taken.sold_out:
        raise CannotRegister([product_sold_out(product) for product in dict.fromkeys(taken.sold_out)])
    for line in taken.lines:
        line.state = LineState.HELD
        line.registration.amount += line.total
    if taken.has_places:
        for registration in registrations:
            enter(registration, now)
    _write(event, registrations, lines, now, in_group=in_group, into=written)
    by_state = {state: [r for r in registrations if r.state == state] for state in {r.state for r in registrations}}
    for state, subjects in by_state.items():
        audit.record_many(
            actor=actor,
            verb="registered",
            subjects=subjects,
            at=now,
            event_id=event.pk,
            into=written,
            state=str(state),
        )
    held = {
        registration.pk: [line for line in taken.lines if line.registration is registration]
        for registration in registrations
    }
    tell_of_states(registrations, notices.FOR_STATE, held, now, renderer=setup.renderer, into=written)
    # A file may be somebody else's by now.
    written.write(commits=not has_files(itertools.chain(*answers)))
    for registration, given in zip(registrations, answers, strict=True):
        take_files(registration, given)
        registration.has_details(answers=given, lines=[line for line in lines if line.registration is registration])
    return registrations


def _validate(registrations: Sequence[Registration], *, in_group: bool) -> None:
    problems: list[Problem] = []
    for place, registration in enumerate(registrations):
        try:
            # The other rows that it points to were read a moment ago.
            validate(
                registration, exclude=("event", "ticket_type", "person", "institution", "group"), constraints=False
            )
        except Invalid as refusal:
            problems += [of_person(problem, place) if in_group else problem for problem in refusal.problems]
    if problems:
        raise Invalid(problems)


@dataclass(frozen=True)
class _Known:
    """`was_sent`: the same form came before. Rows: address, the person's key or None, a key for a registration, one for a person,
    and whether they are registered. Institutions: of each person."""

    was_sent: bool
    rows: Sequence[tuple[str, Any, int, int, bool]]
    institutions: Sequence[Institution | None]


def _look_up(
    event: Event, applicants: Sequence[Applicant], asked: Sequence[_Asked], claim: dict[str, Any] | None
) -> _Known:
    """One query, which claims the form as well."""
    # In SQL, as in `services.quotas`. A key that is not used is gone: nothing needs them without gaps.
    # Written out, so that one plan is good for all: values of an array it would have to count.
    addresses = [one.registration.email_key for one in asked]
    people = Tuples(
        f"""
        SELECT asked.email_key, person.id,
        nextval(pg_get_serial_sequence('registrations_registration', 'id')),
        nextval(pg_get_serial_sequence('accounts_person', 'id')),
        EXISTS (
            SELECT FROM registrations_registration AS mine
            WHERE mine.event_id = %s AND mine.email_key = asked.email_key AND mine.state IN ({_LIVE})
        )
        FROM (VALUES {", ".join(["(%s::varchar)"] * len(addresses))}) AS asked (email_key)
        LEFT JOIN accounts_person AS person ON person.email_key = asked.email_key
        """,  # noqa: S608 (names of ours; values are parameters)
        [event.pk, *addresses],
    )
    named = [person.institution for person in applicants]
    chosen = [one for one in named if isinstance(one, Chosen)]
    claiming = [idempotency.claiming(**claim)] if claim else []
    answers = read(*claiming, people, *institutions.asking(chosen))
    claimed, (rows, *universities) = answers[: len(claiming)], answers[len(claiming) :]
    found = iter(institutions.among(universities, chosen))
    return _Known(claimed == [[]], rows, [next(found) if isinstance(one, Chosen) else one for one in named])


def _identify(asked: Sequence[_Asked], known: _Known, *, in_group: bool) -> list[Person]:
    """Set `person`, institution and key of each; returns those of whom nothing was known, to be written. Raises CannotRegister where
    somebody is registered already. Who becomes known, or registers, at this moment runs into a constraint."""
    if any(is_registered for *_, is_registered in known.rows):
        raise CannotRegister([group_has_registered() if in_group else already_registered()])
    # In the order of the form, whatever order the rows came in.
    keys = sorted(key for _email, _person, key, *_ in known.rows)
    people = {email: (person, fresh) for email, person, _key, fresh, _is_registered in known.rows}
    newcomers: list[Person] = []
    for one, key, institution in zip(asked, keys, known.institutions, strict=True):
        registration = one.registration
        registration.pk, registration.institution = key, institution
        registration.person_id, fresh = people[registration.email_key]
        if registration.person_id is None:
            registration.person = Person(
                pk=fresh,
                email=registration.email,
                email_key=registration.email_key,
                name=registration.name,
                native_name=registration.native_name,
                family_name=registration.family_name,
                name_order=order_of(registration.name, registration.family_name),
                affiliation=registration.affiliation,
                institution=registration.institution,
                country=registration.country,
            )
            newcomers.append(registration.person)
    return newcomers


def _new(event: Event, person: Applicant, now: datetime) -> Registration:
    registration = Registration(
        event=event,
        ticket_type=person.ticket_type,
        state=RegistrationState.WAITING,
        name=person.name,
        native_name=person.native_name,
        email=person.email.strip(),
        email_key=email_key(person.email),
        language=person.language,
        family_name=person.family_name,
        affiliation=person.affiliation,
        country=person.country,
        ticket_price=person.ticket_type.price,
        amount=person.ticket_type.price,
        currency=event.currency,
        registered_at=now,
        state_changed_at=now,
    )
    registration.search_text = registration.searchable()
    return registration


def _in_one_order(rows: Iterable[_Row]) -> list[_Row]:
    """Everywhere the same, so that two groups with the same people do not lock each other."""
    return sorted(rows, key=lambda row: row.email_key or "")


def _write(
    event: Event,
    registrations: Sequence[Registration],
    lines: Sequence[LineItem],
    now: datetime,
    *,
    in_group: bool,
    into: Inserts,
) -> None:
    if in_group:
        group = RegistrationGroup.objects.create(event=event, registered_at=now)
        for registration in registrations:
            registration.group = group
    into.add(_in_one_order(registrations))
    into.add(lines)
    write_charges(((registration, Decimal(0)) for registration in registrations), now, into=into)


@transaction.atomic
def remind_of_registration(*, event: Event, emails: Collection[str], now: datetime) -> None:
    """Somebody typed addresses of which some are registered: tell their owners, and nobody else. At most one such mail an hour
    to each."""
    told = []
    for registration in Registration.objects.live().filter(event=event).of_addresses(emails).with_details():
        registration.event = event
        told.append(notices.notice(notices.REGISTERED_ALREADY, registration, revision=f"{now:%Y%m%d%H}"))
    ledger.notify_many(kind=notices.REGISTERED_ALREADY, notices=told, now=now)


def _first(event: Event, people: Sequence[Applicant]) -> list[Registration] | None:
    """Where the form came before: what these people have now."""
    mine = Registration.objects.filter(event=event).of_addresses([person.email for person in people])
    newest = mine.order_by("email_key", "-pk").distinct("email_key")
    # None where they had it erased: whoever sends it once more wants to come again.
    return sorted(newest.select_related("event", "ticket_type"), key=lambda registration: registration.pk) or None


def _sending(form_token: str, people: Sequence[Applicant]) -> str:
    """The same form, sent by the same people: the browser's back button may bring a form back for a colleague to fill in."""
    keys = sorted(email_key(person.email) for person in people)
    return hashlib.sha256("\0".join([form_token, *keys]).encode()).hexdigest()
