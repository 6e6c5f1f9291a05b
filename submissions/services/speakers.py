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
from submissions.models import Availability, Speaker

Period = tuple[datetime, datetime]
#: Of one speaker: a month of mornings and afternoons.
MOST_PERIODS: Final = 62
_STRETCH: Final = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[ T]+(?P<start>\d{1,2}:\d\d)\s*(?:[-–—~至]|to|until)\s*"
    r"(?:(?P<until>\d{4}-\d\d-\d\d)[ T]+)?(?P<end>\d{1,2}:\d\d)"
)


class CannotDeleteSpeaker(Refusal):
    """Code `speaker_has_sessions`."""


@transaction.atomic
def create_speaker(
    *,
    event: Event,
    name: str,
    availability: Sequence[Period] = (),
    actor: User | None,
    now: datetime,
    **fields: Any,
) -> Speaker:
    """Add somebody to the event's programme; an address ties the speaker to the person known by it. `availability`: when they
    can come, in any order; empty where nothing was said.

    Audit "speaker_created". Raises Invalid.
    """
    speaker = Speaker(event=event)
    assign(speaker, {"name": name, **fields}, event.language)
    validate(speaker)
    periods = _checked(availability)
    _know_person(speaker)
    speaker.save()
    _can_come(speaker, periods)
    audit.record(actor=actor, verb="speaker_created", subject=speaker, at=now, event_id=event.pk)
    return speaker


@transaction.atomic
def update_speaker(
    *,
    speaker: Speaker,
    changes: Mapping[str, Any],
    availability: Sequence[Period] | None = None,
    actor: User | None,
    now: datetime,
) -> Speaker:
    """Locks the row. `availability` None leaves it as it is. Audit "speaker_changed" with the names of the fields. Raises Invalid."""
    stored = locked(speaker)
    changed = set(assign(stored, changes, speaker.event.language))
    if availability is not None and _can_come(stored, _checked(availability)):
        changed.add("availability")
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
    stored = locked(speaker)
    if stored.talks.exists() or stored.chaired_slots.exists():
        raise CannotDeleteSpeaker(
            [
                Problem(
                    code="speaker_has_sessions",
                    message=_("%(name)s is named by sessions of this event.") % {"name": speaker.name},
                    fix=_("Take the name off these sessions first."),
                )
            ]
        )
    audit.record(actor=actor, verb="speaker_deleted", subject=stored, at=now, event_id=stored.event_id)
    stored.delete()


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


# -- When they can come -------------------------------------------------------------------------------------------------


def _checked(periods: Sequence[Period]) -> list[Period]:
    """In order, each once. Raises Invalid."""
    if any(ends_at <= starts_at for starts_at, ends_at in periods):
        raise Invalid(
            [
                Problem(
                    code="ends_before_it_starts",
                    field="availability",
                    message=_("The end must come after the beginning."),
                    fix=_("Choose a later end."),
                )
            ]
        )
    if len(periods) > MOST_PERIODS:
        raise Invalid(
            [
                Problem(
                    code="too_many",
                    field="availability",
                    message=_("These are more than %(count)s times.") % {"count": MOST_PERIODS},
                    fix=_("Write longer stretches of time."),
                )
            ]
        )
    return sorted(set(periods))


def _can_come(speaker: Speaker, periods: list[Period]) -> bool:
    """Whether anything is different now."""
    rows = speaker.availabilities.all()
    if [(row.starts_at, row.ends_at) for row in rows] == periods:
        return False
    rows.delete()
    Availability.objects.bulk_create(
        Availability(speaker=speaker, starts_at=starts_at, ends_at=ends_at) for starts_at, ends_at in periods
    )
    return True


def availability_in_lines(speaker: Speaker) -> str:
    """One stretch a line on the event's own clocks, as `availability_from_lines` reads them. One query."""
    tz = speaker.event.tz
    lines = []
    for row in speaker.availabilities.all():
        starts_at, ends_at = row.starts_at.astimezone(tz), row.ends_at.astimezone(tz)
        until = f"{ends_at:%H:%M}" if starts_at.date() == ends_at.date() else f"{ends_at:%Y-%m-%d %H:%M}"
        lines.append(f"{starts_at:%Y-%m-%d %H:%M} – {until}")
    return "\n".join(lines)


def availability_from_lines(event: Event, text: str) -> list[Period]:
    """`2027-06-07 09:00 – 12:30`, with the date of the end where it is another. Raises Invalid naming the line."""
    periods = []
    for line in filter(None, (line.strip() for line in text.splitlines())):
        match = _STRETCH.fullmatch(line)
        try:
            if match is None:
                raise ValueError
            starts_at = datetime.fromisoformat(f"{match['day']} {match['start']:0>5}")
            ends_at = datetime.fromisoformat(f"{match['until'] or match['day']} {match['end']:0>5}")
        except ValueError:
            raise Invalid(
                [
                    Problem(
                        code="unreadable",
                        field="availability",
                        message=_("“%(line)s” is no stretch of time.") % {"line": line[:80]},
                        fix=_("Write the day and two times, such as 2027-06-07 09:00 – 12:30."),
                    )
                ]
            ) from None
        periods.append((starts_at.replace(tzinfo=event.tz), ends_at.replace(tzinfo=event.tz)))
    return periods


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
