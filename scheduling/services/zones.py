from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from events.models import Event
from scheduling.models import Slot


def keep_wall_clocks(event: Event, old: ZoneInfo, new: ZoneInfo, now: datetime) -> None:
    """Move the draft's slots so that 09:00 stays 09:00 in the event's new zone.

    Called inside the transaction that changes the zone (`events.hooks.zone_changed`). Releases stay as they are: they were
    published as instants, and the next one tells the speakers. Lengths are kept; a slot over a change of clocks ends where its
    length says.
    """
    slots = list(Slot.objects.select_for_update().filter(schedule__event=event, schedule__version=None).order_by("pk"))
    for slot in slots:
        length = slot.duration
        slot.starts_at = slot.starts_at.astimezone(old).replace(tzinfo=new)
        slot.ends_at = slot.starts_at + length
    Slot.objects.bulk_update(slots, ["starts_at", "ends_at"], batch_size=1000)
