"""frab XML, also called Pentabarf XML: https://c3voc.de/wiki/schedule.

Read are all dialects met so far: with and without `<room>` around the events, with dates and offsets or with times on the clock
only, days that begin in UTC, people with or without ids. What the format has and this module does not read: logos and
answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.utils.translation import gettext as _
from lxml import etree

from scheduling.importers.collecting import Collector, read_colour, read_uuid
from scheduling.importers.parsed import MAX_NODES, NotASchedule, Parsed
from scheduling.importers.reading import decode, line, shortened
from scheduling.importers.times import Unreadable, parse_date, parse_duration, parse_moment, parse_time
from scheduling.programme import Day, Person, Room, Track

FORMAT: Final = "frab XML"

_DECLARATION: Final = re.compile(rb"""<\?xml[^>]{0,200}?\bencoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
_PROLOG: Final = re.compile(r"\s*(?:<!--.*?-->|<\?.*?\?>)", re.DOTALL)
_DOCTYPE: Final = re.compile(r"\s*<!DOCTYPE\s+([A-Za-z_:][\w:.-]*)([^\[>]*)(.)", re.DOTALL | re.IGNORECASE)
#: What XML 1.0 has no way to hold, as it is or as a reference.
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCE: Final = re.compile(r"&#(?:x([0-9a-fA-F]{1,8})|(\d{1,10}));")
_TRUE: Final = frozenset({"true", "1", "yes"})


def recognises(start: str) -> bool:
    return start.lstrip("\ufeff \t\r\n").startswith("<")


def parse(data: bytes) -> Parsed:
    """Raises NotASchedule for XML of another kind, damaged XML and everything that declares entities."""
    collector = Collector(FORMAT)
    declared = _DECLARATION.search(data[:400])
    text = decode(data, declared=declared[1].decode("ascii") if declared else "", warn=collector.warn)
    _refuse_declarations(text)
    root = _tree(_without_forbidden(text, collector))
    if _name(root) != "schedule" or not _has_events(root):
        raise NotASchedule(_other_xml(root))
    return _Reader(root, collector).read()


# -- XML that is safe to look at ---------------------------------------------------------------------------------------


def _refuse_declarations(text: str) -> None:
    """Schedules need no document type, and entities are only good for bombs and for reading other people's files."""
    position = 0
    while found := _PROLOG.match(text, position):
        position = found.end()
    doctype = _DOCTYPE.match(text, position)
    if doctype is None:
        return
    if doctype[1].lower() == "html":
        raise NotASchedule(_("This is a web page, no schedule. Look for a link to its XML or JSON file."))
    if doctype[3] == "[":
        raise NotASchedule(_("This XML file declares entities, which a schedule may not."))


def _without_forbidden(text: str, collector: Collector) -> str:
    """XML with control characters is no XML, and yet exporters write it: they are taken out."""
    first = _FORBIDDEN.search(text)
    clean = _FORBIDDEN.sub("", text) if first else text
    clean = _REFERENCE.sub(_checked, clean)
    if first or len(clean) < len(text):
        where = _("line %(line)d") % {"line": text.count("\n", 0, first.start()) + 1} if first else _("file")
        collector.warn(where, _("The file has control characters, which were taken out."))
    return clean


def _checked(reference: re.Match[str]) -> str:
    point = int(reference[1], 16) if reference[1] else int(reference[2])
    return "" if point > 0x10FFFF or _FORBIDDEN.match(chr(point)) else reference[0]


