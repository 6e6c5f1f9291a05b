"""Whom reminder rules find among those who registered, and what they are told."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from common.models import AuditEntry
from events.models import Event
from notifications.audiences import find_audience
from notifications.models import CaughtMail, Message
from notifications.services import delivery, preferences, reminders
from notifications.services.timeline import coming
from notifications.sources import source_for
from registrations.models import FollowedAgenda, Registration
from registrations.services import agendas, own_data
from registrations.services.agendas import CannotFollow
from scheduling.models import Slot
from scheduling.services import agendas as stars
from scheduling.services import releases
from tests.concurrency.test_places import race
from tests.factories import scheduling as make
from tests.factories.registrations import make_quota, make_ticket, pay, register
from tests.factories.scheduling import NOW, at

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
EVER = timedelta(days=1000)


@pytest.fixture
def event() -> Event:
    return make.make_event("food", locales=("en", "zh-hans"))


@pytest.fixture
def ticket(event: Event) -> Any:
    return make_ticket(event, quotas=[make_quota(event)])


def publish(event: Event, version: str = "1") -> None:
    releases.release(event=event, version=version, force=True, actor=None, now=NOW)
    # Names are texts in several languages only as they are stored.
    event.refresh_from_db()


def code_of(talk: Slot) -> str:
    assert talk.submission
    return talk.submission.code


def star(registration: Registration, *talks: Slot) -> str:
    """Their agenda holds these, and they have said that it is theirs; its token."""
    _agenda, token = stars.create_agenda(event=registration.event, codes=[code_of(talk) for talk in talks], now=NOW)
    agendas.follow_agenda(registration=registration, address=token, actor=None, now=NOW)
    return token


def make_rule(event: Event, anchor: str, audience: str, minutes: int = 60) -> Any:
    return reminders.create_rule(
        event_id=event.pk, anchor=anchor, audience=audience, offset_minutes=minutes, actor=None, now=NOW
    )


def told(event: Event, anchor: str, audience: str) -> list[tuple[str, str]]:
    """Whom of what, in order."""
    source = source_for(anchor, audience)
    assert source is not None
    found = source.occasions(event.pk, NOW, NOW + EVER)
    return [(one.to.email, str(one.context.get("session", one.context.get("owed", "")))) for one in found]


# -- Starred ------------------------------------------------------------------------------------------------------------


def test_who_starred_a_session_is_reminded_of_it_and_of_no_other(event: Event, ticket: Any) -> None:
    eggs, tea = make.make_talk(event, "Eggs", "09:00"), make.make_talk(event, "Tea", "10:00")
    publish(event)
    star(register(ticket, email="ann@example.org", now=NOW), eggs)
    star(register(ticket, email="bo@example.org", now=NOW), eggs, tea)
    register(ticket, email="no-stars@example.org", now=NOW)
    make_rule(event, "slot", "bookmarked")

    assert told(event, "slot", "bookmarked") == [
        ("ann@example.org", "Eggs"),
        ("bo@example.org", "Eggs"),
        ("bo@example.org", "Tea"),
    ]
    when = at(event, "09:00") - HOUR
    reminders.plan_reminders(now=when)
    delivery.deliver_due(now=when)
    mails = list(CaughtMail.objects.filter(subject__contains="Eggs"))
    assert sorted(mail.recipient for mail in mails) == ["ann@example.org", "bo@example.org"]
    raw = bytes(mails[0].raw).decode()
    assert "List-Unsubscribe-Post" in raw
    assert "METHOD:REQUEST" in raw


def test_stars_set_later_count_and_those_taken_away_do_not(event: Event, ticket: Any) -> None:
    eggs, tea = make.make_talk(event, "Eggs", "09:00"), make.make_talk(event, "Tea", "10:00")
    publish(event)
    registration = register(ticket, email="ann@example.org", now=NOW)
    star(registration, eggs)
    make_rule(event, "slot", "bookmarked", minutes=24 * 60)
    when = at(event, "09:00") - 24 * HOUR
    reminders.plan_reminders(now=when)
    rows = Message.objects.filter(kind="session_reminder")
    assert [(row.subject[:10], row.state) for row in rows] == [("Soon: Eggs", "queued")]

    agenda = FollowedAgenda.objects.get().agenda
    stars.replace_sessions(agenda=agenda, codes=[code_of(tea)], now=when)
    reminders.plan_reminders(now=when + HOUR)
    assert sorted((row.subject[:10], row.state) for row in rows.all()) == [
        ("Soon: Eggs", "cancelled"),
        ("Soon: Tea,", "queued"),
    ]


def test_nobody_is_reminded_who_gave_their_place_back_or_left_or_ended_the_agenda(event: Event, ticket: Any) -> None:
    eggs = make.make_talk(event, "Eggs", "09:00")
    publish(event)
    people = [register(ticket, email=f"p{n}@example.org", now=NOW) for n in range(4)]
    for person in people:
        star(person, eggs)
    Registration.objects.filter(pk=people[0].pk).update(state="cancelled")
    agendas.leave_agenda(registration=people[1], actor=None, now=NOW)
    agendas.leave_agenda(registration=people[1], actor=None, now=NOW)
    stars.delete_agenda(agenda=FollowedAgenda.objects.get(registration=people[2]).agenda)

    assert told(event, "slot", "bookmarked") == [("p3@example.org", "Eggs")]
    assert AuditEntry.objects.filter(verb="agenda_left").count() == 1


def test_who_speaks_and_starred_the_session_is_told_once(event: Event, ticket: Any) -> None:
    ada = make.make_speaker(event, "Ada", email="ada@example.org")
    talk = make.make_submission(event, "Eggs", speakers=[ada])
    slot = make.make_slot(event, submission=talk, room=make.make_room(event))
    publish(event)
    star(register(ticket, email="ada@example.org", now=NOW), slot)
    make_rule(event, "slot", "bookmarked")
    make_rule(event, "slot", "speakers")

    when = slot.starts_at - HOUR
    foreseen = coming(event_id=event.pk, now=NOW, until=slot.starts_at)
    kinds = ("session_reminder", "slot_reminder")
    assert [one.kind.code for one in foreseen if one.kind.code in kinds] == ["slot_reminder"]
    reminders.plan_reminders(now=when)
    reminders.plan_reminders(now=when)
    assert list(Message.objects.filter(kind__in=kinds).values_list("kind", flat=True)) == ["slot_reminder"]


def test_who_unsubscribed_gets_no_reminder_of_starred_sessions(event: Event, ticket: Any) -> None:
    slot = make.make_talk(event, "Eggs", "09:00")
    publish(event)
    star(register(ticket, email="ann@example.org", now=NOW), slot)
    preferences.unsubscribe(message=Message(event_id=event.pk, recipient_key="ann@example.org"), now=NOW)
    make_rule(event, "slot", "bookmarked")
    for _run in range(2):
        reminders.plan_reminders(now=slot.starts_at - HOUR)
    assert [(row.state, row.reason) for row in Message.objects.filter(kind="session_reminder")] == [
        ("cancelled", "unsubscribed")
    ]


@pytest.mark.parametrize("shape", ["{token}", "https://x.example/food/agenda/{token}.ics", "/food/agenda/{token}/"])
def test_an_agenda_is_known_by_its_address_however_it_was_copied(event: Event, ticket: Any, shape: str) -> None:
    talk = make.make_talk(event)
    publish(event)
    agenda, token = stars.create_agenda(event=event, codes=[code_of(talk)], now=NOW)
    registration = register(ticket, now=NOW)
    for _twice in range(2):
        agendas.follow_agenda(registration=registration, address=shape.format(token=token), actor=None, now=NOW)
    assert FollowedAgenda.objects.get().agenda_id == agenda.pk
    assert AuditEntry.objects.filter(verb="agenda_followed").count() == 1


def test_no_agenda_of_another_event_or_of_nobody_can_be_followed(event: Event, ticket: Any) -> None:
    other = make.make_event("other")
    talk = make.make_talk(other)
    releases.release(event=other, version="1", force=True, actor=None, now=NOW)
    _agenda, token = stars.create_agenda(event=other, codes=[code_of(talk)], now=NOW)
    registration = register(ticket, now=NOW)
    for address in (token, "A" * 22, "nonsense", "'"):
        with pytest.raises(CannotFollow) as refusal:
            agendas.follow_agenda(registration=registration, address=address, actor=None, now=NOW)
        assert [problem.code for problem in refusal.value.problems] == ["no_such_agenda"]
    assert not FollowedAgenda.objects.exists()


def test_the_page_of_a_registration_follows_an_agenda_and_leaves_it(event: Event, ticket: Any) -> None:
    registration, client = register(ticket, now=NOW), Client()
    page = registration.get_absolute_url()
    assert 'id="agenda"' not in client.get(page).content.decode()
    talk = make.make_talk(event)
    publish(event)
    _agenda, token = stars.create_agenda(event=event, codes=[code_of(talk)], now=NOW)
    assert "data-agenda=" in client.get(page).content.decode()

    answer = client.post(f"{page}agenda/", {"address": f"https://x.example/food/agenda/{token}.ics"}, follow=True)
    assert "You are reminded of 1 session" in answer.content.decode()
    assert client.post(f"{page}agenda/").url == f"{page}#agenda"  # type: ignore[attr-defined]
    assert not FollowedAgenda.objects.exists()
    refused = client.post(f"{page}agenda/", {"address": "nonsense"}, follow=True)
    assert "This is not the address of an agenda" in refused.content.decode()


@pytest.mark.django_db(transaction=True)
def test_following_and_leaving_many_times_at_once_has_one_effect(event: Event, ticket: Any) -> None:
    talk = make.make_talk(event)
    publish(event)
    page = register(ticket, now=NOW).get_absolute_url()
    _agenda, token = stars.create_agenda(event=event, codes=[code_of(talk)], now=NOW)

    def send(address: str) -> list[Any]:
        return race(6, lambda _: Client().post(f"{page}agenda/", {"address": address}).status_code, racers=6)

    assert send(token) == [302] * 6
    assert FollowedAgenda.objects.count() == 1
    assert send("") == [302] * 6
    assert FollowedAgenda.objects.count() == 0
    verbs = AuditEntry.objects.filter(verb__startswith="agenda_").order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["agenda_followed", "agenda_left"]


def test_stars_are_taken_along_and_erased_with_everything_else(event: Event, ticket: Any) -> None:
    talk = make.make_talk(event)
    publish(event)
    registration = register(ticket, now=NOW)
    star(registration, talk)
    assert own_data.own_data(registration)["starred"] == [code_of(talk)]
    own_data.erase_registration(registration=registration, actor=None, now=NOW)
    assert not FollowedAgenda.objects.exists()


# -- For everybody ------------------------------------------------------------------------------------------------------


def test_attendees_are_reminded_of_what_everybody_comes_to(event: Event, ticket: Any) -> None:
    room = make.make_room(event)
    for hour, (kind, title) in enumerate(
        [("plenary", "Opening"), ("break", "Coffee"), ("ceremony", "Prizes"), ("social", "Dinner")], start=10
    ):
        make.make_slot(event, kind=kind, title=title, room=room, clock=f"{hour}:00")
    make.make_talk(event, "Eggs", "09:00")
    publish(event)
    register(ticket, email="ann@example.org", now=NOW)
    assert told(event, "slot", "attendees") == [
        ("ann@example.org", "Opening"),
        ("ann@example.org", "Prizes"),
        ("ann@example.org", "Dinner"),
    ]


# -- Deadlines ----------------------------------------------------------------------------------------------------------


def test_who_must_pay_is_reminded_before_their_own_deadline_until_they_have(event: Event) -> None:
    ticket = make_ticket(event, quotas=[make_quota(event)], price=Decimal(100))
    registration = register(ticket, email="ann@example.org", now=NOW)
    assert registration.payment_due_at is not None
    pay(registration, Decimal(40))
    make_rule(event, "deadline", "attendees")
    [(address, owed)] = told(event, "deadline", "attendees")
    assert address == "ann@example.org"
    assert "60" in owed

    reminders.plan_reminders(now=registration.payment_due_at - HOUR)
    row = Message.objects.get(kind="payment_deadline")
    assert (row.state, row.send_at) == ("queued", registration.payment_due_at - HOUR)
    pay(registration, Decimal(60))
    assert Message.objects.get(kind="payment_deadline").state == "cancelled"
    assert told(event, "deadline", "attendees") == []


def test_chairs_without_a_registration_are_reminded_before_it_closes_and_before_the_event(event: Event) -> None:
    cora = make.make_speaker(event, "Cora", email="cora@example.org")
    dan = make.make_speaker(event, "Dan", email="dan@example.org")
    slot = make.make_slot(event, kind="plenary", title="Opening", room=make.make_room(event))
    slot.chairs.set([cora, dan])
    publish(event)
    ticket = make_ticket(event, quotas=[make_quota(event)], available_until=NOW + 48 * HOUR)
    register(ticket, email="dan@example.org", now=NOW)
    assert told(event, "deadline", "chairs") == [("cora@example.org", "")]
    assert told(event, "event", "chairs") == [("cora@example.org", "['Opening']"), ("dan@example.org", "['Opening']")]


# -- All of them --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("anchor", "audience"),
    [("slot", "attendees"), ("slot", "bookmarked"), ("deadline", "attendees"), ("deadline", "chairs")],
)
def test_occasions_of_many_take_as_many_queries_as_those_of_one(event: Event, anchor: str, audience: str) -> None:
    ticket = make_ticket(event, quotas=[make_quota(event)])
    dear = make_ticket(event, quotas=[make_quota(event)], price=Decimal(100))
    room = make.make_room(event)

    def fill(n: int) -> None:
        talk = make.make_talk(event, f"Talk {n}", f"{9 + n:02d}:00", room=room)
        plenary = make.make_slot(event, kind="plenary", title=f"P{n}", room=room, clock=f"{14 + n}:00")
        plenary.chairs.set([make.make_speaker(event, f"Chair {n}", email=f"c{n}@example.org")])
        publish(event, str(n))
        star(register(ticket, email=f"p{n}@example.org", now=NOW), talk)
        register(dear, email=f"d{n}@example.org", now=NOW)

    def count() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            told(event, anchor, audience)
        return len(queries)

    fill(1)
    one = count()
    fill(2)
    fill(3)
    assert count() == one


def test_campaigns_reach_chairs_and_those_who_starred_a_session(event: Event, ticket: Any) -> None:
    cora = make.make_speaker(event, "Cora", email="cora@example.org")
    eggs, tea = make.make_talk(event, "Eggs", "09:00"), make.make_talk(event, "Tea", "10:00")
    eggs.chairs.set([cora])
    publish(event)
    star(register(ticket, email="ann@example.org", now=NOW), eggs)
    star(register(ticket, email="bo@example.org", now=NOW), tea)
    register(ticket, email="no-stars@example.org", now=NOW)

    def reached(code: str, **wanted: Any) -> list[str]:
        audience = find_audience(code)
        assert audience is not None
        assert audience.problems(event.pk, wanted) == []
        numbers = [number for number, _key in audience.addresses(event.pk, wanted)]
        return sorted(person.to.email for person in audience.people(event.pk, numbers))

    assert reached("chairs") == ["cora@example.org"]
    assert reached("bookmarked") == ["ann@example.org", "bo@example.org"]
    assert reached("bookmarked", session=[code_of(tea)]) == ["bo@example.org"]
    audience = find_audience("bookmarked")
    assert audience is not None
    assert {label for _code, label in audience.filters(event.pk)[0].choices} == {"Eggs", "Tea"}
    assert [problem.code for problem in audience.problems(event.pk, {"session": ["ZZZZZZ"], "state": "x"})] == [
        "unknown",
        "unknown",
    ]
