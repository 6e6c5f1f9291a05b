"""Giving places, and taking them back. Source: docs/explanation/places-and-waiting-list.md

Locks: see `registrations.services.quotas`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import Institution, Person, User
from accounts.names import has_part, order_of
from common import audit, idempotency
from common.inserts import Inserts, new_keys
from common.problems import Invalid, Problem, Refusal
from common.text import email_key
from events.models import Event, Permission
from events.policies import may
from events.services.texts import validate
from notifications.notices import NoticeKind
from notifications.services import ledger
from registrations import history, notices
from registrations.models import (
    HOLDS_A_PLACE,
    IS_CHARGED,
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
    event_is_over,
    group_has_registered,
    group_sold_out,
    not_offered,
    of_person,
    offer_expired,
    problems_with_group,
    problems_with_products,
    problems_with_time,
    product_sold_out,
    sold_out,
)
from registrations.services.answers import check_answers, questions_of, replace_answers, take_files, write_answers
from registrations.services.charges import change_amount, confirm_if_paid, enter, let_in, write_charges
from registrations.services.promotion import end_all, expire_overdue, is_overdue, serve_line
from registrations.services.quotas import QuotasChanged, counting_of, give_back, lock_quotas, recount, take
from registrations.services.setups import Setup, setup_of
from registrations.services.telling import held_lines, tell, tell_of_change, tell_of_states

_Row = TypeVar("_Row", Person, Registration)

#: What their owner, or the organizer, may change of a registration.
CHANGEABLE: Final = frozenset(
    {"name", "native_name", "family_name", "affiliation", "institution", "country", "language", "answers"}
)
#: A code that is taken already comes up once in millions; then another is drawn.
_TRIES: Final = 3
#: Organizers register people before it opens and after it closes.
_NOT_FOR_ORGANIZERS: Final = frozenset(
    {"registration_not_open", "registration_closed", "product_not_open", "product_closed"}
)
#: What a service brings up to date on the caller's registration, beside what can be changed.
_KEPT_UP: Final = (
    *("state", "revision", "cancelled_at", "state_changed_at", "ticket_price", "amount"),
    *("offer_expires_at", "payment_due_at"),
)


class CannotRegister(Refusal):
    """Codes of `registrations.problems`, `sold_out` and `already_registered` among them."""


class CannotChangeRegistration(Refusal):
    """Codes `registration_is_over`, `event_is_over`, `not_pending`, `sold_out`, `not_offered`, `offer_expired`, and those of
    answers and products."""


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
    institution: Institution | None = None
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
    institution: Institution | None = None,
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
    sending = _sending(form_token, people)
    for attempt in range(_TRIES):
        try:
            with transaction.atomic():
                if form_token and (first := _claimed(event, sending, people, now)):
                    return first
                # Once it ran into a change of the ticket's quotas it keeps out further ones, and reads all anew.
                current = setup if setup and not attempt else setup_of(event)
                return _register(
                    event, people, in_group=in_group, setup=current, actor=actor, alone=attempt > 0, now=now
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


def _register(
    event: Event,
    people: Sequence[Applicant],
    *,
    in_group: bool,
    setup: Setup,
    actor: User | None,
    alone: bool,
    now: datetime,
) -> list[Registration]:
    questions = setup.questions
    registrations = [_new(event, person, now) for person in people]
    reads = [
        check_answers(
            questions=questions, answers=person.answers, ticket_type=person.ticket_type, country=person.country
        )
        for person in people
    ]
    problems = [
        of_person(problem, place) if in_group else problem
        for place, (person, read) in enumerate(zip(people, reads, strict=True))
        for problem in [
            *problems_with_time(event, person.ticket_type, now),
            *read.problems,
            *problems_with_products(event, person.ticket_type, person.products, now),
        ]
        if not (problem.code in _NOT_FOR_ORGANIZERS and _organizes(actor, event))
    ]
    if problems:
        raise CannotRegister(list(dict.fromkeys(problems)))
    _validate(registrations, in_group=in_group)
    newcomers = _find_people(event, registrations, in_group=in_group)
    lines = [
        _new_line(registration, product, quantity, now)
        for registration, person in zip(registrations, people, strict=True)
        for product, quantity in person.products
    ]
    keys = new_keys({Registration: len(registrations), Person: len(newcomers)})
    for row in (*registrations, *newcomers):
        row.pk = keys[type(row)].pop(0)
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
    written = Inserts()
    written.add(_in_one_order(newcomers))
    _write(event, registrations, lines, now, in_group=in_group, into=written)
    answers = [
        write_answers(registration, questions=questions, values=read.values, now=now, into=written)
        for registration, read in zip(registrations, reads, strict=True)
    ]
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
    written.write()
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


def _find_people(event: Event, registrations: Sequence[Registration], *, in_group: bool) -> list[Person]:
    """Set `person` of each; returns those of whom nothing was known, to be written. Raises CannotRegister where somebody is
    registered already. Who becomes known, or registers, at this moment runs into a constraint."""
    # In SQL, as in `services.quotas`.
    known = Person.objects.raw(
        """
        SELECT person.*, EXISTS (
            SELECT FROM registrations_registration AS mine
            WHERE mine.event_id = %s AND mine.email_key = person.email_key AND mine.state = ANY(%s)
        ) AS is_registered FROM accounts_person AS person WHERE person.email_key = ANY(%s)
        """,
        [event.pk, sorted(IS_LIVE), [registration.email_key for registration in registrations]],
    )
    people: dict[str | None, Any] = {person.email_key: person for person in known}
    if any(person.is_registered for person in people.values()):
        raise CannotRegister([group_has_registered() if in_group else already_registered()])
    newcomers = []
    for registration in registrations:
        person = people.get(registration.email_key)
        if person is None:
            person = Person(
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
            newcomers.append(person)
        registration.person = person
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
        institution=person.institution,
        country=person.country,
        ticket_price=person.ticket_type.price,
        amount=person.ticket_type.price,
        currency=event.currency,
        registered_at=now,
        state_changed_at=now,
    )
    registration.search_text = registration.searchable()
    return registration


def _new_line(registration: Registration, product: Product, quantity: int, now: datetime) -> LineItem:
    return LineItem(
        registration=registration,
        product=product,
        quantity=quantity,
        unit_price=product.price,
        state=LineState.WAITING,
        asked_at=now,
        state_changed_at=now,
    )


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


@transaction.atomic
def change_registration(
    *, registration: Registration, changes: Mapping[str, Any], actor: User | None, now: datetime
) -> Registration:
    """Change what somebody said about themselves (`CHANGEABLE`); `answers` replaces those that it names.

    Locks the row. Audit "registration_changed"; one message where anything changed. Raises CannotChangeRegistration, Invalid.
    """
    if unknown := set(changes) - CHANGEABLE:
        raise ValueError(f"not changeable: {sorted(unknown)}")
    stored = may_change(registration, actor, now)
    asked = "answers" in changes
    before = history.snapshot(stored, with_answers=asked)
    changed = {name for name, value in changes.items() if name != "answers" and getattr(stored, name) != value}
    for name in changed:
        setattr(stored, name, changes[name])
    if not has_part(stored.name, stored.family_name) and "family_name" not in changes:
        stored.family_name = ""
    if "answers" in changes:
        is_changed, problems = replace_answers(
            stored, questions=questions_of(stored.event), changes=changes["answers"], now=now
        )
        if problems:
            raise CannotChangeRegistration(problems)
        if is_changed:
            changed.add("answers")
    if not changed:
        return _taken_over(registration, stored)
    validate(stored, exclude=("event", "ticket_type", "person"), constraints=False)
    stored.revision += 1
    stored.search_text = stored.searchable()
    stored.save()
    audit.record(
        actor=actor,
        verb="registration_changed",
        subject=stored,
        at=now,
        event_id=stored.event_id,
        fields=sorted(changed),
        changes=history.differences(before, history.snapshot(stored, with_answers=asked), stored.event.locales),
    )
    tell_of_change(stored, now)
    return _taken_over(registration, stored)


@transaction.atomic
def move_to_ticket(
    *, registration: Registration, ticket_type: TicketType, actor: User | None, now: datetime
) -> Registration:
    """Another ticket of the event, at the price that it has now. Who holds a place keeps one, or the move is refused; who waits
    keeps their turn in the other line.

    Locks the event's quotas, then the row. Audit "registration_moved"; one message, and one to each who gets a place by it.
    Raises CannotChangeRegistration (`sold_out`, `ticket_not_of_event`, `registration_is_over`). Repeating it changes nothing.
    """
    quotas = lock_quotas(registration.event_id)
    stored = _locked(registration)
    if ticket_type.event_id != stored.event_id:
        raise CannotChangeRegistration(problems_with_time(stored.event, ticket_type, now))
    if not stored.is_live:
        raise CannotChangeRegistration([_is_over()])
    old = stored.ticket_type
    if old.pk == ticket_type.pk:
        return _taken_over(registration, stored)
    if stored.state in HOLDS_A_PLACE:
        counting = counting_of([old.pk, ticket_type.pk])
        if not recount(counting.tickets[old.pk], counting.tickets[ticket_type.pk], 1, quotas):
            raise CannotChangeRegistration([sold_out(ticket_type)])
    stored.ticket_type = ticket_type
    amount = stored.amount - stored.ticket_price + ticket_type.price
    is_paid = change_amount(stored, amount, now, ticket_price=ticket_type.price)
    stored.revision += 1
    stored.save(update_fields=["ticket_type", "revision"])
    audit.record(
        actor=actor,
        verb="registration_moved",
        subject=stored,
        at=now,
        event_id=stored.event_id,
        old=str(old.name),
        new=str(ticket_type.name),
    )
    tell_of_change(stored, now, is_paid=is_paid)
    serve_line(event_id=stored.event_id, now=now)
    registration.ticket_type = ticket_type
    return _taken_over(registration, stored)


@transaction.atomic
def cancel_registration(
    *, registration: Registration, actor: User | None, now: datetime, reason: str = ""
) -> Registration:
    """Give the place back; the first in line who fits gets it in the same transaction. Repeating it changes nothing.

    Locks the event's quotas, then the row. Audit "registration_cancelled"; one message, and one to who got the place.
    """
    return _end(
        registration,
        RegistrationState.CANCELLED,
        notices.CANCELLED,
        "registration_cancelled",
        actor=actor,
        now=now,
        reason=reason,
    )


@transaction.atomic
def reject(*, registration: Registration, actor: User | None, now: datetime, reason: str = "") -> Registration:
    """The organizers say no; the place goes to the next in line. Raises CannotChangeRegistration unless it is pending."""
    return _end(
        registration,
        RegistrationState.REJECTED,
        notices.REJECTED,
        "registration_rejected",
        actor=actor,
        now=now,
        reason=reason,
    )


@transaction.atomic
def approve(*, registration: Registration, actor: User | None, now: datetime) -> Registration:
    """The organizers say yes; the place that was kept is given or, where it costs something, waits for payment. Repeating it
    changes nothing.

    Locks the row. Audit "registration_approved"; one message. Raises CannotChangeRegistration unless it is pending.
    """
    stored = _locked(registration)
    if stored.state in IS_CHARGED:
        return _taken_over(registration, stored)
    if stored.state != RegistrationState.PENDING:
        raise CannotChangeRegistration([_not_pending()])
    let_in(stored, now)
    write_charges([(stored, Decimal(0))], now)
    confirm_if_paid(stored, now)
    _save_state(stored)
    audit.record(actor=actor, verb="registration_approved", subject=stored, at=now, event_id=stored.event_id)
    kinds = {**notices.FOR_STATE, RegistrationState.CONFIRMED: notices.APPROVED}
    tell_of_states([stored], kinds, {stored.pk: held_lines(stored)}, now)
    return _taken_over(registration, stored)


# -- Offers -------------------------------------------------------------------------------------------------------------


def accept_offer(
    *, registration: Registration, line: LineItem | None = None, actor: User | None, now: datetime
) -> Registration:
    """Take the place that is kept for this registration; or, where it has its place, the products that are (`line`: that one
    alone). After the instant at which the offer ends it is refused, whether or not the sweeper has come by.

    Locks the event's quotas, then the row. Audit "offer_accepted"; one message. Products that waited with the registration are
    served with it. Raises CannotChangeRegistration (`not_offered`, `offer_expired`, `event_is_over`).
    """
    if is_overdue(registration, now):
        expire_overdue(event_id=registration.event_id, now=now)
    with transaction.atomic():
        lock_quotas(registration.event_id)
        stored = _locked(registration)
        if problems := _problems_with_changing(stored, None, now):
            raise CannotChangeRegistration([offer_expired()] if stored.state == RegistrationState.EXPIRED else problems)
        if stored.state == RegistrationState.OFFERED:
            _accept_place(stored, actor, now)
        else:
            _accept_lines(stored, line, actor, now)
    return _taken_over(registration, stored)


def _accept_place(stored: Registration, actor: User | None, now: datetime) -> None:
    enter(stored, now)
    write_charges([(stored, Decimal(0))], now)
    confirm_if_paid(stored, now)
    _save_state(stored)
    audit.record(actor=actor, verb="offer_accepted", subject=stored, at=now, event_id=stored.event_id)
    serve_line(event_id=stored.event_id, now=now, placed=[stored.pk])
    stored.refresh_from_db(fields=["amount", "revision"])
    if stored.state == RegistrationState.CONFIRMED and stored.amount > 0:
        # The ticket is free, or paid for; what came with it may not be.
        let_in(stored, now)
        confirm_if_paid(stored, now)
        _save_state(stored)
    tell_of_states([stored], notices.FOR_STATE, {stored.pk: held_lines(stored)}, now)


def _accept_lines(stored: Registration, line: LineItem | None, actor: User | None, now: datetime) -> None:
    lines = list(stored.lines.wanted().filter(**({"pk": line.pk} if line else {})).in_order())
    offered = [one for one in lines if one.state == LineState.OFFERED]
    if not offered:
        is_late = line is not None and LineItem.objects.filter(pk=line.pk, state=LineState.EXPIRED).exists()
        raise CannotChangeRegistration([offer_expired() if is_late else not_offered()])
    for one in offered:
        one.state, one.offer_expires_at, one.state_changed_at = LineState.HELD, None, now
    LineItem.objects.bulk_update(offered, ["state", "offer_expires_at", "state_changed_at"])
    change_amount(stored, stored.amount + sum((one.total for one in offered), Decimal(0)), now)
    stored.revision += 1
    stored.save(update_fields=["revision"])
    audit.record(
        actor=actor,
        verb="offer_accepted",
        subject=stored,
        at=now,
        event_id=stored.event_id,
        products=[str(one.product.name) for one in offered],
    )
    tell_of_change(stored, now)


def decline_offer(
    *, registration: Registration, line: LineItem | None = None, actor: User | None, now: datetime
) -> Registration:
    """Give up the place, or the product of `line`, that is kept: it goes to the next in line in the same transaction. As
    cancelling, audit "offer_declined"; repeating it changes nothing. Raises CannotChangeRegistration (`not_offered`): who has
    accepted meanwhile keeps their place."""
    if line is None:
        return _decline_place(registration, actor, now)
    with transaction.atomic():
        quotas = lock_quotas(registration.event_id)
        stored = _locked(registration)
        offered = list(stored.lines.filter(pk=line.pk, state=LineState.OFFERED).select_related("product"))
        give_back([], offered, quotas)
        for one in offered:
            one.state, one.offer_expires_at, one.state_changed_at = LineState.CANCELLED, None, now
            one.save(update_fields=["state", "offer_expires_at", "state_changed_at"])
            audit.record(
                actor=actor,
                verb="offer_declined",
                subject=stored,
                at=now,
                event_id=stored.event_id,
                product=str(one.product.name),
            )
        serve_line(event_id=stored.event_id, now=now)
    return _taken_over(registration, stored)


@transaction.atomic
def _decline_place(registration: Registration, actor: User | None, now: datetime) -> Registration:
    lock_quotas(registration.event_id)
    if _locked(registration).state not in {RegistrationState.OFFERED, RegistrationState.CANCELLED}:
        raise CannotChangeRegistration([not_offered()])
    return _end(
        registration,
        RegistrationState.CANCELLED,
        notices.CANCELLED,
        "offer_declined",
        actor=actor,
        now=now,
        reason="",
    )


# -- Endings ------------------------------------------------------------------------------------------------------------


def _end(
    registration: Registration,
    state: RegistrationState,
    kind: NoticeKind,
    verb: str,
    *,
    actor: User | None,
    now: datetime,
    reason: str,
) -> Registration:
    quotas = lock_quotas(registration.event_id)
    stored = _locked(registration)
    if stored.state == state:
        return _taken_over(registration, stored)
    if state == RegistrationState.REJECTED and stored.state != RegistrationState.PENDING:
        raise CannotChangeRegistration([_not_pending()])
    if problems := _problems_with_changing(stored, actor, now):
        raise CannotChangeRegistration(problems)
    was_invited = stored.state == RegistrationState.CONFIRMED
    end_all([stored], state, quotas=quotas, now=now)
    audit.record(actor=actor, verb=verb, subject=stored, at=now, event_id=stored.event_id, reason=reason)
    tell(kind, stored, now, reason=reason, was_invited=was_invited)
    serve_line(event_id=stored.event_id, now=now)
    return _taken_over(registration, stored)


# -- Rows ---------------------------------------------------------------------------------------------------------------


def _claimed(event: Event, sending: str, people: Sequence[Applicant], now: datetime) -> list[Registration] | None:
    """Where the form came before: what these people have now."""
    if idempotency.claim(caller=f"form:{event.pk}", key=sending, now=now) is None:
        return None
    mine = Registration.objects.filter(event=event).of_addresses([person.email for person in people])
    newest = mine.order_by("email_key", "-pk").distinct("email_key")
    # None where they had it erased: whoever sends it once more wants to come again.
    return sorted(newest.select_related("event", "ticket_type"), key=lambda registration: registration.pk) or None


def _sending(form_token: str, people: Sequence[Applicant]) -> str:
    """The same form, sent by the same people: the browser's back button may bring a form back for a colleague to fill in."""
    keys = sorted(email_key(person.email) for person in people)
    return hashlib.sha256("\0".join([form_token, *keys]).encode()).hexdigest()


