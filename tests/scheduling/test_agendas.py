"""What a reader starred, as a calendar of their own: it follows the programme, and tells nobody else."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import icalendar
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from events.models import Event, Permission
from events.services import events
from scheduling.models import Agenda, AgendaItem, Slot
from scheduling.services import agendas, releases, slots
from scheduling.tasks import sweep_agendas
from tests.factories import scheduling as make
from tests.factories.scheduling import NOW, at
from tests.scheduling.reading import check_ics

pytestmark = pytest.mark.django_db


@pytest.fixture
def event() -> Event:
    return make.make_event("food")


@pytest.fixture
def client() -> Client:
    return Client()


def release(event: Event, version: str) -> None:
    releases.release(event=event, version=version, actor=None, now=NOW)


def send(client: Client, method: str, path: str, body: Any, **options: Any) -> Any:
    data = body if isinstance(body, str) else json.dumps(body)
    return client.generic(method, path, data, **{"content_type": "application/json", **options})


def subscribe(client: Client, event: Event, *talks: Slot) -> str:
    """The path of the feed."""
    answer = send(client, "POST", f"/{event.slug}/agenda/", {"sessions": [code_of(talk) for talk in talks]})
    assert answer.status_code == 201
    return f"/{event.slug}/agenda/{answer.json()['token']}"


def code_of(talk: Slot) -> str:
    assert talk.submission
    return talk.submission.code


def entries(client: Client, path: str) -> dict[str, Any]:
    answer = client.get(f"{path}.ics")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    found = check_ics(answer.content)
    assert len({str(entry["UID"]) for entry in found}) == len(found)
    return {str(entry["SUMMARY"]): entry for entry in found}


# -- The feed -----------------------------------------------------------------------------------------------------------


def test_the_calendar_holds_what_was_starred_as_the_programme_tells_it(client: Client, event: Event) -> None:
    kefir = make.make_talk(event, "Kefir", "09:00")
    tea = make.make_talk(event, "Tea", "11:00")
    make.make_talk(event, "Vinegar", "15:00")
    release(event, "1.0")

    feed = client.get(f"{subscribe(client, event, kefir, tea)}.ics").content

    found = {str(entry["SUMMARY"]): entry for entry in check_ics(feed)}
    assert sorted(found) == ["Kefir", "Tea"]
    assert found["Kefir"].start == at(event, "09:00")
    whole = client.get("/food/schedule/export/schedule.ics").content
    for block in feed.split(b"BEGIN:VEVENT")[1:]:
        assert block.split(b"END:VEVENT")[0] in whole
    assert icalendar.Calendar.from_ical(feed)["X-WR-CALNAME"] == "My sessions: Food Futures 2027"


def test_changes_and_cancellations_come_with_the_same_uid_and_a_higher_sequence(client: Client, event: Event) -> None:
    stays, moves, goes = (
        make.make_talk(event, title, clock)
        for title, clock in [("Kefir", "09:00"), ("Tea", "11:00"), ("Rice", "15:00")]
    )
    release(event, "1.0")
    path = subscribe(client, event, stays, moves, goes)
    before = entries(client, path)
    slots.move_slot(
        slot=moves, changes={"starts_at": at(event, "12:00"), "ends_at": at(event, "12:30")}, actor=None, now=NOW
    )
    slots.remove_slot(slot=goes, actor=None, now=NOW)
    release(event, "2.0")

    after = entries(client, path)

    assert {title: entry["UID"] for title, entry in after.items()} == {title: e["UID"] for title, e in before.items()}
    assert {title: str(entry["STATUS"]) for title, entry in after.items()} == {
        "Kefir": "CONFIRMED",
        "Tea": "CONFIRMED",
        "Rice": "CANCELLED",
    }
    rises = {title: entry["SEQUENCE"] - before[title]["SEQUENCE"] for title, entry in after.items()}
    assert rises == {"Kefir": 0, "Tea": 1, "Rice": 1}
    assert after["Tea"].start == at(event, "12:00")
    release(event, "3.0")
    assert entries(client, path)["Rice"]["SEQUENCE"] == after["Rice"]["SEQUENCE"]


def test_a_talk_that_loses_one_of_its_two_times_keeps_the_other(client: Client, event: Event) -> None:
    first = make.make_talk(event, "Kefir", "09:00")
    second = slots.place_slot(
        event=event, submission=first.submission, room=first.room, starts_at=at(event, "15:00"), ends_at=at(event, "15:30"),
        actor=None, now=NOW,
    )  # fmt: skip
    release(event, "1.0")
    path = subscribe(client, event, first)
    slots.remove_slot(slot=second, actor=None, now=NOW)
    release(event, "2.0")

    found = {entry.start: str(entry["STATUS"]) for entry in check_ics(client.get(f"{path}.ics").content)}

    assert found == {at(event, "09:00"): "CONFIRMED", at(event, "15:00"): "CANCELLED"}
    speaker = first.submission.speakers.get() if first.submission else None
    assert speaker
    of_speaker = check_ics(client.get(f"/food/speakers/{speaker.code}.ics").content)
    assert {entry.start: str(entry["STATUS"]) for entry in of_speaker} == found


def test_the_calendar_is_private_and_known_again(client: Client, event: Event) -> None:
    kefir, tea = make.make_talk(event, "Kefir", "09:00"), make.make_talk(event, "Tea", "11:00")
    release(event, "1.0")
    path = subscribe(client, event, kefir)

    first = client.get(f"{path}.ics")

    assert first["Cache-Control"] == "private, no-cache"
    assert first["X-Robots-Tag"] == "noindex"
    assert "Access-Control-Allow-Origin" not in first
    assert first["Last-Modified"]
    assert not first.cookies
    again = client.get(f"{path}.ics", headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert send(client, "PUT", f"{path}/", {"sessions": [code_of(kefir), code_of(tea)]}).status_code == 200
    starred = client.get(f"{path}.ics", headers={"if-none-match": first["ETag"]})
    assert starred.status_code == 200
    release(event, "2.0")
    assert client.get(f"{path}.ics", headers={"if-none-match": starred["ETag"]}).status_code == 200


def test_the_calendar_takes_as_many_queries_for_one_session_as_for_three(client: Client, event: Event) -> None:
    talks = [make.make_talk(event, clock=clock) for clock in ("09:00", "10:00", "11:00")]
    release(event, "1.0")
    counted = []
    for starred in (talks[:1], talks):
        path = subscribe(client, event, *starred)
        client.get(f"{path}.ics")
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"{path}.ics").status_code == 200
        counted.append(len(queries))
    assert counted == [4, 4]


def test_before_a_release_and_without_stars_the_calendar_is_an_empty_one(client: Client, event: Event) -> None:
    kefir = make.make_talk(event, "Kefir")
    release(event, "1.0")
    path = subscribe(client, event, kefir)
    assert send(client, "PUT", f"{path}/", {"sessions": []}).json() == {"sessions": []}
    assert entries(client, path) == {}


# -- Keeping it ---------------------------------------------------------------------------------------------------------


def test_stars_replace_each_other_and_doing_it_twice_is_doing_it_once(client: Client, event: Event) -> None:
    kefir, tea = make.make_talk(event, "Kefir", "09:00"), make.make_talk(event, "Tea", "11:00")
    release(event, "1.0")
    path = subscribe(client, event, kefir)
    for _time in range(2):
        answer = send(client, "PUT", f"{path}/", {"sessions": [code_of(tea), code_of(tea)]})
        assert (answer.status_code, answer.json()) == (200, {"sessions": [code_of(tea)]})
    assert sorted(entries(client, path)) == ["Tea"]
    assert AgendaItem.objects.count() == 1


def test_the_answer_says_where_the_calendar_is(client: Client, event: Event, settings: Settings) -> None:
    settings.PUBLIC_URL = "https://conf.example.edu"
    kefir = make.make_talk(event, "Kefir")
    release(event, "1.0")
    answer = send(client, "POST", "/food/agenda/", {"sessions": [code_of(kefir)]})
    told = answer.json()
    assert told["address"] == f"https://conf.example.edu/food/agenda/{told['token']}.ics"
    assert told["subscribe"] == f"webcal://conf.example.edu/food/agenda/{told['token']}.ics"
    assert answer["Cache-Control"] == "private, no-store"
    # 128 bits, and nothing in the database opens it.
    assert len(told["token"]) == 22
    assert told["token"] not in str(Agenda.objects.values().get())


def test_an_agenda_that_is_ended_is_gone(client: Client, event: Event) -> None:
    kefir = make.make_talk(event, "Kefir")
    release(event, "1.0")
    path = subscribe(client, event, kefir)
    assert client.delete(f"{path}/").status_code == 204
    assert client.get(f"{path}.ics").status_code == 404
    assert client.delete(f"{path}/").status_code == 404
    assert not Agenda.objects.exists()


def test_only_published_sessions_of_the_same_event_are_kept(client: Client, event: Event) -> None:
    kefir = make.make_talk(event, "Kefir")
    release(event, "1.0")
    later = make.make_talk(event, "Not yet public", "11:00")
    other_event = make.make_event("other")
    other = make.make_talk(other_event, "Tea")
    release(other_event, "1.0")
    hidden = make.make_submission(event, "Rejected")

    path = subscribe(client, event, kefir, later, other)
    answer = send(client, "PUT", f"{path}/", {"sessions": [code_of(kefir), code_of(later), hidden.code, "AAAAAA"]})

    assert answer.json() == {"sessions": [code_of(kefir)]}
    assert sorted(entries(client, path)) == ["Kefir"]
    # Nor does its token open anything at another event.
    token = path.rpartition("/")[2]
    assert client.get(f"/other/agenda/{token}.ics").status_code == 404
    assert send(client, "PUT", f"/other/agenda/{token}/", {"sessions": []}).status_code == 404


@pytest.mark.parametrize(
    ("body", "options", "status"),
    [
        ("no json", {}, 400),
        ("[" * 5000, {}, 400),
        ([], {}, 400),
        ({"sessions": []}, {}, 400),
        ({"sessions": "ABC234"}, {}, 400),
        ({"sessions": ["ABC234"], "name": "me"}, {}, 400),
        ({"sessions": ["abc234"]}, {}, 400),
        ({"sessions": [7]}, {}, 400),
        ({"sessions": [["ABC234"]]}, {}, 400),
        ({"sessions": ["ABC234"] * 501}, {}, 400),
        ({"sessions": ["ABC234"] * 5000}, {}, 400),
        # What a form of another site can send without being asked.
        ({"sessions": ["ABC234"]}, {"content_type": "text/plain"}, 415),
        ({"sessions": ["ABC234"]}, {"content_type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_what_is_no_list_of_sessions_is_refused(
    client: Client, event: Event, body: Any, options: Any, status: int
) -> None:
    answer = send(client, "POST", "/food/agenda/", body, **options)
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"]
    assert not Agenda.objects.exists()


def test_no_cookie_and_no_form_token_is_needed_and_none_counts(event: Event) -> None:
    kefir = make.make_talk(event, "Kefir")
    release(event, "1.0")
    strict = Client(enforce_csrf_checks=True)
    path = subscribe(strict, event, kefir)
    signed_in = Client()
    signed_in.force_login(make.make_organizer(event))
    assert sorted(entries(signed_in, path)) == ["Kefir"]
    assert signed_in.get("/food/agenda/AAAAAAAAAAAAAAAAAAAAAA.ics").status_code == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_agendas_cannot_be_listed(client: Client, event: Event, method: str) -> None:
    assert client.generic(method, "/food/agenda/").status_code == 405


def test_an_event_that_is_not_public_has_no_agendas(client: Client, event: Event) -> None:
    kefir = make.make_talk(event, "Kefir")
    release(event, "1.0")
    path = subscribe(client, event, kefir)
    events.update_event(event=event, changes={"state": "draft"}, actor=None, now=NOW)
    organizer: User = make.make_organizer(event, Permission.EDIT_PROGRAMME)
    for reader in (client, Client()):
        if reader is not client:
            reader.force_login(organizer)
        assert reader.get(f"{path}.ics").status_code == 404
        assert send(reader, "PUT", f"{path}/", {"sessions": []}).status_code == 404
        assert send(reader, "POST", "/food/agenda/", {"sessions": [code_of(kefir)]}).status_code == 404


def test_a_flood_from_one_address_is_stemmed_and_reading_goes_on(
    client: Client, event: Event, settings: Settings
) -> None:
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "agenda": "2/m/ip"}
    kefir = make.make_talk(event, "Kefir")
    release(event, "1.0")
    path = subscribe(client, event, kefir)
    subscribe(client, event, kefir)
    answer = send(client, "POST", "/food/agenda/", {"sessions": [code_of(kefir)]})
    assert (answer.status_code, answer["Retry-After"]) == (429, "60")
    assert sorted(entries(client, path)) == ["Kefir"]


# -- Afterwards ---------------------------------------------------------------------------------------------------------


def test_agendas_are_forgotten_ninety_days_after_the_event(client: Client, event: Event) -> None:
    old = make.make_event("old", starts_on=event.starts_on - timedelta(days=200))
    for each in (event, old):
        talk = make.make_talk(each)
        release(each, "1.0")
        subscribe(client, each, talk)
    last = old.ends_on
    assert agendas.sweep(now=at(old, "12:00", day=(last - old.starts_on).days + 90)) == 0
    assert agendas.sweep(now=at(old, "12:00", day=(last - old.starts_on).days + 91)) == 1
    assert agendas.sweep(now=at(old, "12:00", day=(last - old.starts_on).days + 91)) == 0
    assert Agenda.objects.get().event == event
    Event.objects.filter(pk=event.pk).update(starts_on=date(2020, 1, 1), ends_on=date(2020, 1, 2))
    for _time in range(2):
        sweep_agendas()
    assert not Agenda.objects.exists()


def test_a_preview_counts_the_agendas_in_which_something_moves_or_goes(client: Client, event: Event) -> None:
    stays, moves, goes = (make.make_talk(event, clock=clock) for clock in ("09:00", "11:00", "15:00"))
    release(event, "1.0")
    subscribe(client, event, stays)
    subscribe(client, event, stays, moves, goes)
    subscribe(client, event, goes)
    assert releases.preview(event).agendas_affected == 0
    slots.move_slot(
        slot=moves, changes={"starts_at": at(event, "12:00"), "ends_at": at(event, "12:30")}, actor=None, now=NOW
    )
    assert releases.preview(event).agendas_affected == 1
    slots.remove_slot(slot=goes, actor=None, now=NOW)
    assert releases.preview(event).agendas_affected == 2
    page = Client(headers={"accept-language": "en"})
    page.force_login(make.make_organizer(event))
    assert b"2 readers' calendars follow by themselves." in page.get("/organize/food/releases/").content.replace(
        b"&#x27;", b"'"
    )
