"""An event for a programme that was read from a file and has none yet."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import gettext as _

from accounts.models import User
from events.models import Event, Organisation
from events.services import events
from scheduling.programme import Programme

#: A file may state offsets and no zone. Of the zones whose clocks show these offsets on these days the first is taken, after
#: the campus's own; docs/reference/commands.md lists them.
LIKELY_ZONES: Final = (
    "Europe/Berlin", "Europe/London", "Europe/Helsinki", "Europe/Moscow", "Asia/Shanghai", "Asia/Tokyo", "Asia/Kolkata",
    "Asia/Dubai", "Asia/Jakarta", "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles",
    "America/Sao_Paulo", "Australia/Sydney", "Pacific/Auckland",
)  # fmt: skip


def time_zone_of(programme: Programme) -> tuple[str, str]:
    """The zone, and a sentence for the organizer where it is a guess."""
    if programme.time_zone:
        return programme.time_zone, ""
    if programme.is_floating or not programme.sessions:
        zone = settings.CAMPUS_TIME_ZONE
        return zone, _(
            "The file names no time zone: its times are taken as those of %(zone)s. Another: --time-zone."
        ) % {"zone": zone}
    zone = next(
        (name for name in (settings.CAMPUS_TIME_ZONE, *LIKELY_ZONES) if _shows_these_offsets(name, programme)),
        programme.zone_of_offsets or settings.CAMPUS_TIME_ZONE,
    )
    return zone, _("The file names no time zone, only offsets from UTC: %(zone)s is assumed. Another: --time-zone.") % {
        "zone": zone
    }


def create_event(
    *,
    programme: Programme,
    organisation: Organisation,
    slug: str,
    time_zone: str,
    actor: User | None,
    now: datetime,
) -> Event:
    """Write a draft event for `programme`: its name, days, zone and the hour at which its days begin. Raises Invalid."""
    days = {session.day for session in programme.sessions} | {day.date for day in programme.days}
    return events.create_event(
        organisation=organisation,
        slug=slug,
        name=programme.title or slug,
        starts_on=min(days, default=programme.start),
        ends_on=max(days, default=programme.end),
        time_zone=time_zone,
        locales=[_language(programme)],
        day_change=programme.day_change,
        acronym=programme.acronym[:60],
        actor=actor,
        now=now,
    )


def _shows_these_offsets(name: str, programme: Programme) -> bool:
    zone = ZoneInfo(name)
    return all(
        session.start.astimezone(zone).utcoffset() == session.start.utcoffset() for session in programme.sessions
    )


def _language(programme: Programme) -> str:
    """Chinese where most titles are written in Han characters without kana."""
    titles = [session.title for session in programme.sessions]
    han = sum(_is_chinese(title) for title in titles)
    return "zh-hans" if titles and han * 2 > len(titles) else "en"


def _is_chinese(text: str) -> bool:
    names = [unicodedata.name(character, "") for character in text]
    return any(name.startswith("CJK UNIFIED") for name in names) and not any(
        name.startswith(("HIRAGANA", "KATAKANA", "HANGUL")) for name in names
    )
