"""The programme of ChinaVis as its website has it: half-days, their periods, and the sessions of each, in Chinese and English."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from scheduling.importers.collecting import Collector
from scheduling.importers.json_text import as_text, dicts, text_of
from scheduling.importers.parsed import Parsed
from scheduling.importers.reading import line, shortened
from scheduling.importers.source import SourceFile
from scheduling.importers.times import Unreadable, between, parse_date, parse_time
from scheduling.programme import Day, Person

FORMAT: Final = "ChinaVis JSON"

_DATE: Final = re.compile(r"(\d{4})\s*(?:年|-|/)\s*(\d{1,2})\s*(?:月|-|/)\s*(\d{1,2})")
_PERIOD: Final = re.compile(r"\s*([\d:：]{3,5})\s*[-–—~～至]+\s*([\d:：]{3,5})\s*")

Thing = Mapping[str, Any]


def recognises(file: SourceFile) -> bool:
    days = file.document if file.is_json or file.is_yaml else None
    return any("date" in day and isinstance(day.get("timeslots"), list) for _number, day in dicts(days))


def parse(file: SourceFile) -> Parsed:
    collector = file.collector(FORMAT)
    for number, day in dicts(file.document):
        try:
            on = _date(day.get("date"))
            collector.add_day(Day(index=0, date=on))
        except Unreadable as reason:
            collector.unread(f"[{number}]", str(reason))
            continue
        for place, period in dicts(day.get("timeslots")):
            for position, session in dicts(period.get("sessions")):
                _session(collector, f"[{number}].timeslots[{place}].sessions[{position}]", on, period, session)
    return collector.result()


def _date(value: object) -> date:
    """Of a date in several languages the one in figures."""
    texts = [as_text(value), *(value.values() if isinstance(value, dict) else ())]
    found = next((match for text in texts if isinstance(text, str) and (match := _DATE.match(text.strip()))), None)
    return parse_date("-".join(found.groups()) if found else texts[0])


def _session(into: Collector, where: str, on: date, period: Thing, session: Thing) -> None:
    try:
        start, duration = _times(on, text_of(period, "time"))
        into.add(
            where,
            title=text_of(session, "title"),
            start=start,
            duration=duration,
            day=on,
            source_id=text_of(session, "id"),
            room=text_of(session, "location"),
            kind_label=text_of(session, "type"),
            description=_description(session),
            persons=_people(into, f"{where}.speakers", session.get("speakers")),
            chairs=_people(into, f"{where}.chairs", session.get("chairs")),
            url=url if (url := text_of(session, "href")).startswith("http") else "",
        )
    except Unreadable as reason:
        title = shortened(line(text_of(session, "title")), 60)
        into.unread(where, f"{reason} ({title})" if title else str(reason))


def _times(on: date, text: str) -> tuple[datetime, timedelta]:
    """`8:15 - 8:45`; past midnight where the end is earlier."""
    found = _PERIOD.fullmatch(text)
    begins, ends = found.groups() if found else (text, "")
    start = datetime.combine(on, parse_time(begins.replace("：", ":")))
    end = datetime.combine(on, parse_time(ends.replace("：", ":")))
    return start, between(start, end if end >= start else end + timedelta(days=1))


def _people(into: Collector, where: str, people: object) -> list[Person | None]:
    return [_person(into, f"{where}[{number}]", person) for number, person in dicts(people)]


def _person(into: Collector, where: str, person: Thing) -> Person | None:
    name = person.get("name")
    native = as_text(name, language="zh")
    return into.person(
        where,
        name=as_text(name),
        native_name=native if native != as_text(name) else "",
        affiliation=text_of(person, "affiliation"),
        biography=text_of(person, "description"),
    )


def _description(session: Thing) -> str:
    """What it is about, and the talks and papers in it, which have no times of their own."""
    parts = [text_of(session, "description")]
    for _number, speaker in dicts(session.get("speakers")):
        if talk := text_of(speaker, "talk"):
            parts.append(f"**{talk}** ({text_of(speaker, 'name')})")
        parts.append(text_of(speaker, "abstract"))
    for _number, paper in dicts(session.get("papers")):
        names = paper.get("authors")
        authors = ", ".join(as_text(name) for name in names) if isinstance(names, list) else as_text(names)
        parts.append(text_of(paper, "title") + (f" ({authors})" if authors else ""))
    return "\n\n".join(part for part in parts if part)
