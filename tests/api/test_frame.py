"""What holds for every resource: tokens, problems, strict bodies, pages, idempotency, nothing of other events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from events.models import Event, Track
from notifications.services import reminders
from scheduling.services import releases, slots
from tests.api.conftest import Caller
from tests.factories.events import NOW, make_event, make_room, make_track
from tests.factories.registrations import make_choice, make_ticket, register
from tests.factories.scheduling import make_slot, make_speaker, make_submission

LISTS = (
    *("rooms", "tracks", "submissions", "speakers", "slots", "conflicts", "releases", "ticket-types", "quotas"),
    *("questions", "registrations", "reminder-rules", "messages"),
)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_for_members_of_the_events_teams(
    name: str, event: Event, api: Caller, anybody: Caller, stranger: User, call: Callable[..., Caller]
) -> None:
    path = f"events/{event.slug}/{name}/"

    assert api.get(path).status_code == 200
    assert anybody.get(path).status_code == 401
    assert call(stranger).get(path).status_code == 404


@pytest.mark.parametrize("name", LISTS)
def test_a_list_answers_pages(name: str, event: Event, api: Caller) -> None:
    assert set(api.get(f"events/{event.slug}/{name}/").json()) == {"count", "next", "previous", "results"}


@pytest.mark.parametrize(
    "name", ["rooms", "tracks", "slots", "ticket-types", "quotas", "questions", "reminder-rules", "messages"]
)
def test_what_is_of_another_event_is_not_found(name: str, event: Event, organisation: Any, api: Caller) -> None:
    other = make_event(organisation=organisation)
    track, room = make_track(other), make_room(other)
    theirs = {"tracks": track.pk, "rooms": room.pk}.get(name, 1)

    assert api.get(f"events/{event.slug}/{name}/{theirs}/").status_code == 404
    if name != "messages":
        assert api.delete(f"events/{event.slug}/{name}/{theirs}/").status_code == 404


def test_a_refusal_is_a_problem_with_code_and_fix(event: Event, api: Caller) -> None:
    response = api.post(f"events/{event.slug}/tracks/", {"colour": "teal", "shape": "round"})

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert {"type", "title", "status", "detail", "code", "problems"} <= set(body)
    assert body["problems"] == [
        {"code": "unknown_field", "field": "shape", "message": "There is no such field here.", "fix": ""}
    ]


def test_problems_name_the_field(event: Event, api: Caller) -> None:
    problems = api.post(f"events/{event.slug}/tracks/", {"colour": "teal"}).json()["problems"]

    assert {problem["field"] for problem in problems} == {"name", "colour"}


@pytest.mark.parametrize(
    "body", ["{", "[]", '"text"', "null", '{"name": {"en": "\\u0000"}}', '{"name": {"fr": "x"}}', "\ud800"]
)
def test_a_body_that_is_wrong_is_refused_and_nothing_breaks(body: str, event: Event, api: Caller) -> None:
    response = api.post(f"events/{event.slug}/tracks/", body if body != "\ud800" else '{"name": "\\ud800"}')

    assert response.status_code == 400
    assert response.json()["code"] in {"invalid", "parse_error"}


def test_an_address_that_is_none_is_a_problem_too(anybody: Caller) -> None:
    response = anybody.get("nothing/here/")

    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


def test_problems_are_in_the_readers_language(event: Event, api: Caller) -> None:
    response = api.post(f"events/{event.slug}/tracks/", {"shape": "round"}, accept_language="zh-hans")

    assert response.json()["problems"][0]["message"] != "There is no such field here."


def test_the_same_key_gives_the_first_answer_again(event: Event, api: Caller) -> None:
    first = api.post(f"events/{event.slug}/tracks/", {"name": {"en": "Tea"}}, idempotency_key="a")
    second = api.post(f"events/{event.slug}/tracks/", {"name": {"en": "Tea"}}, idempotency_key="a")

    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert first["Location"] == second["Location"]
    assert Track.objects.filter(event=event).count() == 1


def test_a_key_used_for_another_request_is_refused(event: Event, api: Caller) -> None:
    api.post(f"events/{event.slug}/tracks/", {"name": {"en": "Tea"}}, idempotency_key="a")
    response = api.post(f"events/{event.slug}/tracks/", {"name": {"en": "Rice"}}, idempotency_key="a")

    assert response.status_code == 422
    assert response.json()["code"] == "idempotency_key_reused"
    assert Track.objects.filter(event=event).count() == 1


def test_a_refusal_is_repeated_too(event: Event, api: Caller) -> None:
    first = api.post(f"events/{event.slug}/tracks/", {}, idempotency_key="a")
    second = api.post(f"events/{event.slug}/tracks/", {}, idempotency_key="a")

    assert first.status_code == second.status_code == 400
    assert second["Content-Type"] == "application/problem+json"
    assert first.json() == second.json()


def fill(event: Event, name: str, rows: int) -> None:
    room, ticket = make_room(event), make_ticket(event)
    for number in range(rows):
        speaker = make_speaker(event)
        slot = make_slot(event, room=room, submission=make_submission(event, speakers=[speaker, make_speaker(event)]))
        make_track(event)
        make_choice(event, f"choice{number}")
        register(ticket)
        reminders.create_rule(
            event_id=event.pk, anchor="slot", audience="speakers", offset_minutes=number, actor=None, now=NOW
        )
        if name in {"rooms", "quotas", "ticket-types"} and number:
            make_room(event)
            make_ticket(event)
        if name == "releases":
            releases.release(event=event, version=str(number), force=True, actor=None, now=NOW)
            slots.move_slot(slot=slot, changes={"board": ""}, actor=None, now=NOW)


#: The token with its user, the user's tokens that may have run out, the event, the permissions; the count; the page, and what is
#: read for the whole of it.
QUERIES = {
    **dict.fromkeys(["rooms", "tracks", "slots", "releases", "quotas", "reminder-rules", "messages"], 6),
    **dict.fromkeys(["speakers", "submissions", "ticket-types", "questions", "registrations"], 7),
    "conflicts": 13,
}


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("name", LISTS)
def test_lists_take_as_many_queries_for_three_rows_as_for_one(
    name: str, rows: int, event: Event, api: Caller, django_assert_num_queries: Any
) -> None:
    fill(event, name, rows)

    # Of one slot alone nobody's name is to be looked up.
    alone = name == "conflicts" and rows == 1
    with django_assert_num_queries(QUERIES[name] - alone):
        found = api.get(f"events/{event.slug}/{name}/").json()
    assert found["count"] >= rows - (name == "conflicts")


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_walked_page_by_page(name: str, event: Event, api: Caller) -> None:
    fill(event, name, 3)
    whole = api.get(f"events/{event.slug}/{name}/?page_size=500").json()

    found, path = [], f"/api/v1/events/{event.slug}/{name}/?page_size=2"
    while path:
        page = api.get(path).json()
        assert len(page["results"]) <= 2
        found += page["results"]
        path = (page["next"] or "").removeprefix("http://testserver")

    assert found == whole["results"]
    assert len(found) == whole["count"] > 2
    assert api.get(f"events/{event.slug}/{name}/?page=99").status_code == 404


def test_schema_and_documentation_are_there(anybody: Caller) -> None:
    assert anybody.get("schema/").status_code == 200
    page = anybody.get("docs/")
    assert page.status_code == 200
    assert "registrations" in page.content.decode()
