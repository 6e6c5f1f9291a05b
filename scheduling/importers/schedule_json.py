"""schedule.json of frab, pretalx and the c3voc tools: https://c3voc.de/wiki/schedule, version 1 (events under days and
rooms) and version 2 (a list of events)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.utils.translation import gettext as _

from scheduling.importers.collecting import Collector, read_colour, read_uuid
from scheduling.importers.json_text import as_text, dicts, text_of
from scheduling.importers.parsed import Parsed
from scheduling.importers.reading import line, shortened
from scheduling.importers.source import SourceFile
from scheduling.importers.times import (
    Unreadable,
    at_clock,
    between,
    parse_date,
    parse_duration,
    parse_moment,
    parse_time,
)
from scheduling.programme import Day, Link, Person, Room, Track

FORMAT: Final = "schedule.json"

_FIVE_MINUTES: Final = timedelta(minutes=5)


def recognises(file: SourceFile) -> bool:
    return file.is_json and _conference(file.document)[0] is not None


def parse(file: SourceFile) -> Parsed:
    conference, schedule, path = _conference(file.document)
    return _Reader(file.document, schedule, conference, path, file.collector(FORMAT)).read()


def _conference(document: Any) -> tuple[Any, Any, str]:
    """The conference, the schedule around it, and that one's path; Nones for another kind of document."""
    for schedule, path in (
        ((document.get("schedule"), "schedule"), (document, "")) if isinstance(document, dict) else ()
    ):
        if not isinstance(schedule, dict):
            continue
        conference = schedule.get("conference")
        if isinstance(conference, dict) and (
            isinstance(conference.get("days"), (list, dict)) or isinstance(schedule.get("events"), (list, dict))
        ):
            return conference, schedule, path
    return None, None, ""


def _listed(values: object) -> list[Any]:
    """What stands in a list, or in an object by number or name, as some programs write lists."""
    if isinstance(values, dict):
        return list(values.values())
    return values if isinstance(values, list) else []


def _address(value: object) -> str:
    """An address, or an image or link object's."""
    return text_of(value, "url") if isinstance(value, dict) else as_text(value)


