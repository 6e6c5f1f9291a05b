"""What those who were reminded of a session hear when it changes afterwards, as it arrives at a mail server."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import icalendar
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from events.models import Event
from notifications.models import Message, MessageState
from notifications.services import delivery, preferences, reminders
from registrations.models import Registration
from registrations.services import own_data
from scheduling.models import Slot
from scheduling.services import releases
from tests.factories import scheduling as make
from tests.factories.registrations import make_ticket, register
from tests.factories.scheduling import NOW, at
from tests.registrations.test_sources import make_rule, star
from tests.scheduling.test_clients import Store, store  # noqa: F401 (a fixture)
from tests.scheduling.test_invitations import Mailbox, entries, move
from tests.smtp import SmtpSink

pytestmark = pytest.mark.django_db

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture(autouse=True)
def sink(smtp: SmtpSink, settings: Settings) -> SmtpSink:
    settings.SMTP_URL = smtp.url
    return smtp


@pytest.fixture
def event() -> Event:
    event = make.make_event("food", locales=("en", "zh-hans"))
    # So that there is a programme without the others.
    make.make_talk(event, "Salad", "08:00")
    return event


@pytest.fixture
def ticket(event: Event) -> Any:
    return make_ticket(event)


def publish(event: Event, version: str, now: Any = NOW) -> None:
    releases.release(event=event, version=version, force=True, actor=None, now=now)
    delivery.deliver_due(now=now)
    event.refresh_from_db()


def remind(now: Any) -> None:
    reminders.plan_reminders(now=now)
    delivery.deliver_due(now=now)


def follow(ticket: Any, email: str, *talks: Slot, language: str = "en") -> Registration:
    registration = register(ticket, email=email, language=language, now=NOW)
    star(registration, *talks)
    return registration


def got(sink: SmtpSink, address: str) -> list[tuple[str, list[tuple[str, str, int]]]]:
    """Subject, and of each calendar entry its title, method and sequence, of each mail but the ticket's."""
    mails = [received.message for received in sink.to(address)]
    return [(str(mail["Subject"]), found) for mail in mails if (found := [*_of_sessions(mail)])]


def _of_sessions(mail: EmailMessage) -> list[tuple[str, str, int]]:
    read = [icalendar.Calendar.from_ical(document) for document in entries(mail)]
    rows = [(calendar.walk("VEVENT")[0], str(calendar["METHOD"])) for calendar in read]
    return [
        (str(one["SUMMARY"]), method, int(one["SEQUENCE"])) for one, method in rows if "sessions" in one.get("URL", "")
    ]


def test_who_starred_a_session_and_was_reminded_is_told_that_it_is_cancelled(
    event: Event,
    ticket: Any,
    sink: SmtpSink,
    store: Store,  # noqa: F811 (a fixture)
) -> None:
    eggs, other = make.make_talk(event, "Eggs", "09:00"), make.make_talk(event, "Tea", "10:00")
    publish(event, "1")
    follow(ticket, "ann@example.org", eggs, other)
    follow(ticket, "li@example.org", eggs, language="zh-hans")
    follow(ticket, "bo@example.org", other)
    make_rule(event, "slot", "bookmarked", minutes=60)
    now = at(event, "08:00")
    remind(now)

    eggs.delete()
    publish(event, "2", now + MINUTE)
    publish(event, "3", now + 2 * MINUTE)

    assert got(sink, "ann@example.org") == [
        ("Soon: Eggs, Monday, June 7, 2027, 09:00 China Standard Time (UTC+08:00)", [("Eggs", "REQUEST", 0)]),
        ("Food Futures 2027: what we reminded you of has changed", [("Eggs", "CANCEL", 1)]),
    ]
    assert len(got(sink, "li@example.org")) == 2
    assert got(sink, "bo@example.org") == []
    mail = sink.to("ann@example.org")[-1].message
    text = mail.get_body(("plain",)).get_content()
    assert "No longer on the programme: “Eggs”" in text
    assert "Moved" not in text
    assert mail["List-Unsubscribe-Post"]

    box = Mailbox(store, "ann")
    for received in sink.to("ann@example.org"):
        for document in entries(received.message):
            if "SUMMARY:Eggs" in document:
                box.take(document)
    assert box.shown() == [("Eggs", at(event, "09:00"), "CANCELLED")]


