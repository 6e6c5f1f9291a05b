"""iCalendar feeds (RFC 5545) of a programme or some of its sessions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from common.calendars import CalendarEvent, render_calendar
from scheduling.exports.entries import entries_of, people
from scheduling.programme import Programme, Session

CONTENT_TYPE: Final = "text/calendar; charset=utf-8"


#: What was written of events already (`render_calendar`): most stand in several feeds of one programme.
Known = dict[CalendarEvent, bytes]


def write(programme: Programme, known: Known | None = None) -> bytes:
    sessions = (entry.session for entry in entries_of(programme))
    return write_sessions(programme, sessions, name=programme.title, known=known)


def write_sessions(
    programme: Programme, sessions: Iterable[Session], *, name: str, known: Known | None = None
) -> bytes:
    """A feed of `sessions`, which need not stand in the programme any more."""
    stamp = programme.published_at or datetime(1970, 1, 1, tzinfo=UTC)
    return render_calendar(
        [_event(session, stamp) for session in sessions],
        method="PUBLISH",
        name=name,
        tz=ZoneInfo(programme.time_zone or "UTC"),
        known=known,
    )


def _event(session: Session, stamp: datetime) -> CalendarEvent:
    texts = (people(session.persons), session.subtitle, session.abstract)
    return CalendarEvent(
        uid=session.uid,
        start=session.start,
        end=session.end,
        summary=session.title,
        dtstamp=stamp,
        last_modified=stamp,
        sequence=session.sequence,
        description="\n\n".join(text for text in texts if text),
        location=session.room,
        url=session.url,
        categories=(session.track,) if session.track else (),
        status="CANCELLED" if session.state == "cancelled" else "CONFIRMED",
    )
