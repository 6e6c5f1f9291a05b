"""What cannot work in a draft, and what might not: each code, and where it begins and ends."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from accounts.services.people import find_or_create_person
from events.models import Event, RoomHold
from events.services import places
from scheduling.models import Schedule, Slot, SlotKind
from scheduling.services import releases, slots
from scheduling.services.conflicts import Conflict, conflicts_of
from submissions.services import speakers
from tests.factories import scheduling as make
from tests.factories.scheduling import NOW, at

Period = tuple[datetime, datetime]

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


@pytest.mark.parametrize(
    ("clock", "until", "clash"),
    [
        ("08:00", "09:00", False),
        ("09:00", "09:00", True),
        ("09:30", "09:30", True),
        ("10:00", "10:00", False),
        ("09:59", "11:00", True),
        ("10:00", "11:00", False),
    ],
)
def test_other_events_count_from_the_same_instants_as_our_own(
    event: Event, clock: str, until: str, clash: bool
) -> None:
    speaker = make.make_speaker(event, "Li Na")
    other = make.make_event("other", organisation=event.organisation)
    guest = make.make_speaker(other, "Li Na")
    speaker.person = guest.person = find_or_create_person(email="li@example.edu", name="Li Na")
    speaker.save()
    guest.save()
    room = make.make_room(event)
    places.attach_room(event=other, room=room, actor=None, now=NOW)
    make.make_talk(other, "Theirs", "09:00", minutes=60, room=room, speakers=[guest])
    releases.release(event=other, version="1.0", actor=None, now=NOW)
    place(event, clock, until, room=room, submission=make.make_submission(event, speakers=[speaker]))
    fatal = [code for severity, code in found(event) if severity == "fatal"]
    assert fatal == (["person_elsewhere", "room_taken_elsewhere"] if clash else [])


def test_what_a_block_holds_in_another_room_is_there_alone(event: Event) -> None:
    hall, studio = make.make_room(event), make.make_room(event)
    block = place(event, "09:00", "11:00", kind=SlotKind.BLOCK, room=hall)
    place(event, "09:00", "10:00", room=studio, parent=block)
    assert found(event) == []
    place(event, "09:30", "10:30", room=studio)
    assert found(event) == [("fatal", "room_twice")]


def test_two_plenaries_at_once_cannot_both_be_for_everybody(event: Event) -> None:
    for _ in range(2):
        place(event, "09:00", "10:00", kind=SlotKind.PLENARY, room=make.make_room(event))
    assert found(event) == [("warning", "beside_a_plenary")]


# Quarters of an hour around a midnight, so that touching, nesting and equal times are common.
_QUARTER = st.integers(min_value=0, max_value=11)
_LENGTH = st.integers(min_value=0, max_value=4)
_ROOM = st.sampled_from([None, 0, 1])
_PEOPLE = st.sets(st.integers(min_value=0, max_value=2), max_size=2)


@st.composite
def _slots(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Of any kind; some in a block that came before them, and a few with a board there."""
    drawn: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(min_value=1, max_value=8))):
        kind = draw(st.sampled_from(["talk", "talk", "talk", "block", "posters", "plenary", "break"]))
        blocks = [index for index, slot in enumerate(drawn) if slot["kind"] in {"block", "posters"}]
        parent = draw(st.sampled_from([None, *blocks])) if kind in {"talk", "break"} else None
        drawn.append(
            {
                "quarter": draw(_QUARTER),
                "length": draw(_LENGTH),
                "room": draw(_ROOM),
                "kind": kind,
                "people": draw(_PEOPLE),
                "chairs": draw(_PEOPLE) if kind in {"block", "posters"} else set(),
                "parent": parent,
                "board": "P1" if parent is not None and draw(st.booleans()) else "",
                "expected": draw(st.sampled_from([None, 3, 9])),
            }
        )
    return drawn


_PERIODS = st.lists(st.tuples(_QUARTER, st.integers(min_value=1, max_value=6)), max_size=3)


