"""From rows to a programme: what every importer needs once it has taken its format apart.

An importer makes a `Collector`, tells it what the file says about the conference, adds a session for each row, and asks for the
result. Order matters once: time zone and day change first, because rows without a date of their own need them.
"""

from __future__ import annotations

import base64
import dataclasses
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from operator import attrgetter
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from scheduling.importers.garbled import Garbled, repaired
from scheduling.importers.markup import to_markdown
from scheduling.importers.own import given_again, rooms_in_order, without_page
from scheduling.importers.parsed import MAX_PERSONS_OF_A_SESSION, MAX_SESSIONS, NotASchedule, Parsed
from scheduling.importers.reading import line, paragraphs, shortened, web_address, without_controls
from scheduling.importers.times import Unreadable, at_clock, find_zone, is_in_gap
from scheduling.programme import (
    DEFAULT_DAY_CHANGE,
    Day,
    Link,
    Person,
    Programme,
    Room,
    Session,
    Track,
    UnreadRow,
    conference_day,
    kind_of,
)

#: Rows named one by one; of more, the number is told.
_MAX_NAMED: Final = 2_000
#: What the database has room for.
LENGTHS: Final = {
    "title": 500, "subtitle": 500, "room": 200, "track": 200, "name": 200, "native_name": 200, "affiliation": 300,
    "kind_label": 100, "source_id": 200, "language": 35, "slug": 200, "licence": 1_000, "board": 20, "link": 300, "acronym": 60,
    "version": 200, "text": 100_000,
}  # fmt: skip

_OUR_OWN: Final = "lihu"
_UUID: Final = re.compile(r"\{?(?:urn:uuid:)?([0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12})\}?", re.IGNORECASE)
_SHORT_UUID: Final = re.compile(r"[A-Za-z0-9_-]{22}")
_CODE: Final = re.compile(r"[0-9A-Z]{6}")
_COLOUR: Final = re.compile(r"#[0-9a-f]{6}")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8})*")
_LANGUAGES: Final = {
    "english": "en", "englisch": "en", "anglais": "en", "英文": "en", "英语": "en", "german": "de", "deutsch": "de",
    "french": "fr", "français": "fr", "chinese": "zh", "中文": "zh", "汉语": "zh", "spanish": "es", "español": "es",
    "japanese": "ja", "日本語": "ja", "russian": "ru", "portuguese": "pt", "italian": "it", "korean": "ko",
}  # fmt: skip


def read_uuid(text: str) -> UUID | None:
    """Also in 22 characters of base64url, as frab wrote them until 2014."""
    text = text.strip()
    if found := _UUID.fullmatch(text):
        return UUID(found[1])
    if _SHORT_UUID.fullmatch(text):
        return UUID(bytes=base64.urlsafe_b64decode(f"{text}=="))
    return None


def read_language(text: str) -> str:
    folded = line(text).casefold().replace("_", "-")
    if folded in _LANGUAGES:
        return _LANGUAGES[folded]
    return folded if _LANGUAGE.fullmatch(folded) and len(folded) <= LENGTHS["language"] else ""


def read_colour(text: str) -> str:
    colour = text.strip().lower()
    if re.fullmatch(r"#?[0-9a-f]{3}", colour):
        colour = "#" + "".join(2 * c for c in colour.removeprefix("#"))
    colour = colour if colour.startswith("#") else f"#{colour}"
    return colour if _COLOUR.fullmatch(colour) else ""


