"""The files of a release: what phone apps, calendars and other programs read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, NamedTuple
from uuid import UUID

from scheduling import notices
from scheduling.exports import frab_xml, icalendar_file, pretalx, schedule_json, xcal
from scheduling.models import Schedule, Slot
from scheduling.programme import Person, Programme, Session
from scheduling.services.programme import cancelled, programme_from, slots_with_all

#: Not served as it is: what `scheduling.views.pretalx` answers from.
PRETALX: Final = "pretalx.json"


_WHOLE: Final = (("xml", frab_xml), ("json", schedule_json), ("xcal", xcal))


#: A slot's uid, and the ids of its room and its session's track.
Place = tuple[UUID, int | None, int | None]


class File(NamedTuple):
    """`path`: below the event's own address."""

    path: str
    content_type: str
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What the files of a release say, as plain values: the rows, which are large, need not be kept."""

    schedule: Schedule
    programme: Programme
    places: list[Place]
    # In the shapes of pretalx.
    tables: bytes


def contents_from(schedule: Schedule, slots: Iterable[Slot]) -> Contents:
    """`slots`: all of the release, read by `slots_with_all`. A constant number of queries."""
    slots = list(slots)
    return Contents(
        schedule=schedule,
        programme=programme_from(schedule, slots),
        places=[(slot.uid, slot.room_id, slot.submission.track_id if slot.submission else None) for slot in slots],
        tables=pretalx.write(schedule, slots),
    )


def files_of(contents: Contents) -> Iterator[File]:
    """All of them. A constant number of queries."""
    schedule, programme, places = contents.schedule, contents.programme, contents.places
    yield File(PRETALX, pretalx.CONTENT_TYPE, contents.tables)
    widget = pretalx.write_widget(contents.tables, schedule.event)
    yield File("schedule/widgets/schedule.json", pretalx.CONTENT_TYPE, widget)
    for kind, writer in _WHOLE:
        yield File(f"schedule/export/schedule.{kind}", writer.CONTENT_TYPE, writer.write(programme))
    known: icalendar_file.Known = {}
    whole = icalendar_file.write(programme, known)
    yield File("schedule/export/schedule.ics", icalendar_file.CONTENT_TYPE, whole)
    yield from _calendars(programme, [*programme.sessions, *_called_off(schedule, {uid for uid, *_ in places})], known)
    yield from _parts(programme, places, known)


def _parts(programme: Programme, places: Iterable[Place], known: icalendar_file.Known) -> Iterator[File]:
    """What is in each room, and of each track, in every format: for displays at doors and for one community's site."""
    by_uid = {session.uid: session for session in programme.sessions}
    parts: dict[tuple[str, int], list[Session]] = defaultdict(list)
    for uid, room_id, track_id in places:
        session = by_uid[notices.calendar_uid(uid)]
        if room_id:
            parts["rooms", room_id].append(session)
        if track_id:
            parts["tracks", track_id].append(session)
    for (kind, pk), sessions in parts.items():
        sessions.sort(key=lambda session: session.start)
        label = sessions[0].room if kind == "rooms" else sessions[0].track
        part = replace(programme, sessions=tuple(sessions), title=f"{label} · {programme.title}")
        path = f"schedule/export/{kind}/{pk}"
        for extension, writer in _WHOLE:
            yield File(f"{path}.{extension}", writer.CONTENT_TYPE, writer.write(part))
        yield File(f"{path}.ics", icalendar_file.CONTENT_TYPE, icalendar_file.write(part, known))


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


def _called_off(schedule: Schedule, uids: set[UUID]) -> Iterator[Session]:
    """What earlier releases had of sessions and this one has not, as it was last, under a higher SEQUENCE: a calendar takes off what
    it is told of, and keeps the rest. A session that is given twice may lose one of its times only."""
    last = (
        Slot.objects.filter(
            submission__isnull=False,
            schedule__event=schedule.event_id,
            schedule__number__gt=0,
            schedule__number__lt=schedule.number,
        )
        .exclude(uid__in=uids)
        .order_by("uid", "-schedule__number")
        .distinct("uid")
    )
    gone = list(slots_with_all(Slot.objects.filter(pk__in=last.values("pk"))))
    if gone:
        for session in programme_from(schedule, gone).sessions:
            yield cancelled(session, sequence=session.sequence + 1)
