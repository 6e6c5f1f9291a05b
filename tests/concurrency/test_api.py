"""Requests to the API at the same instant: twins with one key, moves of one slot, and a row that is deleted meanwhile."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.models import User
from common.api.idempotency import Idempotent
from events.models import Event, Track
from scheduling.models import Schedule, Slot
from scheduling.services import slots
from tests.api.conftest import Caller
from tests.factories.events import NOW
from tests.factories.scheduling import at, make_slot
from tests.racing import at_once

pytestmark = pytest.mark.django_db(transaction=True)

TWINS = 4


@pytest.fixture
def api(organizer: User) -> Caller:
    return Caller(organizer)


def twins(api: Caller, path: str, body: Any, **headers: str) -> list[Any]:
    return at_once(*[lambda: api.post(path, body, **headers)] * TWINS)


POSTS: list[tuple[str, Any]] = [
    ("rooms", {"name": "Hall"}),
    ("tracks", {"name": "Tea"}),
    ("speakers", {"name": "Mei Lin", "email": "mei@example.org"}),
    ("submissions", {"title": "Tea"}),
    ("slots", {"title": "Tea", "starts_at": "2027-06-07T09:00:00+08:00"}),
    ("releases", {"version": "1.0"}),
]


@pytest.mark.parametrize(("name", "body"), POSTS, ids=[name for name, _body in POSTS])
def test_twins_with_one_key_have_one_effect_and_one_answer(name: str, body: Any, event: Event, api: Caller) -> None:
    if name == "releases":
        make_slot(event, title="Tea")
    path = f"events/{event.slug}/{name}/"

    answers = twins(api, path, body, idempotency_key="k")

    assert {answer.status_code for answer in answers} == {201}
    assert all(answer.json() == answers[0].json() for answer in answers)
    assert api.get(path).json()["count"] == 1


def test_an_event_is_made_once(api: Caller) -> None:
    body = {
        "slug": "tea",
        "name": "Tea",
        "organisation": "food-science",
        "starts_on": "2027-06-07",
        "ends_on": "2027-06-07",
    }
    assert {answer.status_code for answer in twins(api, "events/", body, idempotency_key="k")} == {201}
    # Without a key the database lets one of them have the address.
    others = sorted(answer.status_code for answer in twins(api, "events/", {**body, "slug": "rice"}))
    assert others[0] == 201
    assert set(others[1:]) <= {400, 409}
    assert Event.objects.count() == 2


@pytest.fixture
def _without_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    def initial(self: Any, *args: Any, **kwargs: Any) -> None:
        super(Idempotent, self).initial(*args, **kwargs)

    monkeypatch.setattr(Idempotent, "initial", initial)


@pytest.mark.usefixtures("_without_keys")
def test_twins_are_really_twins(event: Event, api: Caller) -> None:
    """Control: where no key is claimed, each of them has its effect."""
    twins(api, f"events/{event.slug}/tracks/", {"name": "Tea"}, idempotency_key="k")
    assert Track.objects.count() == TWINS


def test_of_many_moves_of_one_slot_none_is_lost_in_part(event: Event, api: Caller) -> None:
    """Two move it, one locks it, one renames it: the end fits the beginning, and what nobody touched stays."""
    slot = make_slot(event, title="Tea", minutes=30)
    path = f"events/{event.slug}/slots/{slot.pk}/"
    changes = [
        {"starts_at": "2027-06-07T10:00:00+08:00"},
        {"starts_at": "2027-06-07T14:00:00+08:00"},
        {"title": "Rice"},
    ]

    answers = at_once(*[lambda change=change: api.patch(path, change) for change in changes])  # type: ignore[misc]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    slot.refresh_from_db()
    assert str(slot.title) == "Rice"
    assert slot.starts_at in {at(event, "10:00"), at(event, "14:00")}
    assert (slot.ends_at - slot.starts_at).total_seconds() == 30 * 60


def test_of_many_who_saw_the_same_slot_one_moves_it(event: Event, api: Caller) -> None:
    slot = make_slot(event, title="Tea")
    path = f"events/{event.slug}/slots/{slot.pk}/"
    seen = api.get(path)["ETag"]
    changes = [{"starts_at": f"2027-06-07T{10 + number}:00:00+08:00"} for number in range(TWINS)]

    answers = at_once(
        *[lambda change=change: api._send("PATCH", path, change, if_match=seen) for change in changes]  # type: ignore[misc]
    )

    assert sorted(answer.status_code for answer in answers) == [200, *[412] * (TWINS - 1)]
    # Control: those who do not say what they saw all move it.
    answers = at_once(*[lambda change=change: api.patch(path, change) for change in changes])  # type: ignore[misc]
    assert {answer.status_code for answer in answers} == {200}


@pytest.mark.parametrize(("method", "status"), [("PATCH", 409), ("DELETE", 204)])
def test_a_slot_that_is_removed_while_a_request_waits(method: str, status: int, event: Event, api: Caller) -> None:
    slot = make_slot(event, title="Tea")
    path = f"events/{event.slug}/slots/{slot.pk}/"
    answers: list[Any] = []

    def ask() -> None:
        try:
            answers.append(api._send(method, path, {"board": ""} if method == "PATCH" else None))
        finally:
            connection.close()

    waiting = threading.Thread(target=ask)
    with transaction.atomic():
        Schedule.objects.select_for_update().get(pk=slot.schedule_id)
        waiting.start()
        wait_until_it_waits(waiting)
        slots.remove_slot(slot=slot, actor=None, now=NOW)
    waiting.join()

    assert answers[0].status_code == status
    assert not Slot.objects.exists()


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_track_that_is_deleted_while_a_request_waits_is_not_found(method: str, event: Event, api: Caller) -> None:
    track = Track.objects.create(event=event, name="Tea", colour="#1F7A8C")
    answers: list[Any] = []

    def ask() -> None:
        try:
            body = {"name": "Rice"} if method == "PATCH" else None
            answers.append(api._send(method, f"events/{event.slug}/tracks/{track.pk}/", body))
        finally:
            connection.close()

    waiting = threading.Thread(target=ask)
    with transaction.atomic():
        Track.objects.select_for_update().get(pk=track.pk)
        waiting.start()
        wait_until_it_waits(waiting)
        Track.objects.filter(pk=track.pk).delete()
    waiting.join()

    assert answers[0].status_code in ({404} if method == "PATCH" else {204, 404})


def wait_until_it_waits(thread: threading.Thread) -> None:
    """Until somebody waits for a lock of ours."""
    while thread.is_alive():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
            )
            if cursor.fetchone()[0]:
                return
    pytest.fail("the request did not wait: this test shows nothing")
