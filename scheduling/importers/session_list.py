"""A plain list of sessions in JSON or YAML: one flat object each, as the websites of SCALE, DjangoCon US, PyCon US, EMF and of
virtual conferences keep them, and as Sched and Sessionize give them away. `FIELDS` is the table of what is read under which names.

The list may stand in an object (`sessions`, `schedule`, `talks`, `events`), be one itself (sessions by id), and a session may
take place several times (`sessions`, `occurrences`). Speakers and rooms may stand apart and be named by their ids."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from scheduling.importers.collecting import Collector
from scheduling.importers.json_text import as_text, dicts, text_of
from scheduling.importers.parsed import Parsed
from scheduling.importers.people import names_in
from scheduling.importers.reading import line, shortened
from scheduling.importers.source import SourceFile
from scheduling.importers.times import Unreadable, between, parse_date, parse_duration, parse_moment, parse_time
from scheduling.programme import Person

FORMAT: Final = "session list"

#: Field → its names, letter case, spaces, `-` and `_` aside; the first that says something counts.
FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "id": ("id", "uid", "code", "sessionid", "eventkey", "confkey"),
    "title": ("title", "name", "displayname", "session", "clustername"),
    "start": ("starttime", "startsat", "startdate", "start", "begin", "eventstart", "date", "day"),
    "end": ("endtime", "endsat", "enddate", "end", "eventend"),
    "duration": ("duration", "length"),
    "room": ("location", "room", "venue", "place", "roomid"),
    "speakers": ("speakers", "speaker", "presenters", "presenter", "presenterslugs", "authors", "names"),
    "track": ("topic", "track", "clustername"),
    "type": ("type", "kind", "category", "eventtype", "sessiontype"),
    "abstract": ("abstract", "summary"),
    "description": ("description", "body"),
    "language": ("language", "lang"),
    "url": ("url", "link", "permalink"),
}
#: Where in an object the list is, where its sessions take place, and what is told apart from them.
_LISTS: Final = ("sessions", "schedule", "talks", "events", "items")
_TIMES: Final = ("sessions", "occurrences", "times")
_APART: Final = {"speakers": ("speakers", "people", "presenters"), "rooms": ("rooms", "venues", "locations")}
#: Rows by which a list is known: most of them have a title and a time.
_SAMPLE: Final = 20
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_SLUG: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)+")
_NAMED: Final = frozenset({"title", "name", "id", "uid"})
_SCALE: Final = frozenset({"name", "starttime", "endtime", "topic"})
_HOME_OF_SCALE: Final = "America/Los_Angeles"

Row = Mapping[str, Any]


def recognises(file: SourceFile) -> bool:
    first = [row for _path, row in itertools.islice(_rows(file.document), _SAMPLE) if row]
    placed = [row for row in first if _value(row, "title") and _value(row, "start")]
    return (
        bool(first)
        and 2 * len(placed) > len(first)
        and any(_value(row, "end") or _value(row, "duration") for row in placed)
    )


def parse(file: SourceFile) -> Parsed:
    collector, document = file.collector(FORMAT), file.document
    rows = list(_rows(document))
    if rows and rows[0][1].keys() >= _SCALE:
        _set_home(collector, [row for _path, row in rows])
    if isinstance(document, dict):
        collector.set_zone(_("file"), text_of(document, "timezone", "time_zone", "time_zone_name"))
    speakers, rooms = (_by_id(document, names) for names in _APART.values())
    for path, row in rows:
        _row(collector, path, _resolved(row, speakers, rooms))
    return collector.result(title=text_of(document, "title", "name") if isinstance(document, dict) else "")


def _rows(document: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Path, and a row for each time that a session takes place; an empty one for what is none."""
    path = ""
    if isinstance(document, dict):
        path = next((name for name in _LISTS if isinstance(document.get(name), list)), "")
        document = document[path] if path else document
    if isinstance(document, list):
        entries = [(f"{path}[{number}]", value, "") for number, value in enumerate(document)]
    elif isinstance(document, dict):
        entries = [(f'["{shortened(line(key), 60)}"]', value, key) for key, value in document.items()]
    else:
        return
    for where, value, key in entries:
        row = _folded(value) if isinstance(value, dict) else {}
        if row and key:
            row.setdefault("id", key)
        times = [(name, number, _folded(given)) for name in _TIMES for number, given in dicts(row.get(name))]
        if not any(_value(given, "start") for _name, _number, given in times):
            yield where, row
            continue
        for name, number, given in times:
            # What it is called on one occasion is not what it is.
            yield f"{where}.{name}[{number}]", row | {key: given[key] for key in given.keys() - _NAMED}