def _locked(registration: Registration) -> Registration:
    return (
        Registration.objects.select_for_update(of=("self",))
        .select_related("event__venue", "ticket_type")
        .get(pk=registration.pk)
    )


def _taken_over(registration: Registration, stored: Registration) -> Registration:
    for name in (*_KEPT_UP, *(CHANGEABLE - {"answers"})):
        setattr(registration, name, getattr(stored, name))
    registration.forget_details()
    return registration


def _save_state(registration: Registration) -> None:
    registration.revision += 1
    registration.save(
        update_fields=["state", "state_changed_at", "offer_expires_at", "payment_due_at", "amount", "revision"]
    )


def _organizes(actor: User | None, event: Event) -> bool:
    return actor is not None and may(actor, Permission.MANAGE_REGISTRATIONS, event)


def may_change(registration: Registration, actor: User | None, now: datetime) -> Registration:
    """The row, locked, as it is stored. Raises CannotChangeRegistration where nothing may be changed of it any more."""
    stored = _locked(registration)
    if problems := _problems_with_changing(stored, actor, now):
        raise CannotChangeRegistration(problems)
    return stored


def _problems_with_changing(registration: Registration, actor: User | None, now: datetime) -> list[Problem]:
    if not registration.is_live:
        return [_is_over()]
    if registration.event.is_over(now) and not _organizes(actor, registration.event):
        return [event_is_over()]
    return []


def _is_over() -> Problem:
    return Problem(
        code="registration_is_over",
        message=_("This registration is cancelled."),
        fix=_("Register again, as long as there are places."),
    )


def _not_pending() -> Problem:
    return Problem(
        code="not_pending",
        message=_("This registration does not wait for approval."),
        fix=_("Cancel it instead, if it should not stand."),
    )
