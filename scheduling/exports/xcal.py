"""xCal as conference apps read it: the draft's `vevent` elements with pentabarf's additions, as frab and pretalx write them.

RFC 6321 came later and looks different; Giggity and its like know the older one. Times are in UTC, so that no app has to know
a zone.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from lxml import etree

from scheduling.exports.entries import clean, clock, entries_of, people
from scheduling.programme import Programme

CONTENT_TYPE: Final = "application/xml; charset=utf-8"
PENTABARF: Final = "http://pentabarf.org"


def write(programme: Programme) -> bytes:
    root = etree.Element("iCalendar", nsmap={"pentabarf": PENTABARF, "xCal": "urn:ietf:params:xml:ns:xcal"})
    calendar = etree.SubElement(root, "vcalendar")
    _add(calendar, "version", "2.0")
    _add(calendar, "prodid", "-//Lihu//Lihu//EN")
    _add(calendar, "x-wr-caldesc", programme.title)
    _add(calendar, "x-wr-calname", programme.title)
    if programme.time_zone:
        _add(calendar, "x-wr-timezone", programme.time_zone)
    for entry in entries_of(programme):
        session = entry.session
        event = etree.SubElement(calendar, "vevent")
        _add(event, "method", "PUBLISH")
        _add(event, "uid", session.uid or f"{entry.guid}")
        _add(event, f"{{{PENTABARF}}}event-id", str(entry.number))
        _add(event, f"{{{PENTABARF}}}event-slug", entry.slug)
        _add(event, f"{{{PENTABARF}}}title", session.title)
        _add(event, f"{{{PENTABARF}}}subtitle", session.subtitle)
        _add(event, f"{{{PENTABARF}}}language-code", session.language)
        _add(event, "dtstart", _instant(session.start))
        _add(event, "dtend", _instant(session.end))
        _add(event, "duration", clock(session.duration))
        _add(event, "summary", f"{session.title} - {session.subtitle}" if session.subtitle else session.title)
        _add(event, "description", session.abstract or session.description)
        _add(event, "class", "PUBLIC")
        _add(event, "status", "CANCELLED" if session.state == "cancelled" else "CONFIRMED")
        _add(event, "category", session.kind_label or session.kind)
        _add(event, "url", session.url)
        # Apps leave out what has no place.
        _add(event, "location", session.room or programme.title)
        if session.persons:
            _add(event, "attendee", people(session.persons))
    written: bytes = etree.tostring(root, encoding="utf-8", xml_declaration=True, pretty_print=True)
    return written


def _instant(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _add(parent: Any, name: str, text: str) -> None:
    etree.SubElement(parent, name).text = clean(text)
