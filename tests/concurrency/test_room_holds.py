from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from common.models import AuditEntry
from events.models import Event, Organisation, RoomHold
from events.services import places, teams
from events.services.places import RoomTaken
from events.services.teams import CannotChangeTeam
from tests.factories.accounts import make_user
from tests.factories.events import NOW, join, make_event, make_room

pytestmark = pytest.mark.django_db(transaction=True)

RACERS = 8


def race(call: Any, arguments: list[Any], refusal: type[Exception]) -> list[str]:
    """Everybody calls at the same instant; what came of it, sorted."""
    barrier = threading.Barrier(len(arguments))
    results: list[str] = []

    def run(argument: Any) -> None:
        try:
            barrier.wait()
            call(argument)
        except refusal:
            results.append("refused")
        except Exception as error:
            results.append(repr(error))
        else:
            results.append("done")
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[argument]) for argument in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(results)


@pytest.fixture
def events_of_one_room(event: Event) -> list[Event]:
    """Each of another organisation, and all of them with an eye on the great hall."""
    hall = make_room(event, "Great Hall")
    others = [make_event(state="draft") for _ in range(RACERS - 1)]
    for other in others:
        places.attach_room(event=other, room=hall, actor=None, now=NOW)
    return [event, *others]


def hold(event: Event) -> None:
    start = datetime(2027, 6, 7, 9, tzinfo=event.tz)
    places.hold_room(event=event, room=event.rooms.get(), start=start, end=start.replace(hour=12), actor=None, now=NOW)


@pytest.fixture
def _without_the_constraint() -> Iterator[None]:
    constraint = next(c for c in RoomHold._meta.constraints if c.name == "events_roomhold_no_two_overlap")
    with connection.schema_editor() as editor:
        editor.remove_constraint(RoomHold, constraint)
    yield
    RoomHold.objects.all().delete()
    with connection.schema_editor() as editor:
        editor.add_constraint(RoomHold, constraint)


def test_one_of_many_gets_the_room(events_of_one_room: list[Event]) -> None:
    assert race(hold, events_of_one_room, RoomTaken) == ["done"] + ["refused"] * (RACERS - 1)
    assert RoomHold.objects.count() == 1
    assert AuditEntry.objects.filter(verb="room_held").count() == 1


@pytest.mark.usefixtures("_without_the_constraint")
def test_the_race_is_real(events_of_one_room: list[Event]) -> None:
    """Control: with the check alone and no constraint behind it, more than one gets the room."""
    for _ in range(10):
        race(hold, events_of_one_room, RoomTaken)
        if RoomHold.objects.count() > 1:
            return
        RoomHold.objects.all().delete()
    pytest.fail("the calls never overlapped: this test shows nothing")


def test_two_managers_who_leave_at_once_do_not_leave_nobody(organisation: Organisation, organizer: User) -> None:
    team = organisation.teams.get(all_events=True)
    members = [organizer.memberships.get(), join(team, make_user())]

    def leave(member: Any) -> None:
        teams.remove_member(member=member, actor=member.user, now=NOW)

    assert race(leave, members, CannotChangeTeam) == ["done", "refused"]
    assert team.members.count() == 1
