"""Real programmes through the real command: what stands in the file is in the draft, once, and is published."""

from __future__ import annotations

import json
import re
from datetime import datetime
from io import StringIO
from itertools import accumulate
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client

from common.models import AuditEntry
from events.models import Event, Room, Track
from scheduling.management.commands import describe_imports
from scheduling.models import Schedule, Slot
from submissions.models import Speaker, Submission, Talk
from tests.data import expected_counts, has_shared, shared

pytestmark = pytest.mark.django_db


PAGE = (Path(settings.BASE_DIR) / describe_imports.PAGE).read_text()
#: The first inputs of this project: two generators, twenty years, days that begin in UTC, nights that go past midnight.
NAMED = [
    "schedules/fosdem/fosdem-2020.pentabarf.xml",
    "schedules/fosdem/fosdem-2026.pentabarf.xml",
    "schedules/ccc/31c3.schedule.xml",
    "schedules/ccc/36c3-everything.schedule.xml",
    "schedules/giggity-fixtures/debconf23.xml",
]
#: Every other file of the collection that is a programme, its older versions included, as the documentation lists them.
OTHERS = sorted(
    {f"schedules/{name}" for name in re.findall(r"^\| (\S+\.\S+) \|(?:[^|]+\|){9}$", PAGE, re.MULTILINE)} - {*NAMED}
    if has_shared()
    else ()
)
#: Of our counts, what the collection calls them; see `tests/scheduling/test_import_formats.py` for where it counts other things.
NAMES = {
    "days": "days",
    "rooms": "rooms",
    "tracks": "tracks",
    "sessions": "talks",
    "speakers": "speakers",
    "slots": "talks",
}


def import_schedule(path: Path, *options: str, event: str = "programme") -> str:
    out = StringIO()
    call_command("import_schedule", str(path), "--event", event, *options, stdout=out)
    return out.getvalue()


def counts_in(output: str) -> dict[str, int]:
    return {
        name: int(number)
        for name, number in re.findall(r"^(days|rooms|tracks|sessions|speakers|slots): (\d+)$", output, re.MULTILINE)
    }


def everything() -> dict[str, list[Any]]:
    """Every row that an import may touch, as it stands."""
    return {
        model.__name__: list(model.objects.order_by("pk").values())
        for model in (Event, Room, Track, Speaker, Submission, Talk, Schedule, Slot, AuditEntry)
    }


@pytest.mark.parametrize("name", NAMED)
def test_a_programme_is_imported_whole_published_and_imported_again_without_a_change(name: str, client: Client) -> None:
    path, expected = shared(name), expected_counts()[name]

    first = import_schedule(path, "--publish", "1.0")

    assert_stands_as_counted(name, first)
    event = Event.objects.get(slug="programme")
    release = Schedule.objects.get(event=event, version="1.0")
    assert release.slots.count() == expected["talks"]
    page = client.get("/programme/schedule/")
    assert page.status_code == 200
    slot = release.slots.filter(submission__isnull=False).select_related("submission").order_by("pk").first()
    assert slot
    assert client.get(f"/programme/sessions/{slot.submission.code}/").status_code == 200  # type: ignore[union-attr]

    before = everything()
    second = import_schedule(path, "--publish", "1.0")

    assert re.search(r"^added: 0\nchanged: 0\nmissing: 0$", second, re.MULTILINE)
    assert "nothing has changed since" in second
    assert counts_in(second) == counts_in(first)
    assert everything() == before


@pytest.mark.parametrize("name", ["schedules/python/pyconchina-2021.ics", "programme.csv"])
def test_people_without_ids_are_known_again_by_name(name: str, tmp_path: Path) -> None:
    if name.endswith(".csv"):
        path = tmp_path / name
        path.write_text(
            "title,start,duration,speakers\nKefir,2027-06-07 09:00,30,Li\nTea,2027-06-07 10:00,30,Li; José\n"
        )
    else:
        path = shared(name)
    import_schedule(path)
    before = everything()

    assert re.search(r"^added: 0\nchanged: 0\nmissing: 0$", import_schedule(path), re.MULTILINE)
    assert everything() == before


@pytest.mark.parametrize("name", OTHERS)
def test_every_file_is_in_the_database_as_it_says_and_the_second_import_changes_nothing(name: str) -> None:
    first = import_schedule(shared(name))

    assert_stands_as_counted(name, first)
    before = everything()
    second = import_schedule(shared(name))
    assert re.search(r"^added: 0\nchanged: 0\nmissing: 0$", second, re.MULTILINE)
    assert counts_in(second) == counts_in(first)
    assert everything() == before


