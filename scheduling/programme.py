"""A conference's programme as plain values: what importers read out of a file and exports write into one.

Nothing here knows the database. Texts are plain text or Markdown, one language, NFC as typed, with no control characters;
`""` and `()` mean that nothing is said. Every value is frozen, so a programme can be compared, cached and handed on.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

#: What `Session.kind` may be: the kinds of a submission, and those of a slot that is no submission.
KINDS: Final = frozenset(
    {
        "talk", "keynote", "plenary", "panel", "workshop", "tutorial", "lightning", "poster", "meeting", "ceremony", "social",
        "other", "block", "posters", "break",
    }
)  # fmt: skip

#: Where neither the file nor its times say when a conference day begins.
DEFAULT_DAY_CHANGE: Final = time(4)


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """`url` is http or https. `kind`: `slides`, `paper`, `video` and the like, in the words of the file."""

    url: str
    title: str = ""
    kind: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    name: str
    guid: UUID | None = None
    # Seats; None: not said.
    capacity: int | None = None
    description: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Track:
    name: str
    # `#rrggbb` in lower case.
    colour: str = ""
    slug: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """One conference day. `date` is what people call it; `[start, end)` may reach into the next calendar day.

    `start` and `end` are None where the file does not say; aware or naive like the sessions'.
    """

    index: int
    date: date
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Somebody who gives a session. There is no e-mail address: programmes are public."""

    name: str
    # The id in the file. Files put together from several sources give one id to several people, so a person is told
    # apart by `key`.
    source_id: str = ""
    guid: UUID | None = None
    code: str = ""
    native_name: str = ""
    affiliation: str = ""
    biography: str = ""
    url: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Id and name: the same in two sessions means the same person."""
        return self.source_id, self.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """Something given at one time in one place.

    Sessions with one `key` are one talk that is given several times; each has its own `start`. `source_id` is never empty
    after an import, and no two different talks of one file share it.
    """

    title: str
    # Aware; naive in a programme without time zone (`Programme.is_floating`): wall-clock time of the event's zone.
    start: datetime
    duration: timedelta
    # The conference day: what begins after midnight belongs to the day before (`Programme.day_change`).
    day: date
    source_id: str = ""
    guid: UUID | None = None
    # Six of 0-9A-Z, as in our own addresses and pretalx's.
    code: str = ""
    # What calendars know this slot by; empty: the guid.
    uid: str = ""
    # iCalendar SEQUENCE: rises when time, room or title change.
    sequence: int = 0
    # Name of one of `Programme.rooms`; "": no room.
    room: str = ""
    slug: str = ""
    subtitle: str = ""
    # One of KINDS, read out of `kind_label`, the words of the file such as `BoF (45 minutes)`.
    kind: str = "talk"
    kind_label: str = ""
    # Name of one of `Programme.tracks`; "": none.
    track: str = ""
    # BCP 47, lower case, such as `en` or `zh-hans`.
    language: str = ""
    abstract: str = ""
    description: str = ""
    persons: tuple[Person, ...] = ()
    # Who chairs a block; never in `persons`.
    chairs: tuple[Person, ...] = ()
    links: tuple[Link, ...] = ()
    attachments: tuple[Link, ...] = ()
    url: str = ""
    feedback_url: str = ""
    licence: str = ""
    do_not_record: bool = False
    # As submissions have it: `accepted` (tentative), `confirmed`, `cancelled`.
    state: str = "confirmed"
    # `source_id` of the block or poster session that this one stands in, and the board that it hangs on there.
    parent: str = ""
    board: str = ""
    # No session at all, but a piece of time with a name, such as a break; `guid` is the slot's own.
    is_bare: bool = False

    @property
    def key(self) -> str:
        return str(self.guid) if self.guid else self.source_id

    @property
    def end(self) -> datetime:
        """Exclusive. Reckoned in UTC, so that an hour is an hour on the night when the clocks change."""
        if self.start.tzinfo is None:
            return self.start + self.duration
        return (self.start.astimezone(UTC) + self.duration).astimezone(self.start.tzinfo)


@dataclass(frozen=True, kw_only=True, slots=True)
class Programme:
    """`start` and `end` are the first and the last day, both included."""

    title: str
    start: date
    end: date
    sessions: tuple[Session, ...]
    acronym: str = ""
    subtitle: str = ""
    # IANA name; None: the file does not say, and offsets in `Session.start`, if any, are all that is known.
    time_zone: str | None = None
    time_slot_minutes: int = 5
    # Talks that begin before this belong to the conference day before.
    day_change: time = DEFAULT_DAY_CHANGE
    version: str = ""
    # Of the pages about the sessions, and of the schedule itself.
    base_url: str = ""
    url: str = ""
    # What wrote the file that this was read from; exports name themselves.
    generator: str = ""
    # When this version was published, aware; calendars carry it as DTSTAMP.
    published_at: datetime | None = None
    days: tuple[Day, ...] = ()
    # False where the file has no days and they follow from the times, as in calendars: another zone makes others.
    has_days: bool = True
    # In the order of the file. Only what some session uses: lists of rooms and tracks outlive the sessions in them.
    rooms: tuple[Room, ...] = ()
    tracks: tuple[Track, ...] = ()

    @property
    def persons(self) -> tuple[Person, ...]:
        """Everybody once, in order of appearance; of two notes on one person the longer biography stays."""
        found: dict[tuple[str, str], Person] = {}
        for session in self.sessions:
            for person in (*session.persons, *session.chairs):
                known = found.get(person.key)
                if known is None or len(person.biography) > len(known.biography):
                    found[person.key] = person
        return tuple(found.values())

    @property
    def counts(self) -> dict[str, int]:
        """What the file holds, in numbers. `sessions`: entries of the file, of which two may be one talk given twice."""
        return {
            "days": len(self.days),
            "rooms": len(self.rooms),
            "tracks": len(self.tracks),
            "sessions": len(self.sessions),
            "speakers": len(self.persons),
            "slots": len(self.sessions),
        }

    @property
    def is_floating(self) -> bool:
        """True where times are wall-clock times of a zone that the file does not name: see `in_zone`."""
        return any(session.start.tzinfo is None for session in self.sessions)

    @property
    def zone_of_offsets(self) -> str | None:
        """IANA name of the fixed offset that every session has (`Etc/GMT-1` is one hour EAST of Greenwich), for a file that
        has offsets and names no zone. None where offsets differ, are missing or are no whole hours."""
        offsets = {session.start.utcoffset() for session in self.sessions}
        if len(offsets) != 1 or (offset := offsets.pop()) is None or offset % timedelta(hours=1):
            return None
        hours = offset // timedelta(hours=1)
        if not -12 <= hours <= 14:
            return None
        return "UTC" if hours == 0 else f"Etc/GMT{-hours:+d}"

    def in_zone(self, name: str) -> Programme:
        """The same programme on the clocks of `name`: times without offset are taken as its wall-clock times, instants stay
        the same instants. Conference days stay, unless they only followed from the times (`has_days`)."""
        zone = ZoneInfo(name)

        def there(value: datetime | None) -> datetime | None:
            if value is None:
                return None
            return value.replace(tzinfo=zone) if value.tzinfo is None else value.astimezone(zone)

        def moved(session: Session) -> Session:
            start = there(session.start)
            assert start is not None
            day = session.day if self.has_days else conference_day(start, self.day_change)
            return dataclasses.replace(session, start=start, day=day)

        sessions = tuple(moved(session) for session in self.sessions)
        if self.has_days:
            days = tuple(dataclasses.replace(day, start=there(day.start), end=there(day.end)) for day in self.days)
            return dataclasses.replace(self, time_zone=name, sessions=sessions, days=days)
        dates = sorted({session.day for session in sessions})
        return dataclasses.replace(
            self,
            time_zone=name,
            sessions=sessions,
            days=tuple(Day(index=number, date=day) for number, day in enumerate(dates, start=1)),
            start=dates[0] if dates else self.start,
            end=dates[-1] if dates else self.end,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class UnreadRow:
    """A part of a file that could not be read, or not as it stands. `where`: `line 12`, or a path such as
    `schedule.conference.days[0].rooms["Ada"][3]`."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


