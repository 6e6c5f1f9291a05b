"""Sending what is due: claim a batch, hand over mail by mail, record each answer before the next.

Claims are conditional updates that skip what another worker holds, and nothing is sent inside a transaction. A worker that
is killed leaves rows in `sending`; `sweep_stuck` queues them again, and at most the one mail that was on the wire goes out
a second time, with the same Message-ID.
"""

from __future__ import annotations

import json
import random
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.db import connection

from common.jobs import enqueue_on_commit
from notifications.models import CancelReason, Delivery, Message, MessageState
from notifications.services import preferences, rendering
from notifications.services.transport import Answer, Mail, ServerTrouble, Transport, Verdict, open_transport

log = structlog.get_logger(__name__)

#: Few, so that a sign-in code never waits long behind a campaign, and a killed worker holds up few.
BATCH: Final = 25
#: A batch that takes longer is put back, so that what is more urgent overtakes.
BATCH_SECONDS: Final = 5
#: Longer than the longest dialogue with a server: about 10 × SMTP_TIMEOUT, see `transport`.
STUCK_AFTER: Final = timedelta(minutes=10)
#: No message is given up sooner than this after it was to go out.
GIVE_UP_AFTER: Final = timedelta(hours=72)
FIRST_RETRY: Final = timedelta(minutes=1)
LAST_RETRY: Final = timedelta(hours=1)

_MESSAGE: Final = Message._meta.db_table
_DELIVERY: Final = Delivery._meta.db_table


@dataclass(kw_only=True)
class Delivered:
    """What a run did, in messages."""

    sent: int = 0
    failed: int = 0
    # Refused for now, and due again later.
    put_off: int = 0
    cancelled: int = 0
    # Why the run stopped early: the mail server is away. What it had not sent is still due.
    trouble: str = ""
    # There may be more that is due.
    is_more: bool = False


class _Clock:
    """Time that starts at a given instant and goes on from there: `--now` may be any."""

    def __init__(self, now: datetime) -> None:
        self._start, self._tick = now, time.monotonic()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.seconds())

    def seconds(self) -> float:
        return time.monotonic() - self._tick


def deliver_due(
    *, now: datetime, until_empty: bool = False, limit: int = 1000, seconds: float | None = None
) -> Delivered:
    """Send what is due, the most urgent first.

    At most `limit` messages, or all with `until_empty`; ends after `seconds` at the next batch. Stops when the mail server
    is away. Any number of workers may run it at once. Not to be called inside a transaction: each answer is committed
    before the next mail.
    """
    clock, done, claimed = _Clock(now), Delivered(), 0
    transport, renderer = open_transport(), rendering.Renderer()
    try:
        while until_empty or claimed < limit:
            if seconds is not None and clock.seconds() > seconds:
                done.is_more = True
                break
            size = BATCH if until_empty else min(BATCH, limit - claimed)
            batch = _claim(now=clock.now(), size=size)
            if not batch:
                break
            claimed += len(batch)
            _Batch(batch, clock, transport, renderer, done).send()
            if done.trouble:
                break
        else:
            done.is_more = True
    finally:
        transport.close()
    return done


def sweep_stuck(*, now: datetime) -> int:
    """Queue again what workers claimed and never answered for; returns how many messages."""
    swept = Message.objects.stuck(now - STUCK_AFTER).update(
        state=MessageState.QUEUED, claim=None, claimed_at=None, error="The process that was sending it ended."
    )
    if swept:
        log.warning("messages_stuck", count=swept)
        enqueue_on_commit("notifications.deliver_due")
    return swept


def _claim(*, now: datetime, size: int) -> list[Message]:
    # SKIP LOCKED is what makes two workers take different rows; PostgreSQL checks `state` again after each lock.
    rows = Message.objects.raw(
        f"""
        UPDATE {_MESSAGE} SET state = 'sending', claim = %s, claimed_at = %s
        WHERE id IN (
            SELECT id FROM {_MESSAGE} WHERE state = 'queued' AND due_at <= %s
            ORDER BY priority, due_at, id LIMIT %s FOR UPDATE SKIP LOCKED
        )
        RETURNING *
        """,  # noqa: S608 (a table name of ours)
        [uuid.uuid4(), now, now, size],
    )
    return sorted(rows, key=lambda message: (message.priority, message.due_at, message.pk))


