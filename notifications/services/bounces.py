"""What a mail provider reports after it has taken a mail."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import structlog
from django.db import transaction

from notifications.models import Delivery, Message, MessageState
from notifications.services import preferences

log = structlog.get_logger(__name__)


class Report(Enum):
    """It did not arrive, or its reader wants no more."""

    BOUNCED = "bounced"
    UNWANTED = "unwanted"


class TooSoon(Exception):
    """The report overtook our own record of having sent the mail: to be told again."""


@transaction.atomic
def record_report(*, report: Report, message_id: str, provider_id: str, text: str, now: datetime) -> Message | None:
    """A mail that came back is `bounced`, with what the provider said; who complains is unsubscribed. Idempotent.

    `message_id`: our Message-ID where the provider gives it back, otherwise `provider_id` finds the mail. Returns None for mails
    that are not ours. Raises TooSoon.
    """
    message = _find(message_id, provider_id)
    if message is None:
        log.info("report_of_unknown_mail", provider_id=provider_id)
        return None
    if report is Report.UNWANTED:
        preferences.unsubscribe(message=message, now=now)
    elif message.state == MessageState.SENT:
        message.state, message.error = MessageState.BOUNCED, text
        message.save(update_fields=["state", "error"])
        Delivery.objects.create(message=message, attempted_at=now, accepted=False, answer=text, provider_id=provider_id)
    elif message.state in {MessageState.SENDING, MessageState.QUEUED}:
        raise TooSoon
    return message


def _find(message_id: str, provider_id: str) -> Message | None:
    locked = Message.objects.select_for_update(of=("self",))
    if message_id and (found := locked.filter(message_id=message_id).first()):
        return found
    if not provider_id:
        return None
    return locked.filter(pk__in=Delivery.objects.filter(provider_id=provider_id).values("message")).first()
