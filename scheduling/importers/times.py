"""Dates, times and durations in the many ways that programmes write them."""

from __future__ import annotations

import functools
import re
from collections import Counter
from datetime import date, datetime, time, timedelta, timezone
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from django.utils.translation import gettext as _
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from scheduling.importers.reading import line, shortened

#: Outside of these years a date is a slip of the pen, and sums of dates could overflow.
_YEARS: Final = range(1900, 2201)
_LONGEST: Final = timedelta(days=31)

_CLOCK: Final = re.compile(r"(\d{1,3}):(\d{1,2})(?::(\d{1,2})(?:\.\d+)?)?")
_DAYS_AND_CLOCK: Final = re.compile(r"(\d{1,2})(?:\s*days?,?)?\s+(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.\d+)?)?")
_ISO_DURATION: Final = re.compile(
    r"\+?P(?:0+Y)?(?:0+M)?(?:(\d{1,3})W)?(?:(\d{1,3})D)?(?:T(?:(\d{1,4})H)?(?:(\d{1,6})M)?(?:(\d{1,7})S)?)?",
    re.IGNORECASE,
)
_WORDS: Final = re.compile(
    r"(?:(\d{1,2})\s*d(?:ays?)?)?\s*(?:(\d{1,3})\s*h(?:ours?|rs?)?)?\s*(?:(\d{1,5})\s*m(?:in(?:ute)?s?)?\.?)?",
    re.IGNORECASE,
)
_MINUTES: Final = re.compile(r"(\d{1,5})(?:\.0*)?")
_TIME: Final = re.compile(r"(\d{1,2})[:.h](\d{2})(?::(\d{2})(?:\.\d+)?)?\s*([ap]\.?m\.?)?", re.IGNORECASE)
_COMPACT_TIME: Final = re.compile(r"([01]\d|2[0-3])([0-5]\d)")
_YEAR_FIRST: Final = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?|(\d{4})(\d\d)(\d\d)")
_DAY_FIRST: Final = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
#: ISO 8601 writes the end of a day so, and some programmes go on counting: `25:30` is half past one in the night.
_PAST_MIDNIGHT: Final = re.compile(r"(2[4-9]|3\d|4[0-7])(?=[:.h]?[0-5]\d)", re.IGNORECASE)
_END_OF_DAY: Final = re.compile(r"(\d{4}-\d\d-\d\d)[T ]24:00(?::00(?:\.0+)?)?")
_OFFSET: Final = re.compile(r"(?:UTC|GMT)?\s*([+-])(\d{1,2}):?(\d\d)?")
#: Zones as Rails and Outlook call them.
_AMERICAN: Final = {
    "eastern time (us & canada)": "America/New_York",
    "central time (us & canada)": "America/Chicago",
    "mountain time (us & canada)": "America/Denver",
    "pacific time (us & canada)": "America/Los_Angeles",
}
_WITH_CITIES: Final = frozenset({"Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"})


class Unreadable(Exception):
    """One value of one row cannot be understood. `str()` of it is the reason, for people."""


def _shown(text: str) -> str:
    return shortened(line(text), 60)


def parse_duration(text: str) -> timedelta:
    """`1:30`, `01:30:00`, `90` (minutes), `1 day, 2:00`, `PT1H30M`, `1h 30min`: 0 to 31 days."""
    text = text.strip()
    numbers: tuple[int, ...] | None = None
    if found := _CLOCK.fullmatch(text):
        numbers = (0, *_integers(found))
    elif found := _DAYS_AND_CLOCK.fullmatch(text):
        numbers = _integers(found)
    elif found := _MINUTES.fullmatch(text):
        numbers = (0, 0, *_integers(found))
    elif len(text) > 1 and (found := _ISO_DURATION.fullmatch(text)) and any(found.groups()):
        weeks, *rest = _integers(found)
        numbers = (7 * weeks + rest[0], *rest[1:])
    elif text and (found := _WORDS.fullmatch(text)):
        numbers = _integers(found)
    if numbers is not None:
        days, hours, minutes, seconds = (*numbers, 0, 0)[:4]
        duration = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if duration <= _LONGEST:
            return duration
        raise Unreadable(_("The duration “%(text)s” is longer than a month.") % {"text": _shown(text)})
    if not text:
        raise Unreadable(_("It has no duration."))
    raise Unreadable(_("The duration “%(text)s” cannot be read; 01:30 is an hour and a half.") % {"text": _shown(text)})


