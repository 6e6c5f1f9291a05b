from __future__ import annotations

import gc
from datetime import datetime, time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from common.models import AuditEntry
from events.services import events
from notifications.models import Message, MessageState
from notifications.services import delivery, reminders
from notifications.sources import source_for
from scheduling.models import Schedule, Slot, SlotKind
from scheduling.services import contents, pages, releases
from scheduling.services.releases import CannotRelease
from submissions.models import SubmissionState
from submissions.services import submissions
from tests.factories import scheduling as make
from tests.factories.scheduling import NOW, at
from tests.racing import at_once

pytestmark = pytest.mark.django_db


def release(event, version="1.0", **options):
    return releases.release(event=event, version=version, actor=None, now=options.pop("now", NOW), **options)


def place(slot, clock, *, day=0):
    """Move a draft slot, as a service would."""
    length = slot.ends_at - slot.starts_at
    slot.starts_at = at(slot.schedule.event, clock, day=day)
    slot.ends_at = slot.starts_at + length
    slot.save()


def hear():
    """Speakers get what is queued: the quiet period is over."""
    delivery.deliver_due(now=NOW + timedelta(hours=1))


def kinds():
    return sorted(Message.objects.values_list("kind", flat=True))


# -- Freezing -----------------------------------------------------------------------------------------------------------


def test_a_release_holds_a_copy_of_the_draft_and_is_the_current_one():
    event = make.make_event()
    slot = make.make_talk(event, "Kefir", "09:00")

    schedule = release(event, "1.0", comment="First words.")

    copy = schedule.slots.get()
    assert (schedule.number, schedule.is_current, schedule.comment) == (1, True, "First words.")
    assert (copy.uid, copy.starts_at, copy.room, copy.submission) == (
        slot.uid,
        slot.starts_at,
        slot.room,
        slot.submission,
    )
    assert (copy.is_live, copy.sequence) == (True, 0)
    assert not Slot.objects.get(pk=slot.pk).is_live


def test_blocks_keep_their_talks_chairs_and_boards():
    event = make.make_event()
    room = make.make_room(event)
    chair = make.make_speaker(event, "Li Na")
    block = make.make_slot(event, "09:00", minutes=60, room=room, kind=SlotKind.POSTERS, title={"en": "Posters"})
    block.chairs.add(chair)
    poster = make.make_submission(event, "A poster")
    make.make_slot(event, "09:00", minutes=60, room=room, submission=poster, parent=block, board="P7")

    copy = release(event).slots.get(parent=None)

    assert (copy.kind, list(copy.chairs.all())) == (SlotKind.POSTERS, [chair])
    assert [(child.board, child.submission) for child in copy.children.all()] == [("P7", poster)]


def test_the_next_release_takes_over_and_the_first_stays_as_it_was():
    event = make.make_event()
    slot = make.make_talk(event, "Kefir", "09:00")
    first = release(event, "1.0")
    place(slot, "14:00")

    second = release(event, "2.0")

    first.refresh_from_db()
    assert (first.is_current, second.is_current, second.number) == (False, True, 2)
    assert first.slots.get().starts_at == at(event, "09:00")
    assert not first.slots.get().is_live
    assert second.slots.get().starts_at == at(event, "14:00")


def test_cancelled_and_unaccepted_sessions_are_left_out_of_a_release():
    event = make.make_event()
    kept = make.make_talk(event, "Kept", "09:00")
    gone = make.make_talk(event, "Gone", "10:00")
    gone.submission.state = SubmissionState.CANCELLED
    gone.submission.save()

    assert [slot.submission for slot in release(event).slots.all()] == [kept.submission]


def test_the_title_of_a_session_is_kept_as_it_was_published():
    event = make.make_event()
    slot = make.make_talk(event, "Kefir", "09:00")
    first = release(event, "1.0")
    slot.submission.title = "Kefir and its grains"
    slot.submission.save()
    second = release(event, "2.0")

    assert str(first.slots.get().title) == "Kefir"
    assert [(str(s.title), s.sequence) for s in second.slots.all()] == [("Kefir and its grains", 1)]


