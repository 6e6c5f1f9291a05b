"""Writing to the ledger: what will be sent, once."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime

from django.conf import settings
from django.db import transaction

from common.jobs import enqueue_on_commit
from common.text import email_key
from notifications.models import Message, MessageState
from notifications.notices import Notice, NoticeKind


def notify(*, kind: NoticeKind, notice: Notice, now: datetime) -> None:
    """Queue one message; see `notify_many`."""
    notify_many(kind=kind, notices=[notice], now=now)


@transaction.atomic
def notify_many(*, kind: NoticeKind, notices: Iterable[Notice], now: datetime) -> int:
    """Write one row per notice and wake a worker on commit; returns how many rows are new.

    Belongs inside the transaction of what it tells about: no commit, no mail. Idempotent: a row with the same kind, about,
    recipient and revision stays as it is. Notices without an address are left out.
    """
    rows = [_row(kind, notice, now) for notice in notices if notice.to.email]
    written = Message.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1000)
    if written:
        enqueue_on_commit("notifications.deliver_due")
    return len(written)


@transaction.atomic
def withdraw(*, about: Sequence[str], kinds: Sequence[str] | None = None, now: datetime) -> int:
    """Cancel what is queued about these subjects (of these kinds only, where given); returns how many rows.

    What a worker has claimed already is on its way and stays.
    """
    pending = Message.objects.filter(about__in=about, state=MessageState.QUEUED)
    if kinds is not None:
        pending = pending.filter(kind__in=kinds)
    return pending.update(state=MessageState.CANCELLED)


def _row(kind: NoticeKind, notice: Notice, now: datetime) -> Message:
    send_at = notice.send_at or now
    return Message(
        kind=kind.code,
        about=notice.about,
        recipient_key=email_key(notice.to.email),
        revision=notice.revision,
        event_id=notice.event_id,
        recipient_email=notice.to.email,
        recipient_name=notice.to.name,
        language=notice.to.language,
        context={
            **notice.context,
            "recipient_time_zone": notice.to.time_zone,
            "calendar": asdict(notice.calendar) if notice.calendar else None,
        },
        priority=kind.priority,
        created_at=now,
        send_at=send_at,
        due_at=send_at,
        expires_at=notice.expires_at,
        message_id=f"<{uuid.uuid4()}@{settings.MAIL_FROM.rpartition('@')[2]}>",
    )
