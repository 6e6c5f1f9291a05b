"""What files get wrong, on purpose or not, and what happens at the same time: one clear line, nothing lost, nothing doubled."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import threading
import time
import zipfile
import zlib
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from events.models import Event, EventRoom, Room
from scheduling.importers import NotASchedule, Parsed, csv_template, files, parse, xlsx_template
from scheduling.importers.parsed import MAX_BYTES, MAX_SESSIONS
from scheduling.models import Schedule, Slot
from scheduling.services import artifacts, imports, releases
from scheduling.services.import_results import ImportResult
from submissions.models import Speaker, Submission, Talk
from tests.factories import scheduling as make
from tests.racing import at_once

#: Of one import, sessions as many as a file may have: docs/reference/import.md states it.
MAX_MEMORY = 640 * 1024 * 1024
#: Queries of an import into an event that has a venue, and of the same once more.
FIRST, AGAIN = 19, 13
HEAD = "id,title,room,date,start,duration,speakers\n"


def csv(*rows: str) -> bytes:
    return (HEAD + "\n".join(rows) + "\n").encode()


def event_json(**fields: Any) -> dict[str, Any]:
    return {
        "id": 1,
        "title": "Kefir",
        "date": "2027-06-07T09:00:00+08:00",
        "start": "09:00",
        "duration": "00:30",
    } | fields


def schedule_json(*events: Any, **conference: Any) -> bytes:
    days = [{"date": "2027-06-07", "rooms": {"Hall": list(events)}}]
    document = {"schedule": {"version": "1", "conference": {"title": "Food", "days": days} | conference}}
    return json.dumps(document).encode()


def refusal_of(data: bytes) -> str:
    with pytest.raises(NotASchedule) as refusal:
        parse(data)
    reason = str(refusal.value)
    assert "\n" not in reason
    assert len(reason) < 300
    return reason


def reasons(parsed: Parsed) -> str:
    return "; ".join(str(row) for row in (*parsed.unread, *parsed.warnings))


# -- Encodings and characters


@pytest.mark.parametrize("declared", ["iso-8859-1", "gbk", "utf-16", "rot13", "no-such-thing"])
def test_utf8_that_claims_to_be_something_else_is_read_as_utf8(declared: str) -> None:
    day = '<day date="2027-06-07"><room name="Hall"><event id="1"><start>09:00</start><duration>30</duration>'
    text = f'<?xml version="1.0" encoding="{declared}"?><schedule>{day}<title>Süßes 李</title></event></room></day></schedule>'
    parsed = parse(text.encode())
    assert parsed.programme.sessions[0].title == "Süßes 李"


@pytest.mark.parametrize(
    ("encoding", "title"), [("latin-1", "Süßes"), ("gb18030", "发酵食品与健康讨论"), ("utf-16", "Süßes 李")]
)
def test_tables_in_other_encodings_are_read(encoding: str, title: str) -> None:
    parsed = parse(csv(f"1,{title},Hall,2027-06-07,09:00,30,").decode().encode(encoding))
    assert parsed.programme.sessions[0].title == title


def test_a_byte_order_mark_that_lies_is_named() -> None:
    assert "says that it is utf-16, and is not" in refusal_of(b"\xff\xfe" + b"\xd8" * 7)


def test_control_characters_are_taken_out_of_titles_and_said() -> None:
    parsed = parse(schedule_json(event_json(title="Ke\x07fir\x1b[31m\x00 \u202e")))
    assert parsed.programme.sessions[0].title.startswith("Kefir[31m")
    assert "3 control characters were taken out" in reasons(parsed)


# -- Values


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 1e300, 10**400, True, False, None, [], {}, "NaN", "-1", "P9Y"]
)
@pytest.mark.parametrize(
    "field", ["duration", "date", "start", "end", "id", "title", "room", "persons", "track", "do_not_record"]
)
def test_values_of_any_kind_leave_the_other_sessions_alone(field: str, value: Any) -> None:
    parsed = parse(schedule_json(event_json(id=2, title="Tea"), event_json(**{field: value})))
    titles = [session.title for session in parsed.programme.sessions]
    assert titles[0] == "Tea"
    assert len(titles) + len(parsed.unread) == 2
    assert not any(session.do_not_record for session in parsed.programme.sessions) or value is True


def test_missing_ends_are_named_row_by_row() -> None:
    parsed = parse(
        csv("1,Kefir,Hall,2027-06-07,09:00,30,", "2,Tea,Hall,2027-06-07,10:00,,", "3,Miso,Hall,2027-06-07,,30,")
    )
    assert [session.title for session in parsed.programme.sessions] == ["Kefir"]
    assert [str(row) for row in parsed.unread] == [
        "line 3: It has neither an end nor a duration. (Tea)",
        "line 4: It has no time. (Miso)",
    ]


def test_an_id_given_twice_makes_two_sessions_and_a_warning() -> None:
    parsed = parse(csv("7,Kefir,Hall,2027-06-07,09:00,30,Li", "7,Tea,Hall,2027-06-07,10:00,30,Li"))
    ids = [session.source_id for session in parsed.programme.sessions]
    assert len(set(ids)) == 2
    assert "Another session has its id 7" in reasons(parsed)


def test_a_talk_outside_of_the_days_is_kept_on_its_own_day() -> None:
    parsed = parse(
        schedule_json(
            event_json(),
            event_json(id=2, title="Late", date="2027-07-09T09:00:00+08:00"),
            start="2027-06-07",
            end="2027-06-07",
        )
    )
    assert [session.day.isoformat() for session in parsed.programme.sessions] == ["2027-06-07", "2027-07-09"]
    assert len(parsed.programme.days) == 2
    assert "It stands under 2027-06-07 and begins on 2027-07-09" in reasons(parsed)


@pytest.mark.slow
@pytest.mark.django_db
def test_ten_thousand_rooms_are_imported_in_one_go() -> None:
    event = make.make_event()
    parsed = parse(csv(*(f"{n},Talk {n},Room {n},2027-06-07,09:00,30," for n in range(10_000))))
    begun = time.process_time()

    result = imports.apply(event=event, parsed=parsed, actor=None, now=timezone.now())

    assert result.added["rooms"] == result.added["sessions"] == result.added["slots"] == 10_000
    assert time.process_time() - begun < 60


#: Prints the most memory that the process had, in bytes. Linux carries `ru_maxrss` over from whoever started the process, so there the kernel is asked about this program alone.
IMPORT_AND_MEASURE = """
import pathlib, re, resource, sys, django
django.setup()
from django.core.management import call_command
call_command("import_schedule", sys.argv[1], "--event", "food")
status = pathlib.Path("/proc/self/status")
if status.exists():
    peak = int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1]) * 1024
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print("peak:", peak)
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.django_db(transaction=True)
def test_as_many_sessions_as_a_file_may_have_stay_within_the_memory_that_is_stated(tmp_path: Path) -> None:
    text = "Kefir and its friends. " * 32
    rows = (
        f"{n},Talk {n},Room {n % 40},2027-06-07,{9 + n % 8:02}:00,30,Speaker {n % 5000},{text}"
        for n in range(MAX_SESSIONS)
    )
    path = tmp_path / "programme.csv"
    path.write_text("id,title,room,date,start,duration,speakers,abstract\n" + "\n".join(rows))
    assert path.stat().st_size > MAX_BYTES * 0.9
    address = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()

    output = subprocess.run(
        [sys.executable, "-c", IMPORT_AND_MEASURE, str(path)],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DATABASE_URL": address, "DJANGO_SETTINGS_MODULE": "config.settings"},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout

    assert f"sessions: {MAX_SESSIONS}" in output
    assert int(output.rpartition("peak:")[2]) < MAX_MEMORY


@pytest.mark.django_db
def test_an_import_asks_the_database_no_more_for_more_sessions(django_assert_num_queries: Any) -> None:
    parsed = [
        parse(csv(*(f"{n},Talk {n},Hall {n},2027-06-07,{9 + n}:00,30,Li {n}" for n in range(count))))
        for count in (1, 3)
    ]
    for file in parsed:
        event = event_in_preparation()
        for queries in (FIRST, AGAIN):
            with django_assert_num_queries(queries):
                imports.apply(event=event, parsed=file, actor=None, now=timezone.now())


# -- Bombs


@pytest.mark.parametrize(
    "data",
    [b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000, b'{"schedule": ' + b"[" * 100_000],
)
def test_json_nested_very_deep(data: bytes) -> None:
    assert "nested too deeply" in refusal_of(data)


def xml(content: str) -> bytes:
    return f'<?xml version="1.0"?>{content}'.encode()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (xml('<!DOCTYPE s [<!ENTITY a "b">]><schedule><day/></schedule>'), "declares entities"),
        (xml('<!DOCTYPE s SYSTEM "file:///etc/passwd" [<!ENTITY % a SYSTEM "http://x">%a;]><schedule/>'), "declares entities"),
        (xml("<a>" * 100_000), "breaks off or is damaged"),
        (b"a: &a [b, c]\nd:\n" + b"- [*a, *a, *a]\n" * 3, "no schedule in a format"),
        ("s:\n- x\n" + "\n".join([f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) if n else 'x'}]" for n in range(12)]), "too many elements"),
        (b"a:\n- &a [*a]\n", "refers to itself"),
        (b"- a:\n  - " + b"[" * 5_000, "nested too deeply"),
        (b"a:\n- !!python/object/apply:os.system ['true']\n", "damaged"),
        (b"a:\n- !!int 'x'\n", "damaged"),
        (b"a:\n  - b\n c", "damaged in line 3"),
        (b"a:\n- b\n---\nc: d\n", "damaged"),
        (b"- a: b\n" * 300_000, "too large"),
    ],
)  # fmt: skip
def test_documents_that_are_made_to_harm(data: bytes | str, reason: str) -> None:
    data = data.encode() if isinstance(data, str) else data
    begun = time.process_time()
    assert reason in refusal_of(data)
    assert time.process_time() - begun < 5


