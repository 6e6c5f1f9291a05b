"""Who does not want optional mail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from notifications.models import CancelReason, Message, MessageState, Preference
from notifications.notices import all_kinds, find_kind


def unsubscribed_among(messages: Sequence[Message]) -> list[Message]:
    """Those that are optional and whose recipients unsubscribed; one query, none where nothing is optional."""
    optional = [message for message in messages if (kind := find_kind(message.kind)) and kind.is_optional]
    if not optional:
        return []
    found = Preference.objects.among(
        {message.recipient_key for message in optional},
        {message.event_id for message in optional if message.event_id is not None},
    )
    refused = set(found.values_list("recipient_key", "event_id"))
    return [
        message
        for message in optional
        if (message.recipient_key, message.event_id) in refused or (message.recipient_key, None) in refused
    ]


@transaction.atomic
def unsubscribe(*, message: Message, now: datetime) -> None:
    """The recipient of `message` wants no more optional mail of its event; what is queued is cancelled. Idempotent."""
    Preference.objects.bulk_create(
        [Preference(recipient_key=message.recipient_key, event_id=message.event_id, unsubscribed_at=now)],
        ignore_conflicts=True,
    )
    Message.objects.filter(
        recipient_key=message.recipient_key,
        event_id=message.event_id,
        state=MessageState.QUEUED,
        kind__in=[kind.code for kind in all_kinds() if kind.is_optional],
    ).update(state=MessageState.CANCELLED, reason=CancelReason.UNSUBSCRIBED)


@transaction.atomic
def subscribe_again(*, message: Message) -> None:
    """Undo `unsubscribe`; what was cancelled by it stays so."""
    Preference.objects.filter(recipient_key=message.recipient_key, event_id=message.event_id).delete()