def conference_day(start: datetime, day_change: time) -> date:
    """The day that a session beginning at this wall-clock time belongs to."""
    return start.date() - timedelta(days=1) if start.time() < day_change else start.date()


def days_from(dates: Iterable[date], *, day_change: time, zone: ZoneInfo) -> tuple[Day, ...]:
    """Conference days that each last from `day_change` to a minute before the next, numbered from 1."""

    def begins(day: date) -> datetime:
        return datetime.combine(day, day_change, tzinfo=zone)

    return tuple(
        Day(index=index, date=day, start=begins(day), end=begins(day + timedelta(days=1)) - timedelta(minutes=1))
        for index, day in enumerate(sorted(set(dates)), start=1)
    )


_KIND_WORDS: Final = (
    # The first that matches counts, so `lightning talk` is asked before `talk`.
    ("keynote", ("keynote", "主旨", "主题演讲")),
    ("plenary", ("plenary", "plenaire", "plénière", "plenum", "大会报告")),
    ("lightning", ("lightning", "闪电", "快闪")),
    ("posters", ("poster session", "posters", "海报展")),
    ("poster", ("poster", "海报", "墙报")),
    ("workshop", ("workshop", "hands-on", "hands on", "breakout", "工作坊")),
    ("tutorial", ("tutorial", "course", "training", "certification", "教程", "培训")),
    ("panel", ("panel", "podium", "discussion", "round table", "roundtable", "圆桌", "论坛")),
    ("meeting", ("meeting", "bof", "birds of a feather", "assembly", "unconference", "会议")),
    ("ceremony", ("ceremony", "opening", "closing", "award", "开幕", "闭幕", "典礼", "仪式")),
    ("break", ("break", "lunch", "coffee", "pause", "dinner", "breakfast", "茶歇", "休息", "午餐", "晚餐")),
    ("social", ("social", "party", "concert", "performance", "excursion", "game", "晚会", "参观")),
    ("block", ("block",)),
    ("talk", ("talk", "lecture", "presentation", "session", "devroom", "maintrack", "报告", "演讲")),
)


def kind_of(label: str) -> str:
    """One of KINDS for the words that a programme uses: `BoF (45 minutes)` is a `meeting`. Empty words mean a talk, unknown
    ones `other`."""
    folded = label.casefold().strip()
    if not folded:
        return "talk"
    spaced = f" {''.join(c if c.isalnum() or c == '-' else ' ' for c in folded)} "
    for kind, words in _KIND_WORDS:
        # Latin words match from their beginning: `bof` is in `BoFs`, `panel` not in `impanelled`.
        if any(f" {word}" in spaced if word.isascii() else word in folded for word in words):
            return kind
    return "other"


def repeated(values: Iterable[str]) -> set[str]:
    return {value for value, times in Counter(values).items() if times > 1}
