"""What holds for every resource: tokens, problems, strict bodies, pages, idempotency, nothing of other events."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from events.models import Event, Track
from notifications.services import campaigns, reminders
from registrations.services import check_ins
from registrations.services.check_ins import Scan
from scheduling.services import releases, slots
from tests.api.conftest import Caller
from tests.factories.events import NOW, make_event, make_room, make_track
from tests.factories.registrations import make_choice, make_product, make_section, make_ticket, register
from tests.factories.scheduling import make_slot, make_speaker, make_submission

LISTS = (
    *("rooms", "tracks", "submissions", "speakers", "slots", "conflicts", "releases", "ticket-types", "quotas"),
    *("products", "question-sections", "questions", "registrations", "check-ins"),
    *("reminder-rules", "messages", "campaigns"),
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
    "body",
    [
        '{"name": 5}',
        '{"name": ["Tea"]}',
        '{"name": {"en": 5}}',
        "{",
        "[]",
        '"text"',
        "null",
        '{"name": {"en": "\\u0000"}}',
        '{"name": {"fr": "x"}}',
        "\ud800",
    ],
)
def test_a_body_that_is_wrong_is_refused_and_nothing_breaks(body: str, event: Event, api: Caller) -> None:
    response = api.post(f"events/{event.slug}/tracks/", body if body != "\ud800" else '{"name": "\\ud800"}')

    assert response.status_code == 400
    assert response.json()["code"] in {"invalid", "parse_error"}


def test_an_address_that_is_none_is_a_problem_too(anybody: Caller) -> None:
    response = anybody.get("nothing/here/")

    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


@pytest.mark.parametrize("path", ["/api/v2/events/", "/api/nothing", "/api/events/nothing/zzz/", "/api/v1/events"])
def test_no_address_below_the_api_answers_with_a_page(path: str, anybody: Caller) -> None:
    response = anybody.get(path)

    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")


TRACKS = "/api/v1/events/food-2027/tracks/"


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status", "code"),
    [
        ("GET", TRACKS, {"authorization": "Token nonsense"}, "", 401, "authentication_failed"),
        ("GET", TRACKS, {"authorization": "Bearer nonsense"}, "", 401, "not_authenticated"),
        ("PUT", TRACKS, {}, "{}", 405, "method_not_allowed"),
        ("DELETE", TRACKS, {}, "", 405, "method_not_allowed"),
        ("GET", TRACKS, {"accept": "text/html"}, "", 406, "not_acceptable"),
        ("POST", TRACKS, {"content-type": "text/plain"}, "name=Tea", 415, "unsupported_media_type"),
        ("POST", TRACKS, {"content-type": "application/json; charset=rot13"}, "{}", 400, "parse_error"),
        ("POST", TRACKS, {}, "[" * 100_000, 400, "parse_error"),
        ("POST", TRACKS, {}, '{"name": ' + "9" * 5000 + "}", 400, "parse_error"),
        ("POST", TRACKS, {}, '{"name": NaN}', 400, "parse_error"),
        ("POST", TRACKS, {"idempotency-key": "k" * 201}, '{"name": "Tea"}', 400, "idempotency_key_too_long"),
        ("GET", f"{TRACKS}?page=2", {}, "", 404, "not_found"),
        ("GET", f"{TRACKS}?page=0", {}, "", 400, "invalid"),
        ("GET", f"{TRACKS}?page_size=all", {}, "", 400, "invalid"),
        ("POST", TRACKS, {"idempotency-key": "k"}, '{"\\u0000": 1, "\\ud800": 1}', 400, "invalid"),
        ("GET", f"{TRACKS}?page=%00", {}, "", 400, "bad_request"),
    ],
)
def test_every_refusal_is_a_problem(
    method: str, path: str, headers: dict[str, str], body: str, status: int, code: str, event: Event, api: Caller
) -> None:
    kind = headers.pop("content-type", "application/json")
    response = api.client.generic(method, path, body, content_type=kind, headers={**api.headers, **headers})

    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")
    assert (response.json()["status"], response.json()["code"]) == (status, code)
    assert (status == 401) == ("WWW-Authenticate" in response)
    assert status != 405 or "GET" in response["Allow"]


def test_a_body_that_is_too_long_is_refused(event: Event, api: Caller, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    response = api.post(f"events/{event.slug}/tracks/", {"name": "x" * 200})

    assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")


@pytest.mark.parametrize(
    "time", ["2027-06-07T09:00:00", "2027-06-07 09:00", "2027-06-07", "09:00", "", 0, None, "0001-01-01T00:00:00+14:00"]
)
def test_a_time_without_its_offset_is_refused_and_not_guessed(time: object, event: Event, api: Caller) -> None:
    path = f"events/{event.slug}/slots/"
    response = api.post(path, {"title": "Tea", "starts_at": time})

    assert response.status_code == 400
    assert response.json()["problems"][0]["field"] == "starts_at"
    if isinstance(time, str) and time:
        assert api.get(f"{path}?starts_at_after={time.replace('+', '%2B')}").status_code in {200, 400}
        assert api.get(f"{path}?starts_at_after={time.partition('+')[0]}").status_code == 400


def test_times_are_told_with_their_offset(event: Event, api: Caller) -> None:
    path = f"events/{event.slug}/slots/"
    slot = api.post(path, {"title": "Tea", "starts_at": "2027-06-07T09:00:00+08:00"}).json()

    assert (slot["starts_at"], slot["ends_at"]) == ("2027-06-07T01:00:00Z", "2027-06-07T01:30:00Z")
    for wish, count in (("after", 1), ("before", 1)):
        assert api.get(f"{path}?starts_at_{wish}=2027-06-07T09:00:00%2B08:00").json()["count"] == count
    assert api.get(f"{path}?starts_at_after=2027-06-07T01:00:01Z").json()["count"] == 0


def test_words_for_people_are_in_their_language(event: Event, api: Caller) -> None:
    chinese = {"accept_language": "zh-hans"}
    path = f"events/{event.slug}/slots/"
    slot = api.post(path, {"title": "Tea", "starts_at": "2027-06-07T09:00:00+08:00", "locked": True}).json()
    refusals = [
        api.post(path, {}, **chinese),
        api.post(path, {"title": "", "starts_at": "2027-06-07T09:00:00+08:00"}, **chinese),
        api.post(path, {"title": "Tea", "starts_at": "2027-06-07T09:00:00"}, **chinese),
        api._send("PATCH", f"{path}{slot['id']}/", {"starts_at": "2027-06-07T10:00:00+08:00"}, **chinese),
        api._send("PATCH", f"{path}{slot['id']}/", {"locked": False}, if_match='"old"', **chinese),
        api.post(f"events/{event.slug}/speakers/", {"name": "Li", "email": "nobody"}, **chinese),
        api.get("nothing/", **chinese),
    ]

    assert [response.status_code for response in refusals] == [400, 409, 400, 409, 412, 400, 404]
    for response in refusals:
        body = response.json()
        for text in [body["detail"], *(problem["message"] for problem in body["problems"])]:
            assert re.search(r"[\u4e00-\u9fff]", text), text
    conflict = api.get(f"events/{event.slug}/conflicts/?lang=zh-hans").json()
    assert conflict["count"] == 0


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


def test_a_key_is_its_callers_own(event: Event, api: Caller, reviewer: User, call: Callable[..., Caller]) -> None:
    path = f"events/{event.slug}/speakers/"
    mine = api.post(path, {"name": "Li Na"}, idempotency_key="a").json()
    theirs = call(reviewer).post(path, {"name": "Li Na"}, idempotency_key="a").json()

    assert mine["code"] != theirs["code"]


def test_a_key_is_for_one_address_with_its_query(event: Event, api: Caller) -> None:
    path = f"events/{event.slug}/tracks/"
    assert api.post(path, {"name": "Tea"}, idempotency_key="a").status_code == 201
    for other in (f"{path}?page=2", f"events/{event.slug}/rooms/"):
        assert api.post(other, {"name": "Tea"}, idempotency_key="a").status_code == 422


# -- As it was seen ----------------------------------------------------------------------------------------------------


def test_what_was_changed_since_it_was_seen_is_not_overwritten(event: Event, api: Caller) -> None:
    made = api.post(f"events/{event.slug}/tracks/", {"name": "Tea"})
    path = f"events/{event.slug}/tracks/{made.json()['id']}/"
    assert api.get(path)["ETag"] == made["ETag"]

    changed = api._send("PATCH", path, {"name": "Rice"}, if_match=made["ETag"])
    assert changed.status_code == 200
    for method, body in (("PATCH", {"name": "Wheat"}), ("DELETE", None)):
        refused = api._send(method, path, body, if_match=made["ETag"])
        assert (refused.status_code, refused.json()["code"]) == (412, "not_as_seen")
    assert api.get(path).json()["name"] == {"en": "Rice"}
    assert api._send("DELETE", path, if_match=f'"other", {changed["ETag"]}').status_code == 204


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("rooms", {"name": "Tea"}),
        ("tracks", {"name": "Tea"}),
        ("submissions", {"abstract": "Tea"}),
        ("speakers", {"affiliation": "Tea"}),
        ("slots", {"board": ""}),
        ("quotas", {"name": "Tea"}),
        ("ticket-types", {"name": "Tea"}),
        ("products", {"name": "Tea"}),
        ("question-sections", {"title": "Tea"}),
        ("questions", {"help_text": "Tea"}),
        ("registrations", {"affiliation": "Tea"}),
        ("reminder-rules", {"active": False}),
    ],
)
def test_everything_that_is_changed_can_be_guarded(
    name: str, changes: dict[str, Any], event: Event, api: Caller
) -> None:
    fill(event, name, 1)
    row = api.get(f"events/{event.slug}/{name}/").json()["results"][0]
    path = f"events/{event.slug}/{name}/{row.get('id') or row['code']}/"

    assert api._send("PATCH", path, changes, if_match='"old"').status_code == 412
    assert api._send("PATCH", path, changes, if_match=api.get(path)["ETag"]).status_code == 200


# -- Nothing of other events -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LISTS)
def test_a_list_tells_nothing_of_another_event(
    name: str, event: Event, api: Caller, stranger: User, call: Callable[..., Caller]
) -> None:
    theirs = Event.objects.get(slug="elsewhere-2027")
    fill(event, name, 3)
    fill(theirs, name, 3)
    address = "events/{}/{}/?page_size=500"
    ours, others = (
        {json.dumps(row, sort_keys=True) for row in caller.get(address.format(slug, name)).json()["results"]}
        for caller, slug in ((api, event.slug), (call(stranger), theirs.slug))
    )

    assert len(ours) >= 2
    if name == "releases":
        # Known by their version, which is the event's own to choose.
        assert len(ours) == len(others) == 3
        return
    assert not ours & others
    key = {"submissions": "code", "speakers": "code", "registrations": "code", "conflicts": "slots"}.get(name, "id")
    known = [{json.dumps(json.loads(row)[key]) for row in rows} for rows in (ours, others)]
    assert not known[0] & known[1]
    assert call(stranger).get(address.format(event.slug, name)).status_code == 404


def test_the_list_of_events_is_ones_own(event: Event, api: Caller, stranger: User, call: Callable[..., Caller]) -> None:
    slugs = [[row["slug"] for row in caller.get("events/").json()["results"]] for caller in (api, call(stranger))]

    assert slugs == [[event.slug], ["elsewhere-2027"]]


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("slots", "room"),
        ("slots", "submission"),
        ("slots", "parent"),
        ("submissions", "track"),
        ("submissions", "speakers"),
    ],
)
def test_nothing_of_another_event_is_referred_to_or_told_from_nothing(
    name: str, field: str, event: Event, organisation: Any, api: Caller
) -> None:
    other = make_event(organisation=organisation)
    speaker = make_speaker(other)
    theirs: dict[str, Any] = {
        "room": make_room(other).pk,
        "submission": make_submission(other).code,
        "parent": make_slot(other, kind="block", title="Block").pk,
        "track": make_track(other).pk,
        "speakers": [speaker.code],
    }
    none = {"submission": "ZZZZZ9", "speakers": ["ZZZZZ9"]}.get(field, 10**9)
    path = f"events/{event.slug}/{name}/"
    body = {"title": "Tea", **({"starts_at": "2027-06-07T09:00:00+08:00"} if name == "slots" else {})}
    answers = [api.post(path, {**body, field: value}) for value in (theirs[field], none)]

    for answer in answers:
        assert answer.status_code == 400
        assert [(p["code"], p["field"]) for p in answer.json()["problems"]] == [("not_found", field)]
    if field in {"room", "parent", "track"}:
        asked = [api.get(f"{path}?{field}={value}") for value in (theirs[field], none)]
        assert [answer.status_code for answer in asked] == [400, 400]
        assert len({answer.content for answer in asked}) == 1


def test_counting_through_ids_finds_nobody(
    event: Event, api: Caller, stranger: User, call: Callable[..., Caller]
) -> None:
    fill(event, "registrations", 1)
    people = [*event.speakers.all(), *event.registrations.all()]
    known = {text for person in people for text in (person.email, person.name)}
    for name in ("rooms", "tracks", "slots", "messages", "reminder-rules", "quotas", "questions", "ticket-types"):
        path = f"events/{event.slug}/{name}/"
        ids = [row["id"] for row in api.get(path).json()["results"]]
        for number in range(min(ids) - 1, max(ids) + 2):
            for caller in (call(stranger), call()):
                answer = caller.get(f"{path}{number}/")
                assert answer.status_code in {401, 404}
                assert not any(text in answer.content.decode() for text in known)


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
        if name == "products":
            make_product(event)
        if name == "question-sections":
            make_section(event, f"Section {number}")
        if name == "campaigns":
            campaigns.create_campaign(
                event_id=event.pk, subject="News", body="Tea.", audiences={"speakers": {}}, actor=None, now=NOW
            )
        if name == "check-ins":
            scan = Scan(scan_id=uuid.uuid4(), secret="nobody's", scanned_at=NOW)
            check_ins.check_in(event=event, scans=[scan], actor=None, now=NOW)
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
    **dict.fromkeys(["question-sections", "check-ins"], 6),
    **dict.fromkeys(["speakers", "submissions", "ticket-types", "questions", "campaigns"], 7),
    "products": 8,
    "registrations": 9,
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
    text = page.content.decode()
    assert "registrations" in text
    assert "Yeast and tea" in text
