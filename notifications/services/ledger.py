"""Writing to the ledger: what will be sent, once."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.db import connection, transaction

from common.inserts import Inserts, insert
from common.jobs import enqueue_on_commit
from common.text import email_key
from notifications.models import CancelReason, Message, MessageState
from notifications.notices import Notice, NoticeKind
from notifications.services import preferences
from notifications.services.rendering import Renderer

#: Advisory lock: planners that write take it alone, withdrawals share it. So no reminder is planned from a programme that is
#: being replaced: either the withdrawal sees the planner's rows, or the planner sees the new programme.
_PLANNING: Final = 7_365_041_182


def notify(*, kind: NoticeKind, notice: Notice, now: datetime) -> None:
    """Queue one message; see `notify_many`."""
    notify_many(kind=kind, notices=[notice], now=now)


@transaction.atomic(savepoint=False)
def notify_many(
    *,
    kind: NoticeKind,
    notices: Iterable[Notice],
    now: datetime,
    renderer: Renderer | None = None,
    into: Inserts | None = None,
) -> None:
    """Write one row per notice and wake a worker on commit.

    Belongs inside the transaction of what it tells about: no commit, no mail. Idempotent: a row with the same kind, about,
    recipient and revision stays as it is. Notices without an address are left out; optional ones to somebody who
    unsubscribed are written as cancelled. `renderer`: one that knows the event already. `into`: with
    what else is written there.
    """
    rows = rows_for(kind, notices, now, renderer=renderer)
    if rows:
        insert(rows, into, ignore_conflicts=True)
        enqueue_on_commit("notifications.deliver_due")


@transaction.atomic
def withdraw(*, about: Sequence[str], kinds: Sequence[str] | None = None, now: datetime) -> int:
    """Cancel what is queued about these subjects (of these kinds only, where given); returns how many rows.

    What a worker has claimed already is on its way and stays. Belongs inside the transaction that changes the subjects.
    """
    if not about:
        return 0
    _join_withdrawals()
    pending = Message.objects.filter(about__in=about, state=MessageState.QUEUED)
    if kinds is not None:
        pending = pending.filter(kind__in=kinds)
    return pending.update(state=MessageState.CANCELLED, reason=CancelReason.WITHDRAWN)


@transaction.atomic
def withdraw_of_event(*, event_id: int, kinds: Collection[str], now: datetime) -> int:
    """Cancel what is queued of these kinds for a whole event; see `withdraw`."""
    _join_withdrawals()
    pending = Message.objects.of_event(event_id).filter(kind__in=kinds, state=MessageState.QUEUED)
    return pending.update(state=MessageState.CANCELLED, reason=CancelReason.WITHDRAWN)


def _join_withdrawals() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [_PLANNING])


def keep_withdrawals_out() -> None:
    """Until the end of this transaction, no withdrawal is under way: what is read from now on is true when it is written."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_PLANNING])


def rows_for(
    kind: NoticeKind, notices: Iterable[Notice], now: datetime, *, renderer: Renderer | None = None
) -> list[Message]:
    """The rows of these notices, not written yet: subjects rendered, optional ones to the unsubscribed cancelled."""
    rows = [_row(kind, notice, now) for notice in notices if notice.to.email]
    renderer = renderer or Renderer()
    renderer.prepare(rows)
    for row in rows:
        row.subject = renderer.subject(kind, row)
    if kind.is_optional:
        for row in preferences.unsubscribed_among(rows):
            row.state, row.reason = MessageState.CANCELLED, CancelReason.UNSUBSCRIBED
    return rows


def _row(kind: NoticeKind, notice: Notice, now: datetime) -> Message:
    send_at = notice.send_at or now
    context: dict[str, Any] = {**notice.context, "recipient_time_zone": notice.to.time_zone}
    if notice.calendar:
        context["calendar"] = asdict(notice.calendar)
    if notice.calendars:
        context["calendars"] = [asdict(part) for part in notice.calendars]
    return Message(
        kind=kind.code,
        about=notice.about,
        recipient_key=email_key(notice.to.email),
        revision=notice.revision,
        event_id=notice.event_id,
        recipient_email=notice.to.email,
        recipient_name=notice.to.name[:200],
        language=notice.to.language or settings.LANGUAGE_CODE,
        context=context,
        priority=kind.priority,
        created_at=now,
        send_at=send_at,
        due_at=send_at,
        expires_at=notice.expires_at,
        message_id=f"<{uuid.uuid4()}@{settings.MAIL_FROM.rpartition('@')[2]}>",
    )
