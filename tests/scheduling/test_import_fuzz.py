"""Damaged files through every importer: a programme comes out, or one line why not, and it never takes long."""

from __future__ import annotations

import json
import random
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scheduling.importers import IMPORTERS, MAX_BYTES, NotASchedule, Parsed, csv_template, parse, xlsx_template
from tests.scheduling.test_import_formats import SHAPES

#: For one small damaged file. A sound one takes a tenth of a second.
SECONDS: Final = 3
#: For one file of the largest size, as many times as large.
MEMORY: Final = 40

FRAB = """<?xml version="1.0" encoding="utf-8"?>
<schedule><version>1</version><conference><title>Food</title><time_zone_name>Asia/Shanghai</time_zone_name>
<day_change>04:00</day_change></conference><day index="1" date="2027-06-07" start="2027-06-07T04:00:00+08:00">
<room name="Hall"><event id="1" guid="6b9e7e34-1f04-5d1a-9c3f-1c2a6d7a8f90"><date>2027-06-07T09:00:00+08:00</date>
<start>09:00</start><duration>00:30</duration><room>Hall</room><title>K&#233;fir &amp; é</title><track>Food</track>
<type>talk</type><language>en</language><abstract>&lt;p&gt;About&lt;/p&gt;</abstract><persons><person id="1">Li</person></persons>
<links><link href="https://example.org/">Slides</link></links></event></room></day></schedule>"""
ENTRIES = """<schedule><day date="2014-07-21"><entry id="1"><category>Talk</category><topics><topic>Web</topic></topics>
<start>0930</start><duration>30</duration><room>C01</room><title>One</title><speakers><speaker id="3"><name>Bob</name>
<profile>https://example.org/</profile></speaker></speakers></entry></day></schedule>"""
CALENDAR = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1@example.org\r\nDTSTART;TZID=Asia/Shanghai:20270607T090000\r\n"
    "DTEND;TZID=Asia/Shanghai:20270607T093000\r\nRRULE:FREQ=DAILY;COUNT=3\r\nSUMMARY:Kefir\\, é\r\nLOCATION:Hall\r\n"
    "DESCRIPTION:Speaker: Li\\n\\nMore\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)
