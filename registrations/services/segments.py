"""Filters of an event's registrations that are kept under a name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from common import audit
from common.problems import Invalid, Problem
from common.text import validate_single_line
from events.models import Event
from events.services.texts import locked
from registrations.models import Segment


@transaction.atomic
def save_segment(*, event: Event, name: str, wanted: Mapping[str, Any], actor: User | None, now: datetime) -> Segment:
    """Keep `wanted` (see registrations.segments) under `name`; the one of that name is replaced. Raises Invalid. Audit
    "segment_saved"."""
    name = " ".join(name.split())
    try:
        validate_single_line(name)
    except ValidationError as error:
        raise Invalid([Problem(code=str(error.code), field="name", message=error.messages[0])]) from error
    if not 0 < len(name) <= 100:
        raise Invalid([Problem(code="name", field="name", message=_("Give it a name of up to 100 characters."))])
    segment, _created = Segment.objects.update_or_create(event=event, name=name, defaults={"wanted": dict(wanted)})
    audit.record(actor=actor, verb="segment_saved", subject=segment, at=now, event_id=event.pk)
    return segment


@transaction.atomic
def delete_segment(*, segment: Segment, actor: User | None, now: datetime) -> None:
    """Forget it; campaigns that were to go to it find nobody new. Audit "segment_deleted"."""
    stored = locked(segment)
    audit.record(actor=actor, verb="segment_deleted", subject=stored, at=now, event_id=stored.event_id)
    stored.delete()
