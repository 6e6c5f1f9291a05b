"""The files of a release: what phone apps, calendars and other programs read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from scheduling.exports import frab_xml, icalendar_file, schedule_json, xcal
from scheduling.models import Schedule, Slot
from scheduling.programme import Person, Programme, Session
from scheduling.services.programme import cancelled, programme_from, programme_of, slots_with_all

if TYPE_CHECKING:
    from submissions.models import Submission


class File(NamedTuple):
    """`path`: below the event's own address."""

    path: str
    content_type: str
    body: bytes


def files_of(schedule: Schedule, *, gone: Iterable[Submission]) -> Iterator[File]:
    """All of them; `gone`: submissions of earlier releases that this one has not, which calendars must be told of. A constant
    number of queries."""
    programme = programme_of(schedule)
    for kind, writer in (("xml", frab_xml), ("json", schedule_json), ("xcal", xcal)):
        yield File(f"schedule/export/schedule.{kind}", writer.CONTENT_TYPE, writer.write(programme))
    known: icalendar_file.Known = {}
    whole = icalendar_file.write(programme, known)
    yield File("schedule/export/schedule.ics", icalendar_file.CONTENT_TYPE, whole)
    yield from _calendars(programme, [*programme.sessions, *_called_off(schedule, gone)], known)


def _calendars(programme: Programme, sessions: Iterable[Session], known: icalendar_file.Known) -> Iterator[File]:
    by_code: dict[str, list[Session]] = defaultdict(list)
    by_person: dict[str, list[Session]] = defaultdict(list)
    persons: dict[str, Person] = {}
    for session in sessions:
        if session.code:
            by_code[session.code].append(session)
        for person in {person.code: person for person in (*session.persons, *session.chairs)}.values():
            persons[person.code] = person
            by_person[person.code].append(session)
    for code, own in by_code.items():
        body = icalendar_file.write_sessions(programme, own, name=own[0].title, known=known)
        yield File(f"sessions/{code}.ics", icalendar_file.CONTENT_TYPE, body)
    for code, own in by_person.items():
        body = icalendar_file.write_sessions(
            programme, own, name=f"{persons[code].name} · {programme.title}", known=known
        )
        yield File(f"speakers/{code}.ics", icalendar_file.CONTENT_TYPE, body)


def _called_off(schedule: Schedule, gone: Iterable[Submission]) -> Iterator[Session]:
    """The last slots that these had, under a higher SEQUENCE: a calendar takes off what it is told of, and keeps the rest."""
    last = {
        slot.uid: slot.pk
        for slot in Slot.objects.filter(
            submission__in=[submission.pk for submission in gone],
            schedule__event=schedule.event_id,
            schedule__number__gt=0,
            schedule__number__lt=schedule.number,
        ).order_by("schedule__number")
    }
    if not last:
        return
    for session in programme_from(schedule, slots_with_all(Slot.objects.filter(pk__in=last.values()))).sessions:
        yield cancelled(session, sequence=session.sequence + 1)
