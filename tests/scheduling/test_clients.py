"""Programs written by others read our files, and find every session at its instant."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import icalendar
import pytest
import radicale
import recurring_ical_events
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from lxml import etree
from pytest_django import DjangoDbBlocker
from radicale import config

from events.models import Event
from scheduling.models import Schedule, Slot
from scheduling.services import releases, slots
from tests.clients import HERE, node
from tests.config.processes import ROOT
from tests.data import shared
from tests.factories import scheduling as make
from tests.factories.scheduling import NOW, at
from tests.scheduling.reading import check_json, check_xml, read_with_vobject

pytestmark = pytest.mark.django_db

#: Nights past midnight and many rooms; days that begin in UTC; clocks that change in the middle.
REAL = [
    "schedules/ccc/36c3-everything.schedule.xml",
    "schedules/giggity-fixtures/debconf23.xml",
    "schedules/scale/scale-17x.json",
]
Instants = list[tuple[datetime, datetime]]


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=pytest.mark.xdist_group(f"clients of {name}")) for name in REAL]
)
def event(request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Event]:
    """Published once for all that read it: each test's own transaction lies in this one."""
    with django_db_blocker.unblock(), transaction.atomic():
        call_command(
            "import_schedule", str(shared(request.param)), "--event", "real", "--publish", "1", stdout=StringIO()
        )
        yield Event.objects.get(slug="real")
        transaction.set_rollback(True)


def expected(event: Event) -> Instants:
    live = Slot.objects.filter(schedule__event=event, schedule__is_current=True)
    return sorted((slot.starts_at, slot.ends_at) for slot in live)


def fetch(path: str) -> bytes:
    answer = Client().get(path)
    assert answer.status_code == 200, path
    return answer.content


def test_calendars_find_every_session_at_its_instant(event: Event, tmp_path: Path) -> None:
    document = fetch("/real/schedule/export/schedule.ics")
    whole = expected(event)

    calendar = icalendar.Calendar.from_ical(document)
    assert sorted((e.start.astimezone(UTC), e.end.astimezone(UTC)) for e in calendar.walk("VEVENT")) == whole

    found = recurring_ical_events.of(calendar).between(whole[0][0] - timedelta(1), whole[-1][1] + timedelta(1))
    assert sorted((e.start.astimezone(UTC), e.end.astimezone(UTC)) for e in found) == whole

    read = read_with_vobject(document.decode()).vevent_list
    assert sorted((e.dtstart.value.astimezone(UTC), e.dtend.value.astimezone(UTC)) for e in read) == whole

    file = tmp_path / "schedule.ics"
    file.write_bytes(document)
    rows = node("ical_js.mjs", file)
    assert sorted((datetime.fromisoformat(r["start"]), datetime.fromisoformat(r["end"])) for r in rows) == whole
    # A zone that it does not find in the file it takes for none.
    assert {row["zone"] for row in rows} == {event.time_zone}
    assert len({row["uid"] for row in rows}) == len(whole)


