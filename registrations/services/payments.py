"""Money that came or went, as organizers write it down. Source: docs/explanation/places-and-waiting-list.md"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common import audit
from common.money import money
from common.problems import Invalid, Problem, Refusal
from events.models import Event
from events.services.texts import validate
from notifications.notices import NoticeKind
from registrations import notices
from registrations.models import EntryKind, LedgerEntry, Registration
from registrations.problems import more_than_owed, more_than_paid
from registrations.services.charges import confirm_if_paid
from registrations.services.telling import held_lines, tell

#: What organizers write; charges are Lihu's.
BY_HAND: Final = (EntryKind.PAYMENT, EntryKind.REFUND, EntryKind.WAIVER)
_VERBS: Final = {
    EntryKind.PAYMENT: "payment_recorded",
    EntryKind.REFUND: "refund_recorded",
    EntryKind.WAIVER: "waiver_recorded",
}


class CannotRecord(Refusal):
    """Codes `more_than_owed`, `more_than_paid`."""


@transaction.atomic
def record(
    *,
    registration: Registration,
    kind: str,
    amount: Decimal,
    method: str = "",
    reference: str = "",
    paid_at: datetime | None = None,
    key: str = "",
    actor: User | None,
    now: datetime,
) -> LedgerEntry:
    """Append a payment, a refund or a waiver of `amount` (> 0, in the registration's currency) to its ledger. Who waits for
    payment and then owes nothing is confirmed.

    Locks the row. Audit "payment_recorded", "refund_recorded" or "waiver_recorded"; one message where something came or a place
    is confirmed. Money that comes for a registration that is over is written down, too: it is to be given back. Repeating it
    with the same `key` returns the first entry. Raises CannotRecord (`more_than_owed` for waivers, `more_than_paid` for
    refunds), Invalid.
    """
    stored = (
        Registration.objects.select_for_update(of=("self",))
        .select_related("event__venue", "ticket_type")
        .get(pk=registration.pk)
    )
    if key and (first := stored.ledger.filter(key=key).first()):
        return first
    if amount <= 0 or kind not in BY_HAND:
        raise Invalid([Problem(code="amount_invalid", field="amount", message=_("Write an amount above 0."))])
    owed, paid = stored.ledger.owed(), stored.ledger.paid()
    if kind == EntryKind.WAIVER and amount > owed:
        raise CannotRecord([more_than_owed(money(max(owed, Decimal(0)), stored.currency))])
    if kind == EntryKind.REFUND and amount > paid:
        raise CannotRecord([more_than_paid(money(paid, stored.currency))])
    entry = LedgerEntry(
        registration=stored,
        kind=kind,
        amount=amount if kind == EntryKind.REFUND else -amount,
        method=method,
        reference=reference,
        paid_at=paid_at or now,
        recorded_at=now,
        key=key,
    )
    validate(entry, exclude=("registration",), constraints=False)
    entry.save(force_insert=True)
    is_confirmed = confirm_if_paid(stored, now)
    stored.revision += 1
    stored.save(update_fields=["state", "state_changed_at", "payment_due_at", "revision"])
    audit.record(
        actor=actor,
        verb=_VERBS[EntryKind(kind)],
        subject=stored,
        at=now,
        event_id=stored.event_id,
        amount=str(amount),
        reason=reference,
    )
    _tell(stored, entry, owed + entry.amount, is_confirmed=is_confirmed, now=now)
    for name in ("state", "state_changed_at", "payment_due_at", "revision"):
        setattr(registration, name, getattr(stored, name))
    return entry


def _tell(registration: Registration, entry: LedgerEntry, owed: Decimal, *, is_confirmed: bool, now: datetime) -> None:
    kind: NoticeKind | None = None
    if entry.kind == EntryKind.PAYMENT and registration.is_live:
        kind = notices.PAYMENT_PART_RECEIVED if owed > 0 else notices.PAYMENT_RECEIVED
    elif is_confirmed:
        kind = notices.CONFIRMED
    if kind:
        tell(kind, registration, now, lines=held_lines(registration), paid=entry.value, owed=owed)


def balance_of(registration: Registration) -> dict[str, Decimal]:
    """`owed`: still to be paid, negative where something is to be given back; `paid`: what came, less what went back."""
    return {"owed": registration.ledger.owed(), "paid": registration.ledger.paid()}


def overview_of(event: Event) -> dict[str, Any]:
    """What the whole event is owed and was paid; three queries."""
    entries = LedgerEntry.objects.filter(registration__event=event)
    return {"owed": entries.to_come(), "paid": entries.paid(), "to_return": entries.to_return()}
