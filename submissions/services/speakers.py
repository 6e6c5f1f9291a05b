from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.services.people import find_or_create_person
from common import audit
from common.codes import CODE_PATTERN
from common.problems import Invalid, Problem, Refusal
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


# -- Names in a text ----------------------------------------------------------------------------------------------------

_NAMED: Final = re.compile(rf"(?P<name>.*?)\s*\[(?P<code>{CODE_PATTERN})\]")


def in_lines(event: Event, speakers: Sequence[Speaker]) -> str:
    """One a line, as `named` reads them: a code where another speaker of the event has the same name. One query."""
    names = Counter(_same(name) for name in event.speakers.values_list("name", flat=True)) if speakers else Counter()
    return "\n".join(
        f"{speaker.name} [{speaker.code}]" if names[_same(speaker.name)] > 1 else speaker.name for speaker in speakers
    )


@transaction.atomic
def named(*, event: Event, names: Iterable[str], actor: User | None, now: datetime) -> list[Speaker]:
    """The event's speakers of these names, in order, each once; somebody new for a name that nobody has.

    `Li Na [AB34CD]` says which Li Na. Raises Invalid (`ambiguous_name`, `no_such_speaker`, or a name too long).
    """
    known = list(event.speakers.in_order())
    by_code = {speaker.code: speaker for speaker in known}
    by_name: dict[str, list[Speaker]] = defaultdict(list)
    for speaker in known:
        by_name[_same(speaker.name)].append(speaker)
    found: list[Speaker] = []
    problems = []
    for line in filter(None, (name.strip() for name in names)):
        match = _NAMED.fullmatch(line)
        alike = by_name[_same(line)]
        if match:
            if chosen := by_code.get(match["code"]):
                found.append(chosen)
            else:
                problems.append(_nobody(line))
        elif len(alike) > 1:
            problems.append(_ambiguous(line, alike))
        elif alike:
            found.append(alike[0])
        else:
            try:
                made = create_speaker(event=event, name=line, actor=actor, now=now)
            except Invalid as refusal:
                problems += [dataclasses.replace(problem, field="speakers") for problem in refusal.problems]
                continue
            by_name[_same(line)].append(made)
            found.append(made)
    if problems:
        raise Invalid(problems)
    return list(dict.fromkeys(found))


def _same(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _ambiguous(name: str, alike: Sequence[Speaker]) -> Problem:
    return Problem(
        code="ambiguous_name",
        field="speakers",
        message=_("%(count)s speakers are called %(name)s.") % {"count": len(alike), "name": name},
        fix=_("Say which with the code: %(choices)s.")
        % {"choices": ", ".join(f"{speaker.name} [{speaker.code}]" for speaker in alike)},
    )


def _nobody(line: str) -> Problem:
    return Problem(
        code="no_such_speaker",
        field="speakers",
        message=_("Nobody here has the code in “%(line)s”.") % {"line": line},
        fix=_("Write the name alone, or look the code up in the list of speakers."),
    )
