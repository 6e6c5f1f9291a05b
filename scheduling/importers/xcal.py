"""xCal, iCalendar in XML: the draft's elements with pentabarf's additions, as conference programs write it, and RFC 6321.

An element is a property of iCalendar, so both become the same components and are read as a calendar is. The draft has no
zones: its times are UTC, or the clock of the place.
"""

from __future__ import annotations

import re
from typing import Any, Final

from django.utils.translation import gettext as _

from scheduling.importers.icalendar_file import CalendarReader, Component, Property
from scheduling.importers.parsed import MAX_SESSIONS, NotASchedule, Parsed
from scheduling.importers.people import split_at_commas
from scheduling.importers.reading import line
from scheduling.importers.source import SourceFile
from scheduling.importers.xml_text import children, load, tag, text_in
from scheduling.programme import Person

FORMAT: Final = "xCal"

_ROOT: Final = re.compile(r"(?:\s|<\?.*?\?>|<!--.*?-->)*<(?:[\w.-]+:)?icalendar\b", re.IGNORECASE | re.DOTALL)
_COMPONENTS: Final = frozenset(
    {"vevent", "vtimezone", "standard", "daylight", "valarm", "vtodo", "vjournal", "vfreebusy"}
)
#: Elements of RFC 6321 that hold a value of a property.
_TYPES: Final = frozenset(
    {
        "text", "date", "date-time", "time", "duration", "period", "recur", "integer", "float", "boolean", "uri", "cal-address",
        "utc-offset", "binary", "unknown",
    }
)  # fmt: skip
_ADDRESS: Final = re.compile(r"\s*(?:mailto|urn|https?):", re.IGNORECASE)
_MAX_DEPTH: Final = 8


def recognises(file: SourceFile) -> bool:
    return file.is_xml and _ROOT.match(file.start.lstrip("\ufeff")) is not None


def parse(file: SourceFile) -> Parsed:
    collector = file.collector(FORMAT)
    root = load(file.data, collector)
    calendar = Component(name="VCALENDAR", line=root.sourceline or 0)
    for element in children(root, "vcalendar"):
        _fill(calendar, element, depth=0)
    if len(calendar.children) > MAX_SESSIONS:
        raise NotASchedule(_("This calendar has too many entries for a schedule."))
    return _Reader(calendar, collector).read()


def _fill(component: Component, element: Any, *, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise NotASchedule(_("This calendar is nested too deeply."))
    for part in element:
        name = tag(part)
        if name in {"properties", "components"}:
            _fill(component, part, depth=depth + 1)
        elif name in _COMPONENTS:
            inner = Component(name=name.upper(), line=part.sourceline or 0)
            _fill(inner, part, depth=depth + 1)
            component.children.append(inner)
        elif name:
            component.properties.setdefault(name.upper(), []).append(_property(name, part))


def _property(name: str, element: Any) -> Property:
    """Of RFC 6321, parameters and typed values; of the draft, plain text."""
    parameters = {
        tag(parameter).upper(): "".join(text_in(value) for value in parameter).strip()
        for group in children(element, "parameters")
        for parameter in group
    }
    typed = [part for part in element if tag(part) in _TYPES]
    value = ",".join(_value(part) for part in typed) if typed else _escaped(text_in(element))
    return Property(name=name.upper(), parameters=parameters, value=value, line=element.sourceline or 0)


def _value(element: Any) -> str:
    if tag(element) == "recur":
        rules: dict[str, list[str]] = {}
        for part in element:
            rules.setdefault(tag(part).upper(), []).append(text_in(part).strip())
        return ";".join(f"{name}={','.join(values)}" for name, values in rules.items())
    text = text_in(element)
    return _escaped(text).replace(",", "\\,") if tag(element) == "text" else text.strip()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n")


class _Reader(CalendarReader):
    def acronym(self, events: list[Component]) -> str:
        """In files of ours the first word of each session's slug."""
        return next((event.text("EVENT-SLUG").partition("-")[0] for event in events if self.is_ours), "")

    def details(self, where: str, event: Component) -> dict[str, Any]:
        shown = event.text("LOCATION").strip()
        details = super().details(where, event) | {
            "title": event.text("TITLE") or event.text("SUMMARY"),
            "subtitle": event.text("SUBTITLE"),
            "language": event.text("LANGUAGE-CODE") or event.text("LANGUAGE"),
            "kind_label": event.text("CATEGORY"),
            "source_id": event.text("EVENT-ID").strip() or line(event.text("UID")),
            # Apps leave out what has no place, so the conference stands in for a room.
            "room": "" if shown == self.title.strip() else shown,
        }
        if track := event.text("TRACK"):
            details["track"] = track
        # Of the draft they are those who speak; of RFC 6321, as in every calendar, addresses of an audience.
        attendees = [found.text for found in event.properties.get("ATTENDEE", ()) if not _ADDRESS.match(found.value)]
        if attendees:
            details["persons"] = self._speakers(where, [name for text in attendees for name in split_at_commas(text)])
        return details

    def _speakers(self, where: str, names: list[str]) -> list[Person | None]:
        """Two of one name are two people."""
        return [
            self.into.person(where, name=name, source_id=f"{name}#{before + 1}" if before else "")
            for number, name in enumerate(names)
            for before in [names[:number].count(name)]
        ]
