"""iCalendar files (RFC 5545, RFC 7986) that every calendar program reads as they are meant.

What real programs need beyond the standard: the time zone's rules inside the file (ical.js takes a zone that it does not find
there for no zone at all), no carriage return in a text, lines folded between characters and not inside one (vobject and
Home Assistant refuse both), and a LOCATION in every event (Giggity drops those without).
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import icalendar

Method = Literal["PUBLISH", "REQUEST", "CANCEL"]
Status = Literal["CONFIRMED", "TENTATIVE", "CANCELLED"]

PRODUCT: Final = "-//Lihu//Lihu//EN"

_LINE: Final = 75
_BEGIN: Final = b"BEGIN:VCALENDAR\r\n"
_END: Final = b"END:VCALENDAR\r\n"
_EVENT: Final = re.compile(rb"^BEGIN:VEVENT\r\n.*?^END:VEVENT\r\n", re.DOTALL | re.MULTILINE)
_ZONE_AND_YEAR: Final = re.compile(rb"^DTSTART;TZID=([^:]*):(\d{4})\d{4}T", re.MULTILINE)
_CONTROLS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
_BREAKS: Final = re.compile("\r\n|[\r\x85\u2028\u2029]")
_ADDRESS: Final = re.compile(r"[^\s@<>,;:\"\\]+@[^\s@<>,;:\"\\]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class CalendarEvent:
    """`[start, end)`: both aware, or both plain dates for whole days. `uid` and a rising `sequence` make an event the same one
    in every file; `dtstamp` (aware) is when this description of it was made (RFC 5545 §3.8.7.2)."""

    uid: str
    start: datetime | date
    end: datetime | date
    summary: str
    dtstamp: datetime
    sequence: int = 0
    description: str = ""
    location: str = ""
    url: str = ""
    categories: tuple[str, ...] = ()
    organizer_name: str = ""
    organizer_email: str = ""
    attendee_name: str = ""
    attendee_email: str = ""
    status: Status = "CONFIRMED"
    last_modified: datetime | None = None


def render_calendar(
    events: Iterable[CalendarEvent],
    *,
    method: Method,
    name: str,
    tz: ZoneInfo,
    known: dict[CalendarEvent, bytes] | None = None,
) -> bytes:
    """One calendar with these events, in the wall-clock time of `tz`, whose rules (VTIMEZONE) it carries; in UTC, where `tz`
    is. The same arguments give the same bytes.

    `known`: for many calendars of one method and zone that share events; each event is written once and kept there.
    Raises ValueError for a time without zone, or an end before the start.
    """
    known = {} if known is None else known
    events = list(events)
    for event in events:
        if event not in known:
            known[event] = _written(_component(event, method=method, tz=tz))
    years = [moment.astimezone(tz).year for event in events if isinstance(moment := event.start, datetime)]
    zones = {tz.key: years} if years and tz.key != "UTC" else {}
    return _calendar([known[event] for event in events], zones, method=method, name=name, tz=tz)


def join_calendars(calendars: Iterable[bytes], *, name: str, tz: ZoneInfo) -> bytes:
    """One calendar to publish, of all the events in `calendars`, which `render_calendar` wrote: byte for byte the same, each once,
    in their order, with the rules of every zone that they are told in. `tz`: of the calendar itself."""
    events = list(dict.fromkeys(event for calendar in calendars for event in _EVENT.findall(calendar)))
    zones: dict[str, list[int]] = defaultdict(list)
    for event in events:
        if found := _ZONE_AND_YEAR.search(event):
            zones[found[1].decode()].append(int(found[2]))
    return _calendar(events, zones, method="PUBLISH", name=name, tz=tz)


def _calendar(events: list[bytes], zones: Mapping[str, list[int]], *, method: Method, name: str, tz: ZoneInfo) -> bytes:
    """`zones`: that events are told in, and the years in which those begin."""
    head, foot = _frame(method, tz.key)
    names = b""
    if name:
        words = icalendar.vText(_line(name)).to_ical()
        # The old name for programs, the new one for the standard.
        names = _folded(b"X-WR-CALNAME:" + words) + _folded(b"NAME:" + words)
    rules = [_rules(zone, min(years) - 1, max(years) + 2) for zone, years in zones.items()]
    return b"".join([_BEGIN, head, names, foot, *rules, *events, _END])


@functools.lru_cache(maxsize=64)
def _frame(method: Method, zone: str) -> tuple[bytes, bytes]:
    """What a calendar says of itself, before its name and after it: of many calendars at once the same."""
    head = icalendar.Calendar()
    head.add("prodid", PRODUCT)
    head.add("version", "2.0")
    head.add("calscale", "GREGORIAN")
    head.add("method", method)
    foot = icalendar.Calendar()
    foot.add("x-wr-timezone", zone)
    if method == "PUBLISH":
        foot.add("refresh-interval", timedelta(hours=1), parameters={"VALUE": "DURATION"})
        foot.add("x-published-ttl", "PT1H")
    return _inside(head), _inside(foot)


def _inside(calendar: icalendar.Calendar) -> bytes:
    written: bytes = calendar.to_ical(sorted=False)
    assert written.startswith(_BEGIN)
    assert written.endswith(_END)
    return written[len(_BEGIN) : -len(_END)]


@functools.lru_cache(maxsize=64)
def _rules(zone: str, first_year: int, last_year: int) -> bytes:
    """The zone's VTIMEZONE, from the beginning of one year to that of the other."""
    rules: bytes = icalendar.Timezone.from_tzid(
        zone, first_date=date(max(first_year, 1970), 1, 1), last_date=date(min(max(last_year, 1972), 9000), 1, 1)
    ).to_ical(sorted=False)
    return rules


