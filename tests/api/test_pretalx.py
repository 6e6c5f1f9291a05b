"""The programme in pretalx's shapes: valid by its own schema, complete, and nothing that is not public."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
import yaml
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from jsonschema import Draft202012Validator
from knox.models import AuthToken

from events.models import Event, Permission
from scheduling.models import SlotKind
from scheduling.services import releases
from tests.data import shared
from tests.factories import scheduling as make
from tests.factories.scheduling import NOW

pytestmark = pytest.mark.django_db

SCHEMAS = {
    "submissions": "Submission",
    "talks": "Submission",
    "speakers": "Speaker",
    "rooms": "Room",
    "tracks": "Track",
    "submission-types": "SubmissionType",
    "slots": "TalkSlot",
}
EMPTY = ("tags", "questions", "question-options", "answers", "speaker-information")


@cache
def components() -> dict[str, Any]:
    """pretalx's schemas as JSON Schema: `nullable` is OpenAPI 3.0's own word."""
    document = yaml.safe_load(shared("schemas/pretalx/openapi.yml").read_text())

    def plain(node: Any) -> Any:
        if isinstance(node, list):
            return [plain(item) for item in node]
        if not isinstance(node, dict):
            return node
        # Of time zones it lists none.
        found = {key: plain(value) for key, value in node.items() if key != "nullable" and (key, value) != ("enum", [])}
        return {"anyOf": [found, {"type": "null"}]} if node.get("nullable") is True else found

    return {"components": {"schemas": plain(document["components"]["schemas"])}}


def check(body: Any, name: str) -> None:
    schema = {**components(), "$ref": f"#/components/schemas/{name}"}
    errors = [f"{'/'.join(map(str, e.path))}: {e.message}" for e in Draft202012Validator(schema).iter_errors(body)]
    assert not errors, errors[:5]


def get(client: Client, path: str, status: int = 200, **headers: str) -> Any:
    answer = client.get(f"/api/events/{path}", headers=headers)
    assert answer.status_code == status, (path, answer.content[:200])
    assert answer["Access-Control-Allow-Origin"] == "*"
    return answer.json()


@pytest.fixture
def event() -> Event:
    return build("food", 3)


def build(slug: str, number: int, **options: Any) -> Event:
    event = make.make_event(slug, locales=("en", "zh-hans"), **options)
    track = make.make_track(event)
    for index in range(number):
        speakers = [make.make_speaker(event, f"Speaker {index}", biography="Knows tea."), make.make_speaker(event)]
        submission = make.make_submission(
            event, f"Kefir {index}", speakers=speakers, track=track if index else None, abstract="Grains", language="en"
        )
        room = make.make_room(event, capacity=40) if index != 1 else None
        make.make_slot(event, f"{9 + index:02}:00", room=room, submission=submission)
    make.make_slot(event, "12:00", kind=SlotKind.BREAK, title="Lunch")
    releases.release(event=event, version="1.0", comment="First", force=True, actor=None, now=NOW)
    return event


def test_answers_are_valid_by_pretalxs_own_schema(client: Client, event: Event) -> None:
    for row in get(client, ""):
        check(row, "EventList")
    check(get(client, "food/"), "Event")
    check(client.get("/api/").json(), "Root")
    for table, name in SCHEMAS.items():
        found = get(client, f"food/{table}/")
        assert found["count"] == len(found["results"]) > 0, table
        key = "code" if name in {"Submission", "Speaker"} else "id"
        for row in found["results"]:
            check(row, name)
            assert get(client, f"food/{table}/{row[key]}/") == row
    schedules = get(client, "food/schedules/")
    check(schedules["results"][0], "ScheduleList")
    check(get(client, f"food/schedules/{schedules['results'][0]['id']}/"), "Schedule")
    check(get(client, "food/schedules/latest/"), "Schedule")
    for table in EMPTY:
        assert get(client, f"food/{table}/") == {"count": 0, "next": None, "previous": None, "results": []}


def test_the_programme_is_whole(client: Client, event: Event) -> None:
    found = get(client, "food/submissions/")["results"]
    assert [row["title"] for row in found] == ["Kefir 0", "Kefir 1", "Kefir 2"]
    assert found[1]["track"]
    assert found[0]["track"] is None
    slots = {row["id"]: row for row in get(client, "food/slots/")["results"]}
    assert slots[found[0]["slots"][0]]["start"] == "2027-06-07T09:00:00+08:00"
    assert slots[found[1]["slots"][0]]["room"] is None
    code = found[0]["speakers"][0]
    assert get(client, f"food/speakers/{code.lower()}/")["submissions"] == [found[0]["code"]]


def test_what_is_referred_to_can_come_along(client: Client, event: Event) -> None:
    wish = "expand=speakers,slots.room&expand=track&expand=submission_type"
    row = get(client, f"food/submissions/?{wish}&o=-title")["results"][0]
    assert row["title"] == "Kefir 2"
    check(row["speakers"][0], "Speaker")
    check(row["slots"][0]["room"], "Room")
    check(row["track"], "Track")
    check(row["submission_type"], "SubmissionType")
    schedule = get(client, "food/schedules/latest/?expand=slots.submission.speakers")
    assert schedule["slots"][0]["submission"]["speakers"][0]["name"] == "Speaker 0"


def test_lists_are_searched_filtered_and_walked(client: Client, event: Event) -> None:
    assert [row["title"] for row in get(client, "food/submissions/?q=kefir+2")["results"]] == ["Kefir 2"]
    track = event.tracks.get().pk
    assert get(client, f"food/submissions/?track={track}")["count"] == 2
    room = get(client, "food/rooms/")["results"][0]["id"]
    assert get(client, f"food/slots/?room={room}")["count"] == 1
    first = get(client, "food/submissions/?page_size=2")
    assert (first["count"], len(first["results"]), first["previous"]) == (3, 2, None)
    second = client.get(first["next"]).json()
    assert len(second["results"]) == 1
    assert second["next"] is None
    get(client, "food/submissions/?page=9", status=404)
    get(client, "food/submissions/?page=x", status=400)
    assert get(client, "food/rooms/?lang=en")["results"][0]["name"].startswith("Room")


def test_releases_are_kept_apart(client: Client, event: Event) -> None:
    make.make_talk(event, "Tea", "15:00")
    assert get(client, "food/submissions/")["count"] == 3
    releases.release(event=event, version="2.0", force=True, actor=None, now=NOW)
    assert get(client, "food/submissions/")["count"] == 4
    assert get(client, "food/submissions/?schedule_version=1.0")["count"] == 3
    assert [row["version"] for row in get(client, "food/schedules/")["results"]] == ["2.0", "1.0"]
    answer = client.get("/api/events/food/schedules/by-version/?version=1.0", follow=True)
    assert answer.json()["version"] == "1.0"
    get(client, "food/schedules/wip/", status=404)
    answer = client.get("/api/events/food/schedules/latest/exporters/schedule.json/", follow=True)
    assert answer.json()["schedule"]["version"] == "2.0"
    slot = get(client, "food/slots/")["results"][0]["id"]
    assert b"BEGIN:VEVENT" in client.get(f"/api/events/food/slots/{slot}/ical/", follow=True).content


def test_nothing_that_is_not_public_is_told(client: Client, event: Event) -> None:
    hidden = make.make_submission(event, "Secret plan", speakers=[make.make_speaker(event, "Nobody Yet")])
    whole = json.dumps([get(client, path) for path in ["", "food/", *(f"food/{table}/" for table in SCHEMAS)]])
    for speaker in event.speakers.all():
        assert speaker.email not in whole
    assert "Secret plan" not in whole
    assert "Nobody Yet" not in whole
    get(client, f"food/submissions/{hidden.code}/", status=404)


def test_a_draft_event_is_there_for_its_editors_alone(client: Client) -> None:
    event = build("secret", 1, state="draft")
    paths = ["", *(f"{table}/" for table in SCHEMAS), "schedules/", "schedules/latest/"]
    mine = AuthToken.objects.create(make.make_organizer(event, Permission.EDIT_PROGRAMME))[1]
    other = AuthToken.objects.create(make.make_organizer(event, Permission.SEE_REGISTRATIONS))[1]
    assert not any(row["slug"] == "secret" for row in get(client, ""))
    for path in paths:
        get(client, f"secret/{path}", status=404)
        get(client, f"secret/{path}", status=404, authorization=f"Token {other}")
        get(client, f"secret/{path}", status=404, authorization="Token nonsense")
        get(client, f"secret/{path}", authorization=f"Token {mine}")
    answer = client.get("/api/events/secret/", headers={"authorization": f"Token {mine}"})
    assert "private" in answer["Cache-Control"]


def test_things_of_another_event_are_not_found(client: Client, event: Event) -> None:
    build("tea", 2)
    for table, name in SCHEMAS.items():
        key = "code" if name in {"Submission", "Speaker"} else "id"
        theirs = get(client, f"tea/{table}/")["results"]
        assert theirs, table
        for row in theirs:
            if table != "submission-types":
                get(client, f"food/{table}/{row[key]}/", status=404)


def test_it_is_for_reading(client: Client, event: Event) -> None:
    for method in (client.post, client.put, client.patch, client.delete):
        assert method("/api/events/food/submissions/", data="{}", content_type="application/json").status_code == 405
    assert client.options("/api/events/food/submissions/")["Access-Control-Allow-Headers"]


@pytest.mark.parametrize("path", ["food/submissions/?expand=speakers,slots.room", "food/speakers/", "food/slots/"])
def test_lists_take_no_query_and_are_known_again(client: Client, event: Event, path: str) -> None:
    first = client.get(f"/api/events/{path}")
    with CaptureQueriesContext(connection) as queries:
        again = client.get(f"/api/events/{path}", headers={"if-none-match": first["ETag"]})
    assert again.status_code == 304
    assert not queries.captured_queries
