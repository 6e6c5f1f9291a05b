"""Mails about registrations, many at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from common.inserts import Inserts
from notifications.notices import NoticeKind
from notifications.services import ledger
from notifications.services.rendering import Renderer
from registrations import notices
from registrations.models import LineItem, LineState, Registration, RegistrationState

#: How long before a payment is due its owner is reminded.
REMINDED_BEFORE = timedelta(days=3)


def tell(kind: NoticeKind, registration: Registration, now: datetime, **facts: Any) -> None:
    ledger.notify(kind=kind, notice=notices.notice(kind, registration, **facts), now=now)


def tell_of_states(
    registrations: Sequence[Registration],
    kinds: Mapping[RegistrationState, NoticeKind],
    lines: Mapping[int, Sequence[LineItem]],
    now: datetime,
    *,
    renderer: Renderer | None = None,
    into: Inserts | None = None,
) -> None:
    """One message each, by the state that they are in; `lines`: by registration. Who must pay is reminded once before it is
    due. `renderer`: one that knows the event already. `into`: with what else is written there."""
    for state, kind in kinds.items():
        told = [registration for registration in registrations if registration.state == state]
        facts = ((registration, {"lines": lines.get(registration.pk, ())}) for registration in told)
        _tell_all(kind, facts, now, renderer=renderer, into=into)
    awaited = [
        registration for registration in registrations if registration.state == RegistrationState.AWAITING_PAYMENT
    ]
    _remind_later(awaited, now, renderer=renderer, into=into)


def tell_of_lines(kind: NoticeKind, lines: Iterable[LineItem], now: datetime) -> None:
    """One message for each line, to its registration."""
    _tell_all(
        kind,
        ((line.registration, {"line": line, "revision": f"{line.registration.revision}.{line.pk}"}) for line in lines),
        now,
    )


def _tell_all(
    kind: NoticeKind,
    told: Iterable[tuple[Registration, Mapping[str, Any]]],
    now: datetime,
    **how: Any,
) -> None:
    rows = [notices.notice(kind, registration, **facts) for registration, facts in told]
    if rows:
        ledger.notify_many(kind=kind, notices=rows, now=now, **how)


def _remind_later(registrations: Iterable[Registration], now: datetime, **how: Any) -> None:
    def facts(registration: Registration) -> dict[str, Any]:
        assert registration.payment_due_at
        return {"send_at": registration.payment_due_at - REMINDED_BEFORE, "expires_at": registration.payment_due_at}

    in_time = (r for r in registrations if r.payment_due_at and r.payment_due_at - REMINDED_BEFORE > now)
    _tell_all(notices.PAYMENT_REMINDER, ((registration, facts(registration)) for registration in in_time), now, **how)


def held_lines(registration: Registration) -> list[LineItem]:
    """What is theirs beside the ticket, with its products, in order."""
    return list(registration.lines.filter(state=LineState.HELD).in_order())


def tell_of_change(registration: Registration, now: datetime, *, is_paid: bool = False) -> None:
    """How it stands now. `is_paid`: the change made it cost no more than was paid, so that it is confirmed."""
    owed = registration.ledger.owed() if registration.amount > 0 else Decimal(0)
    kind = notices.CONFIRMED if is_paid else notices.CHANGED
    tell(kind, registration, now, lines=held_lines(registration), owed=owed)
