"""The iCalendar text of a `CalendarPart` (RFC 5545, 5546), for one recipient."""

from __future__ import annotations

import functools
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

import icalendar
from django.conf import settings
from icalendar.parser import Contentline

from notifications.notices import CalendarPart

_HERE: Final = "X-LIHU-ATTENDEE:HERE"


def render(part: CalendarPart, *, attendee_email: str, attendee_name: str = "") -> str:
    attendee = icalendar.vCalAddress(f"mailto:{attendee_email}")
    if attendee_name:
        attendee.params["CN"] = icalendar.vText(attendee_name.replace('"', "'"))
    attendee.params["ROLE"] = icalendar.vText("REQ-PARTICIPANT")
    # Nobody has to answer: the seat or the talk is settled already.
    attendee.params["PARTSTAT"] = icalendar.vText("ACCEPTED")
    line = Contentline.from_parts("ATTENDEE", attendee.params, attendee, sorted=True).to_ical().decode()
    return _for_anybody(part).replace(_HERE, line)


def for_download(part: CalendarPart) -> str:
    """A file for somebody's calendar: METHOD is PUBLISH, which has no attendee (RFC 5546 §3.2.1)."""
    return _for_anybody(replace(part, method="PUBLISH")).replace(f"{_HERE}\r\n", "")


@functools.lru_cache(maxsize=512)
def _for_anybody(part: CalendarPart) -> str:
    """Everything but the recipient: hundreds of mails about one event differ in nothing else."""
    calendar = icalendar.Calendar()
    calendar.add("prodid", f"-//{settings.SITE_NAME}//EN")
    calendar.add("version", "2.0")
    calendar.add("method", part.method.upper())
    event = icalendar.Event()
    event.add("uid", part.uid)
    event.add("sequence", part.sequence)
    event.add("dtstamp", datetime.now(UTC))
    event.add("dtstart", _instant(part.start, part.time_zone))
    event.add("dtend", _instant(part.end, part.time_zone))
    event.add("summary", part.summary)
    for name in ("location", "description", "url"):
        if value := getattr(part, name):
            event.add(name, value)
    event.add("status", "CANCELLED" if part.method.upper() == "CANCEL" else "CONFIRMED")
    event.add("transp", "OPAQUE")
    organizer = icalendar.vCalAddress(f"mailto:{part.organizer_email or settings.MAIL_FROM}")
    organizer.params["CN"] = icalendar.vText((part.organizer_name or settings.SITE_NAME).replace('"', "'"))
    event.add("organizer", organizer)
    calendar.add_component(event)
    calendar.add_missing_timezones()
    text = calendar.to_ical().decode()
    return text.replace("END:VEVENT", f"{_HERE}\r\nEND:VEVENT")


def _instant(value: str, zone: str) -> datetime | date:
    if len(value) == len("2027-06-07"):
        return date.fromisoformat(value)
    return datetime.fromisoformat(value).astimezone(ZoneInfo(zone))
