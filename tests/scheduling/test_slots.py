"""Placing, moving and removing in the draft: what is refused, what moves along, and what is written down."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from common.models import AuditEntry
from events.models import Event
from scheduling.models import Slot, SlotKind
from scheduling.services import releases, slots
from scheduling.services.slots import CannotPlace
from submissions.models import SubmissionState
from submissions.services import submissions
from tests.factories import scheduling as make
from tests.factories.scheduling import NOW, at

pytestmark = pytest.mark.django_db


@pytest.fixture
def event() -> Event:
    return make.make_event("food")


def place(event: Event, clock: str = "09:00", **fields: Any) -> Slot:
    if "submission" not in fields:
        fields.setdefault("title", "Tea")
    return slots.place_slot(event=event, starts_at=at(event, clock), actor=None, now=NOW, **fields)


def move(slot: Slot, **changes: Any) -> Slot:
    return slots.move_slot(slot=slot, changes=changes, actor=None, now=NOW)


def codes(refusal: pytest.ExceptionInfo[CannotPlace]) -> list[str]:
    return [problem.code for problem in refusal.value.problems]


def test_a_slot_lasts_as_long_as_its_session_or_half_an_hour(event: Event) -> None:
    session = make.make_submission(event, "Kefir")
    session.duration = timedelta(minutes=45)
    session.save()
    assert place(event, submission=session).duration == timedelta(minutes=45)
    assert place(event).duration == timedelta(minutes=30)


def test_a_new_beginning_keeps_the_duration(event: Event) -> None:
    slot = place(event, ends_at=at(event, "10:15"))
    move(slot, starts_at=at(event, "14:00"))
    assert slot.ends_at == at(event, "15:15")


def test_what_a_block_holds_moves_with_it_and_stays_within(event: Event) -> None:
    room, other = make.make_room(event), make.make_room(event)
    block = place(event, kind=SlotKind.BLOCK, room=room, ends_at=at(event, "11:00"))
    talk = place(event, "10:30", room=room, parent=block)
    move(block, starts_at=at(event, "15:00"), room=other)
    talk.refresh_from_db()
    assert (talk.starts_at, talk.room) == (at(event, "16:30"), other)
    with pytest.raises(CannotPlace) as refusal:
        move(block, ends_at=at(event, "16:00"))
    assert codes(refusal) == ["outside_parent"]
    with pytest.raises(CannotPlace) as refusal:
        place(event, "18:00", parent=block)
    assert codes(refusal) == ["outside_parent"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"title": " "}, "title_required"),
        ({"ends_at": timedelta(minutes=-1)}, "ends_before_it_starts"),
        ({"ends_at": timedelta(days=15)}, "too_long"),
        ({"board": "P1"}, "board_without_posters"),
    ],
)
def test_what_makes_no_sense_is_refused(event: Event, fields: dict[str, Any], code: str) -> None:
    if isinstance(shift := fields.get("ends_at"), timedelta):
        fields = {**fields, "ends_at": at(event) + shift}
    with pytest.raises(CannotPlace) as refusal:
        place(event, **fields)
    assert codes(refusal) == [code]
    assert not Slot.objects.exists()


def test_rooms_sessions_and_blocks_are_the_events_own(event: Event) -> None:
    other = make.make_event("other")
    foreign = make.make_talk(other, "Secret", "09:00")
    for fields in ({"room": foreign.room}, {"submission": foreign.submission}, {"parent": foreign}):
        with pytest.raises(CannotPlace) as refusal:
            place(event, **fields)
        assert "not_of_event" in codes(refusal)


def test_only_accepted_sessions_are_placed(event: Event) -> None:
    session = make.make_submission(event, "Kefir")
    submissions.update_submission(submission=session, changes={"state": SubmissionState.REJECTED}, actor=None, now=NOW)
    with pytest.raises(CannotPlace) as refusal:
        place(event, submission=session)
    assert codes(refusal) == ["not_on_the_programme"]


def test_blocks_hold_no_blocks(event: Event) -> None:
    block = place(event, kind=SlotKind.BLOCK, ends_at=at(event, "11:00"))
    for kind in (SlotKind.BLOCK, SlotKind.POSTERS, SlotKind.PLENARY):
        with pytest.raises(CannotPlace) as refusal:
            place(event, kind=kind, parent=block)
        assert codes(refusal) == ["parent_holds_nothing"]
    talk = place(event)
    with pytest.raises(CannotPlace) as refusal:
        place(event, parent=talk)
    assert codes(refusal) == ["parent_holds_nothing"]


def test_a_lock_holds_until_it_is_taken_off(event: Event) -> None:
    slot = place(event, locked=True)
    for attempt in (lambda: move(slot, starts_at=at(event, "12:00")), lambda: remove(slot)):
        with pytest.raises(CannotPlace) as refusal:
            attempt()
        assert codes(refusal) == ["slot_is_locked"]
    move(slot, title="Coffee")
    move(slot, locked=False, starts_at=at(event, "12:00"))
    assert slot.starts_at == at(event, "12:00")


def remove(slot: Slot) -> None:
    slots.remove_slot(slot=slot, actor=None, now=NOW)


def test_a_release_is_not_touched(event: Event) -> None:
    place(event)
    schedule = releases.release(event=event, version="1.0", actor=None, now=NOW)
    released = schedule.slots.get()
    for attempt in (lambda: move(released, starts_at=at(event, "12:00")), lambda: remove(released)):
        with pytest.raises(CannotPlace) as refusal:
            attempt()
        assert codes(refusal) == ["schedule_is_released"]


def test_moving_to_where_it_is_and_removing_twice_change_nothing(event: Event) -> None:
    slot = place(event)
    before = AuditEntry.objects.count()
    move(slot, starts_at=slot.starts_at)
    assert AuditEntry.objects.count() == before
    remove(slot)
    remove(slot)
    assert AuditEntry.objects.filter(verb="slot_removed").count() == 1


def test_who_did_what_is_written_down(event: Event) -> None:
    user = make.make_organizer(event)
    slot = slots.place_slot(event=event, title="Tea", starts_at=at(event), actor=user, now=NOW)
    slots.move_slot(slot=slot, changes={"starts_at": at(event, "10:00")}, actor=user, now=NOW)
    slots.move_slot(slot=slot, changes={"title": "Coffee"}, actor=user, now=NOW)
    slots.remove_slot(slot=slot, actor=user, now=NOW)
    verbs = AuditEntry.objects.filter(actor=user).order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["slot_placed", "slot_moved", "slot_changed", "slot_removed"]


def test_a_block_that_holds_others_stays_a_block(event: Event) -> None:
    block = place(event, kind=SlotKind.BLOCK, ends_at=at(event, "11:00"))
    other = place(event, "12:00", kind=SlotKind.BLOCK, ends_at=at(event, "15:00"))
    place(event, parent=block)
    for changes in ({"kind": SlotKind.TALK}, {"kind": SlotKind.TALK, "parent": other, "starts_at": at(event, "12:00")}):
        with pytest.raises(CannotPlace) as refusal:
            move(block, **changes)
        assert codes(refusal) == ["holds_others"]


def test_a_block_does_not_drag_along_what_is_locked(event: Event) -> None:
    block = place(event, kind=SlotKind.BLOCK, room=make.make_room(event), ends_at=at(event, "11:00"))
    talk = place(event, parent=block, locked=True)
    for attempt in (
        lambda: move(block, starts_at=at(event, "14:00")),
        lambda: move(block, room=make.make_room(event)),
        lambda: remove(block),
    ):
        with pytest.raises(CannotPlace) as refusal:
            attempt()
        assert codes(refusal) == ["slot_is_locked"]
    move(block, ends_at=at(event, "12:00"))
    move(talk, locked=False)
    move(block, starts_at=at(event, "14:00"))
    talk.refresh_from_db()
    assert talk.starts_at == at(event, "14:00")


def test_what_was_removed_meanwhile_is_not_moved(event: Event) -> None:
    slot = place(event)
    Slot.objects.filter(pk=slot.pk).delete()
    with pytest.raises(CannotPlace) as refusal:
        move(slot, starts_at=at(event, "14:00"))
    assert codes(refusal) == ["removed_meanwhile"]
