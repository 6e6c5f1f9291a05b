"""The YAML that the website of PyCon China is made from: days, their periods, and the talks of each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.utils.translation import gettext as _

from scheduling.importers.collecting import Collector
from scheduling.importers.json_text import as_text, dicts, text_of
from scheduling.importers.parsed import Parsed
from scheduling.importers.people import names_in
from scheduling.importers.reading import line, shortened
from scheduling.importers.source import SourceFile
from scheduling.importers.times import Unreadable, between, parse_date, parse_time
from scheduling.programme import Day, Person

FORMAT: Final = "PyCon China YAML"

#: One zone for the whole country, all year; the file has none.
_ZONE: Final = "Asia/Shanghai"
_SHORT_DATE: Final = re.compile(r"(\d{1,2})[/月.-](\d{1,2})日?")

Thing = Mapping[str, Any]


def recognises(file: SourceFile) -> bool:
    document = file.document if file.is_yaml or file.is_json else None
    days = document.get("schedule") if isinstance(document, dict) else None
    return any(
        "talks" in period
        for _number, day in dicts(days)
        if "date" in day
        for _place, period in dicts(day.get("events"))
    )


def parse(file: SourceFile) -> Parsed:
    collector = file.collector(FORMAT)
    collector.set_zone(_("file"), _ZONE)
    collector.warn(_("file"), _("It names no time zone: its times are read as those of %(zone)s.") % {"zone": _ZONE})
    for number, day in dicts(file.document["schedule"]):
        path = f"schedule[{number}]"
        try:
            on = _date(text_of(day, "date"), file.years)
            collector.add_day(Day(index=0, date=on))
        except Unreadable as reason:
            collector.unread(path, str(reason))
            continue
        for place, period in dicts(day.get("events")):
            for where, talk in _talks(f"{path}.events[{place}]", period):
                _talk(collector, where, on, period, talk)
    return collector.result()


def _date(text: str, years: list[str]) -> date:
    """`10/16`, month first, of the year that the file's addresses name; whole dates as they are."""
    found = _SHORT_DATE.fullmatch(text.strip())
    if found is None:
        return parse_date(text)
    if not years:
        raise Unreadable(
            _("The date “%(text)s” has no year, and nothing in the file names one.") % {"text": text.strip()}
        )
    return parse_date(f"{years[0]}-{found[1]}-{found[2]}")


def _talks(path: str, period: Thing) -> Iterator[tuple[str, Thing]]:
    yield from ((f"{path}.talks[{number}]", talk) for number, talk in dicts(period.get("talks")))


def _talk(collector: Collector, where: str, on: date, period: Thing, talk: Thing) -> None:
    try:
        start = datetime.combine(on, parse_time(text_of(period, "start")))
        end = datetime.combine(on, parse_time(text_of(period, "end")))
        collector.add(
            where,
            title=text_of(talk, "title"),
            start=start,
            duration=between(start, end if end >= start else end + timedelta(days=1)),
            day=on,
            source_id=text_of(talk, "slug"),
            slug=text_of(talk, "slug"),
            room=text_of(talk, "venue"),
            kind_label=text_of(period, "type"),
            description=text_of(talk, "desc"),
            persons=_people(collector, where, talk),
        )
    except Unreadable as reason:
        title = shortened(line(text_of(talk, "title")), 60)
        collector.unread(where, f"{reason} ({title})" if title else str(reason))


def _people(collector: Collector, where: str, talk: Thing) -> list[Person | None]:
    """What is said about a person is said about one; of several nobody knows which part is whose."""
    names = names_in(as_text(talk.get("speaker")))
    is_one = len(names) == 1
    return [
        collector.person(
            where,
            name=name,
            affiliation=text_of(talk, "company") if is_one else "",
            biography=text_of(talk, "intro") if is_one else "",
        )
        for name in names
    ]
