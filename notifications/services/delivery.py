"""Sending what is due: claim a batch, hand over mail by mail, let the database have each answer before the next.

Claims are conditional updates that skip what another worker holds, and nothing is sent inside a transaction. What is most
urgent is claimed first, and of that from each event in turn (`limits` says how much). A worker that is killed leaves rows in
`sending`; `sweep_stuck` queues them again, and at most the one mail that was on the wire goes out a second time, with the same
Message-ID. Where the database itself dies, it may be two: the last, and the one whose record it had not answered for.
"""

from __future__ import annotations

import json
import random
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.db import transaction

from common.jobs import enqueue_on_commit
from common.underway import Underway
from notifications.models import Campaign, CampaignState, CancelReason, Delivery, Message, MessageState
from notifications.services import limits, preferences, rendering
from notifications.services.replies import Verdict
from notifications.services.transport import REST, Answer, Mail, ServerTrouble, Transport, open_transport

log = structlog.get_logger(__name__)

#: Few, so that a sign-in code never waits long behind a campaign, and a killed worker holds up few.
BATCH: Final = 25
#: A batch that takes longer is put back, so that what is more urgent overtakes.
BATCH_SECONDS: Final = 5
#: Longer than the longest dialogue with a server: about 10 × SMTP_TIMEOUT, see `transport`.
STUCK_AFTER: Final = timedelta(minutes=10)
#: No message is given up sooner than this after it was to go out.
GIVE_UP_AFTER: Final = timedelta(hours=72)
#: The first pause and the longest one.
PAUSES: Final = {
    Verdict.LATER: (timedelta(minutes=1), timedelta(hours=1)),
    Verdict.MUCH_LATER: (timedelta(hours=1), timedelta(hours=6)),
}

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
    # How long to leave it alone then.
    rest: timedelta = REST
    # There may be more that is due.
    is_more: bool = False
    # What is due is held back by the limits; seconds until some of it may go.
    held_back: float = 0


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
    is away. Any number of workers may run it at once: where there is more than a batch, another that has nothing to do is asked
    to help. Not to be called inside a transaction: each answer is committed by itself.
    """
    clock, done, claimed = _Clock(now), Delivered(), 0
    transport, renderer = open_transport(), rendering.Renderer()
    try:
        while until_empty or claimed < limit:
            if seconds is not None and clock.seconds() > seconds:
                done.is_more = True
                break
            size = BATCH if until_empty else min(BATCH, limit - claimed)
            batch, done.held_back = claim(now=clock.now(), size=size)
            if not batch:
                break
            if not claimed and len(batch) == BATCH:
                enqueue_on_commit("notifications.deliver_due")
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


def claim(*, now: datetime, size: int) -> tuple[list[Message], float]:
    """Take what is due for the caller alone, the most urgent first; and how many seconds the limits hold back the rest."""
    if not limits.are_set():
        return _claim(now=now, size=size), 0
    with transaction.atomic():
        allowances = limits.Allowances(now)
        left = allowances.left_in_all()
        size = size if left is None else min(size, left)
        taken = _claim(now=now, size=size, not_events=allowances.spent_events(), not_hosts=allowances.spent_hosts())
        refused = {message.pk for message in allowances.take(taken)}
        if refused:
            Message.objects.filter(pk__in=refused).update(state=MessageState.QUEUED, claim=None, claimed_at=None)
        allowances.keep()
        batch = [message for message in taken if message.pk not in refused]
        wait = allowances.seconds_until_more()
    return batch, wait if wait and not batch and Message.objects.due(now).exists() else 0


def _claim(*, now: datetime, size: int, not_events: Sequence[int] = (), not_hosts: Sequence[str] = ()) -> list[Message]:
    # Lanes are found by jumping through the index; of the most urgent that have something due, each gives its share.
    # SKIP LOCKED is what makes two workers take different rows; PostgreSQL checks `state` again after each lock. Without
    # MATERIALIZED, a plan that runs the choice once for each row of the table takes more than `size`.
    is_due = "state = 'queued' AND due_at <= %(now)s"
    is_of_lane = "priority = lane.priority AND coalesce(event_id, 0) = lane.event"
    if not_hosts:
        is_due += " AND NOT split_part(recipient_key, '@', -1) = ANY(%(hosts)s)"
    rows = (
        Message.objects.raw(
            f"""
        WITH RECURSIVE lanes (priority, event) AS (
            (SELECT priority, coalesce(event_id, 0) FROM {_MESSAGE} WHERE state = 'queued'
             ORDER BY priority, coalesce(event_id, 0) LIMIT 1)
            UNION ALL
            SELECT next.* FROM lanes AS lane CROSS JOIN LATERAL (
                SELECT priority, coalesce(event_id, 0) FROM {_MESSAGE}
                WHERE state = 'queued' AND (priority, coalesce(event_id, 0)) > (lane.priority, lane.event)
                ORDER BY priority, coalesce(event_id, 0) LIMIT 1
            ) AS next
        ),
        due AS (
            SELECT * FROM lanes AS lane WHERE NOT event = ANY(%(events)s)
            AND EXISTS (SELECT FROM {_MESSAGE} WHERE {is_due} AND {is_of_lane})
        ),
        first AS MATERIALIZED (
            SELECT * FROM due WHERE priority = (SELECT min(priority) FROM due) ORDER BY random() LIMIT %(size)s
        ),
        picked AS MATERIALIZED (
            SELECT mine.id FROM first AS lane CROSS JOIN LATERAL (
                SELECT id FROM {_MESSAGE} WHERE {is_due} AND {is_of_lane} ORDER BY due_at, id
                LIMIT (SELECT greatest(%(size)s / count(*), 1) FROM first) FOR UPDATE SKIP LOCKED
            ) AS mine
        )
        UPDATE {_MESSAGE} SET state = 'sending', claim = %(claim)s, claimed_at = %(now)s
        WHERE id IN (SELECT id FROM picked)
        RETURNING *
        """,  # noqa: S608 (names of ours; values are parameters)
            {"now": now, "size": size, "claim": uuid.uuid4(), "events": list(not_events), "hosts": list(not_hosts)},
        )
        if size
        else []
    )
    return sorted(rows, key=lambda message: (message.priority, message.due_at, message.pk))


#: Of one message: what was answered, with what went out, or why nothing did.
_Outcome = tuple[Answer, rendering.Rendered | None] | CancelReason | ServerTrouble


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
        # Of the last mail that was given away.
        self.recording: Underway | None = None

    def send(self) -> None:
        started = self.clock.seconds()
        try:
            self.renderer.prepare(self.left)
            refused = preferences.unsubscribed_among(self.left)
            unsubscribed = {message.pk for message in refused}
            self._set_aside()
            self._send_all(unsubscribed, until=started + BATCH_SECONDS)
        finally:
            self._settle()
            # Also when the process is asked to end: what was not begun is free at once, not after the sweep.
            self._put_back()

    def _send_all(self, unsubscribed: set[int], *, until: float) -> None:
        """Each is written two before it is its turn, while the server has another in hand, and announced while the one before is
        recorded, if not together with it. It is given away itself when the database has that record, if not its answer: of a
        worker that is killed, one mail may go out again and not two."""
        ahead: deque[Mail | _Outcome] = deque()

        def write_one() -> None:
            if len(ahead) < len(self.left) and self.clock.seconds() < until:
                ahead.append(self._written(self.left[len(ahead)], unsubscribed))

        write_one()
        write_one()
        while ahead:
            outcome, message = self._announced(ahead.popleft()), self.left.pop(0)
            if isinstance(outcome, Mail):
                outcome = self._give_away(outcome, then=ahead[0] if ahead else None, meanwhile=write_one)
            else:
                write_one()
            if isinstance(outcome, ServerTrouble):
                self._note(outcome, message)
                ahead.clear()
            try:
                self._settle()
            finally:
                self._keep(message, outcome)

    def _settle(self) -> None:
        """Before the database is asked anything else: what came of the last record."""
        recording, self.recording = self.recording, None
        if recording:
            recording.finish()

    def _set_aside(self) -> None:
        """Mails of campaigns that were paused or stopped while a worker had them in hand are not for sending."""
        campaigns = {pk for message in self.left if (pk := _campaign_of(message))}
        if not campaigns:
            return
        states = dict(Campaign.objects.filter(pk__in=campaigns).values_list("pk", "state"))
        for message in list(self.left):
            state = states.get(_campaign_of(message))
            if state == CampaignState.PAUSED:
                self.left.remove(message)
                # `campaigns.advance_campaigns` queues it again if the campaign has been resumed in this very moment.
                Message.objects.filter(pk=message.pk, claim=message.claim).update(
                    state=MessageState.DRAFT, claim=None, claimed_at=None
                )
            elif state == CampaignState.CANCELLED:
                self.left.remove(message)
                self._cancel(message, CancelReason.BY_HAND)

    def _written(self, message: Message, unsubscribed: set[int]) -> Mail | _Outcome:
        """The mail, or why there is none. While others are on their way, so not with the database."""
        now = self.clock.now()
        if message.expires_at and message.expires_at <= now:
            return CancelReason.EXPIRED
        if message.pk in unsubscribed:
            return CancelReason.UNSUBSCRIBED
        try:
            rendered = self.renderer.render(message)
            return Mail(
                recipient=rendering.envelope_address(message.recipient_email),
                subject=rendered.subject,
                data=rendering.as_bytes(message, rendered, at=now),
                at=now,
                message=message,
                rendered=rendered,
            )
        except Exception as error:
            # One row that cannot become a mail must not hold up the rest; an organizer sees it, and can try again.
            log.exception("message_cannot_be_written", message=message.pk, kind=message.kind)
            text = f"This mail could not be written: {type(error).__name__}: {error}"
            return Answer(verdict=Verdict.NEVER, text=text), None

    def _announced(self, mail: Mail | _Outcome) -> Mail | _Outcome:
        """The same, and the server waits for it; or why it does not. While the one before is recorded, so not with the database."""
        if not isinstance(mail, Mail):
            return mail
        try:
            refusal = self.transport.announce(mail)
        except ServerTrouble as trouble:
            return trouble
        return (refusal, mail.rendered) if refusal else mail

    def _give_away(self, mail: Mail, *, then: Mail | _Outcome | None, meanwhile: Callable[[], object]) -> _Outcome:
        if self.transport.uses_database:
            self._settle()
        then = then if isinstance(then, Mail) else None
        try:
            return self.transport.send(mail, then=then, meanwhile=meanwhile), mail.rendered
        except ServerTrouble as trouble:
            return trouble

    def _note(self, trouble: ServerTrouble, message: Message) -> None:
        self.done.trouble, self.done.rest = str(trouble), trouble.rest
        log.warning("mail_server_trouble", reason=str(trouble))
        if not trouble.answer:
            self.left.insert(0, message)

    # -- What became of it -------------------------------------------------------------------------------------------

    def _keep(self, message: Message, outcome: _Outcome) -> None:
        if isinstance(outcome, CancelReason):
            self._cancel(message, outcome)
        elif isinstance(outcome, ServerTrouble):
            if outcome.answer:
                self._record(message, outcome.answer, rendered=None)
        else:
            answer, rendered = outcome
            self._record(message, answer, rendered=rendered)

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
            changes |= {"state": MessageState.QUEUED, "due_at": now + _pause(answer.verdict, attempts)}
        self.recording = _write(message, changes, answer, now)

    def _cancel(self, message: Message, reason: CancelReason) -> None:
        self.done.cancelled += 1
        Message.objects.filter(pk=message.pk, claim=message.claim).update(
            state=MessageState.CANCELLED, reason=reason, claim=None, claimed_at=None
        )

    def _put_back(self) -> None:
        if self.left:
            changes: dict[str, Any] = {"error": self.done.trouble} if self.done.trouble else {}
            held = Message.objects.filter(pk__in=[m.pk for m in self.left], claim=self.left[0].claim)
            held.update(state=MessageState.QUEUED, claim=None, claimed_at=None, **changes)
            self.left.clear()


def _campaign_of(message: Message) -> int:
    """0: of none, or a test that goes out whatever becomes of the campaign."""
    return 0 if message.context.get("is_test") else message.context.get("campaign", 0)


def _write(message: Message, changes: dict[str, Any], answer: Answer, at: datetime) -> Underway:
    # The claim may have been swept in the meantime: what is queued again must still learn that it has been sent.
    columns = ", ".join(f"{name} = %s" for name in changes)
    return Underway(
        f"""
        WITH done AS (
            UPDATE {_MESSAGE} SET {columns}, claim = NULL, claimed_at = NULL
            WHERE id = %s AND (claim = %s OR state = 'queued')
        )
        INSERT INTO {_DELIVERY} (message_id, attempted_at, accepted, code, answer, provider_id)
        VALUES (%s, %s, %s, %s, %s, %s)
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
            answer.provider_id,
        ],
        prepared=True,
    )


def _pause(verdict: Verdict, attempts: int) -> timedelta:
    """After the n-th attempt: 1, 2, 4, 8 … minutes, an hour at most; for a full mailbox 1, 2, 4, 6 … hours. Scattered, so that
    many do not come back at once."""
    first, longest = PAUSES[verdict]
    whole = min(first * (1 << min(attempts - 1, 10)), longest)
    return max(first, whole * random.uniform(0.75, 1))  # noqa: S311 (nothing is secret about it)
