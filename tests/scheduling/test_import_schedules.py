"""Real programmes through the real command: what stands in the file is in the draft, once, and is published."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from common.models import AuditEntry
from events.models import Event, Room, Track
from scheduling.models import Schedule, Slot
from scheduling.services import imports
from submissions.models import Speaker, Submission, Talk
from tests.data import expected_counts, has_shared, shared

pytestmark = pytest.mark.django_db

#: The first inputs of this project: two generators, twenty years, days that begin in UTC, nights that go past midnight.
NAMED = [
    "schedules/fosdem/fosdem-2020.pentabarf.xml",
    "schedules/fosdem/fosdem-2026.pentabarf.xml",
    "schedules/ccc/31c3.schedule.xml",
    "schedules/ccc/36c3-everything.schedule.xml",
    "schedules/giggity-fixtures/debconf23.xml",
]
#: What an importer has to find in each file of the collection that it knows how to read.
KNOWN = (
    sorted(
        name
        for name, counts in expected_counts().items()
        if name.endswith((".xml", ".ics", ".schedule.json")) and "talks" in counts
    )
    if has_shared()
    else []
)


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

    counts = counts_in(first)
    assert counts == {
        "days": expected["days"],
        "rooms": expected["rooms"],
        "tracks": expected["tracks"],
        "sessions": expected["talks"],
        "speakers": expected["speakers"],
        "slots": expected["talks"],
    }
    assert re.search(r"^unread: 0$", first, re.MULTILINE)
    event = Event.objects.get(slug="programme")
    draft, release = Schedule.objects.draft_of(event), Schedule.objects.get(event=event, version="1.0")
    assert draft.slots.count() == release.slots.count() == expected["talks"]
    assert event.rooms.count() == expected["rooms"]
    assert event.tracks.count() == expected["tracks"]
    assert Speaker.objects.filter(event=event).count() == expected["speakers"]
    after_midnight = sum(
        event.conference_day(slot.starts_at) < slot.starts_at.astimezone(event.tz).date()
        for slot in release.slots.only("starts_at")
    )
    assert after_midnight == expected["after_midnight"]
    page = client.get("/programme/schedule/")
    assert page.status_code == 200
    slot = release.slots.filter(submission__isnull=False).select_related("submission").order_by("pk").first()
    assert slot
    assert client.get(f"/programme/sessions/{slot.submission.code}/").status_code == 200  # type: ignore[union-attr]

    before = everything()
    second = import_schedule(path, "--publish", "1.0")

    assert re.search(r"^added: 0\nchanged: 0\nmissing: 0$", second, re.MULTILINE)
    assert "nothing has changed since" in second
    assert counts_in(second) == counts
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


@pytest.mark.parametrize("name", KNOWN)
def test_every_file_is_read_with_the_counts_that_it_has(name: str) -> None:
    expected = expected_counts()[name]
    parsed = imports.read(shared(name).read_bytes(), name)

    counts, unread = parsed.programme.counts, len(parsed.unread)
    assert counts["sessions"] + unread >= expected["talks"] - unread
    if not unread:
        assert counts["sessions"] == expected["talks"]
        for ours, theirs in (("rooms", "rooms"), ("tracks", "tracks"), ("speakers", "speakers")):
            if isinstance(expected.get(theirs), int):
                assert counts[ours] == expected[theirs], ours


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
