"""iCalendar (RFC 5545), as conference programmes come in it: one VEVENT per session, its room in LOCATION.

Lines are taken apart here and not by a library, because real files break rules that libraries insist on: bare carriage returns
in texts, characters of UTF-8 cut in two by folding, parameters of vCalendar 1.0. iCalendar has no speakers; they are read where a
description begins with `Speaker:`.
"""

from __future__ import annotations

import dataclasses
import quopri
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from itertools import islice
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from scheduling.importers import own
from scheduling.importers.collecting import Collector
from scheduling.importers.parsed import MAX_NODES, MAX_SESSIONS, NotASchedule, Parsed
from scheduling.importers.people import names_in
from scheduling.importers.reading import decode, line, shortened
from scheduling.importers.recurrence import RecurrenceRule
from scheduling.importers.source import SourceFile
from scheduling.importers.times import Unreadable, find_offset, find_zone, parse_duration
from scheduling.programme import Person

FORMAT: Final = "iCalendar"

#: Of a repeated event so many times are read, within a year.
_MAX_TIMES: Final = 200
#: Of so many events the rules are read; a programme has a handful that repeat.
_MAX_REPEATED: Final = 1_000
_MAX_DEPTH: Final = 8
#: So often are the clocks of a zone set to something else, as its calendar describes it.
_MAX_RULES: Final = 40
_NAME: Final = re.compile(r"[A-Za-z0-9-]+")
_PARAMETER: Final = re.compile(r';([A-Za-z0-9-]+)(?:=("[^"]*"|[^";:,]*(?:,(?:"[^"]*"|[^";:,]*))*))?')
_ESCAPE: Final = re.compile(r"\\([\\;,nN:\"])")
_MOMENT: Final = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)(?:[T ](\d\d):?(\d\d)(?::?(\d\d))?(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?)?", re.IGNORECASE
)
#: An offset in a VTIMEZONE.
_ZONE_OFFSET: Final = re.compile(r"([+-])(\d\d):?(\d\d)(?::?\d\d)?")
_BEGINS: Final = re.compile(rb"BEGIN[ \t]*:", re.IGNORECASE)
_MAX_COMPONENTS: Final = 4 * MAX_SESSIONS
_SPEAKER: Final = re.compile(
    r"\s*(?:<[a-z/]+>\s*)*(?:(Speakers|Presenters)|Speaker|Presenter|讲者|演讲者)\s*[:：][ \t]*([^\n<]{1,500})(?:[\n<]|$)",
    re.IGNORECASE,
)
_UID_GUID: Final = re.compile(r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:@.*)?", re.IGNORECASE)


def recognises(file: SourceFile) -> bool:
    return bool(re.match(r"\s*BEGIN[ \t]*:[ \t]*VCALENDAR\b", file.start.lstrip("\ufeff"), re.IGNORECASE))


def parse(file: SourceFile) -> Parsed:
    collector, data = file.collector(FORMAT), file.data
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\x00" in data[:4]:
        data = decode(data, warn=collector.warn).encode("utf-8", errors="ignore")
    if data.count(b"\n") + data.count(b"\r") > MAX_NODES or len(_BEGINS.findall(data)) > _MAX_COMPONENTS:
        raise NotASchedule(_("This calendar has too many entries for a schedule."))
    return CalendarReader(_tree(_lines(data, collector)), collector).read()


# -- Lines and components ----------------------------------------------------------------------------------------------


@dataclass(kw_only=True, slots=True)
class Property:
    name: str
    parameters: dict[str, str]
    value: str
    line: int

    @property
    def is_quoted_printable(self) -> bool:
        return self.parameters.get("ENCODING", "").upper() == "QUOTED-PRINTABLE"

    def go_on(self, text: str) -> None:
        """Take in a line that belongs to it, though it is not folded."""
        if self.is_quoted_printable and self.value.endswith("="):
            self.value = self.value[:-1] + text
        else:
            self.value += "\\n" + text

    @property
    def text(self) -> str:
        if self.is_quoted_printable:
            return quopri.decodestring(self.value.encode()).decode("utf-8", errors="replace")
        return _unescaped(self.value)