def test_c3vocs_tools_read_the_json_and_make_valid_xml_of_it(event: Event, tmp_path: Path) -> None:
    file = tmp_path / "schedule.json"
    file.write_bytes(fetch("/real/schedule/export/schedule.json"))
    command = [sys.executable, str(HERE / "c3voc_tools.py"), str(ROOT / ".venv" / "c3voc"), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    check_json(file.read_bytes())
    read = json.loads(done.stdout.splitlines()[-1])

    assert sorted(datetime.fromisoformat(row["start"]) for row in read["events"]) == [s for s, _e in expected(event)]
    assert len(etree.fromstring(read["xml"].encode()).findall("day/room/event")) == len(expected(event))
    ours = check_xml(fetch("/real/schedule/export/schedule.xml"))
    guids = {element.get("guid") for element in ours.iter("event")}
    assert {row["guid"] for row in read["events"]} == guids


def test_pretalxs_widget_shows_every_session(event: Event, tmp_path: Path) -> None:
    file = tmp_path / "widget.json"
    file.write_bytes(fetch("/real/schedule/widgets/schedule.json"))
    codes = sorted(slot.submission.code for slot in live(event) if slot.submission)
    assert sorted(node("pretalx_widget.mjs", file)) == codes


def live(event: Event) -> list[Slot]:
    return list(Slot.objects.filter(schedule__event=event, schedule__is_current=True).select_related("submission"))


# -- A calendar server that keeps what it is given ----------------------------------------------------------------------


class _Silent(WSGIRequestHandler):
    def log_message(self, *_args: Any) -> None:
        """The tests' own output stays readable."""


class Store:
    def __init__(self, address: str) -> None:
        self.address = address

    def __call__(self, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
        request = urllib.request.Request(self.address + path, body or None, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            content: bytes = answer.read()
        return content

    def events(self, path: str) -> list[Any]:
        return list(icalendar.Calendar.from_ical(self("GET", path)).walk("VEVENT"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    settings = config.load()
    settings.update(
        {
            "storage": {"filesystem_folder": str(tmp_path / "radicale")},
            "auth": {"type": "none"},
            "rights": {"type": "authenticated"},
            "logging": {"level": "critical"},
        },
        "test",
        privileged=True,
    )
    server = make_server("127.0.0.1", 0, radicale.Application(settings), handler_class=_Silent)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Store(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    thread.join()
    server.server_close()


CALENDAR = {"Content-Type": "text/calendar; charset=utf-8", "Authorization": "Basic cmVhZGVyOng="}


def test_a_calendar_server_takes_the_whole_programme(event: Event, store: Store) -> None:
    store("PUT", "/reader/real/", fetch("/real/schedule/export/schedule.ics"), **CALENDAR)
    answer = store("GET", "/reader/real/", Authorization=CALENDAR["Authorization"])
    read = icalendar.Calendar.from_ical(answer).walk("VEVENT")
    assert sorted((e.start.astimezone(UTC), e.end.astimezone(UTC)) for e in read) == expected(event)


def test_a_session_that_moves_and_goes_is_updated_and_not_doubled(store: Store) -> None:
    event = make.make_event("food")
    slot = make.make_talk(event, "Kefir", "09:00")
    make.make_talk(event, "Tea", "11:00")
    releases.release(event=event, version="1", actor=None, now=NOW)
    code = slot.submission.code  # type: ignore[union-attr]
    seen: list[tuple[str, int, datetime, str]] = []
    for version in ("1", "2", "3"):
        document = fetch(f"/food/sessions/{code}.ics")
        (entry,) = icalendar.Calendar.from_ical(document).walk("VEVENT")
        store("PUT", f"/reader/own/{entry['UID']}.ics", document, **CALENDAR) if seen else _make(store, document, entry)
        answer = store("GET", "/reader/own/", Authorization=CALENDAR["Authorization"])
        (kept,) = icalendar.Calendar.from_ical(answer).walk("VEVENT")
        seen.append((str(kept["UID"]), int(kept["SEQUENCE"]), kept.start.astimezone(event.tz), str(kept["STATUS"])))
        draft = Schedule.objects.draft_of(event).slots.get(submission__code=code) if version != "3" else None
        if version == "1":
            slots.move_slot(
                slot=draft,
                changes={"starts_at": at(event, "14:00"), "ends_at": at(event, "14:30")},
                actor=None,
                now=NOW,
            )
            releases.release(event=event, version="2", actor=None, now=NOW)
        elif version == "2":
            slots.remove_slot(slot=draft, actor=None, now=NOW)
            releases.release(event=event, version="3", actor=None, now=NOW)
    assert len({uid for uid, *_rest in seen}) == 1
    assert [sequence for _uid, sequence, *_rest in seen] == sorted({sequence for _uid, sequence, *_rest in seen})
    assert [start for *_start, start, _status in seen] == [at(event, "09:00"), at(event, "14:00"), at(event, "14:00")]
    assert [status for *_rest, status in seen] == ["CONFIRMED", "CONFIRMED", "CANCELLED"]


def _make(store: Store, document: bytes, entry: Any) -> None:
    store("MKCALENDAR", "/reader/own/", Authorization=CALENDAR["Authorization"])
    store("PUT", f"/reader/own/{entry['UID']}.ics", document, **CALENDAR)