def rezipped(change: Callable[[str, bytes], bytes], *more: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(xlsx_template())) as source,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            target.writestr(name, change(name, source.read(name)))
        for name, content in more:
            target.writestr(name, content)
    return out.getvalue()


def of_sheet(change: Callable[[bytes], bytes]) -> bytes:
    return rezipped(lambda name, content: change(content) if name.endswith("sheet1.xml") else content)


def lying(data: bytes) -> bytes:
    """The central directory says that the sheet has one byte."""
    content = bytearray(data)
    at = content.index(b"PK\x01\x02")
    while content[at : at + 4] == b"PK\x01\x02":
        name, extra, comment = struct.unpack_from("<HHH", content, at + 28)
        if content[at + 46 : at + 46 + name].endswith(b"sheet1.xml"):
            struct.pack_into("<I", content, at + 24, 1)
        at += 46 + name + extra + comment
    return bytes(content)


WORKBOOKS: dict[str, tuple[Callable[[], bytes], str]] = {
    "a part of 80 MB": (lambda: rezipped(lambda _n, c: c, ("xl/media/image1.png", bytes(80 * 1024 * 1024))), "too large when"),
    "5,000 parts": (lambda: rezipped(lambda _n, c: c, *((f"xl/{n}.xml", b"") for n in range(5_000))), "too large when"),
    "2 million cells": (lambda: of_sheet(lambda c: c.replace(b"</sheetData>", b"<row r='9'><c r='A9'/></row>" * 700_000 + b"</sheetData>")), "too many cells"),
    "entities": (lambda: of_sheet(lambda c: b'<!DOCTYPE w [<!ENTITY a "b">]>' + c), "declares entities"),
    "no XML": (lambda: of_sheet(lambda _c: b"<worksheet"), "is damaged"),
    "sizes that lie": (lambda: lying(xlsx_template()), "is damaged"),
    "half": (lambda: xlsx_template()[:3_000], "ZIP archive"),
    "another archive": (lambda: _archive(b"x.txt"), "ZIP archive"),
}  # fmt: skip