def test_several_changes_come_in_one_mail_with_an_entry_each(event: Event, ticket: Any, sink: SmtpSink) -> None:
    eggs, tea, salt = (
        make.make_talk(event, name, f"{hour}:00") for name, hour in [("Eggs", 14), ("Tea", 15), ("Salt", 16)]
    )
    publish(event, "1")
    follow(ticket, "ann@example.org", eggs, tea, salt)
    make_rule(event, "slot", "bookmarked", minutes=10 * 60)
    now = at(event, "09:00")
    remind(now)
    assert len(got(sink, "ann@example.org")) == 3

    eggs.delete()
    move(tea, "17:00")
    foreseen = releases.preview(event, now=now + MINUTE).messages
    publish(event, "2", now + MINUTE)
    # To ann, and to the speaker of each.
    assert Message.objects.filter(created_at=now + MINUTE).count() == foreseen == 3

    (news,) = got(sink, "ann@example.org")[3:]
    assert sorted(news[1]) == [("Eggs", "CANCEL", 1), ("Tea", "REQUEST", 1)]
    text = sink.to("ann@example.org")[-1].message.get_body(("plain",)).get_content()
    assert "Moved: “Tea”, now Monday, June 7, 2027, 17:00" in text
    assert "before Monday, June 7, 2027, 15:00" in text


def test_who_was_not_reminded_yet_is_told_by_the_reminder_alone(event: Event, ticket: Any, sink: SmtpSink) -> None:
    eggs = make.make_talk(event, "Eggs", "14:00")
    publish(event, "1")
    follow(ticket, "ann@example.org", eggs)
    make_rule(event, "slot", "bookmarked", minutes=60)
    now = at(event, "12:55")
    reminders.plan_reminders(now=now)
    assert Message.objects.get(kind="session_reminder").state == MessageState.QUEUED

    move(eggs, "16:00")
    publish(event, "2", now)
    # What is queued does not go out for a time that no longer holds, whether or not the planner has run since.
    assert Message.objects.get(kind="session_reminder").state == MessageState.CANCELLED
    delivery.deliver_due(now=at(event, "13:00"))
    assert got(sink, "ann@example.org") == []
    remind(at(event, "15:00"))
    assert [rows for _subject, rows in got(sink, "ann@example.org")] == [[("Eggs", "REQUEST", 1)]]


def test_a_session_that_moves_and_comes_back_is_followed_once_each(event: Event, ticket: Any, sink: SmtpSink) -> None:
    eggs = make.make_talk(event, "Eggs", "14:00")
    publish(event, "1")
    follow(ticket, "ann@example.org", eggs)
    make_rule(event, "slot", "bookmarked", minutes=60)
    now = at(event, "13:00")
    remind(now)
    move(eggs, "18:00")
    publish(event, "2", now + MINUTE)
    remind(at(event, "17:00"))
    room, submission = eggs.room, eggs.submission
    eggs.delete()
    publish(event, "3", at(event, "17:01"))
    make.make_slot(event, "20:00", room=room, submission=submission)
    publish(event, "4", at(event, "17:02"))
    remind(at(event, "19:00"))

    assert [rows for _subject, rows in got(sink, "ann@example.org")] == [
        [("Eggs", "REQUEST", 0)],
        [("Eggs", "REQUEST", 1)],
        [("Eggs", "REQUEST", 1)],
        [("Eggs", "CANCEL", 2)],
        [("Eggs", "REQUEST", 3)],
    ]


