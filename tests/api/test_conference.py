"""A conference set up, published, registered for and changed, by API alone."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import User
from events.models import Event
from tests.api.conftest import Caller


def made(response: Any) -> dict[str, Any]:
    assert response.status_code == 201, response.content
    answer: dict[str, Any] = response.json()
    return answer


@pytest.fixture
def ticket(event: Event, api: Caller) -> dict[str, Any]:
    quota = made(api.post(f"events/{event.slug}/quotas/", {"name": "Seats", "size": 1}))
    return made(
        api.post(
            f"events/{event.slug}/ticket-types/",
            {"name": {"en": "Guest"}, "quotas": [quota["id"]], "waiting_list": True},
        )
    )


def guest(ticket: dict[str, Any], number: int = 1, **more: Any) -> dict[str, Any]:
    return {"ticket_type": ticket["id"], "name": f"Guest {number}", "email": f"guest{number}@example.org", **more}


def test_an_event_is_created_by_an_organizer_and_changed(organizer: User, api: Caller) -> None:
    event = made(
        api.post(
            "events/",
            {
                "slug": "tea-2027",
                "name": {"en": "Tea Day", "zh-hans": "茶日"},
                "organisation": "food-science",
                "starts_on": "2027-04-20",
                "ends_on": "2027-04-20",
            },
        )
    )

    assert event["state"] == "draft"
    assert event["name"] == {"en": "Tea Day", "zh-hans": "茶日"}
    assert api.patch("events/tea-2027/", {"state": "live"}).json()["state"] == "live"
    assert [row["slug"] for row in api.get("events/").json()["results"]] == ["tea-2027"]


def test_nobody_creates_events_for_others(stranger: User, organisation: Any, call: Any) -> None:
    response = call(stranger).post(
        "events/",
        {
            "slug": "mine",
            "name": {"en": "Mine"},
            "organisation": organisation.slug,
            "starts_on": "2027-04-20",
            "ends_on": "2027-04-20",
        },
    )

    assert response.status_code == 400
    assert response.json()["problems"][0]["field"] == "organisation"


def test_a_programme_is_built_and_released(event: Event, api: Caller) -> None:
    room = made(api.post(f"events/{event.slug}/rooms/", {"name": {"en": "Hall"}, "capacity": 100}))
    track = made(api.post(f"events/{event.slug}/tracks/", {"name": {"en": "Tea"}, "colour": "#1F7A8C"}))
    speaker = made(
        api.post(f"events/{event.slug}/speakers/", {"name": "Mei Lin", "email": "mei@example.org", "country": "CN"})
    )
    submission = made(
        api.post(
            f"events/{event.slug}/submissions/",
            {
                "title": {"en": "On tea"},
                "track": track["id"],
                "duration_minutes": 45,
                "speakers": [speaker["code"]],
            },
        )
    )
    slot = made(
        api.post(
            f"events/{event.slug}/slots/",
            {"submission": submission["code"], "room": room["id"], "starts_at": "2027-06-07T09:00:00+08:00"},
        )
    )

    assert slot["ends_at"] == "2027-06-07T01:45:00Z"
    assert slot["title"] == {"en": "On tea"}
    preview = api.get(f"events/{event.slug}/releases/preview/").json()
    assert [row["submission"] for row in preview["added"]] == [submission["code"]]
    assert (preview["speakers_affected"], preview["messages"]) == (1, 1)
    release = made(api.post(f"events/{event.slug}/releases/", {"version": "1.0"}))
    assert release["is_current"] is True
    moved = api.patch(f"events/{event.slug}/slots/{slot['id']}/", {"starts_at": "2027-06-07T10:00:00+08:00"})
    assert moved.json()["ends_at"] == "2027-06-07T02:45:00Z"
    preview = api.get(f"events/{event.slug}/releases/preview/").json()
    assert preview["moved"][0]["previous"]["starts_at"] == "2027-06-07T01:00:00Z"
    assert [m["kind"] for m in api.get(f"events/{event.slug}/messages/").json()["results"]] == ["slot_published"]


def test_fatal_conflicts_stop_a_release_unless_it_is_forced(event: Event, api: Caller) -> None:
    room = made(api.post(f"events/{event.slug}/rooms/", {"name": {"en": "Hall"}}))
    for title in ("One", "Two"):
        made(
            api.post(
                f"events/{event.slug}/slots/",
                {"title": {"en": title}, "room": room["id"], "starts_at": "2027-06-07T09:00:00+08:00"},
            )
        )

    conflicts = api.get(f"events/{event.slug}/conflicts/").json()["results"]
    refused = api.post(f"events/{event.slug}/releases/", {"version": "1.0"})

    assert [(c["severity"], c["code"]) for c in conflicts] == [("fatal", "room_twice")]
    assert refused.status_code == 409
    assert refused.json()["conflicts"] == conflicts
    assert api.post(f"events/{event.slug}/releases/", {"version": "1.0", "force": True}).status_code == 201


def test_somebody_registers_and_the_next_waits_and_gets_the_place(
    event: Event, ticket: dict[str, Any], api: Caller, anybody: Caller
) -> None:
    first = made(anybody.post(f"events/{event.slug}/registrations/", guest(ticket, 1, language="zh-hans")))
    second = made(anybody.post(f"events/{event.slug}/registrations/", guest(ticket, 2)))

    assert (first["state"], second["state"]) == ("confirmed", "waiting")
    assert {"code", "secret", "state", "amount", "currency", "links"} <= set(first)
    assert set(first["links"]) == {"page", "ticket", "calendar"}
    own = f"events/{event.slug}/registrations/{first['code']}/"
    assert anybody.get(own).status_code == 401
    assert anybody.get(f"{own}?secret=wrong").status_code == 404
    assert anybody.get(f"{own}?secret={first['secret']}").json()["name"] == "Guest 1"
    cancelled = anybody.post(f"{own}cancel/?secret={first['secret']}", {})
    assert cancelled.json()["state"] == "cancelled"
    listed = api.get(f"events/{event.slug}/registrations/?state=confirmed").json()["results"]
    assert [row["code"] for row in listed] == [second["code"]]
    kinds = [m["kind"] for m in api.get(f"events/{event.slug}/messages/").json()["results"]]
    assert sorted(kinds) == [
        "place_given",
        "registration_cancelled",
        "registration_confirmed",
        "registration_waiting",
    ]


def test_full_without_a_waiting_list_is_sold_out(
    event: Event, ticket: dict[str, Any], api: Caller, anybody: Caller
) -> None:
    api.patch(f"events/{event.slug}/ticket-types/{ticket['id']}/", {"waiting_list": False})
    made(anybody.post(f"events/{event.slug}/registrations/", guest(ticket, 1)))

    response = anybody.post(f"events/{event.slug}/registrations/", guest(ticket, 2))

    assert (response.status_code, response.json()["code"]) == (409, "sold_out")


def test_an_address_registers_once(event: Event, ticket: dict[str, Any], anybody: Caller) -> None:
    made(anybody.post(f"events/{event.slug}/registrations/", guest(ticket)))

    response = anybody.post(f"events/{event.slug}/registrations/", guest(ticket, email="GUEST1@example.org"))

    assert (response.status_code, response.json()["code"]) == (409, "already_registered")


def test_a_registration_repeated_with_its_key_is_the_same(
    event: Event, ticket: dict[str, Any], anybody: Caller
) -> None:
    first = anybody.post(f"events/{event.slug}/registrations/", guest(ticket), idempotency_key="k")
    second = anybody.post(f"events/{event.slug}/registrations/", guest(ticket), idempotency_key="k")

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()


def test_a_draft_event_takes_no_registrations(
    event: Event, ticket: dict[str, Any], api: Caller, anybody: Caller
) -> None:
    api.patch(f"events/{event.slug}/", {"state": "draft"})

    assert anybody.post(f"events/{event.slug}/registrations/", guest(ticket)).status_code == 404


def test_answers_are_checked_and_kept(event: Event, ticket: dict[str, Any], api: Caller, anybody: Caller) -> None:
    made(
        api.post(
            f"events/{event.slug}/questions/",
            {
                "identifier": "meals",
                "kind": "choice",
                "label": {"en": "Meals?"},
                "is_required": True,
                "options": [
                    {"identifier": "all", "label": {"en": "All"}},
                    {"identifier": "vegan", "label": {"en": "Vegan"}},
                ],
            },
        )
    )

    missing = anybody.post(f"events/{event.slug}/registrations/", guest(ticket))
    wrong = anybody.post(f"events/{event.slug}/registrations/", guest(ticket, answers={"meals": "meat", "x": 1}))
    right = made(anybody.post(f"events/{event.slug}/registrations/", guest(ticket, answers={"meals": "vegan"})))

    assert [p["code"] for p in missing.json()["problems"]] == ["answer_required"]
    assert [p["code"] for p in wrong.json()["problems"]] == ["unknown_question", "answer_invalid"]
    assert right["answers"] == {"meals": "vegan"}


def test_reminder_rules_take_default_words(event: Event, api: Caller) -> None:
    rule = made(
        api.post(
            f"events/{event.slug}/reminder-rules/",
            {"anchor": "slot", "audience": "speakers", "offset_minutes": 60},
        )
    )

    assert rule["active"] is True
    path = f"events/{event.slug}/reminder-rules/{rule['id']}/"
    assert api.patch(path, {"active": False}).json()["active"] is False
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404


def test_reminder_rules_go_by_length_or_by_wall_clock(event: Event, api: Caller) -> None:
    rules = f"events/{event.slug}/reminder-rules/"
    whom = {"anchor": "slot", "audience": "speakers"}
    rule = made(api.post(rules, {**whom, "days_before": 1, "at_time": "18:00"}))
    assert (rule["offset_minutes"], rule["days_before"], rule["at_time"]) == (None, 1, "18:00")

    path = f"{rules}{rule['id']}/"
    changed = api.patch(path, {"offset_minutes": 90}).json()
    assert (changed["offset_minutes"], changed["days_before"], changed["at_time"]) == (90, None, None)
    changed = api.patch(path, {"days_before": 0, "at_time": "07:30"}).json()
    assert (changed["offset_minutes"], changed["days_before"], changed["at_time"]) == (None, 0, "07:30")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({}, ("one_of", "offset_minutes")),
        ({"offset_minutes": 60, "days_before": 1, "at_time": "18:00"}, ("one_of", "offset_minutes")),
        ({"days_before": 1}, ("at_time", "at_time")),
        ({"at_time": "18:00"}, ("days_before", "days_before")),
        ({"days_before": 1, "at_time": "25:00"}, ("invalid", "at_time")),
        ({"days_before": 1, "at_time": "18:00:30"}, ("invalid", "at_time")),
        ({"offset_minutes": 60, "anchor": "event", "audience": "bookmarked"}, ("unsupported", "audience")),
        ({"offset_minutes": 60, "anchor": "deadline", "audience": "bookmarked"}, ("unsupported", "audience")),
    ],
)
def test_reminder_rules_that_cannot_work_are_refused(
    event: Event, api: Caller, body: dict[str, Any], problem: tuple[str, str]
) -> None:
    whom = {"anchor": "slot", "audience": "speakers"}
    answer = api.post(f"events/{event.slug}/reminder-rules/", {**whom, **body})
    assert answer.status_code == 400
    assert [(found["code"], found["field"]) for found in answer.json()["problems"]] == [problem]
    assert all(found["message"] for found in answer.json()["problems"])


def test_the_quiet_period_is_a_field_of_the_event(event: Event, api: Caller) -> None:
    path = f"events/{event.slug}/"
    assert api.get(path).json()["quiet_minutes"] == 0
    assert api.patch(path, {"quiet_minutes": 10}).json()["quiet_minutes"] == 10
    assert api.patch(path, {"quiet_minutes": 1441}).status_code == 400


def test_addresses_of_speakers_are_for_organizers(event: Event, api: Caller, reviewer: User, call: Any) -> None:
    made(api.post(f"events/{event.slug}/speakers/", {"name": "Mei Lin", "email": "mei@example.org"}))

    assert "email" in api.get(f"events/{event.slug}/speakers/").json()["results"][0]


# -- Writing to somebody -----------------------------------------------------------------------------------------------


def test_an_organizer_writes_to_somebody_of_the_event_in_their_language(
    event: Event, api: Caller, ticket: dict[str, Any]
) -> None:
    made(api.post(f"events/{event.slug}/registrations/", guest(ticket, language="zh-hans")))
    written = made(
        api.post(
            f"events/{event.slug}/messages/",
            {
                "recipient": "Guest1@example.org",
                "subject": {"en": "The bus", "zh-hans": "班车"},
                "body": {"en": "It leaves at eight. <b>", "zh-hans": "八点出发。"},
                "send_at": "2027-06-07T00:00:00+08:00",
            },
        )
    )
    assert (written["kind"], written["recipient"], written["subject"], written["state"]) == (
        "organizers_message",
        "guest1@example.org",
        "班车",
        "queued",
    )
    assert written["send_at"].startswith("2027-06-0")
    cancelled = api.post(f"events/{event.slug}/messages/{written['id']}/cancel/", {})
    assert cancelled.json()["state"] == "cancelled"


def test_nobody_else_gets_mail_from_an_event(event: Event, api: Caller) -> None:
    refused = api.post(
        f"events/{event.slug}/messages/", {"recipient": "anybody@example.net", "subject": "Hi", "body": "There"}
    )
    assert refused.status_code == 400
    assert [(problem["code"], problem["field"]) for problem in refused.json()["problems"]] == [
        ("unknown_recipient", "recipient")
    ]


@pytest.mark.parametrize(
    "audiences",
    [
        {"speakers": {"name": "\0"}},
        {"registrations": {"q": "\ud800"}},
        {"registrations": {"answer.\0": ["vegan"]}},
        {"registrations": {"country": [{"code": "CN"}]}},
        {"registrations": {"ticket": 1.5}},
    ],
)
def test_a_campaign_is_narrowed_by_words_and_numbers_alone(audiences: Any, event: Event, api: Caller) -> None:
    body = {"subject": "News", "body": "Tea.", "audiences": audiences, "draft": True}
    response = api.post(f"events/{event.slug}/campaigns/", body)

    assert response.status_code == 400
    assert response.json()["problems"][0]["field"].startswith("audiences")
