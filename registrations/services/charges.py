"""What registrations owe. Source: docs/explanation/places-and-waiting-list.md

A charge is written in the transaction in which somebody gets a place, or has more or less of what costs something. So the sum
of a registration's charges is its `amount` while it is confirmed or waits for payment, and nothing otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.db.models import Sum

from common.inserts import Inserts, insert
from notifications.services import ledger
from registrations import notices
from registrations.models import IS_CHARGED, EntryKind, LedgerEntry, Registration, RegistrationState


def charged(registration: Registration) -> Decimal:
    return registration.amount if registration.state in IS_CHARGED else Decimal(0)


def write_charges(
    changed: Iterable[tuple[Registration, Decimal]], now: datetime, *, into: Inserts | None = None
) -> None:
    """Each with what was charged for it before. One query, or with what else is written `into`; none where nothing costs more or
    less."""
    entries = [
        LedgerEntry(
            registration=registration,
            kind=EntryKind.CHARGE,
            amount=charged(registration) - before,
            paid_at=now,
            recorded_at=now,
        )
        for registration, before in changed
        if charged(registration) != before
    ]
    insert(entries, into)


def enter(registration: Registration, now: datetime) -> None:
    """In memory: the state of somebody who gets a place, and what is set with it. `event` and `ticket_type` are at hand, and
    `amount` is right."""
    if registration.ticket_type.requires_approval:
        _be(registration, RegistrationState.PENDING, now)
    else:
        let_in(registration, now)


def let_in(registration: Registration, now: datetime) -> None:
    """As `enter`, once nobody has to decide any more."""
    if registration.amount > 0:
        _be(registration, RegistrationState.AWAITING_PAYMENT, now)
        registration.payment_due_at = registration.ticket_type.payment_ends(registration.event, now)
    else:
        _be(registration, RegistrationState.CONFIRMED, now)


def _be(registration: Registration, state: RegistrationState, now: datetime) -> None:
    registration.state = state
    registration.state_changed_at = now
    registration.offer_expires_at = None
    registration.payment_due_at = None


def change_amount(
    registration: Registration, amount: Decimal, now: datetime, *, ticket_price: Decimal | None = None
) -> bool:
    """Write what the locked `registration` costs now, and the charge that follows; whether it is paid by that, and so
    confirmed."""
    before = charged(registration)
    registration.amount = amount
    if ticket_price is not None:
        registration.ticket_price = ticket_price
    write_charges([(registration, before)], now)
    is_paid = confirm_if_paid(registration, now)
    registration.save(update_fields=["amount", "ticket_price", "state", "state_changed_at", "payment_due_at"])
    return is_paid


def confirm_if_paid(registration: Registration, now: datetime) -> bool:
    """In memory: nobody who waits for payment owes nothing. Withdraws the reminder."""
    return bool(confirm_paid([registration], now))


def confirm_paid(registrations: Iterable[Registration], now: datetime) -> list[Registration]:
    """In memory: of those who wait for payment, whoever owes nothing has their place; some have paid before they were charged.
    Withdraws their reminders. One query where somebody waits; one more where somebody has paid."""
    waiting = {one.pk: one for one in registrations if one.state == RegistrationState.AWAITING_PAYMENT}
    if not waiting:
        return []
    owed = (
        LedgerEntry.objects.filter(registration__in=waiting)
        .order_by()
        .values_list("registration")
        .annotate(Sum("amount"))
    )
    paid = [waiting[pk] for pk, amount in owed if amount <= 0]
    for registration in paid:
        _be(registration, RegistrationState.CONFIRMED, now)
    reminders = [notices.PAYMENT_REMINDER.code, notices.PAYMENT_DEADLINE.code]
    ledger.withdraw(about=[notices.about(registration) for registration in paid], kinds=reminders, now=now)
    return paid
