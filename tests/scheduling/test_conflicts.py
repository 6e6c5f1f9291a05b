"""What cannot work in a draft, and what might not: each code, and where it begins and ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.services.people import find_or_create_person
from events.models import Event
from events.services import places
from scheduling.models import Schedule, Slot, SlotKind
from scheduling.services import releases, slots
from scheduling.services.conflicts import Conflict, conflicts_of
from submissions.services import speakers
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
    about_rooms = [code for code in found(event) if code != ("warning", "no_time")]
    assert about_rooms == ([("fatal", "room_twice")] if clash else [])


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


def test_somebody_on_another_events_programme_is_not_to_be_had(event: Event) -> None:
    other = make.make_event("tea")
    mine, theirs = make.make_speaker(event, "Li Na"), make.make_speaker(other, "Na Li")
    for speaker in (mine, theirs):
        speaker.person = find_or_create_person(email="li@example.edu", name="Li Na")
        speaker.save()
    place(event, "09:00", "10:00", room=make.make_room(event), submission=make.make_submission(event, speakers=[mine]))
    place(
        other, "09:30", "10:30", room=make.make_room(other), submission=make.make_submission(other, speakers=[theirs])
    )
    assert found(event) == []
    releases.release(event=other, version="1", actor=None, now=NOW)
    assert found(event) == [("fatal", "person_elsewhere")]


@pytest.mark.parametrize(
    ("said", "away"),
    [
        ([], False),
        ([("09:00", "10:00")], False),
        ([("08:00", "09:30"), ("09:30", "12:00")], False),
        ([("09:01", "12:00")], True),
        ([("08:00", "09:59")], True),
        ([("13:00", "14:00")], True),
    ],
)
def test_who_has_said_when_they_can_come_is_needed_then(event: Event, said: list[tuple[str, str]], away: bool) -> None:
    speaker = make.make_speaker(event)
    periods = [(at(event, start), at(event, end)) for start, end in said]
    speakers.update_speaker(speaker=speaker, changes={}, availability=periods, actor=None, now=NOW)
    place(
        event, "09:00", "10:00", room=make.make_room(event), submission=make.make_submission(event, speakers=[speaker])
    )
    assert found(event) == ([("fatal", "person_away")] if away else [])


@pytest.mark.parametrize(
    ("expected", "seats", "warned"), [(100, 99, True), (100, 100, False), (None, 1, False), (5, None, False)]
)
def test_a_room_has_seats_for_those_who_are_expected(
    event: Event, expected: int | None, seats: int | None, warned: bool
) -> None:
    room = make.make_room(event)
    room.capacity = seats
    room.save()
    submission = make.make_submission(event, speakers=[])
    submission.expected_attendance = expected
    submission.save()
    place(event, "09:00", "10:00", room=room, submission=submission)
    assert found(event) == ([("warning", "over_capacity")] if warned else [])


def test_what_a_block_holds_lies_within_it(event: Event) -> None:
    room = make.make_room(event)
    block = place(event, "09:00", "10:00", room=room, kind=SlotKind.BLOCK)
    place(event, "09:00", "09:30", room=room, parent=block)
    Slot.objects.filter(pk=block.pk).update(starts_at=at(event, "09:10"))
    assert found(event) == [("warning", "outside_block")]


def test_a_slot_without_length_is_pointed_out(event: Event) -> None:
    place(event, "09:00", "09:00", room=make.make_room(event))
    assert found(event) == [("warning", "no_time")]


# Quarters of an hour around a midnight and a change of the clocks, so that touching, nesting and equal times are common.
_QUARTER = st.integers(min_value=0, max_value=11)
_SLOTS = st.lists(
    st.tuples(
        _QUARTER,
        st.integers(min_value=0, max_value=4),
        st.sampled_from([None, 0, 1]),
        st.sampled_from(["talk", "talk", "plenary", "break"]),
        st.sets(st.integers(min_value=0, max_value=2), max_size=2),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(drawn=_SLOTS, chosen=st.integers(min_value=0, max_value=7))
def test_what_is_found_for_one_slot_is_what_is_found_for_all(drawn: list[Any], chosen: int) -> None:
    with transaction.atomic():
        event = make.make_event("night")
        rooms = [make.make_room(event), make.make_room(event)]
        rooms[1].capacity = 5
        rooms[1].save()
        people = [make.make_speaker(event) for _ in range(3)]
        speakers.update_speaker(
            speaker=people[0],
            changes={},
            availability=[(at(event, "23:00"), at(event, "23:59"))],
            actor=None,
            now=NOW,
        )
        placed = []
        for quarter, length, room, kind, names in drawn:
            submission = make.make_submission(event, speakers=[people[number] for number in sorted(names)])
            submission.expected_attendance = quarter
            submission.save()
            fields = {"room": None if room is None else rooms[room], "submission": submission, "kind": kind}
            slot = make.make_slot(event, "22:30", minutes=0, **fields)
            slot.starts_at += timedelta(minutes=15 * quarter)
            slot.ends_at = slot.starts_at + timedelta(minutes=15 * length)
            slot.save()
            placed.append(slot)
        slot = placed[chosen % len(placed)]
        draft = Schedule.objects.draft_of(event)
        expected = [key(conflict) for conflict in conflicts_of(draft) if slot in conflict.slots]
        assert [key(conflict) for conflict in conflicts_of(draft, touching=[slot])] == expected
        transaction.set_rollback(True)


def key(conflict: Conflict) -> tuple[object, ...]:
    return conflict.severity, conflict.code, str(conflict.message), conflict.slots