def test_speakers_are_told_as_speakers_and_chairs_like_those_who_starred(
    event: Event, ticket: Any, sink: SmtpSink
) -> None:
    ada = make.make_speaker(event, "Ada", email="ada@example.org")
    bo = make.make_speaker(event, "Bo", email="bo@example.org")
    eggs = make.make_talk(event, "Eggs", "14:00", speakers=[ada])
    eggs.chairs.add(bo)
    publish(event, "1")
    follow(ticket, "ada@example.org", eggs)
    for audience in ("speakers", "chairs", "bookmarked"):
        make_rule(event, "slot", audience, minutes=60 if audience != "bookmarked" else 120)
    remind(at(event, "12:00"))
    remind(at(event, "13:00"))
    eggs.delete()
    publish(event, "2", at(event, "13:01"))

    told = Message.objects.filter(created_at__gte=at(event, "13:01"), state=MessageState.SENT)
    assert sorted(told.values_list("kind", "recipient_email")) == [
        ("reminded_changed", "bo@example.org"),
        ("slot_cancelled", "ada@example.org"),
    ]


def test_what_is_over_or_has_only_another_title_is_no_news(event: Event, ticket: Any, sink: SmtpSink) -> None:
    eggs, tea = make.make_talk(event, "Eggs", "09:00"), make.make_talk(event, "Tea", "16:00")
    publish(event, "1")
    follow(ticket, "ann@example.org", eggs, tea)
    make_rule(event, "slot", "bookmarked", minutes=8 * 60)
    remind(at(event, "08:30"))
    eggs.delete()
    assert tea.submission
    tea.submission.title = {"en": "Green tea"}
    tea.submission.save()
    publish(event, "2", at(event, "12:00"))
    assert not Message.objects.filter(kind="reminded_changed").exists()


def test_nobody_is_told_who_unsubscribed_or_was_erased(event: Event, ticket: Any, sink: SmtpSink) -> None:
    eggs = make.make_talk(event, "Eggs", "14:00")
    publish(event, "1")
    follow(ticket, "ann@example.org", eggs)
    gone = follow(ticket, "bo@example.org", eggs)
    make_rule(event, "slot", "bookmarked", minutes=60)
    remind(at(event, "13:00"))
    preferences.unsubscribe(
        message=Message.objects.get(kind="session_reminder", recipient_key="ann@example.org"), now=NOW
    )
    own_data.erase_registration(registration=gone, actor=None, now=NOW)
    eggs.delete()
    publish(event, "2", at(event, "13:01"))
    rows = Message.objects.filter(kind="reminded_changed").values_list("recipient_key", "state", "reason")
    assert list(rows) == [("ann@example.org", "cancelled", "unsubscribed")]


def test_a_speaker_whose_registration_was_erased_does_not_stop_the_next_release(event: Event, ticket: Any) -> None:
    ada = make.make_speaker(event, "Ada", email="ada@example.org")
    eggs = make.make_talk(event, "Eggs", "14:00", speakers=[ada])
    publish(event, "1")
    own_data.erase_registration(registration=register(ticket, email="ada@example.org", now=NOW), actor=None, now=NOW)
    move(eggs, "15:00")
    publish(event, "2")


def test_telling_takes_as_many_queries_for_many_as_for_few() -> None:
    counts = []
    for people in (1, 3):
        event = make.make_event(f"food-{people}")
        talks = [make.make_talk(event, f"Eggs {n}", f"{13 + n}:00") for n in range(people)]
        publish(event, "1")
        for number in range(people):
            follow(make_ticket(event), f"p{number}@example.org", *talks)
        make_rule(event, "slot", "bookmarked", minutes=10 * 60)
        remind(at(event, "09:00"))
        for talk in talks:
            move(talk, "18:00")
        with CaptureQueriesContext(connection) as queries:
            releases.release(event=event, version="2", force=True, actor=None, now=at(event, "09:01"))
        counts.append([query["sql"] for query in queries if "notifications_message" in query["sql"]])
        assert Message.objects.of_event(event.pk).filter(kind="reminded_changed").count() == people
    assert len(counts[0]) == len(counts[1])
