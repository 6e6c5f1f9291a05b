"""The table of our own, whatever the file that holds it: one row per session, columns by name. `COLUMNS` says which."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from django.utils.translation import gettext as _

from scheduling.importers.collecting import Collector
from scheduling.importers.reading import line, shortened
from scheduling.importers.times import Unreadable, find_zone, parse_date, parse_duration, parse_moment, parse_time
from scheduling.programme import Link, Person

#: Column → the other names by which it is known, letter case, spaces and underscores aside.
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "id": ("code", "编号"),
    "title": ("name", "标题", "题目"),
    "subtitle": ("副标题",),
    "type": ("kind", "category", "类型"),
    "track": ("主题", "分会"),
    "room": ("location", "venue", "地点", "会议室"),
    "date": ("day", "日期"),
    "start": ("start time", "begin", "from", "开始", "开始时间"),
    "end": ("end time", "until", "to", "结束", "结束时间"),
    "duration": ("minutes", "时长"),
    "speakers": ("speaker", "persons", "presenters", "presenter", "报告人", "主讲人"),
    "chairs": ("chair", "主持人"),
    "language": ("语言",),
    "abstract": ("summary", "摘要"),
    "description": ("简介",),
    "links": ("link", "链接"),
    "url": (),
    "parent": (),
    "board": ("展板",),
    "do not record": ("optout", "不录像"),
    "time zone": ("timezone", "tz", "时区"),
}
_REQUIRED: Final = (frozenset({"title"}), frozenset({"start"}))
_NAMES: Final = {other: name for name, others in COLUMNS.items() for other in (name, *others)}
_TRUE: Final = frozenset({"yes", "y", "true", "1", "x", "是"})
# Name (affiliation), the parentheses also as Chinese writes them.
_PERSON: Final = re.compile(r"([^()（）]+?)\s*[(（]([^()（）]*)[)）]\s*")
_MAX_COLUMNS: Final = 200
_UNIT: Final = re.compile(r"([^()（）]+?)\s*[(（]([^()（）]*)[)）]")
_HOURS: Final = frozenset({"h", "hr", "hrs", "hour", "hours"})


_TEMPLATE: Final[Sequence[Mapping[str, str]]] = (
    {
        "id": "1", "title": "Opening ceremony", "type": "ceremony", "room": "Main hall", "date": "2027-06-07", "start": "09:00",
        "end": "09:30", "language": "en", "time zone": "Asia/Shanghai",
    },
    {
        "id": "2", "title": "Fermented foods and health", "type": "keynote", "track": "Nutrition", "room": "Main hall",
        "date": "2027-06-07", "start": "09:30", "duration": "00:45", "speakers": "Anna Novak (University of Ljubljana); 李明 (江南大学)",
        "chairs": "Maria Silva", "language": "en", "abstract": "What is known, and what is not.",
        "links": "https://example.org/slides",
    },
    {
        "id": "3", "title": "Coffee break", "type": "break", "room": "Foyer", "date": "2027-06-07", "start": "10:15",
        "duration": "30",
    },
)  # fmt: skip


def template() -> list[list[str]]:
    """A header and three rows to overwrite."""
    names = [name for name in COLUMNS if name not in {"url", "parent", "board"}]
    return [
        [name.replace(" ", "_") for name in names],
        *([row.get(name, "") for name in names] for row in _TEMPLATE),
    ]


def is_header(cells: Iterable[str]) -> bool:
    names = {column_of(cell) for cell in cells}
    return all(names & required for required in _REQUIRED) and bool(names & {"duration", "end"})


def column_of(cell: str) -> str:
    """`Start time (UTC)` is `start`; see `_unit_of`."""
    name = re.sub(r"[\s_]+", " ", _without_unit(cell)).casefold()
    return _NAMES.get(name, "")


def _without_unit(cell: str) -> str:
    bare = cell.strip().strip('"').strip()
    return bare if (found := _UNIT.fullmatch(bare)) is None else found[1]


def _unit_of(cell: str) -> str:
    """What stands in parentheses after the name of a column."""
    found = _UNIT.fullmatch(cell.strip().strip('"').strip())
    return found[2].strip() if found else ""


def read_header(row: Sequence[str], collector: Collector, where: str) -> list[str]:
    header: list[str] = []
    for cell in row[:_MAX_COLUMNS]:
        name = column_of(cell)
        if cell.strip() and not name:
            collector.warn(
                where,
                _("The column “%(name)s” is not known and was left out.") % {"name": shortened(line(cell), 60)},
            )
        header.append("" if name in header else name)
        unit = _unit_of(cell)
        if name in {"date", "start"} and collector.zone is None and (zone := find_zone(unit)):
            collector.zone = zone
        elif name == "duration" and unit.casefold() in _HOURS:
            header[-1] = "hours"
    return header


def read_row(collector: Collector, where: str, cells: Mapping[str, str]) -> None:
    try:
        start = _start(collector, cells)
        collector.add(
            where,
            title=cells.get("title", ""),
            start=start,
            duration=_duration(cells, start),
            source_id=cells.get("id", ""),
            room=cells.get("room", ""),
            subtitle=cells.get("subtitle", ""),
            kind_label=cells.get("type", ""),
            track=cells.get("track", ""),
            language=cells.get("language", ""),
            abstract=cells.get("abstract", ""),
            description=cells.get("description", ""),
            persons=_people(collector, where, cells.get("speakers", "")),
            chairs=_people(collector, where, cells.get("chairs", "")),
            links=_links(collector, where, cells.get("links", "")),
            url=cells.get("url", ""),
            parent=cells.get("parent", ""),
            board=cells.get("board", ""),
            do_not_record=cells.get("do not record", "").strip().casefold() in _TRUE,
        )
    except Unreadable as reason:
        title = shortened(line(cells.get("title", "")), 60)
        collector.unread(where, f"{reason} ({title})" if title else str(reason))


def _start(collector: Collector, cells: Mapping[str, str]) -> datetime:
    zone = cells.get("time zone", "").strip()
    if zone and collector.zone is None:
        collector.set_zone(_("column “time_zone”"), zone)
    text = cells.get("start", "").strip()
    if re.match(r"\d{4}-\d\d-\d\d[T ]\d", text):
        return parse_moment(text)
    # Here the date is the calendar's: a row of a table has no conference day to stand under.
    return datetime.combine(_date(cells), parse_time(text))


def _date(cells: Mapping[str, str]) -> date:
    # Spreadsheets add a time to dates.
    return parse_date(re.sub(r"[T ]0?0:00(?::00)?$", "", cells.get("date", "").strip()))


def _duration(cells: Mapping[str, str], start: datetime) -> timedelta:
    lasts, end = cells.get("duration", "").strip(), cells.get("end", "").strip()
    if re.fullmatch(r"\d{1,3}(?:\.\d{1,12})?", hours := cells.get("hours", "").strip()):
        lasts = str(round(float(hours) * 60))
    if lasts:
        return parse_duration(lasts)
    if not end:
        raise Unreadable(_("It has neither an end nor a duration."))
    if re.match(r"\d{4}-\d\d-\d\d[T ]\d", end):
        finish = parse_moment(end)
        if (finish.tzinfo is None) != (start.tzinfo is None):
            finish = finish.replace(tzinfo=start.tzinfo)
    else:
        finish = datetime.combine(start.date(), parse_time(end), tzinfo=start.tzinfo)
        if finish < start:
            # Past midnight, by no more than a night.
            finish += timedelta(days=1)
            if finish - start > timedelta(hours=12):
                raise Unreadable(_("It ends before it begins."))
    if finish < start:
        raise Unreadable(_("It ends before it begins."))
    return parse_duration(str((finish - start) // timedelta(minutes=1)))


def _people(collector: Collector, where: str, text: str) -> list[Person | None]:
    """`Anna Novak (University of Ljubljana); 李明`: between semicolons, `、` or line breaks; commas belong to names."""
    people: list[Person | None] = []
    for part in re.split(r"[;；、\n]", text):
        found = _PERSON.fullmatch(part.strip())
        name, affiliation = (found[1], found[2]) if found else (part, "")
        people.append(collector.person(where, name=name, affiliation=affiliation))
    return people


def _links(collector: Collector, where: str, text: str) -> list[Link | None]:
    return [collector.link(where, url=part) for part in text.split() if part]