def _tree(text: str) -> Any:
    if text.count("<") > 2 * MAX_NODES:
        raise NotASchedule(_("This XML file has too many elements for a schedule."))
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, load_dtd=False, dtd_validation=False, no_network=True, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(text.encode("utf-8", errors="ignore"), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        if re.match(r"\s*(?:<!--.*?-->\s*)?<html\b", text[:2000], re.IGNORECASE | re.DOTALL):
            raise NotASchedule(_("This is a web page, no schedule. Look for a link to its XML or JSON file.")) from None
        number = getattr(error, "lineno", 0) or 0
        reason = shortened(line(getattr(error, "msg", "") or str(error)), 160)
        raise NotASchedule(
            _("This XML file breaks off or is damaged in line %(line)d: %(reason)s")
            % {"line": number, "reason": reason}
        ) from None
    if root is None:
        raise NotASchedule(_("This file is empty."))
    if root.getroottree().docinfo.internalDTD is not None and any(
        root.getroottree().docinfo.internalDTD.iterentities()
    ):
        raise NotASchedule(_("This XML file declares entities, which a schedule may not."))
    return root


def _name(element: Any) -> str:
    tag = element.tag
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


def _has_events(root: Any) -> bool:
    names = {_name(child) for child in root}
    if "conference" in names:
        return True
    return "day" in names and any(_name(element) == "event" for day in root for element in day.iter())


def _other_xml(root: Any) -> str:
    name = shortened(line(_name(root)), 40)
    if name == "html":
        return _("This is a web page, no schedule. Look for a link to its XML or JSON file.")
    if name == "schedule":
        return _("This XML file is a schedule in a format that is not known here: it has no days with events.")
    return _("This XML file is no schedule: its outermost element is “%(name)s”.") % {"name": name}


# -- The schedule ------------------------------------------------------------------------------------------------------


def _children(element: Any, name: str) -> Iterator[Any]:
    return (child for child in element if _name(child) == name)


def _child(element: Any, name: str) -> Any | None:
    return next(_children(element, name), None)


def _text(element: Any | None, name: str = "") -> str:
    """The text of an element, or of its child; tags inside stay, for `to_markdown` to read."""
    if element is not None and name:
        element = _child(element, name)
    if element is None:
        return ""
    if len(element) == 0:
        return element.text or ""
    return (element.text or "") + "".join(etree.tostring(child, encoding="unicode") for child in element)


def _attribute(element: Any, name: str) -> str:
    return element.get(name) or ""


def _where(element: Any) -> str:
    return _("line %(line)d") % {"line": element.sourceline or 0}


class _Reader:
    def __init__(self, root: Any, collector: Collector) -> None:
        self._root = root
        self._into = collector
        self._warned: set[str] = set()

    def read(self) -> Parsed:
        into, conference = self._into, _child(self._root, "conference")
        generator = _child(self._root, "generator")
        into.set_generator(_attribute(generator, "name") if generator is not None else "")
        into.base_url = into.address(_("conference"), _text(conference, "base_url") or _text(self._root, "base_url"))
        into.set_zone(_("conference"), _text(conference, "time_zone_name"))
        if change := _text(conference, "day_change").strip():
            try:
                into.day_change = parse_time(change)
            except Unreadable as reason:
                into.warn(_("conference"), str(reason))
        for track in self._root.iter():
            if _name(track) == "track" and (_name(track.getparent()) in {"tracks", "conference"}):
                self._track(track)
        for persons in _children(self._root, "persons"):
            for person in _children(persons, "person"):
                self._known_person(person)
        for day in _children(self._root, "day"):
            self._day(day)
        return into.result(
            title=_text(conference, "title"),
            acronym=_text(conference, "acronym"),
            subtitle=_text(conference, "subtitle"),
            start=self._conference_date(conference, "start"),
            end=self._conference_date(conference, "end"),
            time_slot=self._time_slot(conference),
            version=_text(self._root, "version") or _text(conference, "release"),
            url=_text(self._root, "url"),
            generator=_attribute(generator, "name") if generator is not None else "",
        )

    def _conference_date(self, conference: Any, name: str) -> date | None:
        text = _text(conference, name).strip()
        if not text:
            return None
        try:
            return self._into.placed(parse_moment(text)).date() if len(text) > 10 else parse_date(text)
        except Unreadable as reason:
            self._into.warn(_("conference"), str(reason))
            return None

    def _time_slot(self, conference: Any) -> timedelta | None:
        try:
            return parse_duration(_text(conference, "timeslot_duration"))
        except Unreadable:
            return None

    def _track(self, element: Any) -> None:
        where = _where(element)
        name = self._into.line(where, "track", _attribute(element, "name") or _text(element))
        colour = read_colour(_attribute(element, "color")) if element.get("color") else ""
        self._into.add_track(Track(name=name, colour=colour, slug=line(_attribute(element, "slug"))[:50]))

    def _known_person(self, element: Any) -> None:
        biography = _text(element, "extended_biography").strip() or _text(element, "biography")
        person = self._into.person(
            _where(element),
            name=_text(element, "name") or _text(element, "public_name"),
            source_id=_attribute(element, "id"),
            guid=_attribute(element, "guid"),
            code=_attribute(element, "code"),
            biography=biography or _text(element, "description"),
        )
        if person:
            self._into.add_person(person)

    def _day(self, element: Any) -> None:
        day = self._day_of(element)
        for child in element:
            name = _name(child)
            if name == "event":
                self._event(child, day, "")
            elif name == "room":
                room = self._into.line(_where(child), "room", _attribute(child, "name"))
                # An event names its room too. Where the two differ, the event's own word counts; the order of rooms is theirs.
                own = {
                    self._into.line(_where(child), "room", _text(event, "room")) for event in _children(child, "event")
                }
                if not own - {"", room}:
                    self._into.add_room(Room(name=room, guid=read_uuid(_attribute(child, "guid"))))
                for event in _children(child, "event"):
                    self._event(event, day, room)

    def _day_of(self, element: Any) -> date | None:
        """The day's date on the conference's clocks; None where it cannot be read, and events need dates of their own."""
        start, end = (self._bound(element, name) for name in ("start", "end"))
        text = _attribute(element, "date").strip()
        try:
            # A date with a time, as some write it, is the date.
            day = parse_date(text[:10]) if text else None
        except Unreadable as reason:
            self._into.warn(_where(element), str(reason))
            day = None
        if day is None:
            if start is None:
                return None
            day = start.date()
        return self._into.add_day(Day(index=0, date=day, start=start, end=end))

    def _bound(self, element: Any, name: str) -> datetime | None:
        text = _attribute(element, name).strip()
        if len(text) <= 10:
            return None
        try:
            return parse_moment(text)
        except Unreadable as reason:
            self._into.warn(_where(element), str(reason))
            return None

    def _event(self, element: Any, day: date | None, room: str) -> None:
        try:
            self._add(element, day, room)
        except Unreadable as reason:
            title = shortened(line(_text(element, "title")), 60)
            self._into.unread(_where(element), f"{reason} ({title})" if title else str(reason))

    def _add(self, element: Any, day: date | None, room: str) -> None:
        into, where = self._into, _where(element)
        recording = _child(element, "recording")
        persons = _child(element, "persons")
        into.add(
            where,
            title=_text(element, "title"),
            start=self._start(element, day),
            duration=parse_duration(_text(element, "duration")),
            day=day,
            source_id=_attribute(element, "id"),
            guid=_attribute(element, "guid"),
            code=_attribute(element, "code"),
            room=_text(element, "room").strip() or room,
            slug=_text(element, "slug"),
            subtitle=_text(element, "subtitle"),
            kind_label=_text(element, "type"),
            track=_text(element, "track"),
            language=_text(element, "language"),
            abstract=_text(element, "abstract"),
            description=_text(element, "description"),
            persons=[self._person(person) for person in (_children(persons, "person") if persons is not None else ())],
            links=self._links(element, "links", "link"),
            attachments=self._links(element, "attachments", "attachment"),
            url=_text(element, "url"),
            feedback_url=_text(element, "feedback_url"),
            licence=_text(recording, "license"),
            do_not_record=_text(recording, "optout").strip().lower() in _TRUE,
        )

    def _start(self, element: Any, day: date | None) -> datetime:
        moment = _text(element, "date").strip()
        if len(moment) > 10:
            return parse_moment(moment)
        clock = parse_time(_text(element, "start"))
        if moment and (own := parse_date(moment)) != day:
            return datetime.combine(own, clock)
        if day is None:
            raise Unreadable(_("It has no date."))
        return self._into.moment_of(day, clock)

    def _person(self, element: Any) -> Person | None:
        where = _where(element)
        # Plain text in an event, and elements in some dialects.
        name = _text(element, "name") or (element.text or "")
        return self._into.person(
            where,
            name=name,
            source_id=_attribute(element, "id"),
            guid=_attribute(element, "guid"),
            code=_attribute(element, "code"),
        )

    def _links(self, element: Any, group: str, name: str) -> list[Any]:
        parent = _child(element, group)
        if parent is None:
            return []
        return [
            self._into.link(
                _where(link), url=_attribute(link, "href"), title=_text(link), kind=_attribute(link, "type")
            )
            for link in _children(parent, name)
        ]