@dataclass
class Night:
    """An event around a midnight, its neighbour with a released programme, and what is known of rooms and people."""

    event: Event
    rooms: list[Any]
    people: list[Any]
    held: dict[int, list[Period]]
    theirs: dict[int, list[Period]]
    can_come: dict[int, list[Period]]
    elsewhere: dict[int, list[Period]]
    start: datetime

    def period(self, quarter: int, length: int) -> Period:
        begin = self.start + timedelta(minutes=15 * quarter)
        return begin, begin + timedelta(minutes=15 * length)


def make_night() -> Night:
    event = make.make_event("night", days=1)
    rooms = [make.make_room(event), make.make_room(event, capacity=5)]
    people = [make.make_speaker(event, f"Person {number}", email="") for number in range(3)]
    for number, speaker in enumerate(people[:2]):
        speaker.person = find_or_create_person(email=f"person{number}@example.org", name="Somebody")
        speaker.save()
    return Night(event, rooms, people, {0: [], 1: []}, {0: [], 1: []}, {}, {0: [], 1: []}, at(event, "22:30"))


def fill(night: Night, drawn: list[dict[str, Any]], held: Any, foreign: Any, can_come: Any) -> list[Slot]:
    """Holds are of the first room, another event has published something of the first person in the second room, and the last
    person has said when they can come."""
    for periods in (night.held, night.theirs, night.elsewhere, night.can_come):
        for number in list(periods):
            periods[number] = []
    for period in (night.period(*pair) for pair in held):
        # No two of one room overlap: the database sees to that.
        if not any(begin < period[1] and period[0] < finish for begin, finish in night.held[0]):
            RoomHold.objects.create(event=night.event, room=night.rooms[0], period=period)
            night.held[0].append(period)
    if foreign:
        other = make.make_event("other", days=1)
        guest = make.make_speaker(other, "Guest", email="")
        guest.person = night.people[0].person
        guest.save()
        theirs = make.make_slot(other, room=night.rooms[1], submission=make.make_submission(other, speakers=[guest]))
        for period in (night.period(*pair) for pair in foreign):
            theirs.pk, theirs.uid = None, uuid.uuid4()
            theirs.starts_at, theirs.ends_at = period
            theirs.is_live = theirs.overlap_accepted = True
            theirs.save(force_insert=True)
            night.theirs[1].append(period)
            night.elsewhere[0].append(period)
    if can_come:
        night.can_come[2] = [night.period(*pair) for pair in can_come]
        speakers.update_speaker(
            speaker=night.people[2], changes={}, availability=night.can_come[2], actor=None, now=NOW
        )
    placed: list[Slot] = []
    for each in drawn:
        submission = make.make_submission(
            night.event, speakers=[night.people[number] for number in sorted(each["people"])]
        )
        submission.expected_attendance = each["expected"]
        submission.save(update_fields=["expected_attendance"])
        starts_at, ends_at = night.period(each["quarter"], each["length"])
        slot = Slot.objects.create(
            schedule=Schedule.objects.draft_of(night.event),
            room=None if each["room"] is None else night.rooms[each["room"]],
            submission=submission,
            kind=each["kind"],
            parent=None if each["parent"] is None else placed[each["parent"]],
            board=each["board"],
            starts_at=starts_at,
            ends_at=ends_at,
        )
        slot.chairs.add(*[night.people[number] for number in each["chairs"]])
        placed.append(slot)
    return placed


_MINUTE = timedelta(minutes=1)


