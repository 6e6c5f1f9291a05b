"""Formats besides frab XML, schedule.json and iCalendar: what is read out of real files, and out of small ones made here."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from openpyxl import Workbook

from scheduling.importers import NotASchedule, Parsed, csv_template, files, parse, xlsx_template
from scheduling.importers.garbled import repaired
from scheduling.management.commands import describe_imports
from scheduling.programme import Programme
from tests.data import expected_counts, has_shared, shared

SCHEDULES = sorted(
    path.relative_to(shared("schedules").parent).as_posix()
    for path in (shared("schedules").rglob("*") if has_shared() else ())
    if path.is_file()
)
#: File → days, rooms, tracks, sessions, speakers, unread rows. As the collection counts them, but that nothing is no name: one
#: topic and one speaker less where some session has none; that only accepted sessions are counted; that `A / B` are two people;
#: and that a speaker needs a session.
COUNTS = {
    "schedules/python/pyconfr-2024.pretalx.json": (2, 8, 0, 68, 72, 0),
    "schedules/cjk/sitcon-2026.sessions.json": (1, 5, 10, 45, 48, 0),
    "schedules/cjk/chinavis-2025.program.json": (4, 12, 0, 58, 104, 0),
    "schedules/fossasia/fossasia-2018.sessions.json": (4, 17, 14, 234, 215, 0),
    "schedules/scale/scale-14x.json": (4, 19, 28, 236, 192, 0),
    "schedules/scale/scale-17x.json": (4, 16, 24, 229, 229, 0),
    "schedules/scale/scale-22x.json": (4, 17, 26, 296, 308, 0),
    "schedules/python/pyconchina-2021.zh.yaml": (2, 3, 0, 43, 37, 1),
    "schedules/python/pyconchina-2021.en.yaml": (2, 3, 0, 43, 38, 1),
    "schedules/python/europython-2014.schedule.xml": (7, 12, 11, 188, 117, 0),
    "schedules/python/djangocon-us-2023.json": (4, 13, 3, 95, 59, 2),
    "schedules/acl2020/overall_calendar.json": (6, 46, 0, 147, 0, 0),
    "schedules/aaai2021/paper_sessions.yml": (4, 0, 124, 670, 0, 0),
    "schedules/eacl2024/break.json": (5, 0, 2, 15, 0, 0),
    "schedules/ismir/ismir2020-all-events.csv": (7, 4, 0, 93, 0, 0),
}
#: Sessions that are given several times: the collection counts them once.
REPEATED = [
    "schedules/acl2020/plenary_sessions.yml",
    "schedules/acl2020/socials.yml",
    "schedules/acl2020/tutorials.yml",
    "schedules/aaai2021/plenary_sessions.yml",
]
KNOWN = {
    *COUNTS,
    *REPEATED,
    "schedules/aaai2021/overall_calendar.yml",
    "schedules/eacl2024/oral-papers.tsv",
    "schedules/eacl2024/poster-papers.tsv",
    *(name for name in SCHEDULES if name.endswith((".xml", ".xml.gz", ".json.gz", ".ics", ".schedule.json"))),
}
#: What has no programme in it: lists of papers and people, settings, the expectations themselves.
OTHERS = sorted(set(SCHEDULES) - KNOWN)


def read(name: str, *, repair: bool = False) -> Parsed:
    return files.read(shared(name).read_bytes(), name.rpartition("/")[2], repair=repair)


def of_json(document: Any) -> Parsed:
    return parse(json.dumps(document).encode())


def rows(programme: Programme) -> set[tuple[Any, ...]]:
    return {
        (row.title, row.start, row.duration, row.room, row.track, tuple(person.name for person in row.persons))
        for row in programme.sessions
    }


# -- Real files


@pytest.mark.parametrize("name", COUNTS)
def test_everything_in_a_file_is_found(name: str) -> None:
    parsed = read(name)

    counts = parsed.programme.counts
    found = tuple(counts[key] for key in ("days", "rooms", "tracks", "sessions", "speakers"))
    assert (*found, len(parsed.unread)) == COUNTS[name]
    assert all(row.where and row.reason for row in (*parsed.unread, *parsed.warnings))


@pytest.mark.parametrize("name", REPEATED)
def test_what_is_given_several_times_is_one_session_with_several_slots(name: str) -> None:
    programme = read(name).programme

    assert len({session.key for session in programme.sessions}) == expected_counts()[name]["items"]
    assert len(programme.sessions) >= expected_counts()[name]["items"]


@pytest.mark.parametrize("name", OTHERS)
def test_a_file_that_is_no_schedule_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(NotASchedule) as refusal:
        read(name)

    assert "\n" not in str(refusal.value)
    assert 10 < len(str(refusal.value)) < 300


@pytest.mark.parametrize("name", [name for name in COUNTS if "scale" in name])
def test_times_are_exact_across_a_change_of_clocks(name: str) -> None:
    parsed = read(name)

    assert parsed.programme.time_zone == "America/Los_Angeles"
    in_file = [datetime.fromisoformat(row["StartTime"]) for row in json.loads(shared(name).read_text())]
    read_out = [session.start for session in parsed.programme.sessions]
    assert read_out == in_file
    assert [moment.utcoffset() for moment in read_out] == [moment.utcoffset() for moment in in_file]


def test_xml_and_json_of_one_conference_are_one_programme() -> None:
    xml, json_ = (read(f"schedules/ccc/36c3-everything.schedule.{kind}").programme for kind in ("xml", "json"))

    assert rows(xml) == rows(json_)
    assert {room.name for room in xml.rooms} == {room.name for room in json_.rooms}
    assert {track.name for track in xml.tracks} == {track.name for track in json_.tracks}
    assert {person.key for person in xml.persons} == {person.key for person in json_.persons}
    assert [day.date for day in xml.days] == [day.date for day in json_.days]


def test_yaml_and_calendar_of_one_conference_are_one_programme() -> None:
    """The calendar leaves breaks out, and names no rooms."""
    yaml = read("schedules/python/pyconchina-2021.zh.yaml").programme
    calendar = read("schedules/python/pyconchina-2021.ics").programme.in_zone("Asia/Shanghai")

    def shared_part(programme: Programme) -> set[tuple[Any, ...]]:
        return {
            (row.title, row.start, row.duration, tuple(person.name for person in row.persons))
            for row in programme.sessions
            if row.kind != "break" and row.title != "Untitled" and "休息" not in row.title
        }

    lottery = {row for row in shared_part(yaml) if row[0] == "抽奖"}
    assert shared_part(yaml) - lottery == shared_part(calendar) - lottery
    assert len(shared_part(calendar)) >= 37


def test_only_accepted_sessions_are_taken_and_the_others_counted() -> None:
    parsed = read("schedules/fossasia/fossasia-2018.sessions.json")

    warnings = [row.reason for row in parsed.warnings]
    assert [reason for reason in warnings if "were left out" in reason] == [
        "131 sessions in the state “rejected” were left out.",
        "2 sessions in the state “draft” were left out.",
        "4 sessions in the state “pending” were left out.",
    ]


# -- pretalx


SLOT = {"room": {"en": "Hall", "de": "Saal"}, "start": "2027-06-07T09:00:00+08:00", "end": "2027-06-07T09:45:00+08:00"}
TALK = {
    "code": "ABC123",
    "title": "Kefir",
    "state": "confirmed",
    "submission_type": {"en": "Keynote", "de": "Hauptvortrag"},
    "track": {"id": 1, "name": {"en": "Food"}, "color": "#00ff00"},
    "speakers": [{"code": "SPEAK1", "name": "Li Ming", "biography": None}],
    "abstract": "About *kefir*.",
    "duration": 45,
    "content_locale": "en",
    "slot": SLOT,
    "resources": [{"resource": "https://example.org/kefir.pdf", "description": "Slides"}],
}
SHAPES: dict[str, Any] = {
    "a page of the API": {"count": 1, "next": None, "previous": None, "results": [TALK]},
    "a plain list": [TALK],
    "several slots": [{**TALK, "slot": None, "slots": [SLOT]}],
    "slots of a schedule": {
        "version": "1.0",
        "slots": [{"id": 1, **SLOT, "room": {"id": 4, "name": {"en": "Hall"}}, "submission": {**TALK, "slot": None}}],
    },
    "the widget": {
        "talks": [
            {
                **{
                    key: TALK[key]
                    for key in ("code", "title", "abstract", "state", "duration", "content_locale", "resources")
                },
                "session_type": "Keynote",
                "speakers": ["SPEAK1"],
                "track": 1,
                "room": 4,
                "start": SLOT["start"],
                "end": SLOT["end"],
            }
        ],
        "rooms": [{"id": 4, "name": {"en": "Hall"}, "description": {}}],
        "tracks": [{"id": 1, "name": {"en": "Food"}, "color": "#00ff00"}],
        "speakers": [{"code": "SPEAK1", "name": "Li Ming", "avatar": None}],
        "version": "1.0",
        "timezone": "Asia/Shanghai",
        "event_start": "2027-06-07",
        "event_end": "2027-06-07",
    },
    "a grid": {
        "schedule": {"2027-06-07": {"540": {"4": {**TALK, "slot": {**SLOT, "room_id": 4}}}, "600": {}}},
        "speakers": {},
    },
}


@pytest.mark.parametrize("shape", SHAPES)
def test_pretalx_says_the_same_in_each_of_its_shapes(shape: str) -> None:
    parsed = of_json(SHAPES[shape])

    (session,) = parsed.programme.sessions
    assert parsed.format == "pretalx JSON"
    assert not parsed.unread
    assert (session.title, session.room, session.track, session.kind) == ("Kefir", "Hall", "Food", "keynote")
    assert session.start == datetime.fromisoformat("2027-06-07T09:00:00+08:00")
    assert session.duration == timedelta(minutes=45)
    assert [(person.name, person.code) for person in session.persons] == [("Li Ming", "SPEAK1")]
    assert (session.code, session.source_id, session.language) == ("ABC123", "ABC123", "en")
    assert [link.url for link in session.attachments] == ["https://example.org/kefir.pdf"]


def test_what_pretalx_does_not_say_is_named() -> None:
    parsed = of_json(
        {
            "count": 50,
            "next": "https://example.org/api/?page=2",
            "results": [
                {**TALK, "speakers": ["SPEAK1", "SPEAK2"]},
                {**TALK, "code": "ABC124", "title": "Tea", "slot": None},
                {**TALK, "code": "ABC125", "title": "Miso", "slot": None, "slots": [7]},
                {**TALK, "code": "ABC126", "state": "rejected"},
                {"code": "ABC127", "title": 5, "state": True, "slot": {"start": "soon"}},
            ],
        }
    )

    assert [session.title for session in parsed.programme.sessions] == ["Kefir"]
    assert [row.where for row in parsed.unread] == ["results[1]", "results[2]", "results[4]"]
    assert "expand=slots" in parsed.unread[1].reason
    told = " ".join(row.reason for row in parsed.warnings)
    assert "2 speakers are named only by a code" in told
    assert "one page of an answer with 50 entries" in told
    assert "“rejected” was left out" in told


# -- Workbooks


def workbook(*table: tuple[Any, ...]) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet
    for row in table:
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_both_templates_are_one_programme() -> None:
    assert parse(xlsx_template()).programme == parse(csv_template().encode()).programme


def test_cells_may_be_dates_times_and_numbers() -> None:
    parsed = parse(
        workbook(
            ("Conference on food",),
            ("ID", "Title", "Room", "Date", "Start", "End", "Duration", "Do not record"),
            (1, "Kefir", "Hall", date(2027, 6, 7), time(9), time(9, 30), None, True),
            (2.0, "Tea", "Hall", date(2027, 6, 7), 0.4375, None, timedelta(minutes=45), False),
            ("3", "Miso", "Hall", "2027-06-07", "12:00", None, 30, None),
            (
                4,
                "Soy",
                101,
                None,
                datetime.fromisoformat("2027-06-08 09:00"),
                datetime.fromisoformat("2027-06-08 10:00"),
                None,
                None,
            ),
            (5, "=1+1", "Hall", date(2027, 6, 8), time(11), time(12), None, None),
            (6, "Lost", "Hall", date(2027, 6, 8), "later", time(12), None, None),
        )
    )

    assert [(row.source_id, row.title, str(row.start), row.duration) for row in parsed.programme.sessions] == [
        ("1", "Kefir", "2027-06-07 09:00:00", timedelta(minutes=30)),
        ("2", "Tea", "2027-06-07 10:30:00", timedelta(minutes=45)),
        ("3", "Miso", "2027-06-07 12:00:00", timedelta(minutes=30)),
        ("4", "Soy", "2027-06-08 09:00:00", timedelta(hours=1)),
    ]
    assert parsed.programme.sessions[0].do_not_record
    # A formula that nobody calculated has no value, and nothing calculates it here.
    assert [row.where for row in parsed.unread] == ["sheet “Sheet”, row 7", "sheet “Sheet”, row 8"]


def test_a_workbook_without_our_columns_is_refused() -> None:
    with pytest.raises(NotASchedule, match="No sheet of this workbook has the columns"):
        parse(workbook(("Name", "Country"), ("Li Ming", "CN")))


# -- Texts that were decoded twice


SOUND = (
    "id,title,date,start,duration,speakers\n1,Süßes und Saures,2027-06-07,09:00,30,José Núñez (Universität Jyväskylä)\n"
)


@pytest.mark.parametrize("rounds", [1, 2])
@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
@pytest.mark.parametrize(
    "text", [SOUND, SOUND.replace("José Núñez", "Лев Толстой; 李明（江南大学）").replace("ü", "—")]
)
def test_texts_that_were_decoded_twice_are_noticed_and_mended(rounds: int, encoding: str, text: str) -> None:
    garbled = text
    for _round in range(rounds):
        encoded = garbled.encode()
        garbled = "".join(
            bytes([byte]).decode(encoding, errors="ignore") or bytes([byte]).decode("latin-1") for byte in encoded
        )

    parsed, mended, sound = parse(garbled.encode()), parse(garbled.encode(), repair=True), parse(text.encode())

    assert parsed.is_garbled
    assert "decoded twice" in parsed.warnings[0].reason
    assert not mended.is_garbled
    assert mended.programme == sound.programme
    assert not sound.is_garbled
    assert parse(text.encode(), repair=True) == sound


def foreign_words(parsed: Parsed) -> set[str]:
    names = " ".join(f"{person.name} {person.affiliation}" for person in parsed.programme.persons)
    return {word for word in names.split() if not word.isascii()}


@pytest.mark.parametrize("name", [name for name in SCHEDULES if name in KNOWN])
def test_sound_texts_are_left_alone(name: str) -> None:
    parsed = read(name)

    assert not parsed.is_garbled
    mended = read(name, repair=True)
    changed = [
        (old.title, new.title)
        for old, new in zip(parsed.programme.sessions, mended.programme.sessions, strict=True)
        if (old.title, old.room, old.persons) != (new.title, new.room, new.persons)
        and not any("â€" in person.biography or "Ã" in person.biography for person in old.persons)
    ]
    assert not changed


def test_a_list_of_papers_that_was_decoded_twice_says_so() -> None:
    with pytest.raises(NotASchedule, match="decoded twice: “MÃƒÂ¼llensiefen” may be “Müllensiefen”"):
        read("schedules/ismir/ismir2020-papers.mojibake.csv")
    with pytest.raises(NotASchedule) as refusal:
        read("schedules/ismir/ismir2020-papers.csv")
    assert "decoded twice" not in str(refusal.value)


def test_a_real_garbled_list_is_noticed_mended_and_then_the_same_as_its_sound_twin() -> None:
    """The papers have no times of their own; each is given one here, so that they are a programme."""

    def as_programme(name: str) -> bytes:
        papers = csv.DictReader(io.StringIO(shared(name).read_bytes().decode("utf-8-sig")))
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(["id", "title", "start", "duration", "speakers", "track"])
        for paper in sorted(papers, key=lambda paper: int(paper["Paper ID"])):
            title, authors = paper["Primary Subject Area"], paper["All Authors and Organizations"]
            writer.writerow([paper["Paper ID"], title, "2020-10-12 09:00", 30, authors, paper["Organization"]])
        return out.getvalue().encode()

    sound = as_programme("schedules/ismir/ismir2020-papers.csv")
    garbled = as_programme("schedules/ismir/ismir2020-papers.mojibake.csv")

    assert not parse(sound).is_garbled
    assert parse(garbled).is_garbled
    assert "decoded twice" in parse(garbled).warnings[0].reason
    mended = parse(garbled, repair=True)
    assert not mended.is_garbled
    # Since then, a few authors came and went.
    words = [foreign_words(parsed) for parsed in (parse(sound), parse(garbled), mended)]
    assert len(words[0] & words[2]) > 25
    assert len(words[0] & words[1]) < 5
    assert not [word for word in words[2] if repaired(word) != word]


@pytest.mark.parametrize(
    "text",
    [
        "„Das macht Spaß“ und „MENÜ“, Qui a été…», PÅ”, AMANHÃ…, NÃO, São, Ângela",
        "«À «l’été»»… Öl–Ä–Ü–ß",
        "Ñandú «Ï» ã° é…» é…»",
    ],
)
def test_letters_beside_quotes_and_dots_are_sound(text: str) -> None:
    table = f"title,date,start,duration\n{text},2027-06-07,09:00,30\nÄrger,2027-06-07,10:00,30\n".replace(", ", " ")
    parsed = parse(table.encode())
    assert not parsed.is_garbled


def test_the_collection_is_counted_as_it_says() -> None:
    """Where its expectations and ours may be compared as they stand."""
    for name, theirs in expected_counts().items():
        if name in COUNTS and "rooms" in theirs and "pyconchina" not in name and "djangocon" not in name:
            assert COUNTS[name][1] == theirs["rooms"], name
        if name in COUNTS and isinstance(theirs.get("talks"), int) and "sitcon" not in name and "djangocon" not in name:
            assert COUNTS[name][3] + COUNTS[name][5] == theirs["talks"], name


def test_the_documentation_says_what_is_read() -> None:
    """`manage.py describe_imports FOLDER` writes it anew."""
    page = (Path(settings.BASE_DIR) / describe_imports.PAGE).read_text()
    assert page == describe_imports.with_table(page, describe_imports.table(shared("schedules")))