@dataclass(kw_only=True, slots=True)
class Component:
    name: str
    line: int
    properties: dict[str, list[Property]] = field(default_factory=dict)
    children: list[Component] = field(default_factory=list)

    def get(self, name: str) -> Property | None:
        found = self.properties.get(name)
        return found[0] if found else None

    def text(self, name: str) -> str:
        found = self.get(name)
        return found.text if found else ""


def _lines(data: bytes, collector: Collector) -> Iterator[tuple[int, str]]:
    """Content lines with the number of the first line of each. Unfolded as bytes, before characters are made of them, since
    folding may cut one in two."""
    raw = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
    if b"\n" not in raw:
        raw = raw.replace(b"\r", b"\n")
    raw = raw.replace(b"\r", b"")
    numbered: list[tuple[int, list[bytes]]] = []
    for number, part in enumerate(raw.split(b"\n"), start=1):
        if part[:1] in {b" ", b"\t"} and numbered:
            numbered[-1][1].append(part[1:])
        elif part.strip():
            numbered.append((number, [part]))
    whole = decode(b"\n".join(b"".join(parts) for _number, parts in numbered), warn=collector.warn)
    yield from zip((number for number, _parts in numbered), whole.split("\n"), strict=False)


def _property(number: int, text: str) -> Property | None:
    name = _NAME.match(text)
    if name is None:
        return None
    parameters: dict[str, str] = {}
    position = name.end()
    while found := _PARAMETER.match(text, position):
        parameters[found[1].upper()] = (found[2] or "").strip('"')
        position = found.end()
    if text[position : position + 1] != ":":
        return None
    return Property(name=name[0].upper(), parameters=parameters, value=text[position + 1 :], line=number)


def _tree(lines: Iterator[tuple[int, str]]) -> Component:
    calendar: Component | None = None
    stack: list[Component] = []
    number = 0
    for number, text in lines:
        found = _property(number, text)
        if found is None:
            # A line that is none belongs to the one before, whose text was broken without folding.
            if stack and (last := next(reversed(stack[-1].properties.values()), None)):
                last[-1].go_on(text)
            continue
        if found.name == "BEGIN":
            component = Component(name=found.value.strip().upper(), line=number)
            if calendar is None:
                calendar = component
            elif stack and len(stack) < _MAX_DEPTH:
                stack[-1].children.append(component)
            elif stack:
                raise NotASchedule(_("This calendar is nested too deeply."))
            if calendar is not component and not stack:
                # A second VCALENDAR in one file: its events join the first's.
                component = calendar
            stack.append(component)
        elif found.name == "END":
            if stack:
                stack.pop()
        elif stack:
            stack[-1].properties.setdefault(found.name, []).append(found)
    if calendar is None or stack:
        raise NotASchedule(_("This calendar breaks off in line %(line)d.") % {"line": number})
    return calendar


def _unescaped(value: str) -> str:
    return _ESCAPE.sub(lambda found: "\n" if found[1] in "nN" else found[1], value)


class _Rules:
    """A zone as a VTIMEZONE describes it, for those whose name nobody knows."""

    def __init__(self, component: Component) -> None:
        self._parts = [part for part in component.children if part.name in {"STANDARD", "DAYLIGHT"}][:_MAX_RULES]
        self._of_year: dict[int, list[tuple[datetime, timezone | None]]] = {}

    def offset_at(self, moment: datetime) -> timezone | None:
        """`moment`: wall-clock time there."""
        turns = self._turns(moment.year)
        return next((offset for turn, offset in reversed(turns) if turn <= moment), turns[0][1] if turns else None)

    def _turns(self, year: int) -> list[tuple[datetime, timezone | None]]:
        """When the clocks are set, until the end of `year`, and to what: every change of this year and the last, and of older
        ones those that are no rule."""
        if year not in self._of_year:
            found = [(turn, part) for part in self._parts for turn in self._turns_of(part, year)]
            found.sort(key=lambda turn: turn[0])
            self._of_year[year] = [(turn, self._offset(part)) for turn, part in found]
        return self._of_year[year]

    @staticmethod
    def _turns_of(part: Component, year: int) -> Iterator[datetime]:
        with suppress(ValueError, Unreadable):
            first = datetime.fromisoformat(part.text("DTSTART").strip()[:15])
            if first.year > year:
                return
            if not part.text("RRULE"):
                yield first
                return
            rule = RecurrenceRule(part.text("RRULE"), first.date())
            last = rule.until[:8] or "99991231"
            for day in _days(date(max(year - 1, first.year), 1, 1), date(year, 12, 31)):
                if day >= first.date() and f"{day:%Y%m%d}" <= last and rule.falls_on(day):
                    yield datetime.combine(day, first.time())

    @staticmethod
    def _offset(part: Component) -> timezone | None:
        found = _ZONE_OFFSET.fullmatch(part.text("TZOFFSETTO").strip())
        return find_offset(f"{found[1]}{found[2]}:{found[3]}") if found else None


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


