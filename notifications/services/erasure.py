"""Taking a person out of the ledger: rows stay, so that nothing is sent twice, and no longer say to whom and what."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models import CharField, F, Q, Value
from django.db.models.functions import Cast, Concat

from common.audit import ERASED
from common.models import AuditEntry
from common.text import email_key
from notifications.models import CancelReason, Delivery, Message, MessageState


@transaction.atomic
def erase_messages(*, event_id: int, about: Sequence[str], address: str) -> int:
    """Everything that was written about these subjects, or to this address at this event; returns how many rows.

    What is queued is cancelled; what a worker holds at this moment goes out, and is kept as it was sent. Servers' answers may
    name the address, so they go too.
    """
    theirs = (
        Message.objects.filter(event_id=event_id)
        .filter(Q(about__in=about) | Q(recipient_key=email_key(address)))
        .exclude(state=MessageState.SENDING)
    )
    rows = list(theirs.select_for_update().order_by("pk").values_list("pk", flat=True))
    Delivery.objects.filter(message__in=rows).update(answer="")
    # What organizers did with them is named after their recipient.
    AuditEntry.objects.filter(
        event_id=event_id, subject_type=Message._meta.label_lower, subject_id__in=[str(pk) for pk in rows]
    ).update(subject_label=ERASED)
    Message.objects.filter(pk__in=rows, state__in=[MessageState.QUEUED, MessageState.DRAFT]).update(
        state=MessageState.CANCELLED, reason=CancelReason.WITHDRAWN
    )
    return Message.objects.filter(pk__in=rows).update(
        recipient_key=Concat(Value("erased:"), Cast(F("pk"), CharField())),
        recipient_email="",
        recipient_name="",
        subject="",
        context={},
        rendered={},
        error="",
    )