class Collector:
    """Gathers rooms, tracks, days, sessions, and everything that went wrong."""

    def __init__(self, format_: str, *, repair: bool = False) -> None:
        self._format = format_
        self._repair = repair
        self._left_out: Counter[str] = Counter()
        self._garbled = Garbled()
        self._unread: list[UnreadRow] = []
        self._warnings: list[UnreadRow] = []
        self._more = {"unread": 0, "warnings": 0}
        self._sessions: list[Session] = []
        self._where: list[str] = []
        self._rooms: dict[str, Room] = {}
        self._tracks: dict[str, Track] = {}
        self._days: dict[date, Day] = {}
        self._persons: dict[tuple[str, str], Person] = {}
        self.zone: ZoneInfo | None = None
        self.day_change: time | None = None
        self.base_url = ""
        # Files of our own hold Markdown; a tag in them is one that somebody typed to be seen.
        self.holds_markdown = False

    # -- What went wrong ---------------------------------------------------------------------------------------------

    def unread(self, where: str, reason: str) -> None:
        self._note("unread", self._unread, where, reason)

    def warn(self, where: str, reason: str) -> None:
        self._note("warnings", self._warnings, where, reason)

    def leave_out(self, state: str) -> None:
        """A session that is not part of the programme, such as a rejected one; how many there were is a warning."""
        self._left_out[shortened(line(state), 40)] += 1

    def _note(self, name: str, rows: list[UnreadRow], where: str, reason: str) -> None:
        if len(rows) < _MAX_NAMED:
            rows.append(UnreadRow(where=where, reason=reason))
        else:
            self._more[name] += 1

    # -- Texts -------------------------------------------------------------------------------------------------------

    def line(self, where: str, field: str, text: str) -> str:
        """One line, no longer than the database has room for; a warning says what was taken away."""
        text = self._mended(where, text)
        kept = line(text)
        limit = LENGTHS[field]
        if len(kept) > limit:
            self.warn(where, _("A text is longer than %(limit)d characters and was cut.") % {"limit": limit})
            kept = shortened(kept, limit)
        return kept

    def text(self, where: str, text: str) -> str:
        """Several lines: HTML becomes Markdown."""
        text = self._mended(where, text)
        kept = paragraphs(text) if self.holds_markdown else to_markdown(text)
        if len(kept) > LENGTHS["text"]:
            self.warn(where, _("A text is longer than %(limit)d characters and was cut.") % {"limit": LENGTHS["text"]})
            kept = shortened(kept, LENGTHS["text"])
        return kept

    def _mended(self, where: str, text: str) -> str:
        """As it was before it was decoded twice, where that is wanted; otherwise it is only noted."""
        if self._repair:
            text = repaired(text)
        self._garbled.look_at(text)
        self._check_controls(where, text)
        return text

    def _check_controls(self, where: str, text: str) -> None:
        taken = without_controls(text)[1]
        if taken:
            self.warn(
                where,
                ngettext("A control character was taken out.", "%(count)d control characters were taken out.", taken)
                % {"count": taken},
            )

    def address(self, where: str, text: str, *, length: int = 1000) -> str:
        if not text or text.isspace():
            return ""
        address = web_address(text, base=self.base_url, length=length)
        if not address:
            self.warn(where, _("“%(link)s” is no web address and was left out.") % {"link": shortened(line(text), 80)})
        return address

    # -- The conference ----------------------------------------------------------------------------------------------

    def set_generator(self, name: str) -> None:
        self.holds_markdown = name.strip().casefold() == _OUR_OWN

    def set_zone(self, where: str, name: str) -> None:
        if not name.strip():
            return
        self.zone = find_zone(name)
        if self.zone is None:
            self.warn(where, _("“%(name)s” is no time zone that is known here.") % {"name": shortened(line(name), 60)})

    def add_day(self, day: Day) -> date:
        """Make a day known; returns the date that it has on the conference's own clocks."""
        start = day.start
        if self.zone is not None and start is not None and start.tzinfo is not None and start.date() == day.date:
            # Written in UTC, as some programs do: the day that begins at 21:30 there is the next one in Kochi.
            day = dataclasses.replace(day, date=start.astimezone(self.zone).date())
        self._days.setdefault(day.date, self._on_our_clocks(day))
        return day.date

    def _on_our_clocks(self, day: Day) -> Day:
        return dataclasses.replace(
            day,
            start=self.placed(day.start) if day.start else None,
            end=self.placed(day.end) if day.end else None,
        )

    def add_room(self, room: Room) -> None:
        if room.name:
            self._rooms.setdefault(room.name, room)

    def add_track(self, track: Track) -> None:
        if track.name:
            self._tracks.setdefault(track.name, track)

    def add_person(self, person: Person) -> None:
        """What the file says about somebody apart from the sessions; the sessions' persons take it over."""
        self._persons[person.key] = person

    # -- Sessions ----------------------------------------------------------------------------------------------------

    def placed(self, moment: datetime) -> datetime:
        """On the clocks of the conference's zone, where it is known."""
        if self.zone is None:
            return moment
        return moment.replace(tzinfo=self.zone) if moment.tzinfo is None else moment.astimezone(self.zone)

    def moment_of(self, day: date, text: str) -> datetime:
        """Wall-clock time on a conference day: what is before `day_change`, or after 24:00, is in the night after it. Raises
        Unreadable."""
        moment = at_clock(day, text)
        if moment.date() == day and moment.time() < (self.day_change or DEFAULT_DAY_CHANGE):
            moment += timedelta(days=1)
        return moment

    def numbered_day(self, where: str, number: str, first: date | None) -> date | None:
        """The date of a day that has none but stands in a row of them: the second is the one after the first."""
        if first is None or not re.fullmatch(r"[1-9]\d?", number):
            return None
        day = first + timedelta(days=int(number) - 1)
        self.warn(where, _("This day has no date. It was counted from the first day as %(day)s.") % {"day": day})
        return day

    def title(self, where: str, text: str, *, subtitle: str = "") -> str:
        """A title for a session whatever the file says: something is planned at that time."""
        if line(text):
            return text
        self.warn(where, _("It has no title."))
        return subtitle if line(subtitle) else _("Untitled")

    def person(
        self, where: str, *, name: str, source_id: str = "", guid: str = "", code: str = "", native_name: str = "",
        affiliation: str = "", biography: str = "", url: str = "",
    ) -> Person | None:  # fmt: skip
        """None for somebody without a name."""
        shown = self.line(where, "name", name)
        if not shown:
            return None
        person = Person(
            name=shown,
            source_id=shortened(line(source_id), LENGTHS["source_id"]),
            guid=read_uuid(guid),
            code=code if _CODE.fullmatch(code) else "",
            native_name=self.line(where, "native_name", native_name),
            affiliation=self.line(where, "affiliation", affiliation),
            biography=self.text(where, biography),
            url=self.address(where, url),
        )
        return self._persons.get(person.key, person)

    def link(self, where: str, *, url: str, title: str = "", kind: str = "") -> Link | None:
        title = self.line(where, "link", title)
        if not url.strip():
            url, title = title, ""
        address = self.address(where, url)
        if not address:
            return None
        return Link(url=address, title="" if title in {url, address} else title, kind=line(kind)[:30].lower())

    def add(
        self, where: str, *, title: str, start: datetime, duration: timedelta, day: date | None = None, source_id: str = "",
        guid: str = "", code: str = "", room: str = "", slug: str = "", subtitle: str = "", kind_label: str = "", track: str = "",
        language: str = "", abstract: str = "", description: str = "", persons: Sequence[Person | None] = (),
        chairs: Sequence[Person | None] = (), links: Sequence[Link | None] = (), attachments: Sequence[Link | None] = (),
        url: str = "", feedback_url: str = "", licence: str = "", do_not_record: bool = False, state: str = "confirmed",
        parent: str = "", board: str = "", uid: str = "", sequence: int = 0, track_colour: str = "",
    ) -> None:  # fmt: skip
        """Take a session in. Raises Unreadable where it cannot stand in a programme, and NotASchedule after too many."""
        if len(self._sessions) >= MAX_SESSIONS:
            raise NotASchedule(
                _("This file has more than %(limit)d sessions. Split it into several.") % {"limit": MAX_SESSIONS}
            )
        shown = self.line(where, "title", title)
        if not shown:
            raise Unreadable(_("It has no title."))
        if self.zone is not None and start.tzinfo is None and is_in_gap(start, self.zone):
            self.warn(where, _("Clocks skip this time on that day; it was read as the time after."))
        room_name = self.line(where, "room", room)
        self.add_room(Room(name=room_name))
        track_name = self.line(where, "track", track)
        self.add_track(Track(name=track_name, colour=read_colour(track_colour) if track_colour else ""))
        label = self.line(where, "kind_label", kind_label)
        session = Session(
            title=shown,
            start=self.placed(start),
            duration=duration,
            day=day or date.min,
            source_id=self.line(where, "source_id", source_id),
            guid=read_uuid(guid),
            code=code if _CODE.fullmatch(code) else "",
            uid=line(uid)[:200],
            sequence=sequence,
            room=room_name,
            slug=line(slug)[: LENGTHS["slug"]],
            subtitle=self.line(where, "subtitle", subtitle),
            kind=kind_of(label),
            kind_label=label,
            track=track_name,
            language=read_language(language),
            abstract=self.text(where, abstract),
            description=self.text(where, description),
            persons=self._once(where, persons),
            chairs=self._once(where, chairs),
            links=tuple(link for link in links if link),
            attachments=tuple(link for link in attachments if link),
            url=self.address(where, url, length=500),
            feedback_url=web_address(feedback_url, base=self.base_url),
            licence=self.line(where, "licence", licence),
            do_not_record=do_not_record,
            state=state,
            parent=line(parent)[: LENGTHS["source_id"]],
            board=self.line(where, "board", board),
        )
        if guid and session.guid is None and not session.source_id:
            session = dataclasses.replace(session, source_id=line(guid)[: LENGTHS["source_id"]])
        self._sessions.append(session)
        self._where.append(where)

    def _once(self, where: str, persons: Iterable[Person | None]) -> tuple[Person, ...]:
        named = list({person.key: person for person in persons if person}.values())
        if len(named) > MAX_PERSONS_OF_A_SESSION:
            self.warn(
                where,
                _("It names more than %(limit)d people; the rest was left out.") % {"limit": MAX_PERSONS_OF_A_SESSION},
            )
        return tuple(named[:MAX_PERSONS_OF_A_SESSION])

    # -- The result --------------------------------------------------------------------------------------------------

    def result(
        self, *, title: str = "", acronym: str = "", subtitle: str = "", start: date | None = None, end: date | None = None,
        time_slot: timedelta | None = None, version: str = "", url: str = "", generator: str = "",
        published_at: datetime | None = None,
    ) -> Parsed:  # fmt: skip
        """The programme. Raises NotASchedule where no session is left in it."""
        if not self._sessions:
            if self._unread:
                first = self._unread[0]
                raise NotASchedule(
                    _("None of its %(count)d sessions can be read. The first, %(where)s: %(reason)s")
                    % {"count": len(self._unread) + self._more["unread"], "where": first.where, "reason": first.reason}
                )
            if self._left_out:
                raise NotASchedule(
                    _("None of its %(count)d sessions is accepted, so there is no programme in it.")
                    % {"count": self._left_out.total()}
                )
            raise NotASchedule(_("This schedule has no sessions."))
        day_change = self._day_change()
        is_ours = self.holds_markdown
        taken = without_page(given_again(self._sessions), self.base_url) if is_ours else self._sessions
        sessions = self._with_days(self._with_ids(taken), day_change)
        days = self._all_days(sessions)
        first_day, last_day = self._period(start, end, days)
        slot = int((time_slot or timedelta(0)).total_seconds() // 60)
        used_rooms = {session.room for session in sessions}
        # Files with days list each day room by room; calendars list what begins at one time in the order of rooms.
        by = attrgetter("day" if self._days else "start")
        room_names = (rooms_in_order(sessions, by=by) if is_ours else []) or list(self._rooms)
        used_tracks = {session.track for session in sessions}
        programme = Programme(
            title=self.line(_("conference"), "title", title) or line(acronym) or _("Schedule"),
            acronym=self.line(_("conference"), "acronym", acronym),
            subtitle=self.line(_("conference"), "subtitle", subtitle),
            start=first_day,
            end=last_day,
            sessions=tuple(sessions),
            time_zone=self.zone.key if self.zone else None,
            time_slot_minutes=slot if 1 <= slot <= 240 else 5,
            day_change=day_change,
            version=self.line(_("conference"), "version", version),
            base_url=self.base_url,
            url=web_address(url),
            generator=line(generator)[:100],
            published_at=published_at,
            days=days,
            has_days=bool(self._days),
            rooms=tuple(self._rooms[name] for name in room_names if name in used_rooms),
            tracks=tuple(track for name, track in self._tracks.items() if name in used_tracks),
        )
        self._tell_the_rest()
        return Parsed(
            programme=programme,
            format=self._format,
            unread=tuple(self._unread),
            warnings=tuple(self._warnings),
            is_garbled=bool(self._garbled),
        )

    def _tell_the_rest(self) -> None:
        for state, count in self._left_out.items():
            reason = ngettext(
                "%(count)d session in the state “%(state)s” was left out.",
                "%(count)d sessions in the state “%(state)s” were left out.",
                count,
            )
            self._warnings.append(UnreadRow(where=_("file"), reason=reason % {"count": count, "state": state}))
        if self._garbled:
            self._warnings.insert(0, UnreadRow(where=_("file"), reason=self._garbled.reason))
        for name, rows in (("unread", self._unread), ("warnings", self._warnings)):
            if more := self._more[name]:
                reason = ngettext("%(count)d more of this kind.", "%(count)d more of these kinds.", more) % {
                    "count": more
                }
                rows.append(UnreadRow(where=_("file"), reason=reason))

    def _local(self, session: Session) -> datetime:
        return session.start.replace(tzinfo=None)

    def _day_change(self) -> time:
        """The hour at which the file's own grouping turns to the next day: what it says where that fits, else what its days'
        bounds say, else the earliest session of all."""
        grouped = [(session.day, self._local(session)) for session in self._sessions if session.day != date.min]
        late = max((local.time() for day, local in grouped if local.date() > day), default=None)
        early = min((local.time() for day, local in grouped if local.date() == day), default=None)

        def fits(candidate: time) -> bool:
            return (late is None or late < candidate) and (early is None or candidate <= early)

        starts = {day.start.time() for day in self._days.values() if day.start}
        ends = {
            (day.end + timedelta(seconds=60)).replace(second=0).time() if day.end.minute == 59 else day.end.time()
            for day in self._days.values()
            if day.end and day.end.date() > day.date
        }
        candidates = [
            *([self.day_change] if self.day_change is not None else []),
            *(starts if len(starts) == 1 and ends <= starts else []),
            *sorted(ends, reverse=True),
            DEFAULT_DAY_CHANGE,
            *([time(late.hour + 1)] if late is not None and late.hour < 23 else []),
            *([early] if early is not None else []),
        ]
        return next((candidate for candidate in candidates if fits(candidate)), candidates[0])

    def _with_days(self, sessions: list[Session], day_change: time) -> list[Session]:
        placed = []
        if not self._days and self.zone is None and not any(_is_local(session.start) for session in sessions):
            # All in UTC, and nobody knows where: days of UTC until somebody does.
            day_change = time(0)
        for session, where in zip(sessions, self._where, strict=True):
            own = conference_day(self._local(session), day_change)
            if session.day == date.min:
                session = dataclasses.replace(session, day=own)
            elif abs((session.day - own).days) > 1:
                self.warn(
                    where,
                    _("It stands under %(day)s and begins on %(date)s. The latter was taken.")
                    % {"day": session.day.isoformat(), "date": self._local(session).date().isoformat()},
                )
                session = dataclasses.replace(session, day=own)
            placed.append(session)
        return placed

    def _all_days(self, sessions: list[Session]) -> tuple[Day, ...]:
        days = dict(self._days)
        for session in sessions:
            if session.day not in days:
                days[session.day] = Day(index=0, date=session.day)
        ordered = sorted(days.values(), key=lambda day: day.date)
        return tuple(dataclasses.replace(day, index=number) for number, day in enumerate(ordered, start=1))

    def _period(self, start: date | None, end: date | None, days: tuple[Day, ...]) -> tuple[date, date]:
        """The file's dates, unless its sessions prove them wrong."""
        first, last = days[0].date, days[-1].date
        if start and end and start <= end and (end - start).days <= 366:
            if start <= last and end >= first:
                return min(start, first), max(end, last)
            self.warn(_("conference"), _("Its dates are not those of its sessions, which were taken."))
        return first, last

    def _with_ids(self, sessions: list[Session]) -> list[Session]:
        """Every session with an id that no other talk has; see `Session`."""
        titles: dict[UUID, str] = {}
        ids: dict[UUID, str] = {}
        taken: dict[str, tuple[str, str]] = {}
        others: Counter[str] = Counter()
        found = []
        for session, where in zip(sessions, self._where, strict=True):
            guid = session.guid
            if guid and titles.setdefault(guid, session.title) != session.title:
                self.warn(where, _("Another session has its guid %(guid)s. It gets one of its own.") % {"guid": guid})
                guid = None
            if guid and guid in ids:
                # The same talk at another time.
                found.append(dataclasses.replace(session, source_id=ids[guid]))
                continue
            wanted = session.source_id or (str(guid) if guid else "") or session.slug or session.title[:150]
            owner = (str(guid or ""), session.title)
            source_id = wanted
            if taken.setdefault(wanted, owner) != owner:
                if guid:
                    source_id = f"{wanted[:150]}:{guid}"
                else:
                    others[wanted] += 1
                    source_id = f"{wanted[:150]}#{others[wanted] + 1}"
                    self.warn(where, _("Another session has its id %(id)s.") % {"id": shortened(wanted, 60)})
            if guid:
                ids[guid] = source_id
            found.append(dataclasses.replace(session, source_id=source_id, guid=guid))
        return found


def _is_local(moment: datetime) -> bool:
    return moment.utcoffset() != timedelta(0)
