"""Telling those who have a place that the event has other days or another place."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import F

from events.models import Event, EventState
from notifications.models import CancelReason, Message, MessageState
from notifications.notices import CalendarPart
from notifications.services import ledger
from registrations import notices
from registrations.models import Registration, RegistrationState

_FIELDS: Final = frozenset({"starts_on", "ends_on", "venue"})


@transaction.atomic
def event_changed(event: Event, fields: frozenset[str], now: datetime) -> None:
    """Queue one mail with the new calendar entry to each confirmed registration whose last entry shows another day or place.

    Called inside the transaction that changes the event (`events.hooks.event_changed`). Locks the confirmed registrations in id
    order and raises their revision, and with it the entry's SEQUENCE. Goes out after `event.quiet_minutes`; what is queued by
    then is told by the next mail, and is withdrawn where the event is back where it was.
    """
    if not fields & _FIELDS or event.state != EventState.LIVE or event.is_over(now):
        return
    confirmed = Registration.objects.filter(event=event, state=RegistrationState.CONFIRMED)
    registrations = list(confirmed.select_related("ticket_type").select_for_update(of=("self",)).order_by("pk"))
    shown, queued = _entries(event)
    merged: list[int] = []
    untrue: list[int] = []
    changed: list[Registration] = []
    for registration in registrations:
        registration.event = event
        about = notices.about(registration)
        if _looks(notices.calendar(registration, method="REQUEST")) != shown.get(about):
            changed.append(registration)
            merged += queued.get(about, [])
        else:
            untrue += queued.get(about, [])
    for rows, reason in ((merged, CancelReason.MERGED), (untrue, CancelReason.WITHDRAWN)):
        Message.objects.filter(pk__in=rows).update(state=MessageState.CANCELLED, reason=reason)
    if not changed:
        return
    Registration.objects.filter(pk__in=[registration.pk for registration in changed]).update(revision=F("revision") + 1)
    for registration in changed:
        registration.revision += 1
    send_at = now + timedelta(minutes=event.quiet_minutes)
    written = [
        replace(notices.notice(notices.EVENT_CHANGED, registration), send_at=send_at) for registration in changed
    ]
    ledger.notify_many(kind=notices.EVENT_CHANGED, notices=written, now=now)


def _entries(event: Event) -> tuple[dict[str, tuple[Any, ...]], dict[str, list[int]]]:
    """By registration: the calendar entry that it was last sent, and what is queued about a change and may be taken back."""
    kinds = [kind.code for kind in notices.INVITING]
    rows = Message.objects.of_event(event.pk).filter(kind__in=kinds)
    # A worker claims none of them from here on.
    list(rows.filter(state=MessageState.QUEUED).select_for_update().order_by("pk").values_list("pk"))
    shown: dict[str, tuple[Any, ...]] = {}
    queued: dict[str, list[int]] = {}
    for row in rows.exclude(state=MessageState.CANCELLED).defer("rendered").order_by("pk"):
        if row.kind == notices.EVENT_CHANGED.code and row.state == MessageState.QUEUED and not row.attempts:
            queued.setdefault(row.about, []).append(row.pk)
        elif part := row.context.get("calendar"):
            shown[row.about] = _looks(CalendarPart(**part))
    return shown, queued


def _looks(part: CalendarPart) -> tuple[Any, ...]:
    return part.start, part.end, part.location
