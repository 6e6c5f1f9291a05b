"""What organizers do with single messages of the outbox."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from common import audit
from common.jobs import enqueue_on_commit
from common.problems import Problem, Refusal
from notifications.kinds import ORGANIZERS_MESSAGE
from notifications.models import CancelReason, Message, MessageState
from notifications.notices import Notice, Recipient
from notifications.services import ledger

CANCELLABLE: Final = frozenset({MessageState.DRAFT, MessageState.QUEUED})
RETRIABLE: Final = frozenset({MessageState.FAILED, MessageState.CANCELLED, MessageState.BOUNCED})


class CannotChangeMessage(Refusal):
    """Codes: `not_queued`, `not_failed`, `too_late`."""


@transaction.atomic
def write_message(
    *,
    event_id: int,
    to: Recipient,
    subject: str,
    text: str,
    send_at: datetime | None = None,
    actor: User | None,
    now: datetime,
) -> Message:
    """Queue an organizer's own words to one person, for now or for `send_at`. Audit "message_written"."""
    revision = uuid.uuid4().hex
    notice = Notice(
        to=to,
        about=f"event:{event_id}",
        context={"subject": subject, "text": text},
        revision=revision,
        event_id=event_id,
        send_at=send_at,
    )
    ledger.notify(kind=ORGANIZERS_MESSAGE, notice=notice, now=now)
    message = Message.objects.get(kind=ORGANIZERS_MESSAGE.code, about=notice.about, revision=revision)
    audit.record(actor=actor, verb="message_written", subject=message, at=now, event_id=event_id)
    return message


@transaction.atomic
def cancel_message(*, message: Message, actor: User | None, now: datetime) -> Message:
    """Keep a message that is still queued from going out. Cancelling a cancelled one changes nothing."""
    current = Message.objects.select_for_update().get(pk=message.pk)
    if current.state == MessageState.CANCELLED:
        return current
    if current.state not in CANCELLABLE:
        raise CannotChangeMessage(
            [
                Problem(
                    code="not_queued",
                    message=_("This message is %(state)s and cannot be cancelled any more.")
                    % {"state": current.get_state_display()},
                )
            ]
        )
    current.state, current.reason = MessageState.CANCELLED, CancelReason.BY_HAND
    current.save(update_fields=["state", "reason"])
    audit.record(actor=actor, verb="message_cancelled", subject=current, at=now, event_id=current.event_id)
    return current


@transaction.atomic
def retry_message(*, message: Message, actor: User | None, now: datetime) -> Message:
    """Queue a message again that failed, bounced or was cancelled; it is due at once. One that is queued already becomes
    due at once, too."""
    current = Message.objects.select_for_update().get(pk=message.pk)
    if problems := problems_with_retrying(current, now):
        raise CannotChangeMessage(problems)
    current.state, current.reason = MessageState.QUEUED, ""
    # The time that it is tried for, before it is given up, begins anew.
    current.send_at = current.due_at = now
    current.save(update_fields=["state", "reason", "send_at", "due_at"])
    audit.record(actor=actor, verb="message_retried", subject=current, at=now, event_id=current.event_id)
    enqueue_on_commit("notifications.deliver_due")
    return current


def problems_with_retrying(message: Message, now: datetime) -> list[Problem]:
    if message.state not in RETRIABLE and not (message.state == MessageState.QUEUED and message.attempts):
        return [
            Problem(
                code="not_failed",
                message=_("This message is %(state)s: there is nothing to try again.")
                % {"state": message.get_state_display()},
            )
        ]
    if message.expires_at and message.expires_at <= now:
        return [
            Problem(
                code="too_late",
                message=_("What this message was about has begun or is over, so it would come too late."),
            )
        ]
    return []