# -- Refusals -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "code"),
    [
        ("", "blank"),
        ("a/b", "invalid"),
        ("-x", "invalid"),
        ("x" * 41, "max_length"),
        ("latest", "invalid"),
        ("WIP", "invalid"),
        ("final\n", None),
    ],
)
def test_a_version_has_a_plain_name(version, code):
    event = make.make_event()
    make.make_talk(event)
    if code is None:
        assert release(event, version).version == "final"
        return
    with pytest.raises(releases.Refusal) as refusal:
        release(event, version)
    assert code in {problem.code for problem in refusal.value.problems}
    assert not Schedule.objects.filter(event=event).released().exists()


def test_a_version_is_published_once():
    event = make.make_event()
    make.make_talk(event)
    release(event, "1.0")

    with pytest.raises(CannotRelease) as refusal:
        release(event, "1.0")

    assert [problem.code for problem in refusal.value.problems] == ["version_taken"]


def test_an_empty_draft_is_not_published():
    with pytest.raises(CannotRelease) as refusal:
        release(make.make_event())
    assert [problem.code for problem in refusal.value.problems] == ["nothing_to_release"]


def test_a_room_needed_twice_is_refused_unless_forced():
    event = make.make_event()
    room = make.make_room(event)
    make.make_talk(event, "One", "09:00", room=room)
    make.make_talk(event, "Two", "09:15", room=room)
    make.make_talk(event, "Three", "11:00", room=room)

    with pytest.raises(CannotRelease) as refusal:
        release(event)
    assert [problem.code for problem in refusal.value.problems] == ["fatal_conflicts"]
    assert refusal.value.conflicts
    assert not Message.objects.exists()

    slots = release(event, force=True).slots.order_by("starts_at")
    assert [slot.overlap_accepted for slot in slots] == [True, True, False]


def test_a_room_that_another_event_has_published_is_refused_unless_forced():
    first = make.make_event()
    second = make.make_event(organisation=first.organisation)
    room = make.make_room(first)
    second.rooms.add(room)
    make.make_talk(first, "One", "09:00", room=room)
    make.make_talk(second, "Two", "09:15", room=room)
    release(first)

    with pytest.raises(CannotRelease):
        release(second)
    assert not Schedule.objects.filter(event=second).released().exists()
    assert release(second, force=True).slots.get().overlap_accepted


# -- Calendar entries stay themselves -----------------------------------------------------------------------------------


def test_the_sequence_rises_where_a_calendar_would_see_a_change_and_only_there():
    event = make.make_event()
    moved, still = make.make_talk(event, "Moved", "09:00"), make.make_talk(event, "Still", "09:00")
    release(event, "1")
    place(moved, "10:00")
    release(event, "2")
    moved.room = make.make_room(event)
    moved.save()
    third = release(event, "3")

    assert {slot.uid: slot.sequence for slot in third.slots.all()} == {moved.uid: 2, still.uid: 0}


def test_a_session_that_was_taken_out_and_put_in_anew_keeps_its_calendar_entry():
    event = make.make_event()
    slot = make.make_talk(event, "Kefir", "09:00")
    release(event, "1")
    hear()
    make.make_slot(event, "15:00", room=slot.room, submission=slot.submission)
    slot.delete()

    again = release(event, "2").slots.get()

    assert (again.uid, again.sequence, again.starts_at) == (slot.uid, 1, at(event, "15:00"))
    assert kinds() == ["slot_moved", "slot_published"]


def test_a_session_that_comes_back_follows_its_cancellation():
    event = make.make_event()
    slot, _other = make.make_talk(event, "Kefir", "09:00"), make.make_talk(event, "Other", "09:00")
    release(event, "1")
    hear()
    uid, room, submission = slot.uid, slot.room, slot.submission
    slot.delete()
    release(event, "2")
    hear()
    cancelled = Message.objects.get(kind="slot_cancelled")
    make.make_slot(event, "09:00", room=room, submission=submission)

    back = release(event, "3").slots.get(submission=submission)

    assert cancelled.context["calendar"]["sequence"] == 1
    assert (back.uid, back.sequence) == (uid, 2)


# -- Telling ------------------------------------------------------------------------------------------------------------


