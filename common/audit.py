"""Who did what to what, in verbs that organizers read. Written by services, inside their transaction."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Model

from common.models import AuditEntry

if TYPE_CHECKING:
    from accounts.models import User


def record(
    *, actor: User | None, verb: str, subject: Model, at: datetime, event_id: int | None = None, **details: Any
) -> None:
    """Append one entry. `actor` None means the system itself (a task) or a person without an account, and `details`
    (JSON values) then say who; `event_id` files the entry under an event's history."""
    AuditEntry.objects.create(
        actor=actor,
        verb=verb,
        subject_type=subject._meta.label_lower,
        subject_id=str(subject.pk),
        subject_label=str(subject)[:200],
        event_id=event_id,
        at=at,
        details=details,
    )
