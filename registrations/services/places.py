"""What becomes of a registration and its place: changed, moved, approved, accepted, given back.

Source: docs/explanation/places-and-waiting-list.md

Locks: see `registrations.services.quotas`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.names import has_part
from common import audit
from common.problems import Problem, Refusal
from events.models import Permission
from events.policies import may
from events.services.texts import validate
from notifications.notices import NoticeKind
from registrations import history, notices
from registrations.models import (
    HOLDS_A_PLACE,
    IS_CHARGED,
    LineItem,
    LineState,
    Registration,
    RegistrationState,
    TicketType,
)
from registrations.problems import event_is_over, not_offered, offer_expired, problems_with_time, sold_out
from registrations.services.answers import questions_of, replace_answers
from registrations.services.charges import change_amount, confirm_if_paid, enter, let_in, write_charges
from registrations.services.promotion import end_all, expire_overdue, is_overdue, serve_line
from registrations.services.quotas import counting_of, give_back, lock_quotas, recount
from registrations.services.telling import held_lines, tell, tell_of_change, tell_of_states

#: What their owner, or the organizer, may change of a registration.
CHANGEABLE: Final = frozenset(
    {"name", "native_name", "family_name", "affiliation", "institution", "country", "language", "answers"}
)
#: What a service brings up to date on the caller's registration, beside what can be changed.
_KEPT_UP: Final = (
    *("state", "revision", "cancelled_at", "state_changed_at", "ticket_price", "amount"),
    *("offer_expires_at", "payment_due_at"),
)


class CannotChangeRegistration(Refusal):
    """Codes `registration_is_over`, `event_is_over`, `not_pending`, `sold_out`, `not_offered`, `offer_expired`, and those of
    answers and products."""


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


def may_change(registration: Registration, actor: User | None, now: datetime) -> Registration:
    """The row, locked, as it is stored. Raises CannotChangeRegistration where nothing may be changed of it any more."""
    stored = _locked(registration)
    if problems := _problems_with_changing(stored, actor, now):
        raise CannotChangeRegistration(problems)
    return stored


def _problems_with_changing(registration: Registration, actor: User | None, now: datetime) -> list[Problem]:
    if not registration.is_live:
        return [_is_over()]
    if registration.event.is_over(now) and not may(actor, Permission.MANAGE_REGISTRATIONS, registration.event):
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