XCAL = """<?xml version="1.0"?><iCalendar xmlns:pentabarf="http://pentabarf.org"><vcalendar><version>2.0</version>
<x-wr-calname>Food</x-wr-calname><vevent><uid>1@example.org</uid><pentabarf:event-id>7</pentabarf:event-id>
<pentabarf:title>Kefir</pentabarf:title><dtstart>20270607T010000Z</dtstart><dtend>20270607T013000Z</dtend>
<summary>Kefir - more</summary><description>About &amp; é</description><category>Talk</category><location>Hall</location>
<attendee>Li, Wang</attendee></vevent></vcalendar></iCalendar>"""
XCAL_6321 = """<icalendar xmlns="urn:ietf:params:xml:ns:icalendar-2.0"><vcalendar><properties><version><text>2.0</text></version>
</properties><components><vevent><properties><uid><text>1</text></uid><dtstart><parameters><tzid><text>Asia/Shanghai</text></tzid>
</parameters><date-time>2027-06-07T09:00:00</date-time></dtstart><duration><duration>PT30M</duration></duration>
<rrule><recur><freq>DAILY</freq><count>2</count></recur></rrule><summary><text>Kefir, é</text></summary></properties>
</vevent></components></vcalendar></icalendar>"""
SCHEDULE = {
    "schedule": {
        "version": "1",
        "conference": {
            "title": "Food",
            "time_zone_name": "Asia/Shanghai",
            "tracks": [{"name": "Food", "slug": "food", "color": "#fff"}],
            "rooms": [{"name": "Hall", "capacity": 3}],
            "days": [
                {
                    "date": "2027-06-07",
                    "day_start": "2027-06-07T04:00:00+08:00",
                    "rooms": {
                        "Hall": [
                            {
                                "id": 1,
                                "date": "2027-06-07T09:00:00+08:00",
                                "start": "09:00",
                                "duration": "00:30",
                                "title": "Kefir",
                                "track": "Food",
                                "persons": [{"id": 1, "public_name": "Li"}],
                                "links": [{"url": "https://example.org", "title": "Slides"}],
                            }
                        ]
                    },
                }
            ],
        },
    }
}
SITCON = {
    "sessions": [
        {
            "id": "a",
            "type": "K",
            "room": "R0",
            "start": "2026-03-28T08:00:00+08:00",
            "end": "2026-03-28T08:45:00+08:00",
            "uri": "https://example.org/a",
            "slide": None,
            "zh": {"title": "開幕", "description": "…"},
            "en": {"title": "Opening", "description": ""},
            "speakers": ["s"],
            "tags": ["ai"],
        }
    ],
    "speakers": [{"id": "s", "zh": {"name": "李", "bio": ""}, "en": {"name": "Li", "bio": ""}}],
    "session_types": [{"id": "K", "zh": {"name": "Keynote"}, "en": {"name": "Keynote"}}],
    "rooms": [{"id": "R0", "zh": {"name": "R0"}, "en": {"name": "R0"}}],
    "tags": [{"id": "ai", "zh": {"name": "AI"}, "en": {"name": "AI"}}],
}
OPEN_EVENT = [
    {
        "id": 1,
        "title": "One",
        "state": "accepted",
        "start_time": "2018-03-25T14:00:00+08:00",
        "end_time": "2018-03-25T14:25:00+08:00",
        "microlocation": {"id": 1, "name": "Hall"},
        "session_type": {"id": 1, "name": "Talk", "length": "00:25"},
        "track": {"id": 1, "name": "Web", "color": "#37474f"},
        "speakers": [{"id": 1, "name": "Li", "organisation": "Uni", "short_biography": "<b>x</b>"}],
        "slides": "https://example.org/x.pdf",
    }
]
SCALE = [
    {
        "Name": "One",
        "Description": "…",
        "Location": "Hall",
        "StartTime": "2019-03-09T10:00:00-08:00",
        "EndTime": "2019-03-09T11:00:00-08:00",
        "Speakers": "A B, C D",
        "Topic": "Cloud",
    }
]
PYCON = {
    "schedule": [
        {
            "date": "2021-10-16",
            "events": [
                {
                    "start": "09:30",
                    "end": "10:15",
                    "talks": [{"title": "一", "speaker": "A & B", "venue": "A", "slug": "x"}],
                }
            ],
        }
    ]
}
CHINAVIS = [
    {
        "date": {"zh": "2025 年 7 月 20 日 上午", "en": "July 20, 2025 - Morning"},
        "timeslots": [
            {
                "time": "8:45 - 9:35",
                "sessions": [
                    {
                        "id": "keynote-1",
                        "type": "keynote",
                        "title": {"zh": "报告", "en": "Keynote"},
                        "location": {"zh": "厅", "en": "Hall"},
                        "speakers": [{"name": {"zh": "李明", "en": "Ming Li"}, "talk": {"zh": "一", "en": "One"}}],
                        "chairs": [{"name": {"zh": "王芳", "en": "Fang Wang"}, "affiliation": {"en": "Uni"}}],
                        "papers": [{"title": "A", "authors": ["B"]}],
                    }
                ],
            }
        ],
    }
]
TREES: Final[dict[str, Any]] = {
    "schedule.json": SCHEDULE,
    "sitcon": SITCON,
    "open event": OPEN_EVENT,
    "scale": SCALE,
    "pycon china": PYCON,
    "chinavis": CHINAVIS,
    **{f"pretalx, {name}": shape for name, shape in SHAPES.items()},
}
FILES: Final[dict[str, bytes]] = {
    "frab": FRAB.encode(),
    "entries": ENTRIES.encode(),
    "calendar": CALENDAR.encode(),
    "xcal": XCAL.encode(),
    "xcal, RFC 6321": XCAL_6321.encode(),
    "csv": csv_template().encode(),
    "xlsx": xlsx_template(),
    "yaml": yaml.safe_dump(PYCON, allow_unicode=True).encode(),
    **{name: json.dumps(tree, ensure_ascii=False).encode() for name, tree in TREES.items()},
}
SCALARS: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 10**40, 1e308, float("nan"), float("inf"), "", " ", "\x00", "\ud800", "NaN", "true", "9" * 5000,
    "2027-06-07", "2027-06-07T09:00:00+99:99", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "25:61", "-00:30", "P9999W",
    [], {}, [[]], [None], {"": None}, {"en": 5}, [{}], "x" * 2000, "Ã¼Ã¼Ã¼", "javascript:alert(1)", "http://[::", "../..",
)  # fmt: skip


def quick(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None)


def outcome(data: bytes) -> Parsed | None:
    """Fails for whatever else comes out, and for what takes too long."""
    begun = time.process_time()
    try:
        parsed = parse(data, name="programme")
    except NotASchedule as refusal:
        reason = str(refusal)
        assert reason.strip()
        assert "\n" not in reason
        assert len(reason) < 500
        parsed = None
    assert time.process_time() - begun < SECONDS
    if parsed is not None:
        assert parsed.programme.sessions
        assert all("\n" not in row.where and "\n" not in row.reason for row in (*parsed.unread, *parsed.warnings))
        assert all(session.title and session.source_id and session.end for session in parsed.programme.sessions)
    return parsed


@pytest.mark.parametrize("name", FILES)
def test_every_sample_is_read_as_it_stands(name: str) -> None:
    parsed = outcome(FILES[name])
    assert parsed
    assert not parsed.unread


