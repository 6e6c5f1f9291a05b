"""The XML that EuroPython published from 2012 to 2014: days with entries, each with its room, topics and speakers."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any, Final

from scheduling.importers.collecting import Collector
from scheduling.importers.parsed import Parsed
from scheduling.importers.reading import line, shortened
from scheduling.importers.source import SourceFile
from scheduling.importers.times import Unreadable, parse_date, parse_duration, parse_time
from scheduling.importers.xml_text import attribute, child, children, line_of, load, text_in
from scheduling.programme import Day, Person

FORMAT: Final = "EuroPython XML"


def recognises(file: SourceFile) -> bool:
    return file.is_xml and bool(re.search(r"<schedule\b[^>]*>\s*<day\b[^>]*>\s*<entry\b", file.start))


def parse(file: SourceFile) -> Parsed:
    collector = file.collector(FORMAT)
    for day in children(load(file.data, collector), "day"):
        try:
            on = parse_date(attribute(day, "date"))
        except Unreadable as reason:
            collector.unread(line_of(day), str(reason))
            continue
        collector.add_day(Day(index=0, date=on))
        for entry in children(day, "entry"):
            _entry(collector, entry, on)
    return collector.result()


def _entry(collector: Collector, entry: Any, on: date) -> None:
    where = line_of(entry)
    topics = child(entry, "topics")
    speakers = child(entry, "speakers")
    try:
        collector.add(
            where,
            title=text_in(entry, "title"),
            start=datetime.combine(on, parse_time(text_in(entry, "start"))),
            duration=parse_duration(text_in(entry, "duration")),
            day=on,
            source_id=attribute(entry, "id"),
            room=text_in(entry, "room"),
            kind_label=text_in(entry, "category"),
            # A session has one track here: the first of its topics.
            track=next((text_in(topic) for topic in children(topics, "topic")), "") if topics is not None else "",
            language=text_in(entry, "language"),
            abstract=text_in(entry, "abstract"),
            description=_description(entry),
            persons=[_person(collector, person) for person in children(speakers, "speaker")]
            if speakers is not None
            else (),
            url=text_in(entry, "url"),
        )
    except Unreadable as reason:
        title = shortened(line(text_in(entry, "title")), 60)
        collector.unread(where, f"{reason} ({title})" if title else str(reason))


def _description(entry: Any) -> str:
    """Empty where it repeats the abstract."""
    text = text_in(entry, "description")
    return "" if text == text_in(entry, "abstract") else text


def _person(collector: Collector, speaker: Any) -> Person | None:
    return collector.person(
        line_of(speaker),
        name=text_in(speaker, "name"),
        source_id=attribute(speaker, "id"),
        biography=text_in(speaker, "description"),
        url=text_in(speaker, "profile"),
    )