def test_speakers_are_told_once_each_what_is_new_what_moved_and_what_went():
    event = make.make_event()
    both = [
        make.make_speaker(event, "Ada", email="ada@example.org"),
        make.make_speaker(event, "Bo", email="bo@example.org"),
    ]
    nobody = make.make_speaker(event, "No address", email="")
    slot = make.make_talk(event, "Kefir", "09:00", speakers=[*both, nobody])
    other = make.make_talk(event, "Tea", "13:00")
    release(event, "1")
    assert kinds() == ["slot_published"] * 3
    hear()

    place(slot, "10:00")
    other_uid = other.uid
    other.delete()
    release(event, "2")

    moved = Message.objects.filter(kind="slot_moved")
    assert sorted(moved.values_list("recipient_email", flat=True)) == ["ada@example.org", "bo@example.org"]
    calendar = moved.first().context["calendar"]
    assert (calendar["method"], calendar["sequence"], calendar["uid"].split("@")[0]) == ("REQUEST", 1, str(slot.uid))
    assert datetime.fromisoformat(moved.first().context["old_starts"]) == at(event, "09:00")
    cancelled = Message.objects.get(kind="slot_cancelled")
    assert cancelled.about == f"slot:{other_uid}"
    assert cancelled.context["calendar"]["method"] == "CANCEL"
    release(event, "3")
    assert Message.objects.count() == 6
    hear()
    release(event, "4")
    assert Message.objects.count() == 6


def test_reminders_of_slots_that_moved_or_went_are_withdrawn_and_others_stay():
    event = make.make_event()
    moved, gone, still = (make.make_talk(event, title, "09:00") for title in ("Moved", "Gone", "Still"))
    release(event, "1")
    for slot in (moved, gone, still):
        Message.objects.create(
            kind="slot_reminder",
            about=f"slot:{slot.uid}",
            recipient_key="x",
            recipient_email="x@example.org",
            language="en",
            event_id=event.pk,
            created_at=NOW,
            send_at=NOW + timedelta(days=30),
            due_at=NOW + timedelta(days=30),
            message_id=f"<{slot.uid}@example.org>",
        )
    uids = {"moved": moved.uid, "gone": gone.uid, "still": still.uid}
    place(moved, "11:00")
    gone.delete()

    release(event, "2")

    states = dict(Message.objects.filter(kind="slot_reminder").values_list("about", "state"))
    assert states == {
        f"slot:{uids['moved']}": MessageState.CANCELLED,
        f"slot:{uids['gone']}": MessageState.CANCELLED,
        f"slot:{uids['still']}": MessageState.QUEUED,
    }


def test_nobody_is_told_of_a_draft_event_until_it_goes_public():
    event = make.make_event(state="draft")
    make.make_talk(event, "Kefir", "09:00")
    release(event, "1")
    assert kinds() == []

    events.update_event(event=event, changes={"state": "live"}, actor=None, now=NOW)
    assert kinds() == ["slot_published"]
    hear()

    events.update_event(event=event, changes={"state": "draft"}, actor=None, now=NOW)
    events.update_event(event=event, changes={"state": "live"}, actor=None, now=NOW)
    assert kinds() == ["slot_published"]


def test_what_is_over_is_not_told():
    event = make.make_event()
    make.make_talk(event, "Kefir", "09:00")
    release(event, "1", now=at(event, "10:00"))
    assert kinds() == []


def test_speakers_and_chairs_are_reminded_of_live_slots_only():
    event = make.make_event()
    speaker = make.make_speaker(event, "Ada", email="ada@example.org")
    slot = make.make_talk(event, "Kefir", "09:00", speakers=[speaker])
    chair = make.make_speaker(event, "Bo", email="bo@example.org")
    slot.chairs.add(chair)

    def reminded(audience):
        occasions = source_for("slot", audience).occasions(event.pk, NOW, NOW + timedelta(days=366))
        return [(occasion.to.email, occasion.about, occasion.at) for occasion in occasions]

    assert reminded("speakers") == []
    release(event, "1")
    assert reminded("speakers") == [("ada@example.org", f"slot:{slot.uid}", slot.starts_at)]
    assert reminded("chairs") == [("bo@example.org", f"slot:{slot.uid}", slot.starts_at)]

    events.update_event(event=event, changes={"state": "draft"}, actor=None, now=NOW)
    assert reminded("speakers") == []


