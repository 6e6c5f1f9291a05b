from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from datetime import time as clock
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command

from common.problems import Invalid
from notifications import origins
from notifications.models import CancelReason, CaughtMail, Message, ReminderRule
from notifications.origins import Origin
from notifications.services import delivery, reminders
from notifications.services.ledger import withdraw
from notifications.services.messages import cancel_message
from tests.notifications.conftest import Programme
from tests.notifications.samples import NOW, occasion

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("origin")]

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SUBJECT = "“On eggs” begins Monday, June 7, 2027, 09:30 China Standard Time (UTC+08:00)"


def make_rule(minutes: int | None = 60, **more: Any) -> ReminderRule:
    return reminders.create_rule(
        **{
            "event_id": 1,
            "anchor": "slot",
            "audience": "speakers",
            "offset_minutes": minutes,
            "actor": None,
            "now": NOW,
            **more,
        }
    )


def plan(now: datetime = NOW, **more: Any) -> reminders.Plan:
    return reminders.plan_reminders(now=now, **more)


def rows() -> list[tuple[str, str, str]]:
    return list(Message.objects.order_by("pk").values_list("about", "recipient_email", "state"))


def test_each_speaker_is_reminded_once_before_their_slot(programme: Programme) -> None:
    programme.occasions = [occasion(0, at=NOW + HOUR), occasion(1, at=NOW + HOUR), occasion(2, at=NOW + 3 * HOUR)]
    make_rule()

    plan()
    plan()

    assert rows() == [("slot:0", "s0@example.org", "queued"), ("slot:1", "s1@example.org", "queued")]
    message = Message.objects.earliest("pk")
    assert (message.send_at, message.due_at, message.expires_at) == (NOW, NOW, NOW + HOUR)
    assert message.subject == SUBJECT
    assert message.revision.endswith(":20270607T013000Z")


def test_row_is_written_ahead_and_sent_at_its_minute(programme: Programme) -> None:
    programme.occasions = [occasion(at=NOW + HOUR)]
    make_rule()

    plan(NOW - 9 * MINUTE)
    assert delivery.deliver_due(now=NOW - timedelta(seconds=1)).sent == 0
    assert delivery.deliver_due(now=NOW).sent == 1


def test_rule_made_late_still_serves_who_has_not_begun(programme: Programme) -> None:
    programme.occasions = [occasion(0, at=NOW - MINUTE), occasion(1, at=NOW), occasion(2, at=NOW + MINUTE)]
    make_rule(24 * 60)

    plan()
    assert rows() == [("slot:2", "s2@example.org", "queued")]
    assert delivery.deliver_due(now=NOW).sent == 1
    plan(NOW + timedelta(seconds=30))
    assert len(rows()) == 1


def test_speaker_added_late_is_reminded_once(programme: Programme) -> None:
    programme.occasions = [occasion(0)]
    make_rule()
    plan()
    delivery.deliver_due(now=NOW)

    programme.occasions.append(occasion(0, email="late@example.org"))
    plan(NOW + 20 * MINUTE)

    assert rows() == [("slot:0", "s0@example.org", "sent"), ("slot:0", "late@example.org", "queued")]


def test_moved_slot_takes_its_reminder_along(programme: Programme) -> None:
    programme.occasions = [occasion(at=NOW + HOUR + 5 * MINUTE)]
    make_rule()
    plan()

    programme.occasions = [occasion(at=NOW + 5 * HOUR)]
    plan(NOW + MINUTE)
    assert rows() == [("slot:0", "s0@example.org", "cancelled")]
    assert Message.objects.get().reason == CancelReason.WITHDRAWN
    assert delivery.deliver_due(now=NOW + 6 * MINUTE).sent == 0

    plan(NOW + 4 * HOUR)
    assert delivery.deliver_due(now=NOW + 4 * HOUR).sent == 1


def test_slot_moved_away_and_back_is_reminded_of_once(programme: Programme) -> None:
    there = occasion(at=NOW + HOUR + 5 * MINUTE)
    programme.occasions = [there]
    make_rule()
    plan()
    programme.occasions = [occasion(at=NOW + 5 * HOUR)]
    plan(NOW + MINUTE)
    programme.occasions = [there]
    plan(NOW + 2 * MINUTE)

    assert rows() == [("slot:0", "s0@example.org", "queued")]
    assert delivery.deliver_due(now=NOW + 5 * MINUTE).sent == 1
    plan(NOW + 6 * MINUTE)
    assert delivery.deliver_due(now=NOW + 7 * MINUTE).sent == 0


