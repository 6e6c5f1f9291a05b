"""Who did what to what, in verbs that organizers read. Written by services, inside their transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Model

from common.inserts import Inserts, insert
from common.models import AuditEntry

if TYPE_CHECKING:
    from accounts.models import User

#: What a name becomes that is to be forgotten. Not a word: it stands in lists of every language.
ERASED: Final = "—"


def record(
    *, actor: User | None, verb: str, subject: Model, at: datetime, event_id: int | None = None, **details: Any
) -> None:
    """Append one entry. `actor` None means the system itself (a task) or a person without an account, and `details`
    (JSON values) then say who; `event_id` files the entry under an event's history."""
    _entry(actor, verb, subject, at, event_id, details).save(force_insert=True)


def record_many(
    *,
    actor: User | None,
    verb: str,
    subjects: Iterable[Model],
    at: datetime,
    event_id: int | None = None,
    into: Inserts | None = None,
    **details: Any,
) -> None:
    """The same of each of them, in one query; `into`: with what else is written there."""
    insert((_entry(actor, verb, subject, at, event_id, details) for subject in subjects), into)


def _entry(
    actor: User | None, verb: str, subject: Model, at: datetime, event_id: int | None, details: dict[str, Any]
) -> AuditEntry:
    return AuditEntry(
        actor=actor,
        verb=verb,
        subject_type=subject._meta.label_lower,
        subject_id=str(subject.pk),
        subject_label=str(subject)[:200],
        event_id=event_id,
        at=at,
        details=details,
    )