def minutes_of(period: Period) -> set[datetime]:
    """The instants that it takes: minute by minute from the first, the last one left out; one where it has no length."""
    begin, finish = period
    return {begin + number * _MINUTE for number in range((finish - begin) // _MINUTE)} or {begin}


def expected_conflicts(night: Night, drawn: list[dict[str, Any]]) -> list[tuple[str, frozenset[int]]]:
    """The page on conflicts, read out slowly: every slot beside every other, minute by minute."""
    found: list[tuple[str, frozenset[int]]] = []
    times = [night.period(slot["quarter"], slot["length"]) for slot in drawn]
    taken = [minutes_of(period) for period in times]
    busy = [slot["people"] | slot["chairs"] if slot["kind"] != "break" else set() for slot in drawn]
    claims = []
    for slot in drawn:
        block = drawn[slot["parent"]] if slot["parent"] is not None else None
        claims.append(None if block and block["room"] == slot["room"] else slot["room"])
    for one, other in itertools.combinations(range(len(drawn)), 2):
        first, second = drawn[one], drawn[other]
        pair = frozenset({one, other})
        if second["parent"] == one and not (times[one][0] <= times[other][0] and times[other][1] <= times[one][1]):
            found.append(("outside_block", pair))
        if not taken[one] & taken[other]:
            continue
        posters = (
            first["parent"] is not None and first["parent"] == second["parent"] and first["board"] and second["board"]
        )
        if claims[one] is not None and claims[one] == claims[other] and not posters:
            found.append(("room_twice", pair))
        if second["parent"] != one and not posters:
            found += [("person_twice", pair)] * len(busy[one] & busy[other])
        kinds = {first["kind"], second["kind"]}
        at_the_top = first["parent"] is None and second["parent"] is None
        elsewhere = first["room"] is None or first["room"] != second["room"]
        if at_the_top and elsewhere and "plenary" in kinds and "break" not in kinds:
            found.append(("beside_a_plenary", pair))
    return sorted([*found, *_expected_of_each(night, drawn, times, taken, busy, claims)], key=repr)


def _expected_of_each(
    night: Night, drawn: list[dict[str, Any]], times: Any, taken: Any, busy: Any, claims: Any
) -> list[tuple[str, frozenset[int]]]:
    found: list[tuple[str, frozenset[int]]] = []
    for number, slot in enumerate(drawn):
        alone = frozenset({number})
        begin, finish = times[number]
        room = slot["room"]
        if room is not None and claims[number] is not None:
            if any(taken[number] & minutes_of(period) for period in night.theirs[room]):
                found.append(("room_taken_elsewhere", alone))
            elif night.held[room] and not covered(begin, finish, night.held[room]):
                found.append(("outside_hold", alone))
        for person in busy[number]:
            if any(taken[number] & minutes_of(period) for period in night.elsewhere.get(person, [])):
                found.append(("person_elsewhere", alone))
            if night.can_come.get(person) and not covered(begin, finish, night.can_come[person]):
                found.append(("person_away", alone))
        shown = room if room is not None or slot["parent"] is None else drawn[slot["parent"]]["room"]
        if shown == 1 and slot["expected"] and slot["expected"] > 5:
            found.append(("over_capacity", alone))
        if room is None and slot["parent"] is None:
            found.append(("no_room", alone))
        if begin == finish:
            found.append(("no_time", alone))
    return found


def covered(begin: datetime, finish: datetime, periods: list[Period]) -> bool:
    """Every minute, and the instants at both ends, lie in one of them."""
    inside = {minute for start, end in periods for minute in [*minutes_of((start, end)), end]}
    minutes = [begin + number * _MINUTE for number in range((finish - begin) // _MINUTE + 1)]
    return all(minute in inside for minute in minutes) and all(
        any(start <= minute and minute + _MINUTE <= end for start, end in periods) for minute in minutes[:-1]
    )


def test_all_that_is_found_is_what_a_patient_reader_finds_and_for_one_slot_the_same() -> None:
    night = make_night()
    draft = Schedule.objects.draft_of(night.event)

    @settings(
        max_examples=60,
        deadline=None,
        derandomize=True,
        # What is built here is small already, and building it anew thousands of times is slow.
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn=_slots(), held=_PERIODS, foreign=_PERIODS, can_come=_PERIODS)
    def compare(drawn: list[dict[str, Any]], held: Any, foreign: Any, can_come: Any) -> None:
        with transaction.atomic():
            placed = fill(night, drawn, held, foreign, can_come)
            numbers = {slot.pk: number for number, slot in enumerate(placed)}
            whole = conflicts_of(draft)
            told = [(c.code, frozenset(numbers[slot.pk] for slot in c.slots)) for c in whole]
            assert sorted(told, key=repr) == expected_conflicts(night, drawn)
            for slot in {placed[0], placed[-1]}:
                expected = [key(conflict) for conflict in whole if slot in conflict.slots]
                assert [key(conflict) for conflict in conflicts_of(draft, touching=[slot])] == expected
            transaction.set_rollback(True)

    compare()


def key(conflict: Conflict) -> tuple[object, ...]:
    return conflict.severity, conflict.code, str(conflict.message), conflict.slots