def test_what_was_sent_is_not_revived_by_moving_back(programme: Programme) -> None:
    there = occasion()
    programme.occasions = [there]
    make_rule()
    plan()
    delivery.deliver_due(now=NOW)
    programme.occasions = []
    plan(NOW + MINUTE)
    programme.occasions = [there]
    plan(NOW + 2 * MINUTE)

    assert rows() == [("slot:0", "s0@example.org", "sent")]


def test_withdrawn_at_once_by_the_release(programme: Programme) -> None:
    programme.occasions = [occasion()]
    make_rule()
    plan()

    assert withdraw(about=["slot:0"], now=NOW) == 1
    assert delivery.deliver_due(now=NOW + 2 * HOUR).sent == 0


def test_cancelled_by_hand_stays_cancelled(programme: Programme) -> None:
    programme.occasions = [occasion(at=NOW + HOUR + 5 * MINUTE)]
    make_rule()
    plan()
    cancel_message(message=Message.objects.get(), actor=None, now=NOW)
    plan(NOW + MINUTE)

    assert rows() == [("slot:0", "s0@example.org", "cancelled")]


def test_removed_speaker_and_changed_address(programme: Programme) -> None:
    programme.occasions = [occasion(0, at=NOW + HOUR + 5 * MINUTE), occasion(1, at=NOW + HOUR + 5 * MINUTE)]
    make_rule()
    plan()
    programme.occasions = [occasion(1, at=NOW + HOUR + 5 * MINUTE, email="new@example.org")]
    plan(NOW + MINUTE)

    assert rows() == [
        ("slot:0", "s0@example.org", "cancelled"),
        ("slot:1", "s1@example.org", "cancelled"),
        ("slot:1", "new@example.org", "queued"),
    ]


def test_queued_row_follows_what_it_tells(programme: Programme) -> None:
    programme.occasions = [occasion(at=NOW + HOUR + 5 * MINUTE)]
    make_rule()
    plan()
    programme.occasions = [occasion(at=NOW + HOUR + 5 * MINUTE, talk="On ham")]
    plan(NOW + MINUTE)

    message = Message.objects.get()
    assert message.context["talk"] == "On ham"
    assert message.subject.startswith("“On ham”")


@pytest.mark.parametrize("change", [{"is_active": False}, {"offset_minutes": 5}, None])
def test_rule_that_is_switched_off_changed_or_deleted_withdraws_at_once(
    programme: Programme, change: dict[str, Any] | None
) -> None:
    programme.occasions = [occasion(at=NOW + HOUR + 5 * MINUTE)]
    rule = make_rule()
    plan()
    if change is None:
        reminders.delete_rule(rule=rule, actor=None, now=NOW)
    else:
        reminders.update_rule(rule=rule, changes=change, actor=None, now=NOW)

    assert rows() == [("slot:0", "s0@example.org", "cancelled")]
    plan(NOW + MINUTE)
    assert rows() == [("slot:0", "s0@example.org", "cancelled")]
    if change and "offset_minutes" in change:
        plan(NOW + HOUR)
        assert delivery.deliver_due(now=NOW + HOUR).sent == 1


def test_rule_deleted_behind_our_back_leaves_nothing_queued(programme: Programme) -> None:
    programme.occasions = [occasion(at=NOW + HOUR + 5 * MINUTE)]
    rule = make_rule()
    plan()
    ReminderRule.objects.filter(pk=rule.pk).delete()
    plan(NOW + MINUTE)

    assert rows() == [("slot:0", "s0@example.org", "cancelled")]


def test_two_rules_give_two_reminders_at_two_times(programme: Programme) -> None:
    programme.occasions = [occasion(at=NOW + HOUR)]
    make_rule(60)
    make_rule(90)
    plan()
    assert len(rows()) == 2


@pytest.mark.parametrize("dry_run", [True, False])
def test_somebody_under_two_rules_of_one_time_is_told_once(programme: Programme, dry_run: bool) -> None:
    programme.occasions = [occasion(at=NOW + HOUR)]
    make_rule(60)
    make_rule(60)

    assert len(plan(dry_run=dry_run).written) == 1
    assert len(plan(NOW + MINUTE, dry_run=dry_run).written) == int(dry_run)


def test_too_late_is_not_sent(programme: Programme) -> None:
    programme.occasions = [occasion(at=NOW + HOUR)]
    make_rule()
    plan()

    done = delivery.deliver_due(now=NOW + HOUR)
    assert (done.sent, done.cancelled) == (0, 1)


BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("slot", "shown"),
    [
        # 02:30 happens twice in Berlin on this night; the two are different instants.
        (datetime(2027, 10, 31, 2, 30, tzinfo=BERLIN, fold=0), "02:30 Central European Summer Time (UTC+02:00)"),
        (datetime(2027, 10, 31, 2, 30, tzinfo=BERLIN, fold=1), "02:30 Central European Standard Time (UTC+01:00)"),
        # 02:30 does not happen on this one: what was meant is the instant that Python's zone gives, 03:30 by the clock.
        (datetime(2027, 3, 28, 2, 30, tzinfo=BERLIN), "03:30 Central European Summer Time (UTC+02:00)"),
        (datetime(2027, 11, 7, 1, 30, tzinfo=NEW_YORK, fold=1), "01:30 Eastern Standard Time (UTC-05:00)"),
    ],
)
def test_reminder_fires_once_on_the_nights_when_clocks_change(programme: Programme, slot: datetime, shown: str) -> None:
    at = slot.astimezone(UTC)
    made = occasion(at=at)
    zone = str(slot.tzinfo)
    programme.occasions = [type(made)(about=made.about, at=at, to=made.to, context={**made.context, "time_zone": zone})]
    make_rule(60)
    sent = []
    for minute in range(-90, 30):
        now = at + minute * MINUTE
        plan(now)
        sent += [now] * delivery.deliver_due(now=now).sent

    assert sent == [at - HOUR]
    assert shown in CaughtMail.objects.get().subject


# -- Wall clocks -----------------------------------------------------------------------------------------------------


@pytest.fixture
def in_berlin(origin: Origin) -> None:
    origins.register_lookup(lambda ids: {pk: replace(origin, time_zone="Europe/Berlin") for pk in ids})


def by_clock(days: int, at: str, **more: Any) -> ReminderRule:
    return make_rule(None, days_before=days, at_time=clock.fromisoformat(at), **more)


def test_wall_clock_rule_fires_at_that_time_of_the_event_s_day_before(programme: Programme) -> None:
    # 00:30 and 23:30 of June 8 in Shanghai: one evening before, though in UTC they lie on two days.
    programme.occasions = [
        occasion(0, at=datetime(2027, 6, 7, 16, 30, tzinfo=UTC)),
        occasion(1, at=datetime(2027, 6, 8, 15, 30, tzinfo=UTC)),
    ]
    by_clock(1, "18:00")
    evening = datetime(2027, 6, 7, 10, 0, tzinfo=UTC)

    plan(evening - 11 * MINUTE)
    assert rows() == []
    plan(evening - 10 * MINUTE)

    assert list(Message.objects.order_by("pk").values_list("send_at", "expires_at")) == [
        (evening, datetime(2027, 6, 7, 16, 30, tzinfo=UTC)),
        (evening, datetime(2027, 6, 8, 15, 30, tzinfo=UTC)),
    ]
    assert delivery.deliver_due(now=evening - MINUTE).sent == 0
    assert delivery.deliver_due(now=evening).sent == 2


@pytest.mark.usefixtures("in_berlin")
@pytest.mark.parametrize(
    ("day", "fires"),
    [
        # Clocks show 02:30 twice that night, at 00:30 and 01:30 UTC.
        ("2027-10-31", "2027-10-31T00:30"),
        # Clocks do not show 02:30 that night: from 02:00 they go to 03:00, which is 01:00 UTC.
        ("2027-03-28", "2027-03-28T01:00"),
        ("2027-06-07", "2027-06-07T00:30"),
    ],
)
def test_rule_for_half_past_two_fires_once_on_the_nights_when_clocks_change(
    programme: Programme, day: str, fires: str
) -> None:
    midnight = datetime.fromisoformat(day).replace(tzinfo=UTC)
    programme.occasions = [occasion(at=midnight + 8 * HOUR)]
    by_clock(0, "02:30")
    sent = []
    for minute in range(-3 * 60, 8 * 60, 10):
        now = midnight + minute * MINUTE
        plan(now)
        sent += [now] * delivery.deliver_due(now=now).sent

    assert sent == [datetime.fromisoformat(fires).replace(tzinfo=UTC)]