# -- Events ------------------------------------------------------------------------------------------------------------


class CalendarReader:
    """`calendar`: a VCALENDAR, whatever notation it came in (`xcal`)."""

    def __init__(self, calendar: Component, collector: Collector) -> None:
        self._calendar = calendar
        self.into = collector
        self._custom: dict[str, ZoneInfo | None] = {}
        self._rules: dict[str, _Rules] = {}
        self._repeated_events = 0
        self.is_ours = False

    def read(self) -> Parsed:
        calendar, into = self._calendar, self.into
        events = [child for child in calendar.children if child.name == "VEVENT"]
        self._find_zones()
        self.is_ours = "//lihu//" in calendar.text("PRODID").lower()
        into.set_generator("Lihu" if self.is_ours else "")
        if self.is_ours:
            into.base_url = next((own.base_of(event.text("URL")) for event in events), "")
        into.zone = self._zone_of_all(events)
        moved = {
            (event.text("UID"), self._moved_from(event)) for event in events if event.get("RECURRENCE-ID") is not None
        }
        for event in events:
            self._event(event, moved)
        return into.result(
            title=self.title,
            acronym=self.acronym(events),
            url=calendar.text("URL") or calendar.text("SOURCE"),
            generator=calendar.text("PRODID"),
        )

    @property
    def title(self) -> str:
        return next(filter(None, map(self._calendar.text, ("X-WR-CALNAME", "NAME", "X-WR-CALDESC"))), "")

    def acronym(self, _events: list[Component]) -> str:
        """Calendars have none."""
        return ""

    # Zones

    def _find_zones(self) -> None:
        for component in self._calendar.children:
            if component.name == "VTIMEZONE":
                name = component.text("TZID").strip().strip('"')
                self._custom[name] = find_zone(component.text("X-LIC-LOCATION")) or self._known(name)
                self._rules.setdefault(name, _Rules(component))

    @staticmethod
    def _known(name: str) -> ZoneInfo | None:
        """IANA names, also at the end of a longer one (`/citadel.org/20210210_1/Europe/Berlin`), and those of Windows."""
        if zone := find_zone(name):
            return zone
        parts = name.strip("/").split("/")
        for length in (2, 3):
            if len(parts) > length and (zone := find_zone("/".join(parts[-length:]))):
                return zone
        return None

    def _zone(self, name: str) -> ZoneInfo | None:
        if name not in self._custom:
            self._custom[name] = self._known(name)
        return self._custom[name]

    def _zone_of_all(self, events: list[Component]) -> ZoneInfo | None:
        """The zone that the calendar names, or else the one that most of its events begin in."""
        named = self._calendar.text("X-WR-TIMEZONE").strip() or self._calendar.text("TIMEZONE-ID").strip()
        if named and (zone := self._zone(named)):
            return zone
        votes: dict[ZoneInfo, int] = {}
        for event in events:
            start = event.get("DTSTART")
            if start and (zone := self._zone(start.parameters.get("TZID", ""))):
                votes[zone] = votes.get(zone, 0) + 1
        return max(votes, key=lambda zone: votes[zone]) if votes else None

    # Moments

    def _moment(self, found: Property) -> datetime | date:
        value, name = found.value.strip(), found.parameters.get("TZID", "").strip()
        parts = _MOMENT.fullmatch(value)
        if parts is None and name:
            # A colon in the name of a zone, which ought to stand in quotes: `TZID=GMT+01:00:20270607T090000`.
            rest, _colon, last = value.rpartition(":")
            parts, name = _MOMENT.fullmatch(last), f"{name}:{rest}"
        if parts is None:
            raise Unreadable(_("The date “%(text)s” cannot be read.") % {"text": shortened(line(found.value), 60)})
        try:
            day = date(int(parts[1]), int(parts[2]), int(parts[3]))
            if not 1900 <= day.year <= 2200:
                raise ValueError
            if parts[4] is None:
                return day
            second = min(int(parts[6] or 0), 59)
            midnight = parts[4] == "24" and parts[5] == "00"
            moment = datetime.combine(day, time(0 if midnight else int(parts[4]), int(parts[5]), second))
            moment += timedelta(days=midnight)
        except ValueError:
            raise Unreadable(
                _("There is no such date as “%(text)s”.") % {"text": shortened(line(found.value), 60)}
            ) from None
        if parts[7]:
            return moment.replace(tzinfo=UTC if parts[7] in "Zz" else find_offset(parts[7]))
        if not name:
            return moment
        zone = self._clocks(name, moment)
        if zone is None:
            self.into.warn(
                _("line %(line)d") % {"line": found.line},
                _("“%(name)s” is no time zone that is known here.") % {"name": shortened(line(name), 60)},
            )
            return moment
        return moment.replace(tzinfo=zone)

    def _clocks(self, name: str, moment: datetime) -> tzinfo | None:
        """Whose clocks show `moment`: those of a zone that is known, or of one that the calendar describes itself."""
        if zone := self._zone(name):
            return zone
        rules = self._rules.get(name)
        return (rules.offset_at(moment) if rules else None) or find_offset(name)

    def _moved_from(self, event: Component) -> datetime | date | None:
        found = event.get("RECURRENCE-ID")
        try:
            moment = self._moment(found) if found else None
        except Unreadable:
            return None
        return moment.astimezone(UTC) if isinstance(moment, datetime) and moment.tzinfo else moment

    def _event(self, event: Component, moved: set[tuple[str, datetime | date | None]]) -> None:
        where = _("line %(line)d") % {"line": event.line}
        try:
            if event.text("STATUS").strip().upper() == "CANCELLED":
                self.into.warn(
                    where,
                    _("“%(title)s” is cancelled and was left out.")
                    % {"title": shortened(line(event.text("SUMMARY")), 60)},
                )
                return
            start, duration = self._period(event)
            for moment in self._times(where, event, start):
                # A repeated event's time that another VEVENT moves elsewhere is not one of its times.
                key = moment.astimezone(UTC) if moment.tzinfo else moment
                if (event.text("UID"), key) in moved and event.get("RECURRENCE-ID") is None:
                    continue
                self._add(where, event, moment, duration)
        except Unreadable as reason:
            title = shortened(line(event.text("SUMMARY")), 60)
            self.into.unread(where, f"{reason} ({title})" if title else str(reason))

    def _period(self, event: Component) -> tuple[datetime, timedelta]:
        begin = event.get("DTSTART")
        if begin is None:
            raise Unreadable(_("It has no date."))
        start = self._moment(begin)
        finish, lasts = event.get("DTEND"), event.get("DURATION")
        end = self._moment(finish) if finish else None
        if not isinstance(start, datetime):
            raise Unreadable(_("It lasts whole days and has no time."))
        if isinstance(end, datetime):
            if (end.tzinfo is None) != (start.tzinfo is None):
                end = end.replace(tzinfo=start.tzinfo)
            duration = end.astimezone(UTC) - start.astimezone(UTC) if start.tzinfo else end - start
            if duration < timedelta(0):
                raise Unreadable(_("It ends before it begins."))
            return start, parse_duration(str(duration // timedelta(minutes=1)))
        return start, parse_duration(lasts.value) if lasts else timedelta(0)

    def _times(self, where: str, event: Component, start: datetime) -> list[datetime]:
        """Every time that it takes place (RRULE, RDATE, EXDATE), the first included."""
        rule = event.get("RRULE")
        extra = list(self._moments(event, "RDATE"))
        if rule is None and not extra:
            return [start]
        times = {start, *extra}
        if rule is not None:
            times |= set(self._repeated(where, rule, start))
        without = {self._same(moment) for moment in self._moments(event, "EXDATE")}
        days = set(self._days(event, "EXDATE"))
        return sorted(
            (moment for moment in times if self._same(moment) not in without and moment.date() not in days),
            key=self._same,
        )[:_MAX_TIMES]

    @staticmethod
    def _same(moment: datetime) -> datetime:
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment

    def _moments(self, event: Component, name: str) -> Iterator[datetime]:
        return (moment for moment in self._values(event, name) if isinstance(moment, datetime))

    def _days(self, event: Component, name: str) -> Iterator[date]:
        return (day for day in self._values(event, name) if not isinstance(day, datetime))

    def _values(self, event: Component, name: str) -> Iterator[datetime | date]:
        for found in event.properties.get(name, ())[:_MAX_TIMES]:
            for value in found.value.split(",")[:_MAX_TIMES]:
                with suppress(Unreadable):
                    # Of a period, the beginning.
                    yield self._moment(dataclasses.replace(found, value=value.partition("/")[0]))

    def _repeated(self, where: str, rule: Property, start: datetime) -> list[datetime]:
        """Daily, weekly and monthly rules; an hour of wall-clock time stays that hour when the clocks change."""
        try:
            self._repeated_events += 1
            read = RecurrenceRule(rule.value, start.date())
            if read.frequency == "YEARLY" or self._repeated_events > _MAX_REPEATED:
                raise ValueError
            last = self._last(rule, read.until, start)
            count = min(read.count or _MAX_TIMES, _MAX_TIMES)
        except (ValueError, Unreadable):
            self.into.warn(where, _("It repeats in a way that is not read here; only its first time was taken."))
            return []
        # Whatever the rule says, the walk through the calendar is a year long.
        times = (
            datetime.combine(day, start.time(), start.tzinfo)
            for day in _days(start.date(), last.date())
            if read.falls_on(day)
        )
        return [moment for moment in islice(times, count) if moment.replace(tzinfo=None) <= last]

    def _last(self, rule: Property, until: str, start: datetime) -> datetime:
        """The end of a rule, or of a year, on the event's clocks."""
        local = start.replace(tzinfo=None)
        end = local + timedelta(days=366)
        if not until:
            return end
        moment = self._moment(dataclasses.replace(rule, value=until, parameters={}))
        if not isinstance(moment, datetime):
            return min(end, datetime.combine(moment, time.max))
        if moment.tzinfo and start.tzinfo:
            moment = moment.astimezone(start.tzinfo)
        return min(end, moment.replace(tzinfo=None))

    def _add(self, where: str, event: Component, start: datetime, duration: timedelta) -> None:
        uid = line(event.text("UID"))
        guid = _UID_GUID.fullmatch(uid)
        status = event.text("STATUS").strip().upper()
        sequence = event.text("SEQUENCE").strip()
        url = event.text("URL")
        values: dict[str, Any] = {
            "title": event.text("SUMMARY"),
            "source_id": uid,
            "guid": guid[1] if guid else "",
            "code": own.code_of(url) if self.is_ours else "",
            "room": event.text("LOCATION"),
            "abstract": event.text("DESCRIPTION"),
            "url": url,
            "uid": uid,
            "sequence": int(sequence) if re.fullmatch(r"\d{1,6}", sequence) else 0,
            "state": "accepted" if status == "TENTATIVE" else "confirmed",
        }
        values |= self.details(where, event)
        if not line(values["title"]):
            # RFC 5545 lets events do without; a programme does not.
            self.into.warn(where, _("It has no title."))
            values["title"] = _("Untitled")
        self.into.add(where, start=start, duration=duration, **values)

    def details(self, where: str, event: Component) -> dict[str, Any]:
        """What `Collector.add` is told of an event beyond the properties that every calendar has."""
        category = event.get("CATEGORIES")
        return {
            "track": _unescaped(re.split(r"(?<!\\),", category.value)[0]) if category else "",
            "persons": [] if self.is_ours else self._persons(where, event),
        }

    def _persons(self, where: str, event: Component) -> list[Person | None]:
        """Those whom the description begins with, as `Speaker: Li Ming`; attendees of an event are its audience."""
        found = _SPEAKER.match(event.text("DESCRIPTION"))
        if found is None:
            return []
        # Of several, commas stand between; of one, before a title. Affiliations in parentheses have commas of their own.
        text, several = found[2], bool(found[1]) and "(" not in found[2]
        if several:
            text = re.sub(r",?\s+and\s+", ", ", text)
        return [self.into.person(where, name=name) for name in names_in(text, commas=several)]
