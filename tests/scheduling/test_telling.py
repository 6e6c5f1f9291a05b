"""What speakers are told of releases: once, in sum, when it is quiet."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.models import Event
from events.services import events
from notifications.models import CancelReason, CaughtMail, Message, MessageState
from notifications.services import delivery
from scheduling.models import Slot
from scheduling.services import releases
from submissions.models import Speaker
from tests.factories import scheduling as make
from tests.factories.scheduling import NOW, at

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
QUIET = 10 * MINUTE


@pytest.fixture
def event() -> Event:
    return make.make_event("food", locales=("en", "zh-hans"), quiet_minutes=10)


@pytest.fixture
def ada(event: Event) -> Speaker:
    return make.make_speaker(event, "Ada", email="ada@example.org")


Publish = Callable[[datetime], Any]


@pytest.fixture
def publish(event: Event) -> Publish:
    """Release the draft at an instant, as the next version."""
    versions = iter(range(1, 100))
    return lambda now: releases.release(event=event, version=str(next(versions)), force=True, actor=None, now=now)


def move(slot: Slot, clock: str, *, day: int = 0) -> None:
    length = slot.ends_at - slot.starts_at
    slot.starts_at = at(slot.schedule.event, clock, day=day)
    slot.ends_at = slot.starts_at + length
    slot.save()


def deliver(now: datetime) -> list[str]:
    """What arrives at that instant: kinds."""
    known = set(Message.objects.filter(state=MessageState.SENT).values_list("pk", flat=True))
    delivery.deliver_due(now=now)
    return list(
        Message.objects.filter(state=MessageState.SENT)
        .exclude(pk__in=known)
        .order_by("pk")
        .values_list("kind", flat=True)
    )


def queued() -> list[Message]:
    return list(Message.objects.filter(state=MessageState.QUEUED).order_by("pk"))


# -- In sum, when it is quiet -------------------------------------------------------------------------------------------


def test_a_slot_that_moves_again_and_again_is_told_once_from_where_it_was_to_where_it_is(
    event: Event, ada: Speaker, publish: Publish
) -> None:
    slot = make.make_talk(event, "Kefir", "09:00", speakers=[ada])
    publish(NOW)
    deliver(NOW + QUIET)
    later = NOW + timedelta(hours=1)
    for minutes, clock in ((0, "10:00"), (4, "11:00"), (8, "12:00")):
        move(slot, clock)
        publish(later + minutes * MINUTE)
        assert deliver(later + minutes * MINUTE) == []

    assert deliver(later + 17 * MINUTE) == []
    assert deliver(later + 18 * MINUTE) == ["slot_moved"]
    sent = Message.objects.get(kind="slot_moved", state=MessageState.SENT)
    assert (sent.context["old_starts"], sent.context["starts"]) == (
        "2027-06-07T01:00:00+00:00",
        "2027-06-07T04:00:00+00:00",
    )
    assert sent.context["calendar"]["sequence"] == 3
    merged = Message.objects.filter(state=MessageState.CANCELLED)
    assert list(merged.values_list("reason", flat=True)) == [CancelReason.MERGED] * 2
    assert CaughtMail.objects.count() == 2


def test_moved_and_moved_back_is_no_news(event: Event, ada: Speaker, publish: Publish) -> None:
    slot = make.make_talk(event, "Kefir", "09:00", speakers=[ada])
    publish(NOW)
    deliver(NOW + QUIET)
    move(slot, "10:00")
    publish(NOW + 20 * MINUTE)
    move(slot, "09:00")
    publish(NOW + 25 * MINUTE)

    assert deliver(NOW + 2 * QUIET + timedelta(hours=1)) == []
    assert list(Message.objects.values_list("state", "reason")) == [("sent", ""), ("cancelled", "withdrawn")]


def test_published_and_cancelled_before_it_was_told_is_no_news(event: Event, ada: Speaker, publish: Publish) -> None:
    make.make_talk(event, "Other", "09:00")
    slot = make.make_talk(event, "Kefir", "09:00", speakers=[ada])
    publish(NOW)
    slot.delete()
    publish(NOW + MINUTE)

    deliver(NOW + timedelta(hours=1))
    assert not CaughtMail.objects.filter(recipient="ada@example.org").exists()


def test_cancelled_after_it_was_told_is_told_once(event: Event, ada: Speaker, publish: Publish) -> None:
    make.make_talk(event, "Other", "09:00")
    slot = make.make_talk(event, "Kefir", "09:00", speakers=[ada])
    publish(NOW)
    deliver(NOW + QUIET)
    slot.delete()
    publish(NOW + QUIET)
    publish(NOW + QUIET + MINUTE)

    assert deliver(NOW + 2 * QUIET) == ["slot_cancelled"]
    publish(NOW + 3 * QUIET)
    assert deliver(NOW + timedelta(hours=5)) == []


def test_cancelled_and_put_back_where_it_was_is_no_news(event: Event, ada: Speaker, publish: Publish) -> None:
    make.make_talk(event, "Other", "09:00")
    slot = make.make_talk(event, "Kefir", "10:00", speakers=[ada])
    publish(NOW)
    deliver(NOW + QUIET)
    room, submission = slot.room, slot.submission
    slot.delete()
    publish(NOW + QUIET)
    make.make_slot(event, "10:00", room=room, submission=submission)
    publish(NOW + QUIET + MINUTE)

    assert deliver(NOW + timedelta(hours=5)) == []


def test_several_changes_come_in_one_mail_with_an_entry_each(event: Event, ada: Speaker, publish: Publish) -> None:
    hall = make.make_room(event, "Lake Hall")
    moved = make.make_talk(event, "Kefir", "09:00", speakers=[ada], room=hall)
    gone = make.make_talk(event, "Tea", "11:00", speakers=[ada])
    make.make_talk(event, "Still", "15:00", speakers=[ada])
    publish(NOW)
    deliver(NOW + QUIET)
    move(moved, "10:00")
    publish(NOW + QUIET)
    gone_uid = gone.uid
    gone.delete()
    new = make.make_talk(event, "Soy", "13:00", speakers=[ada])
    publish(NOW + QUIET + MINUTE)

    assert deliver(NOW + 2 * QUIET + MINUTE) == ["programme_changed"]
    sent = Message.objects.get(kind="programme_changed", state=MessageState.SENT, context__moved=["Kefir"])
    assert [(part["uid"].split("@")[0], part["method"], part["sequence"]) for part in sent.context["calendars"]] == [
        (str(moved.uid), "REQUEST", 1),
        (str(gone_uid), "CANCEL", 1),
        (str(new.uid), "REQUEST", 0),
    ]
    text = sent.rendered["text"]
    assert (
        "- Moved: “Kefir”, now Monday, June 7, 2027, 10:00 China Standard Time (UTC+08:00), Lake Hall;"
        " before Monday, June 7, 2027, 09:00 China Standard Time (UTC+08:00), Lake Hall\n"
    ) in text
    assert "- No longer on the programme: “Tea”, which was planned for Monday, June 7, 2027, 11:00" in text
    assert "- New: “Soy”, Monday, June 7, 2027, 13:00" in text
    assert "Still" not in text


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York", "Pacific/Kiritimati"])
@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ["New:", "Moved:", "No longer"]), ("zh-hans", ["新增：", "变更：", "已从议程中移除："])],
)
def test_the_mail_is_in_the_readers_language_and_the_events_time(zone: str, language: str, words: list[str]) -> None:
    event = make.make_event(time_zone=zone, locales=("en", "zh-hans"))
    speaker = make.make_speaker(event, "Ada", email="ada@example.org", language=language)
    moved = make.make_talk(event, "Kefir", "09:07", speakers=[speaker])
    gone = make.make_talk(event, "Tea", "11:00", speakers=[speaker])
    releases.release(event=event, version="1", actor=None, now=NOW)
    deliver(NOW + QUIET)
    move(moved, "14:45")
    gone.delete()
    make.make_talk(event, "Soy", "16:15", speakers=[speaker])
    releases.release(event=event, version="2", actor=None, now=NOW + QUIET)
    deliver(NOW + 2 * QUIET)

    rendered = Message.objects.latest("pk").rendered
    for part in (rendered["text"], rendered["html"]):
        assert all(word in part for word in [*words, "09:07", "14:45", "11:00", "16:15"])
        assert "{" not in part.partition("<body")[2]
        assert "+00:00" not in part
    other = "新增" if language == "en" else "Dear"
    assert other not in rendered["text"]


def test_a_later_change_for_somebody_else_does_not_hold_up_the_mail(
    event: Event, ada: Speaker, publish: Publish
) -> None:
    make.make_talk(event, "Kefir", "09:00", speakers=[ada])
    other = make.make_talk(event, "Tea", "09:00")
    publish(NOW)
    move(other, "10:00")
    publish(NOW + 9 * MINUTE)

    assert deliver(NOW + QUIET) == ["slot_published"]
    assert CaughtMail.objects.get().recipient == "ada@example.org"


def test_changes_that_never_cease_are_told_all_the_same(event: Event, ada: Speaker, publish: Publish) -> None:
    slot = make.make_talk(event, "Kefir", "09:00", speakers=[ada])
    for minute in range(0, 70, 5):
        move(slot, f"{9 + minute // 60}:{minute % 60:02d}".zfill(5))
        publish(NOW + minute * MINUTE)
        if deliver(NOW + minute * MINUTE):
            break

    assert minute == 60


def test_what_begins_within_two_days_is_told_at_once(event: Event, ada: Speaker, publish: Publish) -> None:
    make.make_talk(event, "Kefir", "09:00", speakers=[ada])
    make.make_talk(event, "Tea", "09:00", day=1)
    now = at(event, "12:00") - timedelta(days=2)
    publish(now)

    assert deliver(now) == ["slot_published"]
    assert deliver(now + QUIET) == ["slot_published"]


@pytest.mark.parametrize("minutes", [0, 3])
def test_the_event_says_how_long_it_must_be_quiet(event: Event, ada: Speaker, publish: Publish, minutes: int) -> None:
    events.update_event(event=event, changes={"quiet_minutes": minutes}, actor=None, now=NOW)
    make.make_talk(event, "Kefir", "09:00", speakers=[ada])
    publish(NOW)

    assert deliver(NOW + (minutes - 1) * MINUTE) == []
    assert deliver(NOW + minutes * MINUTE) == ["slot_published"]


# -- To whom ------------------------------------------------------------------------------------------------------------


def test_who_joins_a_session_is_told_by_the_next_release(event: Event, ada: Speaker, publish: Publish) -> None:
    slot = make.make_talk(event, "Kefir", "09:00", speakers=[ada])
    publish(NOW)
    deliver(NOW + QUIET)
    bo = make.make_speaker(event, "Bo", email="bo@example.org")
    slot.submission.talks.create(speaker=bo, position=1)  # type: ignore[union-attr]
    publish(NOW + QUIET)

    assert deliver(NOW + 2 * QUIET) == ["slot_published"]
    assert Message.objects.latest("pk").recipient_email == "bo@example.org"


def test_somebody_named_twice_at_one_address_gets_one_mail(event: Event, ada: Speaker, publish: Publish) -> None:
    twin = make.make_speaker(event, "A. Lovelace", email="Ada@Example.org")
    make.make_talk(event, "Kefir", "09:00", speakers=[ada, twin])
    publish(NOW)
    deliver(NOW + QUIET)
    publish(NOW + QUIET)

    assert deliver(NOW + timedelta(hours=5)) == []
    assert CaughtMail.objects.count() == 1


def test_a_mail_that_an_organizer_cancelled_is_not_told_again(event: Event, ada: Speaker, publish: Publish) -> None:
    make.make_talk(event, "Kefir", "09:00", speakers=[ada])
    publish(NOW)
    Message.objects.update(state=MessageState.CANCELLED, reason=CancelReason.BY_HAND)
    publish(NOW + MINUTE)

    assert queued() == []


def test_a_mail_that_the_server_refused_for_now_is_not_taken_back(event: Event, ada: Speaker, publish: Publish) -> None:
    """It may have arrived: what is told after it is told from there."""
    slot = make.make_talk(event, "Kefir", "09:00", speakers=[ada])
    publish(NOW)
    Message.objects.update(attempts=1)
    move(slot, "10:00")
    publish(NOW + MINUTE)

    assert [message.kind for message in queued()] == ["slot_published", "slot_moved"]


def test_an_event_that_is_taken_back_tells_nothing_and_tells_all_when_it_is_back(
    event: Event, ada: Speaker, publish: Publish
) -> None:
    make.make_talk(event, "Kefir", "09:00", speakers=[ada])
    publish(NOW)
    events.update_event(event=event, changes={"state": "draft"}, actor=None, now=NOW)
    assert deliver(NOW + timedelta(hours=5)) == []

    events.update_event(event=event, changes={"state": "live"}, actor=None, now=NOW + timedelta(hours=6))
    assert deliver(NOW + timedelta(hours=7)) == ["slot_published"]


def test_what_was_cancelled_while_the_event_was_a_draft_is_told_when_it_is_back(
    event: Event, ada: Speaker, publish: Publish
) -> None:
    make.make_talk(event, "Other", "09:00", speakers=[])
    slot = make.make_talk(event, "Kefir", "09:00", speakers=[ada])
    publish(NOW)
    deliver(NOW + QUIET)
    events.update_event(event=event, changes={"state": "draft"}, actor=None, now=NOW + QUIET)
    slot.delete()
    publish(NOW + QUIET)
    events.update_event(event=event, changes={"state": "live"}, actor=None, now=NOW + QUIET)

    assert deliver(NOW + 2 * QUIET) == ["slot_cancelled"]


def test_the_preview_counts_the_mails_that_are_merged(event: Event, ada: Speaker, publish: Publish) -> None:
    slot = make.make_talk(event, "Kefir", "09:00", speakers=[ada])
    make.make_talk(event, "Tea", "11:00", speakers=[ada])
    make.make_talk(event, "Soy", "11:00")
    assert releases.preview(event, now=NOW).messages == 2
    publish(NOW)
    assert releases.preview(event, now=NOW).messages == 0
    move(slot, "10:00")
    assert releases.preview(event, now=NOW).messages == 1
    before = Message.objects.count()
    publish(NOW + MINUTE)
    assert Message.objects.count() == before + 1


def test_telling_takes_as_many_queries_for_many_as_for_few() -> None:
    counts = []
    for talks in (1, 3):
        event = make.make_event()
        slots = [make.make_talk(event, clock="09:00") for _ in range(talks)]
        releases.release(event=event, version="1", actor=None, now=NOW)
        for slot in slots:
            move(slot, "11:00")
        with CaptureQueriesContext(connection) as context:
            releases.release(event=event, version="2", actor=None, now=NOW)
        counts.append(len(context))
    assert counts[0] == counts[1]
