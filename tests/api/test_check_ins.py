"""The door: each ticket lets one person in, however often and in whatever order its scans arrive."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from events.models import Event
from registrations.models import CheckIn, Registration
from registrations.services import check_ins, places
from registrations.services.check_ins import Scan
from tests.api.conftest import Caller
from tests.concurrency.test_places import errors_in, race
from tests.factories.events import make_event
from tests.factories.registrations import NOW, make_ticket, register

MORNING = "2027-06-07T08:30:00+08:00"
LATER = "2027-06-07T12:00:00+08:00"


def scan(secret: str, at: str = MORNING, **more: Any) -> dict[str, Any]:
    return {"id": str(uuid.uuid4()), "secret": secret, "scanned_at": at, **more}


def posted(api: Caller, event: Event, body: Any) -> Any:
    response = api.post(f"events/{event.slug}/check-ins/", body)
    assert response.status_code == 201, response.content
    return response.json()


@pytest.fixture
def guest(event: Event) -> Registration:
    return register(make_ticket(event, 100), name="Wang Fang")


def test_a_ticket_lets_one_person_in_once(event: Event, api: Caller, guest: Registration) -> None:
    first = posted(api, event, scan(guest.secret, device="door 1"))
    second = posted(api, event, scan(guest.secret, LATER))

    assert (first["result"], first["reason"], first["registration"], first["name"]) == (
        "accepted",
        "",
        guest.code,
        "Wang Fang",
    )
    assert (second["result"], second["reason"], second["registration"]) == (
        "duplicate",
        "checked_in_before",
        guest.code,
    )


def test_what_the_code_on_the_ticket_says_is_taken_whole(event: Event, api: Caller, guest: Registration) -> None:
    text = f"LIHU:{event.slug}:{guest.code}:{guest.secret}"
    assert posted(api, event, scan(text))["result"] == "accepted"


def test_the_same_scan_sent_again_is_the_same_scan(event: Event, api: Caller, guest: Registration) -> None:
    body = scan(guest.secret)
    assert posted(api, event, body) == posted(api, event, body) == posted(api, event, [body])[0]
    assert CheckIn.objects.count() == 1


def test_each_list_counts_for_itself(event: Event, api: Caller, guest: Registration) -> None:
    answers = [posted(api, event, scan(guest.secret, list=name))["result"] for name in ("", "dinner", "dinner")]
    assert answers == ["accepted", "accepted", "duplicate"]


def test_a_device_sends_what_it_kept_and_the_earliest_scan_is_let_in(
    event: Event, api: Caller, guest: Registration
) -> None:
    late, early = scan(guest.secret, LATER), scan(guest.secret, MORNING)
    answers = posted(api, event, [late, early, scan("nobody's")])
    assert [answer["id"] for answer in answers][:2] == [late["id"], early["id"]]
    assert [answer["result"] for answer in answers] == ["duplicate", "accepted", "refused"]


@pytest.mark.parametrize("state", ["waiting", "cancelled"])
def test_who_has_no_place_is_refused(event: Event, api: Caller, state: str) -> None:
    ticket = make_ticket(event, 1)
    first, second = register(ticket), register(ticket)
    if state == "cancelled":
        places.cancel_registration(registration=second, actor=None, now=NOW)
    answer = posted(api, event, scan(second.secret))
    assert (answer["result"], answer["reason"], answer["registration"]) == ("refused", "not_confirmed", second.code)
    assert posted(api, event, scan(first.secret))["result"] == "accepted"


def test_a_ticket_of_another_event_is_unknown_here(event: Event, api: Caller, organizer: User) -> None:
    other = register(make_ticket(make_event("other-2027", organisation=event.organisation)), name="Li Na")
    answer = posted(api, event, scan(other.secret))
    assert (answer["result"], answer["reason"], answer["registration"], answer["name"]) == (
        "refused",
        "unknown_ticket",
        None,
        "",
    )


def test_the_list_of_scans_is_the_events_own(event: Event, api: Caller, guest: Registration) -> None:
    other = make_event("other-2027", organisation=event.organisation)
    posted(api, other, scan("nobody's"))
    mine = posted(api, event, scan(guest.secret, device="door 1"))
    rows = api.get(f"events/{event.slug}/check-ins/?result=accepted&device=door+1").json()["results"]
    assert rows == [mine]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"id": "1", "secret": "x", "scanned_at": MORNING}, "id"),
        ({"id": str(uuid.uuid4()), "scanned_at": MORNING}, "secret"),
        (scan("x", "yesterday"), "scanned_at"),
        (scan("x", colour="red"), "colour"),
    ],
)
def test_what_is_no_scan_is_refused_by_field(event: Event, api: Caller, body: Any, field: str) -> None:
    response = api.post(f"events/{event.slug}/check-ins/", body)
    assert response.status_code == 400
    assert [problem["field"] for problem in response.json()["problems"]] == [field]
    assert CheckIn.objects.count() == 0


def test_more_than_500_at_once_are_refused(event: Event, api: Caller) -> None:
    assert api.post(f"events/{event.slug}/check-ins/", [scan("x")] * 501).status_code == 400


def test_a_hundred_scans_cost_as_many_queries_as_one(event: Event) -> None:
    ticket = make_ticket(event, 100)
    guests = [register(ticket) for _ in range(100)]

    def queries(of: list[Registration]) -> int:
        scans = [Scan(scan_id=uuid.uuid4(), secret=guest.secret, scanned_at=NOW) for guest in of]
        with CaptureQueriesContext(
            connection,
        ) as captured:
            check_ins.check_in(event=event, scans=scans, actor=None, now=NOW)
        return len(captured)

    assert queries(guests[:1]) == queries(guests[1:]) == 7


@pytest.mark.django_db(transaction=True)
def test_scans_of_one_ticket_at_many_doors_at_once_let_one_person_in(event: Event) -> None:
    guest = register(make_ticket(event, 10))

    def scanned(number: int) -> str:
        one = Scan(scan_id=uuid.uuid4(), secret=guest.secret, scanned_at=NOW, device=f"door {number}")
        return check_ins.check_in(event=event, scans=[one], actor=None, now=NOW)[0].result

    answers = race(24, scanned, racers=12)
    assert errors_in(answers) == []
    assert sorted(answers) == ["accepted"] + ["duplicate"] * 23


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_two_doors_both_think_that_they_were_first(event: Event) -> None:
    """The control: look, then write. Only the database's own constraint is left, and one door gets no answer from it."""
    guest = register(make_ticket(event, 10))

    def scanned(number: int) -> str:
        inside = CheckIn.objects.filter(registration=guest, result="accepted").exists()
        CheckIn.objects.create(
            event=event,
            scan_id=uuid.uuid4(),
            registration=guest,
            scanned_at=NOW,
            received_at=NOW,
            result="duplicate" if inside else "accepted",
        )
        return "told"

    assert errors_in(race(24, scanned, racers=12)) != []