def test_what_begins_before_the_time_of_day_is_not_reminded_of_after_it(programme: Programme) -> None:
    programme.occasions = [
        occasion(0, at=datetime(2027, 6, 6, 23, 30, tzinfo=UTC)),
        occasion(1, at=datetime(2027, 6, 7, 3, 0, tzinfo=UTC)),
    ]
    rule = by_clock(0, "08:00")
    now = datetime(2027, 6, 6, 22, 0, tzinfo=UTC)

    assert [row.about for row in reminders.upcoming(rule, now=now)] == ["slot:1"]
    plan(now + 2 * HOUR)
    assert [about for about, *_rest in rows()] == ["slot:1"]


def test_any_number_of_rules_remind_each_at_its_time(programme: Programme) -> None:
    begins = datetime(2027, 6, 20, 1, 0, tzinfo=UTC)
    programme.occasions = [occasion(at=begins)]
    by_clock(7, "09:00")
    by_clock(1, "18:00")
    by_clock(0, "07:00")
    make_rule(60)
    make_rule(10)
    sent = []
    now = begins - timedelta(days=8)
    while now < begins:
        plan(now)
        sent += [begins - now] * delivery.deliver_due(now=now).sent
        now += 10 * MINUTE

    assert sent == [timedelta(days=7), 15 * HOUR, 2 * HOUR, HOUR, 10 * MINUTE]


def test_event_that_changes_its_zone_keeps_the_evening(programme: Programme, origin: Origin) -> None:
    programme.occasions = [occasion(at=datetime(2027, 6, 8, 9, 0, tzinfo=UTC))]
    by_clock(1, "18:00")
    evening = datetime(2027, 6, 7, 10, 0, tzinfo=UTC)
    plan(evening - 5 * MINUTE)
    origins.register_lookup(lambda ids: {pk: replace(origin, time_zone="Asia/Tokyo") for pk in ids})
    plan(evening - 4 * MINUTE)

    assert Message.objects.get().send_at == evening - HOUR


def test_one_kind_of_time_takes_the_place_of_the_other(programme: Programme) -> None:
    rule = make_rule(60)
    rule = reminders.update_rule(rule=rule, changes={"days_before": 1, "at_time": clock(18)}, actor=None, now=NOW)
    assert (rule.offset_minutes, rule.days_before, rule.at_time) == (None, 1, clock(18))
    rule = reminders.update_rule(rule=rule, changes={"at_time": clock(17)}, actor=None, now=NOW)
    assert (rule.offset_minutes, rule.days_before, rule.at_time) == (None, 1, clock(17))
    rule = reminders.update_rule(rule=rule, changes={"offset_minutes": 30}, actor=None, now=NOW)
    assert (rule.offset_minutes, rule.days_before, rule.at_time) == (30, None, None)


# -- Clocks and processes that misbehave -----------------------------------------------------------------------------


def test_clock_set_back_an_hour_repeats_and_withdraws_nothing(programme: Programme) -> None:
    programme.occasions = [occasion(0, at=NOW + HOUR), occasion(1, at=NOW + HOUR + 9 * MINUTE)]
    make_rule()
    plan()
    assert delivery.deliver_due(now=NOW).sent == 1

    for minute in range(-60, 15):
        assert not plan(NOW + minute * MINUTE)
        delivery.deliver_due(now=NOW + minute * MINUTE)

    assert rows() == [("slot:0", "s0@example.org", "sent"), ("slot:1", "s1@example.org", "sent")]
    assert CaughtMail.objects.count() == 2


def test_a_day_without_beat_costs_nobody_a_reminder(programme: Programme) -> None:
    programme.occasions = [occasion(n, at=NOW + timedelta(hours=20 + n)) for n in range(10)]
    make_rule(24 * 60)
    # Nothing ran for a day: those who have not begun yet still get theirs.
    later = NOW + timedelta(hours=24)
    plan(later)
    delivery.deliver_due(now=later)

    assert sorted(about for about, _to, state in rows() if state == "sent") == [f"slot:{n}" for n in range(5, 10)]


def test_dry_run_writes_nothing_and_says_what_it_would_write(programme: Programme) -> None:
    programme.occasions = [occasion(0), occasion(1, at=NOW + 5 * HOUR)]
    make_rule()
    out = StringIO()
    call_command("plan_reminders", "--now", NOW.isoformat(), "--dry-run", stdout=out)

    assert rows() == []
    assert out.getvalue().splitlines() == [
        f"write     2027-06-07T00:30:00+00:00  s0@example.org  slot:0  {SUBJECT}",
        "Would write 1, changed 0, withdrew 0 reminders.",
    ]