def _by_id(document: Any, names: tuple[str, ...]) -> dict[str, Row]:
    """What stands apart from the sessions."""
    lists = [document.get(name) for name in names] if isinstance(document, dict) else []
    return {text_of(entry, "id", "code"): entry for entries in lists for _n, entry in dicts(entries)}


def _resolved(row: dict[str, Any], speakers: Mapping[str, Row], rooms: Mapping[str, Row]) -> dict[str, Any]:
    """The row with names instead of ids."""
    people, room = _value(row, "speakers"), rooms.get(as_text(_value(row, "room")))
    if isinstance(people, list) and speakers:
        row = row | {FIELDS["speakers"][0]: [speakers.get(as_text(entry), entry) for entry in people]}
    if room:
        row = row | {FIELDS["room"][0]: text_of(room, "name", "title")}
    return row


def _folded(row: Row) -> dict[str, Any]:
    return {re.sub(r"[\s_-]+", "", str(name)).casefold(): value for name, value in row.items()}


def _value(row: Row, field: str) -> Any:
    return next((row[name] for name in FIELDS[field] if row.get(name) not in (None, "", [])), None)


def _text(row: Row, field: str) -> str:
    return as_text(_value(row, field))


def _set_home(collector: Collector, rows: list[dict[str, Any]]) -> None:
    """SCALE is in California. Its files name no zone, but their offsets prove it, on either side of a clock change."""
    zone = ZoneInfo(_HOME_OF_SCALE)
    for row in rows:
        try:
            start = parse_moment(_text(row, "start"))
        except Unreadable:
            continue
        if start.utcoffset() != start.astimezone(zone).utcoffset():
            return
    collector.set_zone(_("file"), _HOME_OF_SCALE)


def _row(collector: Collector, path: str, row: Row) -> None:
    if row.get("accepted") is False or row.get("published") is False:
        collector.leave_out("accepted: no" if row.get("accepted") is False else "published: no")
        return
    try:
        _add(collector, path, row)
    except Unreadable as reason:
        title = shortened(line(_text(row, "title")), 60)
        collector.unread(path, f"{reason} ({title})" if title else str(reason))


def _add(collector: Collector, path: str, row: Row) -> None:
    start = _start(row)
    collector.add(
        path,
        title=_text(row, "title"),
        start=start,
        duration=_duration(row, start),
        source_id=_text(row, "id"),
        room=_text(row, "room"),
        kind_label=_text(row, "type"),
        track=_text(row, "track"),
        language=_text(row, "language"),
        abstract=_text(row, "abstract"),
        description=_text(row, "description"),
        persons=list(_people(collector, path, _value(row, "speakers"))),
        url=url if (url := _text(row, "url")).startswith("http") else "",
    )


def _start(row: Row) -> datetime:
    text = _text(row, "start").strip()
    if len(text) > 10 and _DATE.match(text):
        return parse_moment(text)
    # Date and time apart.
    day = text_of(row, "date", "day").strip()
    if not _DATE.match(day):
        raise Unreadable(_("It has no date."))
    return datetime.combine(parse_date(day[:10]), parse_time(text))


def _duration(row: Row, start: datetime) -> timedelta:
    end = _text(row, "end").strip()
    if not end:
        return parse_duration(_text(row, "duration"))
    if len(end) > 10:
        return between(start, parse_moment(end))
    finish = datetime.combine(start.date(), parse_time(end), tzinfo=start.tzinfo)
    return between(start, finish if finish >= start else finish + timedelta(days=1))


def _people(collector: Collector, where: str, value: object) -> Iterator[Person | None]:
    for entry in value if isinstance(value, list) else [value]:
        if isinstance(entry, dict):
            yield collector.person(
                where,
                name=text_of(entry, "name", "full_name", "fullName"),
                source_id=text_of(entry, "id", "slug"),
                affiliation=text_of(entry, "affiliation", "organization", "company"),
                biography=text_of(entry, "bio", "biography"),
            )
        elif isinstance(entry, str):
            for name in names_in(entry, commas=True):
                # `kojo-idrissa` is a name made fit for an address.
                shown = name.replace("-", " ").title() if isinstance(value, list) and _SLUG.fullmatch(name) else name
                yield collector.person(where, name=shown, source_id=name if shown != name else "")
