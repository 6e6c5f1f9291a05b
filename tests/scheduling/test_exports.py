"""What other programs read: valid by the schemas they hold, the same instants in independent readers, and nothing lost."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from io import StringIO
from itertools import pairwise
from typing import Any
from uuid import uuid4

import icalendar
import pytest
import time_machine
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from lxml import etree

from events.models import Event
from scheduling.models import Artifact, Schedule, Slot, SlotKind
from scheduling.services import releases, serving, slots
from submissions.services import submissions
from tests.data import shared
from tests.factories import scheduling as make
from tests.factories.scheduling import NOW, at
from tests.scheduling.reading import check_ics, check_json, check_xcal, check_xml

pytestmark = pytest.mark.django_db

KINDS = ("xml", "json", "xcal", "ics")


def publish(name: str) -> Event:
    call_command("import_schedule", str(shared(name)), "--event", "programme", "--publish", "1.0", stdout=StringIO())
    return Event.objects.get(slug="programme")


def export(kind: str, slug: str = "programme") -> bytes:
    response = Client().get(f"/{slug}/schedule/export/schedule.{kind}")
    assert response.status_code == 200
    assert response["Access-Control-Allow-Origin"] == "*"
    return response.content


def instants(event: Event) -> list[tuple[datetime, datetime]]:
    current = Slot.objects.filter(schedule__event=event, schedule__is_current=True)
    return sorted((slot.starts_at, slot.ends_at) for slot in current)


def forget(slug: str) -> None:
    """As if the event had never been: another one gets its address."""
    Event.objects.filter(slug=slug).update(slug=f"old-{slug}")
    serving.forget_all()
    cache.clear()


@pytest.fixture
def event() -> Event:
    return make.make_event("food", acronym="FFH 2027", locales=["en", "zh-hans"])


def release(event: Event, version: str = "1.0") -> None:
    releases.release(event=event, version=version, actor=None, now=NOW)


def test_a_programme_of_every_kind_of_slot_is_valid(event: Event) -> None:
    hall, foyer = make.make_room(event, "Hall A"), make.make_room(event, "Foyer")
    block = slots.place_slot(
        event=event, kind=SlotKind.BLOCK, title="Fermentation", room=hall, starts_at=at(event, "09:00"), ends_at=at(event, "10:00"),
        actor=None, now=NOW,
    )  # fmt: skip
    make.make_talk(event, "Kefir", "09:00", room=hall, parent=block)
    make.make_talk(event, "米酒", "09:30", room=hall, parent=block)
    for kind, title, clock, room in (
        (SlotKind.BREAK, "Tea", "10:30", foyer),
        (SlotKind.CEREMONY, "Awards", "16:00", hall),
        (SlotKind.SOCIAL, "Walk", "18:00", None),
    ):
        slots.place_slot(
            event=event, kind=kind, title=title, room=room, starts_at=at(event, clock), ends_at=at(event, f"{clock[:3]}50"),
            actor=None, now=NOW,
        )  # fmt: skip
    release(event)

    tree = check_all("food")

    titles = [element.findtext("title") for element in tree.iter("event")]
    assert sorted(titles) == ["Awards", "Kefir", "Tea", "Walk", "米酒"]
    assert tree.findtext("conference/acronym") == "ffh_2027"


def test_a_talk_given_twice_has_one_guid_for_each_time(event: Event) -> None:
    slot = make.make_talk(event, "Kefir", "09:00")
    slots.place_slot(
        event=event, submission=slot.submission, room=slot.room, starts_at=at(event, "15:00"), ends_at=at(event, "15:30"),
        actor=None, now=NOW,
    )  # fmt: skip
    release(event)

    tree = check_all("food")
    assert len({element.get("guid") for element in tree.iter("event")}) == 2


def test_what_comes_after_midnight_stands_on_the_day_before(event: Event) -> None:
    room = make.make_room(event, "Hall A")
    talk = make.make_talk(event, "Night", "23:30", room=room)
    slots.move_slot(
        slot=talk,
        changes={"starts_at": at(event, "01:00", day=1), "ends_at": at(event, "02:00", day=1)},
        actor=None,
        now=NOW,
    )
    release(event)

    tree = check_xml(export("xml", "food"))

    (day,) = [day for day in tree.iter("day") if day.findall("room/event")]
    assert day.get("date") == "2027-06-07"
    assert tree.find(".//event").findtext("start") == "01:00"
    assert tree.find(".//event").findtext("date").startswith("2027-06-08T01:00")


def test_guids_uids_and_numbers_last_over_releases_and_the_sequence_rises(event: Event) -> None:
    slot = make.make_talk(event, "Kefir", "09:00")
    release(event)
    before, calendar = identities(event), export("ics", "food")
    slots.move_slot(
        slot=slot, changes={"starts_at": at(event, "11:00"), "ends_at": at(event, "11:30")}, actor=None, now=NOW
    )
    release(event, "2.0")

    assert identities(event) == before
    sequences = [int(re.findall(rb"SEQUENCE:(\d+)", document)[0]) for document in (calendar, export("ics", "food"))]
    assert all(earlier < later for earlier, later in pairwise(sequences))


def identities(event: Event) -> list[Any]:
    tree = etree.fromstring(export("xml", event.slug))
    uids = re.findall(rb"UID:(\S+)", export("ics", event.slug))
    return [[dict(element.attrib) for element in tree.iter("event", "person")], uids]


def test_a_dropped_talk_is_called_off_in_the_speakers_calendar(event: Event) -> None:
    stays = make.make_talk(event, "Kefir", "09:00")
    goes = make.make_talk(event, "Vinegar", "11:00")
    speaker = goes.submission.speakers.get()
    release(event)
    address = f"/food/speakers/{speaker.code}.ics"
    (before,) = entries(address)
    slots.remove_slot(slot=goes, actor=None, now=NOW)
    release(event, "2.0")

    (after,) = entries(address)
    assert (after["UID"], after["STATUS"]) == (before["UID"], "CANCELLED")
    assert after["SEQUENCE"] > before["SEQUENCE"]
    assert stays.submission
    (kept,) = entries(f"/food/sessions/{stays.submission.code}.ics")
    assert kept["STATUS"] == "CONFIRMED"


def entries(address: str) -> Iterator[Any]:
    response = Client().get(address)
    assert response.status_code == 200
    assert response["Content-Type"] == "text/calendar; charset=utf-8"
    return iter(icalendar.Calendar.from_ical(response.content).walk("VEVENT"))


def test_no_file_holds_an_address(event: Event) -> None:
    make.make_talk(event, "Kefir", "09:00", speakers=[make.make_speaker(event, "Li Na", email="li.na@example.org")])
    release(event)
    for kind in KINDS:
        document = export(kind, "food").decode()
        assert "li.na" not in document
        assert "mailto" not in document


def check_all(slug: str) -> Any:
    """Every file is what its readers need; returns the tree of the XML."""
    tree = check_xml(export("xml", slug))
    count = len(list(tree.iter("event")))
    days = check_json(export("json", slug))["schedule"]["conference"]["days"]
    assert sum(len(events) for day in days for events in day["rooms"].values()) == count
    assert len(check_xcal(export("xcal", slug))) == count
    assert len(check_ics(export("ics", slug))) == count
    return tree


#: Each alone would do; together they meet in one file, and in one room at midnight.
EDGES: dict[str, dict[str, Any]] = {
    "bare": {"speakers": False, "room": False},
    "hostile": {"title": '<b>& "R&D"</b> ]]> <!-- ; , \\n', "abstract": "a < b && c > d;\nBEGIN:VEVENT\nEND:VCALENDAR"},
    "emoji": {"title": "👩🏽‍🔬 茶 café ﷽ 𠮷", "abstract": "🥛" * 60, "speakers": "黄小明 🧪"},
    "long": {"title": "长" * 300, "abstract": "é" * 500, "room": "会议厅" * 30},
    "subtitled": {"subtitle": "and nothing more"},
    "controls": {"abstract": "bell\x07 escape\x1b nul-like\x0b del\x7f next\x85 line\u2028 bare\rreturn \ufffe"},
    "midnight": {"clock": "23:30", "minutes": 90},
    "night": {"clock": "03:59", "day": 1},
    "morning": {"clock": "04:00", "day": 1},
    "instant": {"minutes": 0},
    "whole day": {"clock": "04:00", "minutes": 23 * 60 + 59},
    "poster": {"kind": SlotKind.POSTERS},
    "plenary": {"kind": SlotKind.PLENARY, "room": False},
    "track": {"track": "Food & Health <1>"},
    "recorded": {"do_not_record": True, "language": "zh-hans"},
}


def make_edge(event: Event, name: str) -> None:
    edge = dict(EDGES[name])
    speakers = edge.pop("speakers", name)
    room = edge.pop("room", f"Room {name}")
    slot = {key: edge.pop(key) for key in ("kind", "clock", "day", "minutes") if key in edge}
    if track := edge.pop("track", ""):
        edge["track"] = make.make_track(event, track)
    session = make.make_submission(
        event,
        edge.pop("title", name),
        speakers=[make.make_speaker(event, speakers)] if speakers else [],
        **edge,
    )
    make.make_slot(
        event,
        slot.pop("clock", "10:00"),
        room=make.make_room(event, room) if room else None,
        submission=session,
        **slot,
    )


@pytest.mark.parametrize("name", EDGES)
def test_a_programme_at_the_edge_is_valid(event: Event, name: str) -> None:
    make_edge(event, name)
    release(event)
    assert len(list(check_all("food").iter("event"))) == 1


@pytest.mark.parametrize("kind", ["xml", "json", "xcal", "ics"])
@time_machine.travel(NOW, tick=False)
def test_all_edges_together_go_round_through_a_file_without_a_change(event: Event, kind: str, tmp_path: Any) -> None:
    for name in EDGES:
        make_edge(event, name)
    again = make.make_talk(event, "Given twice", "11:00")
    for clock in ("12:00", "16:00"):
        make.make_slot(event, clock, day=1, room=make.make_room(event, f"Other {clock}"), submission=again.submission)
    for title, slot_kind, clock in (("Tea", SlotKind.BREAK, "13:00"), ("Walk", SlotKind.SOCIAL, "19:00")):
        make.make_slot(event, clock, kind=slot_kind, title=title)
    releases.release(event=event, version="1.0", force=True, actor=None, now=NOW)
    check_all("food")
    first = export(kind, "food")
    file = tmp_path / f"schedule.{kind}"
    file.write_bytes(first)
    forget("food")

    call_command("import_schedule", str(file), "--event", "food", "--publish", "1.0", stdout=StringIO())

    assert export(kind, "food") == first


def test_an_entry_that_calendars_know_already_goes_on_from_its_sequence(tmp_path: Any) -> None:
    """RFC 5546 §2.1.5: whoever subscribed to the calendar that was imported would ignore a lower one."""
    file = tmp_path / "calendar.ics"
    uid = uuid4()

    def published(version: str, clock: str) -> Any:
        lines = [
            "BEGIN:VCALENDAR", "BEGIN:VEVENT", f"UID:{uid}@example.org", "SUMMARY:Kefir", "SEQUENCE:3",
            f"DTSTART;TZID=Asia/Shanghai:20270607T{clock}00", "DURATION:PT1H", "END:VEVENT", "END:VCALENDAR",
        ]  # fmt: skip
        file.write_text("\r\n".join(lines))
        call_command("import_schedule", str(file), "--event", "known", "--publish", version, stdout=StringIO())
        (event,) = check_ics(export("ics", "known"))
        return event

    assert published("1", "0900")["SEQUENCE"] == 3
    moved = published("2", "1000")
    assert moved["SEQUENCE"] == 4
    assert str(moved["UID"]).startswith(str(uid))


def test_the_talks_of_a_poster_session_and_a_plenary_in_every_room_are_told_once(event: Event) -> None:
    hall, foyer = make.make_room(event, "Hall"), make.make_room(event, "Foyer")
    posters = make.make_slot(event, "14:00", room=foyer, kind=SlotKind.POSTERS, title="Posters")
    for board in ("P1", "P2"):
        make.make_talk(event, f"Poster {board}", "14:00", room=foyer, parent=posters, board=board)
    make.make_slot(event, "09:00", kind=SlotKind.PLENARY, title="Opening")
    make.make_talk(event, "Kefir", "10:00", room=hall)
    release(event)
    tree = check_all("food")
    assert sorted(element.findtext("title") for element in tree.iter("event")) == [
        "Kefir", "Opening", "Poster P1", "Poster P2", "Posters",
    ]  # fmt: skip


def test_a_programme_over_the_night_of_the_clocks_is_told_at_its_instants(tmp_path: Any) -> None:
    """02:30 comes twice on 31 October 2027 in Berlin, and a talk over it lasts an hour more than the clock says."""
    event = make.make_event("night", time_zone="Europe/Berlin", starts_on=date(2027, 10, 30))
    make.make_talk(event, "Over the change", "01:30", day=1, minutes=150)
    make.make_talk(event, "The day after", "10:00", day=1)
    release(event)
    expected = instants(event)
    tree = check_all("night")
    starts = sorted(datetime.fromisoformat(e.findtext("date")).astimezone(UTC) for e in tree.iter("event"))
    assert starts == [start for start, _end in expected]
    read = check_ics(export("ics", "night"))
    assert sorted((e.start.astimezone(UTC), e.end.astimezone(UTC)) for e in read) == expected


def test_control_characters_do_not_break_a_file(event: Event) -> None:
    slot = make.make_talk(event, "Kefir", "09:00")
    submissions.update_submission(
        submission=slot.submission,
        changes={"abstract": "one\ttab\nline — “米” 🥛 \u202bעברית\u202c"},
        actor=None,
        now=NOW,
    )
    release(event)
    check_xml(export("xml", "food"))
    check_json(export("json", "food"))
    assert icalendar.Calendar.from_ical(export("ics", "food"))


def test_files_of_a_release_take_as_many_queries_for_one_talk_as_for_many(
    event: Event, django_assert_max_num_queries: Any
) -> None:
    from django.db import connection  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    from scheduling.services import exports  # noqa: PLC0415
    from scheduling.services.programme import slots_with_all  # noqa: PLC0415

    counted = []
    for number in range(1, 4):
        make.make_talk(event, f"Talk {number}", f"{8 + number:02d}:00")
        release(event, f"{number}.0")
        schedule = Schedule.objects.current().get(event=event)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            contents = exports.contents_from(schedule, slots_with_all(schedule.slots.all()))
            list(exports.files_of(contents))
        counted.append(len(queries))
    assert counted[0] == counted[1] == counted[2]


# -- Parts --------------------------------------------------------------------------------------------------------------


def test_rooms_and_tracks_have_files_of_their_own() -> None:
    event = publish("schedules/giggity-fixtures/debconf23.xml")
    live = Slot.objects.filter(schedule__event=event, schedule__is_current=True)
    parts = [("rooms", pk, live.filter(room=pk)) for pk in {slot.room_id for slot in live if slot.room_id}]
    parts += [("tracks", track.pk, live.filter(submission__track=track)) for track in event.tracks.all()]
    total = 0
    for part, pk, of_part in parts:
        expected = sorted((slot.starts_at, slot.ends_at) for slot in of_part)
        total += len(expected) * (part == "rooms")
        files = {kind: Client().get(f"/programme/schedule/export/{part}/{pk}.{kind}") for kind in KINDS}
        assert {answer.status_code for answer in files.values()} == {200}
        check_json(files["json"].content)
        assert len(check_xml(files["xml"].content).findall("day/room/event")) == len(expected)
        calendar = icalendar.Calendar.from_ical(files["ics"].content)
        assert sorted((e.start.astimezone(UTC), e.end.astimezone(UTC)) for e in calendar.walk("VEVENT")) == expected
    assert total == len(instants(event))
    assert Client().get("/programme/schedule/export/rooms/999999999.ics").status_code == 404


def test_no_public_file_has_an_address_or_anything_made_of_one() -> None:
    event = make.make_event("food", locales=("en", "zh-hans"), contact_email="")
    for clock in ("09:00", "10:00"):
        make.make_talk(event, "Kefir", clock)
    releases.release(event=event, version="1.0", actor=None, now=NOW)
    secrets = set()
    for speaker in event.speakers.all():
        assert speaker.email
        bare = speaker.email.encode()
        secrets |= {speaker.email, *(hashlib.new(name, bare).hexdigest() for name in ("md5", "sha1", "sha256"))}
    artifacts = Artifact.objects.filter(schedule__event=event)
    assert artifacts.count() > 20
    for artifact in artifacts:
        text = gzip.decompress(artifact.gzip).decode()
        assert not [secret for secret in secrets if secret in text], artifact.path
