"""The iCalendar text of a `CalendarPart` (RFC 5545, 5546), for one recipient."""

from __future__ import annotations

import functools
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Final, cast
from zoneinfo import ZoneInfo

import icalendar
from django.conf import settings
from icalendar.parser import Contentline

from common.calendars import CalendarEvent, Method, render_calendar
from notifications.notices import CalendarPart

_END: Final = "END:VEVENT"
_OWN: Final = re.compile(r"^(?:UID|DTSTAMP):.*\r\n", re.MULTILINE)


def render(part: CalendarPart, *, attendee_email: str, attendee_name: str = "") -> str:
    attendee = icalendar.vCalAddress(f"mailto:{attendee_email}")
    if attendee_name:
        attendee.params["CN"] = icalendar.vText(attendee_name.replace('"', "'"))
    attendee.params["ROLE"] = icalendar.vText("REQ-PARTICIPANT")
    # Nobody has to answer: the seat or the talk is settled already.
    attendee.params["PARTSTAT"] = icalendar.vText("ACCEPTED")
    own = [
        Contentline.from_parts("UID", icalendar.Parameters(), icalendar.vText(part.uid)),
        Contentline.from_parts("DTSTAMP", icalendar.Parameters(), icalendar.vDatetime(datetime.now(UTC))),
        *([Contentline.from_parts("URL", icalendar.Parameters(), icalendar.vUri(part.url))] if part.url else []),
        Contentline.from_parts("ATTENDEE", attendee.params, attendee, sorted=True),
    ]
    head, _end, tail = _for_many(replace(part, uid="", url="")).rpartition(_END)
    lines = "".join(f"{line.to_ical().decode()}\r\n" for line in own)
    return f"{head}{lines}{_END}{tail}"


def for_download(part: CalendarPart) -> str:
    """A file for somebody's calendar: METHOD is PUBLISH, which has no attendee (RFC 5546 §3.2.1)."""
    return _for_anybody(replace(part, method="PUBLISH"))


@functools.lru_cache(maxsize=512)
def _for_many(part: CalendarPart) -> str:
    """Without what each mail says anew: thousands about one event or session differ in UID, address, moment and recipient alone."""
    return _OWN.sub("", _for_anybody(part))


def _for_anybody(part: CalendarPart) -> str:
    event = CalendarEvent(
        uid=part.uid,
        sequence=part.sequence,
        dtstamp=datetime.now(UTC),
        start=_instant(part.start),
        end=_instant(part.end),
        summary=part.summary,
        location=part.location,
        description=part.description,
        url=part.url,
        organizer_name=part.organizer_name or settings.SITE_NAME,
        organizer_email=part.organizer_email or settings.MAIL_FROM,
    )
    method = cast(Method, part.method.upper())
    return render_calendar([event], method=method, name="", tz=ZoneInfo(part.time_zone)).decode()


def _instant(value: str) -> datetime | date:
    return date.fromisoformat(value) if len(value) == len("2027-06-07") else datetime.fromisoformat(value)
