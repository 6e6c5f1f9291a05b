from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
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
from tests.racing import at_once

pytestmark = pytest.mark.django_db(transaction=True)

RACERS = 8


def race(call: Any, arguments: list[Any], refusal: type[Exception]) -> list[str]:
    """Everybody calls at the same instant; what came of it, sorted."""
    outcomes = at_once(*[partial(call, argument) for argument in arguments])
    words = [
        "refused" if isinstance(outcome, refusal) else repr(outcome) if isinstance(outcome, Exception) else "done"
        for outcome in outcomes
    ]
    return sorted(words)


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
def test_control_without_the_constraint_more_than_one_gets_the_room(events_of_one_room: list[Event]) -> None:
    """With the check alone and no constraint behind it."""
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