def _archive(name: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        target.writestr(name.decode(), "x")
    return out.getvalue()


@pytest.mark.parametrize("name", WORKBOOKS)
def test_workbooks_that_are_made_to_harm(name: str) -> None:
    make_it, reason = WORKBOOKS[name]
    data = make_it()
    begun = time.process_time()
    assert reason in refusal_of(data)
    assert time.process_time() - begun < 5


def test_cells_far_away_cost_nothing() -> None:
    far = b'<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row></sheetData>'
    data = of_sheet(lambda content: content.replace(b"</sheetData>", far))
    begun = time.process_time()
    assert len(parse(data).programme.sessions) == 3
    assert time.process_time() - begun < 15


def test_a_small_file_that_unpacks_to_gigabytes_is_refused() -> None:
    machine = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    data = b"".join(machine.compress(bytes(1024 * 1024)) for _n in range(64)) + machine.flush()
    with pytest.raises(NotASchedule, match="too large when it is unpacked"):
        files.read(data)


# -- At the same time


PROGRAMME = csv(*(f"{n},Talk {n},Room {n % 7},2027-06-07,{9 + n % 8:02}:00,30,Speaker {n % 23}" for n in range(200)))


def take_over(event: Event, data: bytes = PROGRAMME) -> ImportResult:
    fresh = Event.objects.get(pk=event.pk)
    return imports.apply(event=fresh, parsed=files.read(data), actor=None, now=timezone.now())


def event_in_preparation() -> Event:
    """With a draft and a venue: making them would make imports wait for each other, too."""
    event = make.make_event()
    make.make_room(event, "Room 0")
    Schedule.objects.draft_of(event)
    return event


def stands_once(event: Event) -> None:
    assert Submission.objects.filter(event=event).count() == 200
    assert Slot.objects.filter(schedule=Schedule.objects.draft_of(event)).count() == 200
    assert Speaker.objects.filter(event=event).count() == 23
    assert Talk.objects.filter(submission__event=event).count() == 200
    assert EventRoom.objects.filter(event=event).count() == 7
    assert Room.objects.filter(event_rooms__event=event).values("venue").distinct().count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_imports_of_one_programme_at_once_one_does_the_work() -> None:
    event = event_in_preparation()

    outcomes = at_once(*[lambda: take_over(event)] * 3)

    assert sorted(outcome.is_same for outcome in outcomes) == [False, True, True]
    stands_once(event)


@pytest.mark.django_db(transaction=True)
def test_control_without_the_lock_imports_at_once_double_the_programme(monkeypatch: pytest.MonkeyPatch) -> None:
    event = event_in_preparation()
    monkeypatch.setattr(imports, "_locked_draft", Schedule.objects.draft_of)

    at_once(*[lambda: take_over(event)] * 3)

    assert Submission.objects.filter(event=event).count() > 200


@pytest.mark.django_db(transaction=True)
def test_two_commands_that_make_one_event_at_once_make_one(tmp_path: Path) -> None:
    path = tmp_path / "programme.csv"
    path.write_bytes(PROGRAMME)

    outcomes = at_once(*[lambda: call_command("import_schedule", str(path), "--event", "food", stdout=StringIO())] * 2)

    refused = [outcome for outcome in outcomes if outcome is not None]
    assert all(isinstance(outcome, CommandError) and outcome.returncode == 2 for outcome in refused), outcomes
    stands_once(Event.objects.get(slug="food"))


LATER = PROGRAMME.replace(b",30,Speaker 1\n", b",45,Speaker 2\n").replace(b",30,", b",45,")
#: Who gives one session, and its length: what stood there, and what the later file says.
STATES = [("Speaker 1", "00:30"), ("Speaker 2", "00:45")]


def published_while_it_is_imported(event: Event, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """An import comes while a release is half made, and is given time to finish. Returns what was published of one session."""
    take_over(event)
    imported, render = threading.Event(), artifacts.render

    def import_then_render(**arguments: Any) -> int:
        thread = threading.Thread(target=import_later)
        thread.start()
        # As long as this release holds the draft, the import cannot commit, and this waits in vain.
        imported.wait(3)
        return render(**arguments)

    def import_later() -> None:
        try:
            take_over(event, LATER)
        finally:
            connections.close_all()
            imported.set()

    monkeypatch.setattr(artifacts, "render", import_then_render)
    releases.release(event=event, version="1.0", force=True, actor=None, now=timezone.now())
    assert imported.wait(60)
    days = Client().get(f"/{event.slug}/schedule/export/schedule.json").json()["schedule"]["conference"]["days"]
    talks = [talk for day in days for room in day["rooms"].values() for talk in room]
    assert len(talks) == 200
    (one,) = [talk for talk in talks if talk["title"] == "Talk 1"]
    return one["persons"][0]["name"], one["duration"]


@pytest.mark.django_db(transaction=True)
def test_an_import_waits_until_a_release_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    event = make.make_event(state="live")
    assert published_while_it_is_imported(event, monkeypatch) == STATES[0]
    assert take_over(event, LATER).is_same


@pytest.mark.django_db(transaction=True)
def test_control_without_the_lock_a_release_is_half_the_old_programme_and_half_the_new(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    event = make.make_event(state="live")
    monkeypatch.setattr(imports, "_locked_draft", Schedule.objects.draft_of)
    assert published_while_it_is_imported(event, monkeypatch) not in STATES


@pytest.mark.django_db(transaction=True)
def test_what_is_published_during_an_import_is_the_draft_before_it_or_after_it() -> None:
    event = make.make_event()
    take_over(event)

    outcomes = at_once(
        lambda: take_over(event, LATER),
        lambda: releases.release(event=event, version="1.0", force=True, actor=None, now=timezone.now()),
    )

    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)], outcomes
    released = Slot.objects.filter(schedule__event=event, schedule__version="1.0")
    lengths = {slot.ends_at - slot.starts_at for slot in released}
    assert released.count() == 200
    assert len(lengths) == 1
    stands_once(event)


@pytest.mark.django_db
def test_a_file_that_is_written_while_it_is_read_is_not_half_imported(tmp_path: Path) -> None:
    path = tmp_path / "programme.csv"
    path.write_bytes(PROGRAMME * 1_000)
    stop = threading.Event()

    def write() -> None:
        with path.open("ab", buffering=0) as file:
            while not stop.is_set():
                file.write(PROGRAMME[:100])

    writer = threading.Thread(target=write)
    writer.start()
    try:
        # Where the writer gets no turn while the file is read, it is whole and merely too long; that happens.
        refused: list[str] = []
        while not any("changed while it was read" in message for message in refused) and len(refused) < 100:
            with pytest.raises(CommandError) as refusal:
                call_command("import_schedule", str(path), "--event", "food", stdout=StringIO())
            assert refusal.value.returncode == 2
            refused.append(str(refusal.value))
    finally:
        stop.set()
        writer.join()
    assert "changed while it was read" in refused[-1]
    assert not Event.objects.filter(slug="food").exists()


@pytest.mark.django_db
def test_a_file_that_another_takes_the_place_of_is_read_to_its_own_end(tmp_path: Path) -> None:
    path, other = tmp_path / "programme.csv", tmp_path / "other.csv"
    path.write_bytes(PROGRAMME)
    with path.open("rb") as file:
        other.write_bytes(LATER)
        other.replace(path)
        assert file.read() == PROGRAMME
    assert files.read_file(path) == LATER


def test_the_template_is_sound() -> None:
    assert not reasons(parse(csv_template().encode()))