def test_a_session_cancelled_after_the_release_is_not_reminded_of():
    event = make.make_event()
    slot = make.make_talk(event, "Kefir", "09:00")
    release(event, "1")
    slot.submission.state = SubmissionState.CANCELLED
    slot.submission.save()

    assert list(source_for("slot", "speakers").occasions(event.pk, NOW, NOW + timedelta(days=366))) == []


@pytest.mark.parametrize("end", ["cancel", "delete", "draft"])
def test_a_session_that_is_cancelled_withdraws_its_reminders_at_once_and_its_end_is_told_once(end):
    event = make.make_event()
    ada = make.make_speaker(event, "Ada", email="ada@example.org")
    slot = make.make_talk(event, "Kefir", "09:00", speakers=[ada])
    make.make_talk(event, "Other", "09:00")
    release(event, "1")
    hear()
    reminders.create_rule(event_id=event.pk, anchor="slot", audience="speakers", offset_minutes=60, actor=None, now=NOW)
    due = slot.starts_at - timedelta(hours=1)
    reminders.plan_reminders(now=due - timedelta(minutes=5))
    assert Message.objects.filter(kind="slot_reminder", state="queued").count() == 2

    now = due - timedelta(minutes=4)
    if end == "cancel":
        changes = {"state": SubmissionState.CANCELLED}
        submissions.update_submission(submission=slot.submission, changes=changes, actor=None, now=now)
    elif end == "delete":
        submissions.delete_submission(submission=slot.submission, actor=None, now=now)
    else:
        events.update_event(event=event, changes={"state": "draft"}, actor=None, now=now)

    mine = Message.objects.filter(kind="slot_reminder", recipient_email="ada@example.org")
    assert list(mine.values_list("state", "reason")) == [("cancelled", "withdrawn")]
    reminders.plan_reminders(now=now)
    delivery.deliver_due(now=due)
    assert not mine.filter(state="sent").exists()
    if end != "draft":
        for version in ("2", "3"):
            release(event, version, now=due)
            delivery.deliver_due(now=due)
        assert list(
            Message.objects.filter(recipient_email="ada@example.org", state="sent")
            .order_by("pk")
            .values_list("kind", flat=True)
        ) == ["slot_published", "slot_cancelled"]


def test_somebody_in_three_roles_is_reminded_once():
    event = make.make_event()
    ada = make.make_speaker(event, "Ada", email="ada@example.org")
    slot = make.make_talk(
        event, "Kefir", "09:00", speakers=[ada, make.make_speaker(event, "A.", email="ADA@example.org")]
    )
    slot.chairs.add(ada)
    release(event, "1")
    hear()
    for audience in ("speakers", "chairs", "speakers"):
        reminders.create_rule(
            event_id=event.pk, anchor="slot", audience=audience, offset_minutes=60, actor=None, now=NOW
        )
    due = slot.starts_at - timedelta(hours=1)
    for _ in range(2):
        reminders.plan_reminders(now=due)
        delivery.deliver_due(now=due)

    assert Message.objects.filter(kind="slot_reminder", state="sent").count() == 1


def test_speakers_are_reminded_of_the_event_with_all_their_sessions():
    event = make.make_event()
    ada = make.make_speaker(event, "Ada", email="ada@example.org")
    make.make_talk(event, "Tea", "11:00", speakers=[ada])
    make.make_talk(event, "Kefir", "09:00", speakers=[ada])
    release(event, "1")

    (occasion,) = source_for("event", "speakers").occasions(event.pk, NOW, NOW + timedelta(days=366))

    assert (occasion.to.email, occasion.at) == ("ada@example.org", event.starts_at)
    assert occasion.context["session"] == ["Kefir", "Tea"]
    assert list(source_for("event", "speakers").occasions(event.pk, event.reminders_end_at, event.ends_at)) == []


