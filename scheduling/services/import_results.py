"""What came of an import, or would come of it: session by session, for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from scheduling.models import Slot
from scheduling.programme import UnreadRow


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldChange:
    """`field`: `title`, `speakers`, `time`, `length` (it begins as before), `room`, or `details` for all other, whose values are not told."""

    field: str
    old: str = ""
    new: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionChange:
    """What becomes of one session. `kind`: `added`, `changed` or `missing`. `key`: what the file knows it by."""

    kind: str
    key: str
    title: str
    changes: tuple[FieldChange, ...] = ()

    @property
    def fields(self) -> frozenset[str]:
        return frozenset(change.field for change in self.changes)


@dataclass(kw_only=True)
class ImportResult:
    # Of the file: days, rooms, tracks, sessions, speakers, slots.
    counts: dict[str, int]
    added: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    # Titles of sessions that an earlier import brought and this file has not.
    missing: list[str] = field(default_factory=list)
    # Rows that are not in the programme, and rows that are, but not as they stand in the file.
    unread: tuple[UnreadRow, ...] = ()
    warnings: tuple[UnreadRow, ...] = ()
    # What else an organizer should know.
    notes: list[str] = field(default_factory=list)
    # Session by session: added and changed ones in the order of the file, then those that are gone.
    sessions: list[SessionChange] = field(default_factory=list)
    # Its texts look like UTF-8 that was decoded twice.
    is_garbled: bool = False

    @property
    def is_same(self) -> bool:
        return not self.added.total() and not self.changed.total() and not self.missing


@dataclass(slots=True)
class Seen:
    """What people see of a session at a glance. `places`: begin, end and room of each place in the draft, in order."""

    title: str = ""
    speakers: tuple[str, ...] = ()
    places: tuple[tuple[datetime, datetime, str], ...] = ()

    def stand_in(self, slots: Iterable[Slot], language: str) -> None:
        places = [(s.starts_at, s.ends_at, s.room.name.localize(language) if s.room else "") for s in slots]
        self.places = tuple(sorted(places))

    def placed(self, zone: tzinfo) -> tuple[FieldChange, ...]:
        """Who gives a session that is new, when and where."""
        shown = (
            FieldChange(field="speakers", new=", ".join(self.speakers)),
            FieldChange(field="time", new=self._times(zone)),
            FieldChange(field="room", new=self._rooms()),
        )
        return tuple(change for change in shown if change.new)

    def changes(self, new: Seen, zone: tzinfo) -> tuple[FieldChange, ...]:
        found = []
        if self.title != new.title:
            found.append(FieldChange(field="title", old=self.title, new=new.title))
        if sorted(self.speakers) != sorted(new.speakers):
            found.append(FieldChange(field="speakers", old=", ".join(self.speakers), new=", ".join(new.speakers)))
        if [place[:2] for place in self.places] != [place[:2] for place in new.places]:
            moved = [place[0] for place in self.places] != [place[0] for place in new.places]
            what = "time" if moved else "length"
            found.append(FieldChange(field=what, old=self._times(zone), new=new._times(zone)))
        if self._rooms() != new._rooms():
            found.append(FieldChange(field="room", old=self._rooms(), new=new._rooms()))
        return tuple(found)

    def _times(self, zone: tzinfo) -> str:
        return ", ".join(
            f"{begin.astimezone(zone):%Y-%m-%d %H:%M}–{end.astimezone(zone):%H:%M}" for begin, end, _room in self.places
        )

    def _rooms(self) -> str:
        return ", ".join(dict.fromkeys(room for _begin, _end, room in self.places if room))