def assert_stands_as_counted(name: str, output: str) -> None:
    """What the command prints is what the file has, by the collection's own counts, and what is in the database."""
    counts, expected = counts_in(output), expected_counts().get(name, {})
    event = Event.objects.get(slug="programme")
    draft = Schedule.objects.draft_of(event)
    slots = list(draft.slots.order_by("starts_at", "pk"))
    assert len(slots) == counts["slots"]
    assert event.rooms.count() == counts["rooms"]
    assert event.tracks.count() == counts["tracks"]
    assert Speaker.objects.filter(event=event).count() == counts["speakers"]
    assert not Submission.objects.filter(event=event).exclude(slots__schedule=draft).exists()
    if name.endswith((".xml", ".schedule.json")) and "talks" in expected:
        assert counts == {ours: expected[theirs] for ours, theirs in NAMES.items()}
        assert re.search(r"^unread: 0$", output, re.MULTILINE)
    if name.endswith(".ics"):
        # A session without a room is in none.
        assert counts["slots"] == expected["vevents"]
        assert counts["days"] == expected["days"]
        assert expected["locations"] - 1 <= counts["rooms"] <= expected["locations"]
    if "max_parallel" in expected:
        assert most_at_once(slots) == expected["max_parallel"]
    if "after_midnight" in expected:
        nights = [event.conference_day(s.starts_at) < s.starts_at.astimezone(event.tz).date() for s in slots]
        assert sum(nights) == expected["after_midnight"]
    if expected.get("offsets", {}).keys() - {""}:
        assert sorted(slot.starts_at for slot in slots) == instants_in(shared(name))


def most_at_once(slots: list[Slot]) -> int:
    moments = sorted([(s.starts_at, 1) for s in slots] + [(s.ends_at, -1) for s in slots])
    return max(accumulate(change for _moment, change in moments))


def instants_in(path: Path) -> list[datetime]:
    """When the events of a file with offsets begin, read in the plainest way."""
    if path.suffix == ".json":
        return sorted(datetime.fromisoformat(row["StartTime"]) for row in json.loads(path.read_text()))
    return sorted(datetime.fromisoformat(event.findtext("date", "")) for event in ElementTree.parse(path).iter("event"))


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE s [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]><schedule><conference><title>&i;</title></conference></schedule>"
).encode()
FILE_OF_THE_MACHINE = (
    b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    b"<schedule><conference><title>&x;</title></conference></schedule>"
)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" " * 1_000_000,
        b"\x00" * 1000,
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 10,
        b"<!doctype html><html><body><h1>Schedule</h1></body></html>",
        b"<schedule><conference><title>Half",
        b'{"schedule": {"conference": {"days": [',
        b'{"schedule": 5}',
        b"[" * 200_000,
        b"<a>" * 200_000,
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n",
        b"title,start\n",
        b"just some words about a programme",
        BOMB,
        FILE_OF_THE_MACHINE,
        b"\x1f\x8b\x08\x00broken gzip",
        b'<?xml version="1.0" encoding="utf-16"?><schedule/>',
    ],
    ids=lambda content: re.sub(r"\W+", "-", content[:24].decode("ascii", "replace")) or "empty",
)
def test_what_is_no_schedule_changes_nothing_and_says_why_in_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "programme"
    path.write_bytes(content)
    before = everything()

    with pytest.raises(CommandError) as refusal:
        import_schedule(path)

    reason = str(refusal.value)
    assert refusal.value.returncode == 2
    assert reason.startswith(str(path))
    assert "\n" not in reason
    assert len(reason) < 400
    assert "root:" not in reason
    assert everything() == before


def test_a_dry_run_says_what_would_happen_and_changes_nothing() -> None:
    before = everything()

    output = import_schedule(shared(NAMED[2]), "--dry-run", "--publish", "1.0")

    assert "dry run: nothing was changed" in output
    assert counts_in(output)["sessions"] == 138
    assert everything() == before


def test_a_missing_file_is_named() -> None:
    with pytest.raises(CommandError, match=r"nowhere\.xml: No such file"):
        import_schedule(Path("nowhere.xml"))


def test_texts_that_were_decoded_twice_are_named_and_mended_on_request(tmp_path: Path) -> None:
    path = tmp_path / "programme.csv"
    path.write_text("title,start,duration,speakers\nSÃ¼ÃŸes,2027-06-07 09:00,30,JosÃ© NÃºÃ±ez\n")

    output = import_schedule(path, "--dry-run")
    assert "looks like UTF-8 that was decoded twice: “JosÃ©” may be “José”" in output
    assert "--repair-encoding" in output

    assert "decoded twice" not in import_schedule(path, "--repair-encoding")
    assert str(Submission.objects.get().title) == "Süßes"
    assert Speaker.objects.get().name == "José Núñez"
