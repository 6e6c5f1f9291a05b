"""What cannot work in a draft, and what might not: each code, and where it begins and ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.services.people import find_or_create_person
from events.models import Event
from events.services import places
from scheduling.models import Schedule, Slot, SlotKind
from scheduling.services import releases, slots
from scheduling.services.conflicts import conflicts_of
from tests.factories import scheduling as make
from tests.factories.scheduling import NOW, at

pytestmark = pytest.mark.django_db


@pytest.fixture
def event() -> Event:
    return make.make_event("food")


def place(event: Event, clock: str, until: str, *, day: int = 0, **fields: Any) -> Slot:
    if "submission" not in fields:
        fields.setdefault("title", f"{clock} to {until}")
    return slots.place_slot(
        event=event,
        starts_at=at(event, clock, day=day),
        ends_at=at(event, until, day=day),
        actor=None,
        now=NOW,
        **fields,
    )


def found(event: Event) -> list[tuple[str, str]]:
    return [(conflict.severity, conflict.code) for conflict in conflicts_of(Schedule.objects.draft_of(event))]


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        (("09:00", "10:00"), ("10:00", "11:00"), False),
        (("09:00", "10:00"), ("09:59", "11:00"), True),
        (("09:00", "10:00"), ("09:00", "10:00"), True),
        (("09:00", "12:00"), ("10:00", "11:00"), True),
        (("09:00", "09:00"), ("09:00", "09:00"), True),
        (("09:00", "10:00"), ("09:30", "09:30"), True),
        (("09:00", "10:00"), ("10:00", "10:00"), False),
        (("09:00", "10:00"), ("09:00", "09:00"), True),
    ],
)
def test_a_room_has_one_slot_at_a_time(
    event: Event, first: tuple[str, str], second: tuple[str, str], clash: bool
) -> None:
    room = make.make_room(event)
    for clocks in (first, second):
        place(event, *clocks, room=room)
    assert found(event) == ([("fatal", "room_twice")] if clash else [])


def test_rooms_and_nights_are_kept_apart(event: Event) -> None:
    one, two = make.make_room(event), make.make_room(event)
    place(event, "09:00", "10:00", room=one)
    place(event, "09:00", "10:00", room=two)
    slots.place_slot(
        event=event, title="Night", room=one, starts_at=at(event, "23:00"), ends_at=at(event, "01:00", day=1),
        actor=None, now=NOW,
    )  # fmt: skip
    assert found(event) == []
    place(event, "00:30", "01:30", day=1, room=one)
    assert found(event) == [("fatal", "room_twice")]


def test_what_a_block_holds_is_inside_it(event: Event) -> None:
    room = make.make_room(event)
    block = place(event, "09:00", "11:00", kind=SlotKind.BLOCK, room=room)
    place(event, "09:00", "09:30", room=room, parent=block)
    place(event, "09:30", "10:00", room=room, parent=block)
    assert found(event) == []


def test_nobody_is_in_two_places_at_once(event: Event) -> None:
    speaker = make.make_speaker(event, "Li Na")
    make.make_talk(event, "Kefir", "09:00", speakers=[speaker])
    make.make_talk(event, "Vinegar", "09:15", speakers=[speaker])
    (conflict,) = conflicts_of(Schedule.objects.draft_of(event))
    assert (conflict.severity, conflict.code) == ("fatal", "person_twice")
    assert str(conflict.message) == "Li Na is in “Kefir” and “Vinegar” at the same time."
    assert [slot.heading for slot in conflict.slots] == ["Kefir", "Vinegar"]


def test_one_person_under_two_names_is_noticed_by_the_address(event: Event) -> None:
    two = [make.make_speaker(event, name, email="") for name in ("Li Na", "李娜")]
    make.make_talk(event, "Kefir", "09:00", speakers=two[:1])
    make.make_talk(event, "Vinegar", "09:00", speakers=two[1:])
    assert found(event) == []
    person = find_or_create_person(email="li.na@example.org", name="Li Na")
    for speaker in two:
        speaker.person = person
        speaker.save()
    assert found(event) == [("fatal", "person_twice")]


def test_a_chair_is_somebody_too_but_may_speak_in_the_own_block(event: Event) -> None:
    chair = make.make_speaker(event, "Li Na")
    room = make.make_room(event)
    block = place(event, "09:00", "11:00", kind=SlotKind.BLOCK, room=room)
    block.chairs.add(chair)
    make.make_talk(event, "Inside", "09:00", room=room, parent=block, speakers=[chair])
    assert found(event) == []
    make.make_talk(event, "Elsewhere", "10:00", speakers=[chair])
    assert found(event) == [("fatal", "person_twice")]


def test_posters_of_one_session_hang_side_by_side(event: Event) -> None:
    speaker = make.make_speaker(event, "Li Na")
    foyer = make.make_room(event)
    session = place(event, "15:00", "16:00", kind=SlotKind.POSTERS, room=foyer)
    for number in (1, 2):
        submission = make.make_submission(event, f"Poster {number}", speakers=[speaker])
        place(event, "15:00", "16:00", room=foyer, parent=session, board=f"P{number}", submission=submission)
    assert found(event) == []


def test_breaks_claim_nobody_and_a_plenary_everybody(event: Event) -> None:
    speaker = make.make_speaker(event, "Li Na")
    make.make_talk(event, "Kefir", "09:00", speakers=[speaker])
    place(event, "09:00", "10:00", kind=SlotKind.BREAK)
    place(event, "09:00", "10:00", kind=SlotKind.SOCIAL)
    assert found(event) == []
    place(event, "09:00", "10:00", kind=SlotKind.PLENARY, room=make.make_room(event))
    assert found(event) == [("warning", "beside_a_plenary")]


def test_a_room_of_another_event_is_not_to_be_had(event: Event) -> None:
    room = make.make_room(event)
    other = make.make_event("other", organisation=event.organisation)
    places.attach_room(event=other, room=room, actor=None, now=NOW)
    place(other, "09:00", "10:00", room=room)
    releases.release(event=other, version="1.0", actor=None, now=NOW)
    place(event, "10:00", "11:00", room=room)
    assert found(event) == []
    place(event, "09:30", "09:45", room=room)
    assert found(event) == [("fatal", "room_taken_elsewhere")]


def test_a_held_room_is_ours_while_we_hold_it_and_touching_holds_are_one(event: Event) -> None:
    room = make.make_room(event)
    for start, end in (("09:00", "12:00"), ("12:00", "18:00")):
        places.hold_room(event=event, room=room, start=at(event, start), end=at(event, end), actor=None, now=NOW)
    place(event, "11:00", "13:00", room=room)
    assert found(event) == []
    place(event, "17:30", "18:30", room=room)
    assert found(event) == [("fatal", "outside_hold")]


def test_warnings_for_other_days_and_for_sessions_without_room(event: Event) -> None:
    place(event, "09:00", "10:00", day=5)
    assert found(event) == [("warning", "outside_event_days")]
    session = make.make_submission(event, "Kefir")
    place(event, "09:00", "10:00", submission=session)
    assert found(event) == [("warning", "no_room"), ("warning", "outside_event_days")]


def test_the_night_after_the_last_day_is_still_the_events(event: Event) -> None:
    last = (event.ends_on - event.starts_on).days
    slots.place_slot(
        event=event, title="Party", starts_at=at(event, "22:00", day=last), ends_at=at(event, "03:30", day=last + 1),
        actor=None, now=NOW,
    )  # fmt: skip
    assert found(event) == []


def test_all_of_them_take_as_many_queries_for_three_slots_as_for_sixty(event: Event) -> None:
    room = make.make_room(event)
    counted = []
    for number in (3, 57):
        for _ in range(number):
            make.make_talk(event, "Talk", "09:00", room=room)
        with CaptureQueriesContext(connection) as queries:
            assert conflicts_of(Schedule.objects.draft_of(event))
        counted.append(len(queries))
    assert counted[0] == counted[1]


def test_fatal_ones_come_first_and_then_by_time(event: Event) -> None:
    room = make.make_room(event)
    place(event, "08:00", "08:30", submission=make.make_submission(event, "Roomless"))
    for clock in ("14:00", "10:00"):
        for _ in range(2):
            end = (at(event, clock) + timedelta(minutes=30)).astimezone(event.tz).strftime("%H:%M")
            place(event, clock, end, room=room)
    conflicts = conflicts_of(Schedule.objects.draft_of(event))
    assert [conflict.code for conflict in conflicts] == ["room_twice", "room_twice", "no_room"]
    assert conflicts[0].slots[0].starts_at < conflicts[1].slots[0].starts_at
