from __future__ import annotations

from datetime import datetime

from django.core.management.base import CommandError
from django.utils import timezone


def instant(text: str | None) -> datetime:
    """What `--now` was given: ISO 8601 with an offset or Z; nothing means now."""
    if text is None:
        return timezone.now()
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--now {text!r} is not an instant; write it like 2027-06-07T08:30:00+08:00.") from None
    if value.tzinfo is None:
        raise CommandError(f"--now {text!r} has no offset; write it like {text}+08:00 or {text}Z.")
    return value
