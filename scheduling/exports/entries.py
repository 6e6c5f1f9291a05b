"""What all formats need to know of a programme beyond its values: which sessions are written, and under which numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from scheduling.programme import Day, Person, Programme, Session

#: XML 1.0 has no way to hold these, escaped or not (§2.2).
_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_BREAKS: Final = re.compile("\r\n|[\r\x85\u2028\u2029]")
#: Any of the two, in one look: most texts have neither.
_ODD: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
#: Ids are 32-bit numbers with a sign in apps that keep them in SQLite or Java.
_LARGEST: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One session as files name it. `number` and `guid` are unique within the file and last as long as the session does."""

    session: Session
    number: int
    guid: UUID
    # Empty where another entry has it already: a talk that is given again.
    code: str
    slug: str


def entries_of(programme: Programme) -> list[Entry]:
    """Every session but the blocks whose talks are written one by one: apps would show both in one place."""
    parents = {session.parent for session in programme.sessions if session.parent}
    sessions = [s for s in programme.sessions if not (s.kind == "block" and s.source_id in parents)]
    numbers = _numbers(
        (session.source_id if session.code or session.guid is None else "", session.code, session.guid)
        for session in sessions
    )
    acronym = acronym_of(programme)
    found, guids, codes = [], set[UUID](), set[str]()
    for session, number in zip(sessions, numbers, strict=True):
        guid = session.guid or uuid5(NAMESPACE_URL, f"{programme.base_url}{session.source_id}")
        if guid in guids:
            guid = uuid5(guid, session.start.isoformat())
        code = session.code if session.code not in codes else ""
        guids.add(guid)
        codes.add(code)
        slug = f"{acronym}-{code.lower() or number}-{_words(session.title)}".rstrip("-_")
        found.append(Entry(session, number, guid, code, slug))
    return found


def persons_of(programme: Programme) -> Mapping[tuple[str, str], int]:
    """A number for each person, by `Person.key`."""
    persons = programme.persons
    numbers = _numbers((person.source_id, person.code, person.guid) for person in persons)
    return dict(zip((person.key for person in persons), numbers, strict=True))


def by_day_and_room(programme: Programme, entries: Iterable[Entry]) -> list[tuple[Day, list[tuple[str, list[Entry]]]]]:
    """Days in order; rooms as the programme lists them, only those with something in them that day."""
    places: dict[date, dict[str, list[Entry]]] = {day.date: {} for day in programme.days}
    for entry in entries:
        places[entry.session.day].setdefault(entry.session.room, []).append(entry)
    order = [*(room.name for room in programme.rooms), ""]
    return [
        (day, [(room, places[day.date][room]) for room in dict.fromkeys(order) if room in places[day.date]])
        for day in programme.days
    ]


def description_of(session: Session) -> str:
    """Never empty under a subtitle: some apps join the two."""
    return session.description or (session.subtitle and (session.abstract or session.subtitle))


def people(persons: Iterable[Person]) -> str:
    return ", ".join(person.name for person in persons)


def acronym_of(programme: Programme) -> str:
    """Small letters, digits and underscores, four at least: what the c3voc schemas for XML and for JSON both allow."""
    words = re.sub(r"[^a-z0-9]+", "_", programme.acronym.lower()).strip("_")
    return words if len(words) >= 4 else f"{words}_conf".lstrip("_")


def clock(period: timedelta) -> str:
    """`01:30`; hours go on after 24."""
    minutes = round(period.total_seconds() / 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def clean(text: str) -> str:
    return _CONTROLS.sub("", _BREAKS.sub("\n", text)).strip() if _ODD.search(text) else text.strip()


def _numbers(ids: Iterable[tuple[str, str, UUID | None]]) -> list[int]:
    """For each (id of the file that it came from, code, guid) a number of its own: that id where it is a number, otherwise one
    that follows from code or guid, so that it stays the same from file to file."""
    ids = list(ids)
    given = [int(source) if source.isascii() and source.isdecimal() and len(source) <= 10 else 0 for source, *_ in ids]
    taken: set[int] = set()
    numbers = [0] * len(ids)
    for index, number in enumerate(given):
        if 0 < number <= _LARGEST and number not in taken:
            taken.add(number)
            numbers[index] = number
    for index, (_source, code, guid) in enumerate(ids):
        if numbers[index]:
            continue
        number = int(code, 36) if code else guid.int if guid else index
        number = number % _LARGEST + 1
        while number in taken:
            number = number % _LARGEST + 1
        taken.add(number)
        numbers[index] = number
    return numbers


def _words(title: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", title.lower()))[:40]
