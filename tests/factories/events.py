"""Organisations, events and places, through the services that the pages call."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from accounts.models import User
from events.models import (
    Event,
    Organisation,
    OrganisationKind,
    Permission,
    Room,
    RoomHold,
    Team,
    TeamMember,
    Track,
    Venue,
)
from events.services import events, organisations, places, teams, tracks
from tests.factories.accounts import make_user

_numbers = itertools.count(1)

#: Half a year before the event that `make_event` makes.
NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)


def make_organisation(slug: str = "", *, name: Any = "", actor: User | None = None) -> Organisation:
    number = next(_numbers)
    return organisations.create_organisation(
        name=name or {"en": f"School {number}", "zh-hans": f"第{number}学院"},
        slug=slug or f"school-{number}",
        kind=OrganisationKind.COLLEGE,
        actor=actor,
        now=NOW,
    )


def make_event(
    slug: str = "",
    *,
    organisation: Organisation | None = None,
    name: Any = "",
    starts_on: date = date(2027, 6, 7),
    days: int = 3,
    state: str = "live",
    **fields: Any,
) -> Event:
    """A conference in Wuxi from Monday to Wednesday, public unless `state` says otherwise."""
    number = next(_numbers)
    return events.create_event(
        organisation=organisation or make_organisation(),
        slug=slug or f"event-{number}",
        name=name or {"en": f"Conference {number}", "zh-hans": f"第{number}次会议"},
        starts_on=starts_on,
        ends_on=starts_on + timedelta(days=days - 1),
        state=state,
        actor=None,
        now=NOW,
        **{"time_zone": "Asia/Shanghai", "locales": ["en", "zh-hans"], **fields},
    )


def make_venue(event: Event, name: Any = "", **fields: Any) -> Venue:
    return places.create_venue(event=event, name=name or f"Building {next(_numbers)}", actor=None, now=NOW, **fields)


def make_room(event: Event, name: Any = "", **fields: Any) -> Room:
    return places.create_room(event=event, name=name or f"Room {next(_numbers)}", actor=None, now=NOW, **fields)


def make_track(event: Event, name: Any = "", **fields: Any) -> Track:
    return tracks.create_track(event=event, name=name or f"Track {next(_numbers)}", actor=None, now=NOW, **fields)


def make_hold(
    event: Event, room: Room, start: str = "08:00", end: str = "18:00", *, day: int = 0, note: str = ""
) -> RoomHold:
    """From one wall clock to another on the event's day number `day`."""
    on = event.starts_on + timedelta(days=day)
    return places.hold_room(
        event=event,
        room=room,
        start=datetime.combine(on, time.fromisoformat(start), event.tz),
        end=datetime.combine(on, time.fromisoformat(end), event.tz),
        note=note,
        actor=None,
        now=NOW,
    )


def make_team(
    organisation: Organisation,
    permissions: Collection[str] = (),
    *,
    events: Collection[Event] = (),
    name: str = "",
) -> Team:
    """At these events, or at all of the organisation's without them."""
    return teams.create_team(
        organisation=organisation,
        name=name or f"Team {next(_numbers)}",
        permissions=permissions,
        all_events=not events,
        events=events,
        actor=None,
        now=NOW,
    )


def join(team: Team, user: User) -> TeamMember:
    return TeamMember.objects.create(team=team, user=user, joined_at=NOW)


def make_member(event: Event, *permissions: Permission, email: str = "", name: str = "") -> User:
    """Somebody who may do these things at this one event, and nothing elsewhere."""
    user = make_user(email, name=name)
    join(make_team(event.organisation, permissions, events=[event]), user)
    return user