def between(start: datetime, end: datetime) -> timedelta:
    """From one moment to the other; one without an offset has the other's. 0 to 31 days."""
    if (start.tzinfo is None) != (end.tzinfo is None):
        start, end = start.replace(tzinfo=start.tzinfo or end.tzinfo), end.replace(tzinfo=end.tzinfo or start.tzinfo)
    if end < start:
        raise Unreadable(_("It ends before it begins."))
    return parse_duration(str((end - start) // timedelta(minutes=1)))


def _integers(found: re.Match[str]) -> tuple[int, ...]:
    return tuple(int(group or 0) for group in found.groups())


def parse_date(text: str) -> date:
    """`2027-06-07`, also with `/`, `.`, `年月日` or nothing between; `7.6.2027`. `06/07/2027` means different days to different people and is
    refused."""
    text = text.strip()
    found = _YEAR_FIRST.fullmatch(text)
    if found:
        year, month, day = (int(number) for number in found.groups() if number)
    elif found := _DAY_FIRST.fullmatch(text):
        day, month, year = _integers(found)
    else:
        if not text:
            raise Unreadable(_("It has no date."))
        raise Unreadable(_("The date “%(text)s” cannot be read; write it as 2027-06-07.") % {"text": _shown(text)})
    try:
        value = date(year, month, day)
    except ValueError:
        value = None
    if value is None or year not in _YEARS:
        raise Unreadable(_("There is no such date as “%(text)s”.") % {"text": _shown(text)})
    return value


def parse_time(text: str) -> time:
    """`09:30`, `9.30`, `0930`, `9:30 pm`; seconds are read."""
    text = text.strip()
    if found := _COMPACT_TIME.fullmatch(text):
        hour, minute = _integers(found)
        return time(hour, minute)
    found = _TIME.fullmatch(text)
    if found is None:
        if not text:
            raise Unreadable(_("It has no time."))
        raise Unreadable(_("The time “%(text)s” cannot be read; write it as 09:30.") % {"text": _shown(text)})
    hour, minute, second = (int(found[number] or 0) for number in (1, 2, 3))
    if half := (found[4] or "").lower():
        if not 1 <= hour <= 12:
            hour = 99
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    try:
        return time(hour, minute, second)
    except ValueError:
        raise Unreadable(_("There is no such time as “%(text)s”.") % {"text": _shown(text)}) from None


def parse_clock(text: str) -> timedelta:
    """Time since midnight, of which the hours may go on after 23, up to 47: `25:30` is half past one in the night after."""
    text = text.strip()
    if found := _PAST_MIDNIGHT.match(text):
        early = parse_time(f"{int(found[1]) - 24:02}{text[found.end() :]}")
        return timedelta(days=1, hours=early.hour, minutes=early.minute, seconds=early.second)
    clock = parse_time(text)
    return timedelta(hours=clock.hour, minutes=clock.minute, seconds=clock.second)


def at_clock(day: date, text: str) -> datetime:
    """That time of that day, or of the night after; see `parse_clock`."""
    return datetime.combine(day, time()) + parse_clock(text)


def parse_moment(text: str) -> datetime:
    """ISO 8601 date and time: aware where it has an offset."""
    text = text.strip()
    whole = re.sub(r"^(\d{4}-\d\d-\d\d)_", r"\1T", re.sub(r"\s*(?:UTC|GMT)$", "Z", text))
    whole, days = _END_OF_DAY.subn(r"\1T00:00", whole)
    try:
        # Offsets as `+1:00`, which older programs write, and hours as `7:00`.
        moment = datetime.fromisoformat(
            re.sub(r"(?<=[T ])(?=\d:)", "0", re.sub(r"([+-])(\d):(\d\d)$", r"\g<1>0\2:\3", whole))
        ) + timedelta(days=days)
    except (ValueError, OverflowError):
        raise Unreadable(
            _("The date “%(text)s” cannot be read; write it as 2027-06-07T09:30:00+08:00.") % {"text": _shown(text)}
        ) from None
    if moment.year not in _YEARS:
        raise Unreadable(_("There is no such date as “%(text)s”.") % {"text": _shown(text)})
    offset = moment.utcoffset()
    if offset is not None:
        # Odd seconds in an offset have no way out again: exports write hours and minutes.
        if offset % timedelta(minutes=1) or abs(offset) > timedelta(hours=15):
            raise Unreadable(_("There is no such offset as in “%(text)s”.") % {"text": _shown(text)})
        moment = moment.replace(tzinfo=timezone(offset))
    return moment.replace(microsecond=0)


@functools.cache
def _zones() -> dict[str, str]:
    return {name.casefold(): name for name in available_timezones()}


@functools.cache
def _cities() -> dict[str, str]:
    """IANA names by the city at their end, of which there is one only."""
    names = [name.split("/") for name in available_timezones()]
    cities = Counter(parts[-1].casefold() for parts in names if parts[0] in _WITH_CITIES)
    return {
        parts[-1].casefold(): "/".join(parts)
        for parts in names
        if parts[0] in _WITH_CITIES and cities[parts[-1].casefold()] == 1
    }


def find_zone(name: str) -> ZoneInfo | None:
    """The zone of an IANA name, whatever its letter case, of one of Windows, or of a city: `Europe/Berlin`,
    `W. Europe Standard Time`, `(UTC+01:00) Amsterdam, Berlin, Rome`, `Berlin`. None for anything else."""
    name = name.strip()
    folded = name.replace(" ", "_").casefold()
    known = _zones().get(folded) or WINDOWS_TO_OLSON.get(name.replace("Daylight Time", "Standard Time"))
    if not known:
        shown = re.sub(r"^\((?:UTC|GMT)[^)]*\)\s*", "", name)
        first = shown.partition(",")[0].strip()
        known = _AMERICAN.get(shown.casefold()) or _cities().get(first.replace(" ", "_").casefold())
    return ZoneInfo(known) if known and known not in {"localtime", "Factory"} else None


def find_offset(name: str) -> timezone | None:
    """The fixed offset that a name is: `UTC+8`, `GMT+01:00`, `+0530`, `Z`."""
    name = name.strip().upper()
    if name in {"Z", "GMT0"}:
        return timezone.utc  # noqa: UP017 (a name of its own, as those below)
    found = _OFFSET.fullmatch(name)
    if found is None:
        return None
    offset = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    if offset > timedelta(hours=15):
        return None
    return timezone(offset if found[1] == "+" else -offset)


def is_in_gap(moment: datetime, zone: ZoneInfo) -> bool:
    """True for a wall-clock time that the clocks of `zone` skip."""
    there = moment.replace(tzinfo=zone)
    back = there.astimezone(ZoneInfo("UTC")).astimezone(zone)
    return back.replace(tzinfo=None) != moment.replace(tzinfo=None)
