"""Dates and times for people: in their language, in the event's zone, with the zone named."""

from __future__ import annotations

import functools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import babel
from babel.dates import format_date, format_interval, get_timezone_name
from django.utils import timezone, translation


def babel_locale(language: str | None = None) -> babel.Locale:
    return _locale(language or translation.get_language() or "en")


@functools.cache
def _locale(language: str) -> babel.Locale:
    return babel.Locale.parse(language.replace("-hans", "_Hans").replace("-", "_"))


def day(value: date, language: str | None = None) -> str:
    """Monday, 7 June 2027 / 2027年6月7日星期一."""
    return format_date(value, "full", locale=babel_locale(language))


def short_day(value: date, language: str | None = None) -> str:
    """Mon, 7 Jun / 6月7日周一."""
    locale = babel_locale(language)
    return format_date(value, "MMMd日E" if locale.language == "zh" else "EEE, d MMM", locale=locale)


def day_range(start: date, end: date, language: str | None = None) -> str:
    """7 – 9 June 2027, without repeating what both ends share."""
    return _day_range(start, end, babel_locale(language))


@functools.lru_cache(maxsize=1024)
def _day_range(start: date, end: date, locale: babel.Locale) -> str:
    if start == end:
        return format_date(start, "long", locale=locale)
    return str(format_interval(start, end, skeleton="yMMMMd", locale=locale))


def month(value: date, language: str | None = None) -> str:
    """June 2027 / 2027年6月."""
    locale = babel_locale(language)
    return format_date(value, "y年M月" if locale.language == "zh" else "LLLL y", locale=locale)


def clock(value: datetime, tz: ZoneInfo) -> str:
    """24-hour wall clock in `tz`: programmes are read across languages."""
    return value.astimezone(tz).strftime("%H:%M")


def zone_name(tz: ZoneInfo, at: datetime | None = None, language: str | None = None) -> str:
    """The zone as people say it, with its offset at that instant: China Standard Time (UTC+08:00)."""
    at = (at or timezone.now()).astimezone(tz)
    minutes = round((at.utcoffset() or timedelta()).total_seconds() / 60)
    offset = f"UTC{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
    name = get_timezone_name(at, width="long", locale=babel_locale(language))
    return offset if name.startswith(("UTC", "GMT")) else f"{name} ({offset})"


def instant_of(on: date, at: time, tz: ZoneInfo) -> datetime:
    """When a clock in `tz` shows this. Where clocks go back and show it twice, the first time; where they go forward and leave
    it out, the next instant that they do show."""
    local = datetime.combine(on, at)
    instant = local.replace(tzinfo=tz).astimezone(UTC)
    while instant.astimezone(tz).replace(tzinfo=None) != local:
        local += timedelta(minutes=1)
        instant = local.replace(tzinfo=tz).astimezone(UTC)
    return instant


def moment(value: datetime, tz: ZoneInfo, language: str | None = None) -> str:
    """Monday, 7 June 2027, 09:00 China Standard Time (UTC+08:00)."""
    local = value.astimezone(tz)
    return f"{day(local.date(), language)}, {clock(value, tz)} {zone_name(tz, value, language)}"