def _events_under(day: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for room in _listed(day.get("rooms")):
        yield from (event for _n, event in dicts(room.get("events") if isinstance(room, dict) else room))
    yield from (event for event in _listed(day.get("events")) if isinstance(event, dict))


def _says_yes(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() in {"true", "yes", "1"})


def _opts_out(recording: object) -> bool:
    return isinstance(recording, dict) and _says_yes(recording.get("optout"))


class _Reader:
    def __init__(self, document: Any, schedule: Any, conference: Any, path: str, collector: Collector) -> None:
        self._document = document
        self._schedule = schedule
        self._conference = conference
        self._path = f"{path}." if path else ""
        self._into = collector
        self._track_names: dict[str, str] = {}
        self._first: date | None = None

    def read(self) -> Parsed:
        into, conference, schedule = self._into, self._conference, self._schedule
        where = f"{self._path}conference"
        generator = self._document.get("generator") or schedule.get("generator")
        generator_name = text_of(generator, "name") if isinstance(generator, dict) else as_text(generator)
        into.set_generator(generator_name)
        into.base_url = into.address(where, text_of(schedule, "base_url") or text_of(conference, "base_url"))
        into.set_zone(where, text_of(conference, "time_zone_name", "time_zone", "timezone"))
        meta = conference.get("meta")
        change = text_of(conference, "day_change") or (text_of(meta, "day_change") if isinstance(meta, dict) else "")
        if change:
            try:
                into.day_change = parse_time(change)
            except Unreadable as reason:
                into.warn(where, str(reason))
        for number, room in dicts(conference.get("rooms") or schedule.get("rooms")):
            self._room(f"{where}.rooms[{number}]", room)
        for number, track in dicts(conference.get("tracks")):
            self._track(f"{where}.tracks[{number}]", track)
        for number, person in dicts(schedule.get("persons")):
            known = self._person(f"{self._path}persons[{number}]", person)
            if known:
                into.add_person(known)
        self._first = self._conference_date(where, "start")
        self._days(where)
        self._events()
        return into.result(
            title=text_of(conference, "title"),
            acronym=text_of(conference, "acronym"),
            subtitle=text_of(conference, "subtitle"),
            start=self._first,
            end=self._conference_date(where, "end"),
            time_slot=self._time_slot(),
            version=text_of(schedule, "version"),
            url=text_of(schedule, "url") or text_of(conference, "url"),
            generator=generator_name,
        )

    def _conference_date(self, where: str, name: str) -> date | None:
        text = text_of(self._conference, name).strip()
        if not text:
            return None
        try:
            return self._into.placed(parse_moment(text)).date() if len(text) > 10 else parse_date(text)
        except Unreadable as reason:
            self._into.warn(f"{where}.{name}", str(reason))
            return None

    def _time_slot(self) -> timedelta:
        try:
            return parse_duration(text_of(self._conference, "timeslot_duration"))
        except Unreadable:
            return _FIVE_MINUTES

    def _room(self, where: str, room: Mapping[str, Any]) -> None:
        capacity = room.get("capacity")
        self._into.add_room(
            Room(
                name=self._into.line(where, "room", text_of(room, "name")),
                guid=read_uuid(text_of(room, "guid")),
                capacity=capacity if type(capacity) is int and 0 < capacity < 1_000_000 else None,
                description=self._into.text(where, text_of(room, "description")),
            )
        )

    def _track(self, where: str, track: Mapping[str, Any]) -> None:
        name = self._into.line(where, "track", text_of(track, "name"))
        slug = line(text_of(track, "slug"))[:50]
        colours = track.get("colors")
        colour = text_of(track, "color") or (text_of(colours, "light") if isinstance(colours, dict) else "")
        self._into.add_track(Track(name=name, colour=read_colour(colour) if colour else "", slug=slug))
        if slug:
            self._track_names[slug] = name

    def _days(self, where: str) -> None:
        for number, value in enumerate(_listed(self._conference.get("days"))):
            path = f"{where}.days[{number}]"
            if not isinstance(value, dict):
                self._into.warn(path, _("This is no day."))
                continue
            day = self._day(path, value)
            if value.get("events"):
                self._events_of_room(f"{path}.events", _listed(value["events"]), day, "")
            rooms = value.get("rooms")
            if isinstance(rooms, dict):
                for name, events in rooms.items():
                    self._events_of_room(f'{path}.rooms["{shortened(line(name), 60)}"]', events, day, name)
            elif isinstance(rooms, list):
                for place, room in dicts(rooms):
                    self._events_of_room(f"{path}.rooms[{place}]", room.get("events"), day, text_of(room, "name"))

    def _day(self, path: str, value: Mapping[str, Any]) -> date | None:
        start = self._bound(path, value, "day_start", "start")
        end = self._bound(path, value, "day_end", "end")
        text = text_of(value, "date").strip()
        try:
            day = parse_date(text[:10]) if text else None
        except Unreadable as reason:
            self._into.warn(path, str(reason))
            day = None
        if day is None:
            day = start.date() if start else None
            if day is None and not any("T" in text_of(event, "date", "start") for event in _events_under(value)):
                day = self._into.numbered_day(path, text_of(value, "index"), self._first)
            if day is None:
                return None
        return self._into.add_day(Day(index=0, date=day, start=start, end=end))

    def _bound(self, path: str, value: Mapping[str, Any], *names: str) -> datetime | None:
        text = next((text for name in names if (text := text_of(value, name).strip())), "")
        if len(text) <= 10:
            return None
        try:
            return parse_moment(text)
        except Unreadable as reason:
            self._into.warn(path, str(reason))
            return None

    def _events_of_room(self, path: str, events: object, day: date | None, room: str) -> None:
        if not isinstance(events, list):
            self._into.warn(path, _("This is no list of events."))
            return
        for number, event in enumerate(events):
            self._event(f"{path}[{number}]", event, day, room)

    def _events(self) -> None:
        """Those of version 2, which stand in one list and end instead of lasting."""
        for number, event in enumerate(_listed(self._schedule.get("events"))):
            self._event(f"{self._path}events[{number}]", event, None, "")

    def _event(self, path: str, event: object, day: date | None, room: str) -> None:
        if not isinstance(event, dict):
            self._into.unread(path, _("This is no event."))
            return
        try:
            self._add(path, event, day, room)
        except Unreadable as reason:
            title = shortened(line(text_of(event, "title")), 60)
            self._into.unread(path, f"{reason} ({title})" if title else str(reason))

    def _add(self, path: str, event: Mapping[str, Any], day: date | None, room: str) -> None:
        into = self._into
        start = self._start(event, day)
        own_room = event.get("room")
        room_name = text_of(own_room, "name") if isinstance(own_room, dict) else as_text(own_room)
        people = event.get("persons") or event.get("participants") or event.get("speakers")
        into.add(
            path,
            title=into.title(path, text_of(event, "title"), subtitle=text_of(event, "subtitle")),
            start=start,
            duration=self._duration(event, start),
            day=day,
            source_id=text_of(event, "id") or text_of(event, "code"),
            guid=text_of(event, "guid"),
            code=text_of(event, "code"),
            room=room_name.strip() or room,
            slug=text_of(event, "slug"),
            subtitle=text_of(event, "subtitle"),
            kind_label=text_of(event, "type"),
            track=self._track_of(event),
            language=text_of(event, "language"),
            abstract=text_of(event, "abstract"),
            description=text_of(event, "description"),
            persons=[self._person(f"{path}.persons[{n}]", person) for n, person in enumerate(_listed(people))],
            links=self._links(f"{path}.links", event.get("links")),
            attachments=self._links(f"{path}.attachments", event.get("attachments")),
            url=text_of(event, "url"),
            feedback_url=text_of(event, "feedback_url"),
            licence=text_of(event, "recording_license"),
            do_not_record=_says_yes(event.get("do_not_record")) or _opts_out(event.get("recording")),
        )

    def _start(self, event: Mapping[str, Any], day: date | None) -> datetime:
        moment, clock = text_of(event, "date").strip(), text_of(event, "start").strip()
        if len(moment) > 10:
            return parse_moment(moment)
        if re.match(r"\d{4}-\d\d-\d\d[T ]", clock):
            return parse_moment(clock)
        if moment and (own := parse_date(moment)) != day:
            return at_clock(own, clock)
        if day is None:
            raise Unreadable(_("It has no date."))
        return self._into.moment_of(day, clock)

    def _duration(self, event: Mapping[str, Any], start: datetime) -> timedelta:
        end = text_of(event, "end").strip()
        if len(end) > 10:
            return between(start, parse_moment(end))
        lasts = text_of(event, "duration")
        if end and not lasts:
            finish = at_clock(start.date(), end).replace(tzinfo=start.tzinfo)
            return between(start, finish if finish >= start else finish + timedelta(days=1))
        return parse_duration(lasts)

    def _track_of(self, event: Mapping[str, Any]) -> str:
        track = event.get("track")
        if isinstance(track, dict):
            slug = line(text_of(track, "slug"))
            return self._track_names.get(slug, "") or text_of(track, "name") or slug or as_text(track)
        return as_text(track)

    def _person(self, where: str, person: object) -> Person | None:
        if not isinstance(person, dict):
            # A name and nothing else.
            return self._into.person(where, name=as_text(person))
        return self._into.person(
            where,
            name=text_of(person, "public_name") or text_of(person, "name") or text_of(person, "full_public_name"),
            source_id=text_of(person, "id") or text_of(person, "code"),
            guid=text_of(person, "guid"),
            code=text_of(person, "code"),
            native_name=text_of(person, "native_name"),
            affiliation=text_of(person, "affiliation"),
            biography=text_of(person, "biography"),
            url=text_of(person, "url"),
        )

    def _links(self, where: str, links: object) -> list[Link | None]:
        found = []
        for number, link in enumerate(links if isinstance(links, list) else ()):
            if isinstance(link, dict):
                url, title, kind = _address(link), text_of(link, "title"), text_of(link, "type")
            else:
                url, title, kind = as_text(link), "", ""
            found.append(self._into.link(f"{where}[{number}]", url=url, title=title, kind=kind))
        return found
