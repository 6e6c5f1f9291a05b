from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.services.people import find_or_create_person
from common import audit
from common.problems import Problem, Refusal
from common.text import email_key
from events.models import Event
from events.services.texts import assign, locked, take_over, validate
from submissions.models import Speaker


class CannotDeleteSpeaker(Refusal):
    """Code `speaker_has_sessions`."""


@transaction.atomic
def create_speaker(*, event: Event, name: str, actor: User | None, now: datetime, **fields: Any) -> Speaker:
    """Add somebody to the event's programme; an address ties the speaker to the person known by it.

    Audit "speaker_created". Raises Invalid.
    """
    speaker = Speaker(event=event)
    assign(speaker, {"name": name, **fields}, event.language)
    validate(speaker)
    _know_person(speaker)
    speaker.save()
    audit.record(actor=actor, verb="speaker_created", subject=speaker, at=now, event_id=event.pk)
    return speaker


@transaction.atomic
def update_speaker(*, speaker: Speaker, changes: Mapping[str, Any], actor: User | None, now: datetime) -> Speaker:
    """Locks the row. Audit "speaker_changed" with the names of the fields. Raises Invalid."""
    stored = locked(speaker)
    changed = assign(stored, changes, speaker.event.language)
    if not changed:
        return take_over(speaker, stored, changes)
    validate(stored)
    if "email" in changed:
        _know_person(stored)
    stored.save()
    audit.record(
        actor=actor, verb="speaker_changed", subject=stored, at=now, event_id=stored.event_id, fields=sorted(changed)
    )
    return take_over(speaker, stored, [*changes, "person"])


@transaction.atomic
def delete_speaker(*, speaker: Speaker, actor: User | None, now: datetime) -> None:
    """Audit "speaker_deleted". Raises CannotDeleteSpeaker while a session names them."""
    sessions = speaker.talks.count()
    if sessions or speaker.chaired_slots.exists():
        raise CannotDeleteSpeaker(
            [
                Problem(
                    code="speaker_has_sessions",
                    message=_("%(name)s is named by sessions of this event.") % {"name": speaker.name},
                    fix=_("Take the name off these sessions first."),
                )
            ]
        )
    audit.record(actor=actor, verb="speaker_deleted", subject=speaker, at=now, event_id=speaker.event_id)
    speaker.delete()


def _know_person(speaker: Speaker) -> None:
    """Who this is across events, by address; nobody where there is none."""
    if not speaker.email:
        speaker.person = None
    elif speaker.person is None or speaker.person.email_key != email_key(speaker.email):
        speaker.person = find_or_create_person(
            email=speaker.email,
            name=speaker.name,
            native_name=speaker.native_name,
            affiliation=speaker.affiliation,
            country=speaker.country,
        )
