"""Programmes of twenty years, published as ours: valid for everybody who reads them, whole, and the same after a way round."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any, Final

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client

from events.models import Event
from scheduling.exports import frab_xml, icalendar_file, schedule_json, xcal
from scheduling.models import Schedule, Slot
from scheduling.services.programme import programme_of
from tests.data import shared
from tests.scheduling.reading import check_ics, check_json, check_xcal, check_xml

pytestmark = pytest.mark.django_db

REAL = [
    "ccc/31c3.schedule.xml",
    "ccc/36c3-everything.schedule.xml",
    "ccc/camp2019.schedule.json",
    "fosdem/fosdem-2007.pentabarf.xml",
    "fosdem/fosdem-2026.pentabarf.xml",
    "giggity-fixtures/debconf23.xml",
    "giggity-fixtures/jres_2022.ics",
    "giggity-fixtures/linux_conf_au_2020.ics",
    "scale/scale-17x.json",
    "fossasia/fossasia-2018.sessions.json",
    "python/pyconfr-2024.pretalx.json",
    "python/djangocon-us-2023.json",
    "python/europython-2014.schedule.xml",
    "python/pyconchina-2021.zh.yaml",
    "cjk/sitcon-2026.sessions.json",
    "cjk/chinavis-2025.program.json",
]
NOW = datetime(2027, 1, 1, tzinfo=UTC)
KINDS: Final[dict[str, Any]] = {"xml": frab_xml, "json": schedule_json, "xcal": xcal, "ics": icalendar_file}


def publish(file: Path) -> Event:
    call_command("import_schedule", str(file), "--event", "programme", "--publish", "1.0", stdout=StringIO())
    return Event.objects.get(slug="programme")


def exported(kind: str) -> bytes:
    response = Client().get(f"/programme/schedule/export/schedule.{kind}")
    assert response.status_code == 200
    assert response["Access-Control-Allow-Origin"] == "*"
    return response.content


def written_anew(file: Path, writer: Any) -> bytes:
    """Of an empty event at the same address, into whose draft the file was imported, as if it were published at the same moment."""
    Event.objects.filter(slug="programme").update(slug=f"old-{Event.objects.count()}")
    call_command("import_schedule", str(file), "--event", "programme", stdout=StringIO())
    programme = programme_of(Schedule.objects.draft_of(Event.objects.get(slug="programme")))
    return writer.write(dataclasses.replace(programme, version="1.0", published_at=NOW))


# The longest is read five times over.
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", REAL)
# Calendars say when they were published.
@time_machine.travel(NOW, tick=False)
def test_a_real_programme_is_valid_whole_and_the_same_after_a_way_round(name: str, tmp_path: Path) -> None:
    event = publish(shared(f"schedules/{name}"))
    live = Slot.objects.filter(schedule__event=event, schedule__is_current=True)
    # A block is told by its talks.
    expected = sorted((slot.starts_at, slot.ends_at) for slot in live if not slot.children.exists())
    files = {kind: exported(kind) for kind in KINDS}

    tree = check_xml(files["xml"])
    starts = sorted(datetime.fromisoformat(e.findtext("date")).astimezone(UTC) for e in tree.iter("event"))
    assert starts == [start for start, _end in expected]
    days = check_json(files["json"])["schedule"]["conference"]["days"]
    in_json = [e for day in days for events in day["rooms"].values() for e in events]
    moments = [tuple(datetime.fromisoformat(e[name]).astimezone(UTC) for name in ("date", "end")) for e in in_json]
    assert sorted(moments) == expected
    assert len(check_xcal(files["xcal"])) == len(expected)
    calendar = check_ics(files["ics"])
    assert sorted((e.start.astimezone(UTC), e.end.astimezone(UTC)) for e in calendar) == expected
    assert len({str(e["UID"]) for e in calendar}) == len(expected)
    for kind, writer in KINDS.items():
        file = tmp_path / f"schedule.{kind}"
        file.write_bytes(files[kind])
        assert written_anew(file, writer) == files[kind], kind