def test_planning_takes_as_many_queries_for_many_slots_as_for_few():
    counts = []
    for talks in (1, 30):
        event = make.make_event()
        room = make.make_room(event)
        for number in range(talks):
            make.make_talk(event, clock=f"{8 + number // 4:02d}:{15 * (number % 4):02d}", minutes=15, room=room)
        release(event, "1")
        rule = reminders.create_rule(
            event_id=event.pk, anchor="slot", audience="speakers", days_before=1, at_time=time(18), actor=None, now=NOW
        )
        with CaptureQueriesContext(connection) as context:
            plan = reminders.plan_reminders(now=at(event, "18:00") - timedelta(days=1))
        assert len(plan.written) == talks
        counts.append(len(context))
        reminders.delete_rule(rule=rule, actor=None, now=NOW)
    assert counts[0] == counts[1]


# -- Preview ------------------------------------------------------------------------------------------------------------


def test_the_preview_says_what_the_release_then_does():
    event = make.make_event()
    moved, gone, still = (make.make_talk(event, title, "09:00") for title in ("Moved", "Gone", "Still"))
    release(event, "1")
    hear()
    place(moved, "11:00")
    gone.delete()
    new = make.make_talk(event, "New", "12:00")

    preview = releases.preview(event)

    assert [change.new for change in preview.added] == [new]
    assert [(change.old.starts_at, change.new.starts_at) for change in preview.moved] == [
        (at(event, "09:00"), at(event, "11:00"))
    ]
    assert [str(change.slot.title) for change in preview.cancelled] == ["Gone"]
    assert (preview.unchanged, preview.speakers_affected, preview.messages) == (1, 3, 3)
    before = Message.objects.count()
    release(event, "2")
    assert Message.objects.count() - before == preview.messages
    assert still.pk


def test_preview_and_release_take_as_many_queries_for_many_sessions_as_for_few():
    counts = []
    for talks in (1, 3):
        event = make.make_event()
        for _ in range(talks):
            make.make_talk(event)
        with CaptureQueriesContext(connection) as preview:
            releases.preview(event)
        with CaptureQueriesContext(connection) as released:
            release(event)
        counts.append((len(preview), len(released)))
    assert counts[0] == counts[1]


def test_a_release_leaves_nothing_in_memory(monkeypatch):
    event = make.make_event()
    for number in range(5):
        make.make_talk(event, f"Kefir {number}", f"{9 + number:02d}:00")
    texts = pages._markdown.cache_info
    # Whatever looks for it by chance.
    monkeypatch.setattr(gc, "enable", lambda: None)
    gc.collect()
    gc.disable()
    try:
        release(event)
        left = [thing for thing in gc.get_objects() if type(thing) in {pages.Pages, contents.Release}]
    finally:
        monkeypatch.undo()
        gc.enable()
    assert (left, texts().currsize) == ([], 0)


def test_a_release_is_written_in_the_events_history():
    event = make.make_event()
    make.make_talk(event)
    user = make.make_organizer(event)
    releases.release(event=event, version="1.0", actor=user, now=NOW)

    entry = AuditEntry.objects.get(verb="schedule_released")
    assert (entry.actor, entry.event_id, entry.details["added"]) == (user, event.pk, 1)


# -- Races --------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_of_two_releases_of_one_version_at_once_one_wins():
    event = make.make_event()
    make.make_talk(event)

    outcomes = at_once(*[lambda: release(event, "1.0")] * 2)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["CannotRelease", "Schedule"]
    assert Schedule.objects.filter(event=event).released().count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_releases_at_once_follow_each_other():
    event = make.make_event()
    make.make_talk(event)

    outcomes = at_once(lambda: release(event, "1.0"), lambda: release(event, "2.0"))

    assert sorted(outcome.number for outcome in outcomes) == [1, 2]
    current = Schedule.objects.filter(event=event).current().get()
    assert current.number == 2
    assert (
        Slot.objects.filter(schedule__event=event, is_live=True).values_list("schedule", flat=True).get() == current.pk
    )
    assert Message.objects.filter(kind="slot_published").count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_events_cannot_publish_one_room_at_the_same_time_in_a_race():
    first = make.make_event()
    second = make.make_event(organisation=first.organisation)
    room = make.make_room(first)
    second.rooms.add(room)
    make.make_talk(first, "One", "09:00", room=room)
    make.make_talk(second, "Two", "09:15", room=room)

    outcomes = at_once(lambda: release(first), lambda: release(second))

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["CannotRelease", "Schedule"]
    assert Slot.objects.filter(room=room, is_live=True).count() == 1