def test_every_importer_has_a_sample() -> None:
    formats = {parsed.format for data in FILES.values() if (parsed := outcome(data))}
    assert formats == {importer.FORMAT for importer in IMPORTERS}


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A sample that was cut, spliced with another, or of which some bytes were replaced, doubled or lost."""
    data = bytearray(FILES[draw(st.sampled_from(sorted(FILES)))])
    for _change in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data)))
        how = draw(st.sampled_from(("cut", "splice", "replace", "insert", "remove", "double")))
        length = draw(st.integers(0, 40))
        if how == "cut":
            del data[at:]
        elif how == "splice":
            other = FILES[draw(st.sampled_from(sorted(FILES)))]
            begin = draw(st.integers(0, len(other)))
            data[at : at + length] = other[begin : begin + 10 * length]
        elif how in {"replace", "insert"}:
            data[at : at + length * (how == "replace")] = draw(st.binary(max_size=20))
        elif how == "remove":
            del data[at : at + length]
        else:
            data[at:at] = bytes(data[at : at + length]) * 20
    return bytes(data)


@quick(2000)
@given(data=damaged())
def test_damaged_bytes(data: bytes) -> None:
    outcome(data)


def mutated(tree: Any, chance: random.Random, share: float) -> Any:
    """The tree with some of its values exchanged for others, and some keys lost."""
    if chance.random() < share:
        return chance.choice(SCALARS)
    if isinstance(tree, dict):
        return {key: mutated(value, chance, share) for key, value in tree.items() if chance.random() > share}
    if isinstance(tree, list):
        return [mutated(value, chance, share) for value in tree for _copy in range(chance.choice((1, 1, 1, 2)))]
    return tree


@quick(4000)
@given(name=st.sampled_from(sorted(TREES)), seed=st.integers(0, 2**32), share=st.sampled_from((0.02, 0.05, 0.1, 0.3)))
def test_values_of_another_type(name: str, seed: int, share: float) -> None:
    tree = mutated(TREES[name], random.Random(seed), share)
    outcome(json.dumps(tree).encode())


@quick(200)
@given(seed=st.integers(0, 2**32), share=st.sampled_from((0.02, 0.1, 0.3)))
def test_yaml_of_other_types(seed: int, share: float) -> None:
    tree = json.loads(
        json.dumps(mutated(PYCON, random.Random(seed), share)).replace("\\ud800", "").replace("\\u0000", "")
    )
    outcome(yaml.safe_dump(tree, allow_unicode=True).encode())


@quick(150)
@given(
    text=st.text(max_size=300),
    start=st.sampled_from(("", "<", "{", "[", "- a: ", "BEGIN:VCALENDAR\n", "title,start,end\n", "PK\x03\x04")),
)
def test_any_text(text: str, start: str) -> None:
    outcome((start + text).encode("utf-8", errors="surrogatepass"))


def repeated(row: str, before: str, after: str, between: str = "") -> bytes:
    count = (MAX_BYTES - len(before) - len(after) - 1000) // (len((row + between).encode()))
    return (before + between.join([row] * count) + after).encode()


LARGE: Final[dict[str, Callable[[], bytes]]] = {
    "json of lists": lambda: repeated("[]", "[", "]", ","),
    "json of one text": lambda: repeated("x", '[{"code": "', '"}]'),
    "xml of events": lambda: repeated("<event id='1'><title>x</title></event>", "<schedule><day>", "</day></schedule>"),
    "xml of entries": lambda: repeated("<entry/>", "<schedule><day date='2027-06-07'>", "</day></schedule>"),
    "csv": lambda: repeated(f"x,2027-06-07,09:00,30,{'Kefir ' * 800}\n", "title,date,start,duration,abstract\n", ""),
    "calendar": lambda: repeated("BEGIN:VEVENT\nSUMMARY:x\nEND:VEVENT\n", "BEGIN:VCALENDAR\n", "END:VCALENDAR\n"),
    "calendar of rules that never come true": lambda: repeated(
        "BEGIN:VEVENT\nSUMMARY:x\nDTSTART:20270607T090000Z\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31\nX-FILL:"
        + 8_000 * "x"
        + "\nEND:VEVENT\n",
        "BEGIN:VCALENDAR\n",
        "END:VCALENDAR\n",
    ),
    "calendar of lines": lambda: repeated("A:\n", "BEGIN:VCALENDAR\nBEGIN:VEVENT\n", "END:VEVENT\nEND:VCALENDAR\n"),
    "yaml": lambda: repeated("- a: b\n", "", ""),
    "garbled": lambda: repeated("Ã¼", "title,date,start,duration\n", ""),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_the_largest_files_stay_within_bounds(name: str) -> None:
    data = LARGE[name]()
    assert len(data) <= MAX_BYTES
    tracemalloc.start()
    try:
        begun = time.process_time()
        with suppress(NotASchedule):
            parse(data)
        taken = time.process_time() - begun
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MEMORY * MAX_BYTES
    assert taken < 20 * SECONDS
