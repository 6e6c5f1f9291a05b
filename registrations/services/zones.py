from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import transaction

from events.models import Event
from registrations.models import TicketType


@transaction.atomic
def keep_wall_clocks(event: Event, old: ZoneInfo, new: ZoneInfo, now: datetime) -> None:
    """Registration that opens at 09:00 opens at 09:00 of the new zone."""
    tickets = list(TicketType.objects.select_for_update().filter(event=event))
    for ticket in tickets:
        for name in ("available_from", "available_until"):
            if instant := getattr(ticket, name):
                setattr(ticket, name, instant.astimezone(old).replace(tzinfo=new))
    TicketType.objects.bulk_update(tickets, ["available_from", "available_until"])