@pytest.mark.parametrize("text", ["2027-06-07T08:30:00", "tomorrow", ""])
@pytest.mark.parametrize("command", ["plan_reminders", "deliver_messages"])
def test_instant_without_an_offset_is_refused(command: str, text: str) -> None:
    with pytest.raises(CommandError, match=r"^--now"):
        call_command(command, "--now", text)


def test_commands_do_as_if_it_were_that_instant(programme: Programme) -> None:
    programme.occasions = [occasion()]
    make_rule()
    out = StringIO()
    call_command("plan_reminders", "--now", "2027-06-07T08:30:00+08:00", stdout=out)
    call_command("deliver_messages", "--now", "2027-06-07T00:29:59Z", stdout=out)
    call_command("deliver_messages", "--now", "2027-06-07T00:30:00Z", "--until-empty", stdout=out)

    assert [line.split(",")[0] for line in out.getvalue().splitlines()[1:]] == ["Wrote 1", "Sent 0", "Sent 1"]


@pytest.mark.parametrize("count", [1, 30])
def test_planning_takes_as_many_queries_for_many_as_for_one(
    programme: Programme, django_assert_max_num_queries: Any, count: int
) -> None:
    programme.occasions = [occasion(n) for n in range(count)]
    make_rule()
    with django_assert_max_num_queries(14):
        plan()
    assert len(rows()) == count


def test_planning_what_is_planned_already_takes_few_queries(
    programme: Programme, django_assert_num_queries: Any
) -> None:
    programme.occasions = [occasion(n) for n in range(1000)]
    make_rule()
    plan()
    assert Message.objects.count() == 1000
    # The rules, what is queued, and for the subjects: the event's own words, and the rules'.
    with django_assert_num_queries(4):
        plan(NOW + MINUTE)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"audience": "attendees"}, "unsupported"),
        ({"anchor": "doomsday"}, "unknown"),
        ({"offset_minutes": -1}, "offset"),
        ({"offset_minutes": 10**9}, "offset"),
        ({"offset_minutes": True}, "offset"),
        ({"offset_minutes": None}, "one_of"),
        ({"offset_minutes": 60, "days_before": 1, "at_time": clock(18)}, "one_of"),
        ({"offset_minutes": None, "days_before": 1}, "at_time"),
        ({"offset_minutes": None, "at_time": clock(18)}, "days_before"),
        ({"offset_minutes": None, "days_before": -1, "at_time": clock(18)}, "days_before"),
        ({"offset_minutes": None, "days_before": 367, "at_time": clock(18)}, "days_before"),
        ({"offset_minutes": None, "days_before": 1, "at_time": clock(18, 0, 30)}, "at_time"),
        ({"audience": "bookmarked"}, "unsupported"),
        ({"anchor": "deadline", "audience": "attendees"}, "unsupported"),
        ({"subject": {"en": "{talk.__class__}"}}, "unknown_placeholder"),
        ({"body": {"en": "{price}"}}, "unknown_placeholder"),
        ({"body": {"en": "a } b"}}, "stray_brace"),
        ({"subject": {"en": "two\nlines"}}, "line_break"),
        ({"body": {"en": "bell \x07"}}, "control_character"),
        ({"subject": {"en": "x" * 301}}, "max_length"),
    ],
)
def test_rule_that_cannot_work_is_refused(programme: Programme, fields: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        make_rule(**fields)
    assert [problem.code for problem in refusal.value.problems] == [code]


def test_rule_with_words_of_its_own_is_rendered_in_the_language_of_the_recipient(programme: Programme) -> None:
    programme.occasions = [occasion(0, language="zh-hans"), occasion(1, language="en")]
    make_rule(subject={"en": "Soon: {talk}", "zh-hans": "即将开始：{talk}"}, body={"en": "Come.", "zh-hans": "请来。"})
    plan()
    delivery.deliver_due(now=NOW)

    assert sorted(Message.objects.values_list("rendered__subject", "rendered__language")) == [
        ("Soon: On eggs", "en"),
        ("即将开始：On eggs", "zh-hans"),
    ]


def test_upcoming_shows_who_gets_what_when_and_writes_nothing(programme: Programme) -> None:
    programme.occasions = [occasion(1, at=NOW + 50 * HOUR), occasion(0, at=NOW + 30 * HOUR)]
    rule = make_rule()

    coming = reminders.upcoming(rule, now=NOW)

    assert [(row.recipient_email, row.send_at) for row in coming] == [
        ("s0@example.org", NOW + 29 * HOUR),
        ("s1@example.org", NOW + 49 * HOUR),
    ]
    assert rows() == []