class _Batch:
    """Messages claimed together, on their way through one transport."""

    def __init__(
        self,
        messages: Sequence[Message],
        clock: _Clock,
        transport: Transport,
        renderer: rendering.Renderer,
        done: Delivered,
    ) -> None:
        self.left = list(messages)
        self.clock, self.transport, self.renderer, self.done = clock, transport, renderer, done

    def send(self) -> None:
        started = self.clock.seconds()
        try:
            self.renderer.prepare(self.left)
            refused = preferences.unsubscribed_among(self.left)
            unsubscribed = {message.pk for message in refused}
            while self.left and not self.done.trouble and self.clock.seconds() - started < BATCH_SECONDS:
                self._send_one(self.left.pop(0), unsubscribed)
        finally:
            # Also when the process is asked to end: what was not begun is free at once, not after the sweep.
            self._put_back()

    def _send_one(self, message: Message, unsubscribed: set[int]) -> None:
        now = self.clock.now()
        if message.expires_at and message.expires_at <= now:
            self._cancel(message, CancelReason.EXPIRED)
        elif message.pk in unsubscribed:
            self._cancel(message, CancelReason.UNSUBSCRIBED)
        else:
            self._hand_over(message, now)

    def _hand_over(self, message: Message, now: datetime) -> None:
        try:
            rendered = self.renderer.render(message)
            mail = Mail(
                recipient=rendering.envelope_address(message.recipient_email),
                subject=rendered.subject,
                data=rendering.as_bytes(message, rendered, at=now),
                at=now,
            )
        except Exception as error:
            # One row that cannot become a mail must not hold up the rest; an organizer sees it, and can try again.
            log.exception("message_cannot_be_written", message=message.pk, kind=message.kind)
            answer = Answer(
                verdict=Verdict.NEVER, text=f"This mail could not be written: {type(error).__name__}: {error}"
            )
            self._record(message, answer, rendered=None)
            return
        try:
            answer = self.transport.send(mail)
        except ServerTrouble as trouble:
            self.done.trouble = str(trouble)
            log.warning("mail_server_trouble", reason=str(trouble), is_unsure=trouble.is_unsure)
            if trouble.is_unsure:
                # Later by itself, so that a mail on which the server breaks off does not keep the others waiting.
                self._record(message, Answer(verdict=Verdict.LATER, text=str(trouble)), rendered=None)
            else:
                self.left.insert(0, message)
            return
        self._record(message, answer, rendered=rendered)

    # -- What became of it -------------------------------------------------------------------------------------------

    def _record(self, message: Message, answer: Answer, *, rendered: rendering.Rendered | None) -> None:
        """State and attempt in one statement, and so one commit."""
        now = self.clock.now()
        attempts = message.attempts + 1
        changes: dict[str, Any] = {"attempts": attempts, "error": answer.text}
        if answer.verdict is Verdict.ACCEPTED:
            assert rendered is not None
            self.done.sent += 1
            changes |= {
                "state": MessageState.SENT,
                "sent_at": now,
                "error": "",
                "subject": rendered.subject,
                "rendered": json.dumps(rendered.as_json(), ensure_ascii=False),
            }
        elif answer.verdict is Verdict.NEVER or now >= message.send_at + GIVE_UP_AFTER:
            self.done.failed += 1
            changes |= {"state": MessageState.FAILED}
        else:
            self.done.put_off += 1
            changes |= {"state": MessageState.QUEUED, "due_at": now + _pause(attempts)}
        _write(message, changes, answer, now)

    def _cancel(self, message: Message, reason: CancelReason) -> None:
        self.done.cancelled += 1
        Message.objects.filter(pk=message.pk, claim=message.claim).update(
            state=MessageState.CANCELLED, reason=reason, claim=None, claimed_at=None
        )

    def _put_back(self) -> None:
        if self.left:
            changes: dict[str, Any] = {"error": self.done.trouble} if self.done.trouble else {}
            Message.objects.filter(pk__in=[m.pk for m in self.left], claim=self.left[0].claim).update(
                state=MessageState.QUEUED, claim=None, claimed_at=None, **changes
            )
            self.left.clear()


def _write(message: Message, changes: dict[str, Any], answer: Answer, at: datetime) -> None:
    # The claim may have been swept in the meantime: what is queued again must still learn that it has been sent.
    columns = ", ".join(f"{name} = %s" for name in changes)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH done AS (
                UPDATE {_MESSAGE} SET {columns}, claim = NULL, claimed_at = NULL
                WHERE id = %s AND (claim = %s OR state = 'queued')
            )
            INSERT INTO {_DELIVERY} (message_id, attempted_at, accepted, code, answer) VALUES (%s, %s, %s, %s, %s)
            """,  # noqa: S608 (names of ours; values are parameters)
            [
                *changes.values(),
                message.pk,
                message.claim,
                message.pk,
                at,
                answer.verdict is Verdict.ACCEPTED,
                answer.code,
                answer.text,
            ],
        )


def _pause(attempts: int) -> timedelta:
    """After the n-th attempt: 1, 2, 4, 8 … minutes, an hour at most; scattered, so that many do not come back at once."""
    whole = min(FIRST_RETRY * (1 << min(attempts - 1, 10)), LAST_RETRY)
    return max(FIRST_RETRY, whole * random.uniform(0.75, 1))  # noqa: S311 (nothing is secret about it)
