"""What moves with the event's zone and days."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models.functions import Least

from events.models import Event
from registrations.models import LineItem, LineState, Product, Registration, RegistrationState, TicketType
from registrations.services.quotas import lock_quotas


@transaction.atomic
def keep_wall_clocks(event: Event, old: ZoneInfo, new: ZoneInfo, now: datetime) -> None:
    """Registration that opens at 09:00 opens at 09:00 of the new zone."""
    model: Any
    for model in (TicketType, Product):
        things = list(model.objects.select_for_update().filter(event=event))
        for thing in things:
            for name in ("available_from", "available_until"):
                if instant := getattr(thing, name):
                    setattr(thing, name, instant.astimezone(old).replace(tzinfo=new))
        model.objects.bulk_update(things, ["available_from", "available_until"])


@transaction.atomic
def keep_deadlines(event: Event, changed: frozenset[str], now: datetime) -> None:
    """No offer runs beyond the event's beginning, and no payment is due after its end, wherever they were moved to."""
    if not changed & {"starts_on", "ends_on", "time_zone"}:
        return
    lock_quotas(event.pk)
    first, last = max(now, event.starts_at), max(now, event.ends_at)
    registrations = Registration.objects.filter(event=event)
    registrations.filter(state=RegistrationState.OFFERED).update(offer_expires_at=Least("offer_expires_at", first))
    registrations.filter(state=RegistrationState.AWAITING_PAYMENT).update(payment_due_at=Least("payment_due_at", last))
    LineItem.objects.filter(registration__event=event, state=LineState.OFFERED).update(
        offer_expires_at=Least("offer_expires_at", first)
    )
