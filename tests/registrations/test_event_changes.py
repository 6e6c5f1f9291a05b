"""Those who have a place are told of other days and another place; speakers without one of the end of registration."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.models import Event
from events.services import events
from notifications.models import CaughtMail, Message, MessageState
from notifications.services import delivery, reminders
from notifications.sources import source_for
from registrations.models import Registration
from registrations.services import tickets
from tests.factories import scheduling as make
from tests.factories.events import make_venue
from tests.factories.registrations import cancel, make_ticket, register
from tests.factories.scheduling import NOW

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
QUIET = timedelta(minutes=10)


@pytest.fixture
def event() -> Event:
    return make.make_event("food", locales=("en", "zh-hans"), quiet_minutes=10)


def shift(event: Event, days: int, now: datetime = NOW) -> None:
    changes = {"starts_on": event.starts_on + days * DAY, "ends_on": event.ends_on + days * DAY}
    events.update_event(event=event, changes=changes, actor=None, now=now)


def told() -> list[tuple[str, str]]:
    rows = Message.objects.filter(kind="registration_event_changed").order_by("pk")
    return list(rows.values_list("recipient_email", "state"))


def test_who_has_a_place_is_told_of_other_days_and_who_waits_or_cancelled_is_not(event: Event) -> None:
    ticket = make_ticket(event, 2)
    kept = register(ticket, "kept@example.org", now=NOW)
    gone = register(ticket, "gone@example.org", now=NOW)
    cancel(gone, now=NOW)
    register(make_ticket(event, 1, requires_approval=True), "pending@example.org", now=NOW)
    shift(event, 7)

    assert told() == [("kept@example.org", "queued")]
    message = Message.objects.get(kind="registration_event_changed")
    assert message.send_at == NOW + QUIET
    part = message.context["calendar"]
    assert (part["method"], part["start"]) == ("REQUEST", event.starts_on.isoformat())
    assert part["sequence"] == Registration.objects.get(pk=kept.pk).revision > kept.revision


def test_several_changes_are_told_in_one_mail_and_none_where_all_is_as_before(event: Event) -> None:
    make_venue(event, "Lake Hall")
    event.refresh_from_db()
    register(make_ticket(event), "a@example.org", now=NOW)
    delivery.deliver_due(now=NOW)
    shift(event, 7)
    events.update_event(event=event, changes={"venue": make_venue(event, "Garden Hall")}, actor=None, now=NOW)
    delivery.deliver_due(now=NOW + QUIET)
    assert told() == [("a@example.org", "cancelled"), ("a@example.org", "sent")]
    assert Message.objects.get(kind="registration_event_changed", state="sent").context["place"] == "Garden Hall"
    assert CaughtMail.objects.count() == 2

    shift(event, 1, now=NOW + QUIET)
    shift(event, -1, now=NOW + QUIET)
    delivery.deliver_due(now=NOW + 5 * QUIET)
    assert [state for _to, state in told()] == ["cancelled", "sent", "cancelled"]


@pytest.mark.parametrize("changes", [{"tagline": "New words"}, {"accent": "plum"}, {"time_zone": "Asia/Tokyo"}])
def test_what_no_calendar_shows_is_not_told(event: Event, changes: dict[str, str]) -> None:
    register(make_ticket(event), now=NOW)
    events.update_event(event=event, changes=changes, actor=None, now=NOW)
    assert told() == []


def test_an_event_back_in_draft_withdraws_what_it_would_have_reminded_of(event: Event) -> None:
    register(make_ticket(event), "a@example.org", now=NOW)
    reminders.create_rule(
        event_id=event.pk, anchor="event", audience="attendees", offset_minutes=60, actor=None, now=NOW
    )
    reminders.plan_reminders(now=event.starts_at - timedelta(minutes=65))
    row = Message.objects.get(kind="event_reminder")
    assert row.state == MessageState.QUEUED

    events.update_event(event=event, changes={"state": "draft"}, actor=None, now=NOW)

    row.refresh_from_db()
    assert (row.state, row.reason) == ("cancelled", "withdrawn")


def test_telling_takes_as_many_queries_for_three_as_for_one() -> None:
    counts = []
    for people in (1, 3):
        event = make.make_event()
        ticket = make_ticket(event)
        for _ in range(people):
            register(ticket, now=NOW)
        with CaptureQueriesContext(connection) as context:
            shift(event, 1)
        counts.append(len(context))
    assert counts[0] == counts[1]


# -- Reminders before registration closes -------------------------------------------------------------------------------


def reminded(event: Event) -> list[tuple[str, str]]:
    source = source_for("deadline", "speakers")
    assert source is not None
    occasions = source.occasions(event.pk, NOW, NOW + 366 * DAY)
    return sorted((occasion.to.email, occasion.at.isoformat()) for occasion in occasions)


def test_speakers_who_have_not_registered_are_reminded_before_registration_closes(event: Event) -> None:
    ada = make.make_speaker(event, "Ada", email="ada@example.org")
    bo = make.make_speaker(event, "Bo", email="Bo@example.org")
    make.make_submission(event, "Kefir", speakers=[ada, bo])
    make.make_submission(event, "Tea", speakers=[ada])
    make.make_submission(event, "Not accepted", speakers=[make.make_speaker(event)], state="submitted")
    early = make_ticket(event, available_until=NOW + 5 * DAY)
    late = make_ticket(event, available_until=NOW + 9 * DAY)
    closes = (NOW + 9 * DAY).isoformat()
    assert reminded(event) == [("Bo@example.org", closes), ("ada@example.org", closes)]

    registration = register(early, "bo@example.org", now=NOW)
    assert reminded(event) == [("ada@example.org", closes)]
    cancel(registration, now=NOW)
    assert len(reminded(event)) == 2

    tickets.update_ticket_type(ticket_type=late, changes={"available_until": None}, actor=None, now=NOW)
    assert reminded(event) == []


def test_who_registers_in_time_is_not_reminded(event: Event) -> None:
    ada = make.make_speaker(event, "Ada", email="ada@example.org")
    make.make_submission(event, "Kefir", speakers=[ada])
    ticket = make_ticket(event, available_until=NOW + 9 * DAY)
    reminders.create_rule(
        event_id=event.pk, anchor="deadline", audience="speakers", offset_minutes=60, actor=None, now=NOW
    )
    before = NOW + 9 * DAY - timedelta(minutes=65)
    reminders.plan_reminders(now=before)
    register(ticket, "ada@example.org", now=before)
    reminders.plan_reminders(now=before + timedelta(minutes=1))

    assert Message.objects.get(kind="registration_closes").state == MessageState.CANCELLED
