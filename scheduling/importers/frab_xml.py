"""frab XML, also called Pentabarf XML: https://c3voc.de/wiki/schedule.

Read are all dialects met so far: with and without `<room>` around the events, with dates and offsets or with times on the clock
only, days that begin in UTC, people with or without ids. What the format has and this module does not read: logos and
answers.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.utils.translation import gettext as _

from scheduling.importers.collecting import Collector, read_colour, read_uuid
from scheduling.importers.parsed import NotASchedule, Parsed
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
from scheduling.importers.xml_text import attribute, child, children, line_of, load, tag, text_in
from scheduling.programme import Day, Person, Room, Track

FORMAT: Final = "frab XML"

_TRUE: Final = frozenset({"true", "1", "yes"})
_WHOLE: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d")


def recognises(file: SourceFile) -> bool:
    return file.is_xml


def parse(file: SourceFile) -> Parsed:
    """Raises NotASchedule for XML of another kind."""
    collector = file.collector(FORMAT)
    root = load(file.data, collector)
    if tag(root) != "schedule" or not _has_events(root):
        raise NotASchedule(_other_xml(root))
    return _Reader(root, collector).read()


def _has_events(root: Any) -> bool:
    return any(tag(child) == "conference" for child in root) or any(tag(element) == "event" for element in root.iter())


def _other_xml(root: Any) -> str:
    name = shortened(line(tag(root)), 40)
    if name == "html":
        return _("This is a web page, no schedule. Look for a link to its XML or JSON file.")
    if name == "schedule":
        return _("This XML file is a schedule in a format that is not known here: it has no days with events.")
    return _("This XML file is no schedule: its outermost element is “%(name)s”.") % {"name": name}


# -- The schedule ------------------------------------------------------------------------------------------------------


class _Reader:
    def __init__(self, root: Any, collector: Collector) -> None:
        self._root = root
        self._into = collector
        self._warned: set[str] = set()

    def read(self) -> Parsed:
        into, conference = self._into, child(self._root, "conference")
        generator = child(self._root, "generator")
        into.set_generator(attribute(generator, "name") if generator is not None else "")
        into.base_url = into.address(
            _("conference"), text_in(conference, "base_url") or text_in(self._root, "base_url")
        )
        into.set_zone(_("conference"), text_in(conference, "time_zone_name"))
        if change := text_in(conference, "day_change").strip():
            try:
                into.day_change = parse_time(change)
            except Unreadable as reason:
                into.warn(_("conference"), str(reason))
        for track in self._root.iter():
            if tag(track) == "track" and (tag(track.getparent()) in {"tracks", "conference"}):
                self._track(track)
        for persons in children(self._root, "persons"):
            for person in children(persons, "person"):
                self._known_person(person)
        first = self._conference_date(conference, "start")
        days = list(children(self._root, "day")) or [
            # Wrapped in something, such as the conference.
            element
            for element in self._root.iter()
            if tag(element) == "day" and any(tag(part) in {"event", "room"} for part in element)
        ]
        for day in days:
            self._day(day, first)
        for event in self._root.iter() if not days else ():
            if tag(event) == "event":
                self._event(event, None, "")
        return into.result(
            title=text_in(conference, "title"),
            acronym=text_in(conference, "acronym"),
            subtitle=text_in(conference, "subtitle"),
            start=first,
            end=self._conference_date(conference, "end"),
            time_slot=self._time_slot(conference),
            version=text_in(self._root, "version") or text_in(conference, "release"),
            url=text_in(self._root, "url"),
            generator=attribute(generator, "name") if generator is not None else "",
        )

    def _conference_date(self, conference: Any, name: str) -> date | None:
        text = text_in(conference, name).strip()
        if not text:
            return None
        try:
            return self._into.placed(parse_moment(text)).date() if len(text) > 10 else parse_date(text)
        except Unreadable as reason:
            self._into.warn(_("conference"), str(reason))
            return None

    def _time_slot(self, conference: Any) -> timedelta | None:
        try:
            return parse_duration(text_in(conference, "timeslot_duration"))
        except Unreadable:
            return None

    def _track(self, element: Any) -> None:
        where = line_of(element)
        name = self._into.line(where, "track", attribute(element, "name") or text_in(element))
        colour = read_colour(attribute(element, "color")) if element.get("color") else ""
        self._into.add_track(Track(name=name, colour=colour, slug=line(attribute(element, "slug"))[:50]))

    def _known_person(self, element: Any) -> None:
        biography = text_in(element, "extended_biography").strip() or text_in(element, "biography")
        person = self._into.person(
            line_of(element),
            name=text_in(element, "name") or text_in(element, "public_name"),
            source_id=attribute(element, "id"),
            guid=attribute(element, "guid"),
            code=attribute(element, "code"),
            biography=biography or text_in(element, "description"),
        )
        if person:
            self._into.add_person(person)

    def _day(self, element: Any, first: date | None) -> None:
        day = self._day_of(element, first)
        for part in element:
            name = tag(part)
            if name == "event":
                self._event(part, day, "")
            elif name == "room":
                room = self._into.line(line_of(part), "room", attribute(part, "name") or text_in(part, "name"))
                # An event names its room too. Where the two differ, the event's own word counts; the order of rooms is theirs.
                own = {
                    self._into.line(line_of(part), "room", text_in(event, "room")) for event in children(part, "event")
                }
                if not own - {"", room}:
                    self._into.add_room(Room(name=room, guid=read_uuid(attribute(part, "guid"))))
                for event in children(part, "event"):
                    self._event(event, day, room)

    def _day_of(self, element: Any, first: date | None) -> date | None:
        """The day's date on the conference's clocks; None where it cannot be read, and events need dates of their own.
        `first`: the conference's first day."""
        start, end = (self._bound(element, name) for name in ("start", "end"))
        text = attribute(element, "date").strip()
        try:
            # A date with a time, as some write it, is the date.
            day = parse_date(text[:10]) if text else None
        except Unreadable as reason:
            self._into.warn(line_of(element), str(reason))
            day = None
        if day is None:
            has_dates = any(text_in(event, "date").strip() for event in element.iter() if tag(event) == "event")
            day = start.date() if start else None
            if day is None and not has_dates:
                day = self._into.numbered_day(line_of(element), attribute(element, "index").strip(), first)
            if day is None:
                return None
        return self._into.add_day(Day(index=0, date=day, start=start, end=end))

    def _bound(self, element: Any, name: str) -> datetime | None:
        text = attribute(element, name).strip()
        if len(text) <= 10:
            return None
        try:
            return parse_moment(text)
        except Unreadable as reason:
            self._into.warn(line_of(element), str(reason))
            return None

    def _event(self, element: Any, day: date | None, room: str) -> None:
        try:
            self._add(element, day, room)
        except Unreadable as reason:
            title = shortened(line(text_in(element, "title")), 60)
            self._into.unread(line_of(element), f"{reason} ({title})" if title else str(reason))

    def _add(self, element: Any, day: date | None, room: str) -> None:
        into, where = self._into, line_of(element)
        recording = child(element, "recording")
        start = self._start(element, day)
        into.add(
            where,
            title=into.title(where, text_in(element, "title"), subtitle=text_in(element, "subtitle")),
            start=start,
            duration=self._duration(element, start),
            day=day,
            source_id=attribute(element, "id"),
            guid=attribute(element, "guid"),
            code=attribute(element, "code"),
            room=text_in(element, "room").strip() or room,
            slug=text_in(element, "slug"),
            subtitle=text_in(element, "subtitle"),
            kind_label=text_in(element, "type"),
            track=text_in(element, "track"),
            language=text_in(element, "language"),
            abstract=text_in(element, "abstract"),
            description=text_in(element, "description"),
            persons=self._persons(element),
            links=self._links(element, "links", "link"),
            attachments=self._links(element, "attachments", "attachment"),
            url=text_in(element, "url"),
            feedback_url=text_in(element, "feedback_url"),
            licence=text_in(recording, "license") or text_in(element, "recording_license"),
            do_not_record=self._opts_out(element, recording),
        )

    def _start(self, element: Any, day: date | None) -> datetime:
        moment = text_in(element, "date").strip()
        if len(moment) > 10:
            return parse_moment(moment)
        clock = text_in(element, "start").strip()
        if _WHOLE.match(clock):
            return parse_moment(clock)
        if moment and (own := parse_date(moment)) != day:
            return at_clock(own, clock)
        if day is None:
            raise Unreadable(_("It has no date."))
        return self._into.moment_of(day, clock)

    @staticmethod
    def _duration(element: Any, start: datetime) -> timedelta:
        end = text_in(element, "end").strip()
        if text_in(element, "duration").strip() or not end:
            return parse_duration(text_in(element, "duration"))
        if _WHOLE.match(end):
            return between(start, parse_moment(end))
        finish = at_clock(start.date(), end).replace(tzinfo=start.tzinfo)
        return between(start, finish if finish >= start else finish + timedelta(days=1))

    @staticmethod
    def _opts_out(element: Any, recording: Any | None) -> bool:
        said = (
            text_in(recording, "optout"),
            attribute(recording, "optout") if recording is not None else "",
            text_in(element, "do_not_record"),
        )
        return any(text.strip().lower() in _TRUE for text in said)

    def _persons(self, event: Any) -> list[Person | None]:
        """Some dialects leave out the element around them."""
        persons = child(event, "persons")
        return [self._person(person) for person in children(event if persons is None else persons, "person")]

    def _person(self, element: Any) -> Person | None:
        where = line_of(element)
        # Plain text in an event, and elements in some dialects.
        name = text_in(element, "name") or (element.text or "")
        return self._into.person(
            where,
            name=name,
            source_id=attribute(element, "id"),
            guid=attribute(element, "guid"),
            code=attribute(element, "code"),
        )

    def _links(self, element: Any, group: str, name: str) -> list[Any]:
        parent = child(element, group)
        if parent is None:
            return []
        return [
            self._into.link(
                line_of(link), url=attribute(link, "href"), title=text_in(link), kind=attribute(link, "type")
            )
            for link in children(parent, name)
        ]
