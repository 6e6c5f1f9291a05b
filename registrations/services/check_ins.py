"""Letting people in at the door."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts.models import User
from events.models import Event
from registrations.models import CheckIn, CheckInReason, CheckInResult, Registration, RegistrationState


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What a device read off a ticket. `secret`: of the registration, or the whole text of its QR code."""

    scan_id: uuid.UUID
    secret: str
    scanned_at: datetime
    list_name: str = ""
    device: str = ""


@transaction.atomic
def check_in(*, event: Event, scans: Sequence[Scan], actor: User | None, now: datetime) -> list[CheckIn]:
    """Record scans and say of each, in their order, who may come in: each registration once per list.

    Of several scans of one ticket the earliest by the devices' clocks is let in; one that arrived before stays let in.
    Locks the registrations, by row. A scan that is here already is answered as it was then, so that devices may send again
    what they are not sure of. A constant number of queries.
    """
    known = _stored(event, scans)
    new = {scan.scan_id: scan for scan in scans if scan.scan_id not in known}
    tickets = {
        registration.secret: registration
        for registration in Registration.objects.filter(event=event, secret__in={_secret(s) for s in new.values()})
        .select_for_update(no_key=True)
        .order_by("pk")
    }
    inside = set(
        CheckIn.objects.filter(registration__in=tickets.values(), result=CheckInResult.ACCEPTED).values_list(
            "registration", "list_name"
        )
    )
    rows = []
    for scan in sorted(new.values(), key=lambda scan: scan.scanned_at):
        registration = tickets.get(_secret(scan))
        result, reason = _judged(registration, scan.list_name, inside)
        if result == CheckInResult.ACCEPTED and registration is not None:
            inside.add((registration.pk, scan.list_name))
        rows.append(
            CheckIn(
                event=event,
                scan_id=scan.scan_id,
                registration=registration,
                list_name=scan.list_name,
                scanned_at=scan.scanned_at,
                received_at=now,
                device=scan.device,
                result=result,
                reason=reason,
                actor=actor,
            )
        )
    # The same scan may have come in beside us.
    CheckIn.objects.bulk_create(rows, ignore_conflicts=True)
    stored = _stored(event, scans)
    return [stored[scan.scan_id] for scan in scans]


def _judged(
    registration: Registration | None, list_name: str, inside: set[tuple[int, str]]
) -> tuple[CheckInResult, CheckInReason | str]:
    if registration is None:
        return CheckInResult.REFUSED, CheckInReason.UNKNOWN_TICKET
    if (registration.pk, list_name) in inside:
        return CheckInResult.DUPLICATE, CheckInReason.CHECKED_IN_BEFORE
    if registration.state != RegistrationState.CONFIRMED:
        return CheckInResult.REFUSED, CheckInReason.NOT_CONFIRMED
    return CheckInResult.ACCEPTED, ""


def _secret(scan: Scan) -> str:
    return scan.secret.rpartition(":")[2]


def _stored(event: Event, scans: Sequence[Scan]) -> dict[uuid.UUID, CheckIn]:
    found = CheckIn.objects.filter(event=event, scan_id__in=[scan.scan_id for scan in scans])
    return {row.scan_id: row for row in found.select_related("registration")}