def _written(component: Any) -> bytes:
    """As the library's own `to_ical`, whose folding takes most of its time."""
    return b"".join(_folded(line.encode()) for line in component.content_lines(sorted=False) if line)


def _folded(line: bytes) -> bytes:
    """At most 75 octets a line (RFC 5545 §3.1), cut between characters."""
    parts = []
    limit = _LINE
    while len(line) > limit:
        cut = limit
        while line[cut] & 0xC0 == 0x80:
            cut -= 1
        parts.append(line[:cut])
        line = line[cut:]
        # The space that begins a continued line counts.
        limit = _LINE - 1
    return b"\r\n ".join([*parts, line]) + b"\r\n"


def _component(event: CalendarEvent, *, method: Method, tz: ZoneInfo) -> Any:
    if event.end < event.start:
        raise ValueError(f"{event.uid} ends before it begins")
    component = icalendar.Event()
    component.add("uid", _line(event.uid))
    component.add("dtstamp", _aware(event.dtstamp).astimezone(UTC))
    if event.last_modified:
        component.add("last-modified", _aware(event.last_modified).astimezone(UTC))
    component.add("sequence", event.sequence)
    component.add("dtstart", _when(event.start, tz))
    component.add("dtend", _when(event.end, tz))
    component.add("summary", _line(event.summary))
    # Empty rather than absent: see the top.
    component.add("location", _line(event.location))
    if description := _text(event.description):
        component.add("description", description)
    if event.url:
        component.add("url", icalendar.vUri(_line(event.url)))
    if event.categories:
        component.add("categories", [_line(category) for category in event.categories])
    component.add("status", "CANCELLED" if method == "CANCEL" else event.status)
    if isinstance(event.start, datetime):
        component.add("transp", "OPAQUE")
    else:
        component.add("transp", "TRANSPARENT")
    if organizer := _address(event.organizer_email, event.organizer_name):
        component.add("organizer", organizer)
    if attendee := _address(event.attendee_email, event.attendee_name):
        attendee.params["ROLE"] = icalendar.vText("REQ-PARTICIPANT")
        # Nobody has to answer: whoever gets this has agreed already.
        attendee.params["PARTSTAT"] = icalendar.vText("ACCEPTED")
        attendee.params["RSVP"] = icalendar.vText("FALSE")
        component.add("attendee", attendee)
    return component


def _address(email: str, name: str) -> Any | None:
    if not _ADDRESS.fullmatch(email):
        return None
    address = icalendar.vCalAddress(f"mailto:{email}")
    # A quoted parameter has no way to hold a quotation mark (RFC 5545 §3.1).
    if shown := _line(name).replace('"', "'"):
        address.params["CN"] = icalendar.vText(shown)
    return address


def _when(value: datetime | date, tz: ZoneInfo) -> datetime | date:
    if not isinstance(value, datetime):
        return value
    return _aware(value).astimezone(UTC if tz.key == "UTC" else tz)


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(f"{value.isoformat()} has no time zone")
    return value


def _text(value: str) -> str:
    return _CONTROLS.sub("", _BREAKS.sub("\n", value)).strip()


def _line(value: str) -> str:
    return " ".join(_text(value).split())
