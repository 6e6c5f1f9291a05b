"""Programmes for tests: an event, its rooms and people, and slots in its draft."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from accounts.models import User
from events.models import Event, EventRoom, Organisation, Permission, Room, Team, TeamMember, Track, Venue
from events.services import events, organisations
from scheduling.models import Schedule, Slot, SlotKind
from submissions.models import Speaker, Submission, Talk

#: Some weeks before the first day of `make_event`.
NOW = datetime(2027, 5, 3, 8, 0, tzinfo=UTC)
FIRST_DAY = date(2027, 6, 7)

_numbers = itertools.count(1)


def make_user(email: str = "", **fields: Any) -> User:
    return User.objects.create_user(email or f"person{next(_numbers)}@example.org", "correct horse", **fields)


def make_organisation(slug: str = "") -> Organisation:
    number = next(_numbers)
    return organisations.create_organisation(
        name=f"Laboratory {number}", slug=slug or f"laboratory-{number}", actor=None, now=NOW
    )


def make_event(
    slug: str = "",
    *,
    organisation: Organisation | None = None,
    days: int = 2,
    starts_on: date = FIRST_DAY,
    time_zone: str = "Asia/Shanghai",
    locales: Sequence[str] = ("en",),
    state: str = "live",
    **optional: Any,
) -> Event:
    """Open to the public, unless `state` says otherwise."""
    return events.create_event(
        organisation=organisation or make_organisation(),
        slug=slug or f"conference-{next(_numbers)}",
        name=optional.pop("name", "Food Futures 2027"),
        starts_on=starts_on,
        ends_on=starts_on + timedelta(days=days - 1),
        time_zone=time_zone,
        locales=list(locales),
        state=state,
        actor=None,
        now=NOW,
        **optional,
    )


def make_organizer(event: Event, *permissions: Permission, email: str = "") -> User:
    """Of this event only, with these permissions, or all."""
    user = make_user(email)
    team = Team.objects.create(
        organisation=event.organisation,
        name=f"Team {next(_numbers)}",
        permissions=list(permissions or Permission.values),
    )
    team.events.add(event)
    TeamMember.objects.create(team=team, user=user, joined_at=NOW)
    return user


def make_room(event: Event, name: str = "", *, capacity: int | None = None) -> Room:
    if event.venue is None:
        event.venue = Venue.objects.create(organisation=event.organisation, name="Lake Building")
        event.save(update_fields=["venue"])
    room = Room.objects.create(venue=event.venue, name=name or f"Room {next(_numbers)}", capacity=capacity)
    EventRoom.objects.create(event=event, room=room, position=event.event_rooms.count())
    return room


def make_track(event: Event, name: str = "Fermentation", colour: str = "#1F7A8C") -> Track:
    return Track.objects.create(event=event, name=name, colour=colour, position=event.tracks.count())


def make_speaker(event: Event, name: str = "", **fields: Any) -> Speaker:
    """Has an address, unless `email=""`."""
    number = next(_numbers)
    fields.setdefault("email", f"speaker{number}@example.org")
    return Speaker.objects.create(event=event, name=name or f"Speaker {number}", **fields)


def make_submission(event: Event, title: str = "", *, speakers: Sequence[Speaker] = (), **fields: Any) -> Submission:
    submission = Submission.objects.create(event=event, title=title or f"Session {next(_numbers)}", **fields)
    Talk.objects.bulk_create(
        Talk(submission=submission, speaker=speaker, position=position) for position, speaker in enumerate(speakers)
    )
    return submission


def at(event: Event, clock: str = "09:00", *, day: int = 0) -> datetime:
    """`clock` in the event's zone on its first day, or `day` days later."""
    return datetime.combine(event.starts_on + timedelta(days=day), time.fromisoformat(clock), ZoneInfo(event.time_zone))


def make_slot(
    event: Event,
    clock: str = "09:00",
    *,
    day: int = 0,
    minutes: int = 30,
    room: Room | None = None,
    submission: Submission | None = None,
    kind: str = SlotKind.TALK,
    **fields: Any,
) -> Slot:
    """In the draft."""
    starts_at = at(event, clock, day=day)
    return Slot.objects.create(
        schedule=Schedule.objects.draft_of(event),
        kind=kind,
        submission=submission,
        room=room,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=minutes),
        **fields,
    )


def make_talk(event: Event, title: str = "", clock: str = "09:00", *, room: Room | None = None, **slot: Any) -> Slot:
    """A session with one speaker, placed in the draft."""
    speakers = slot.pop("speakers", None)
    session = make_submission(event, title, speakers=[make_speaker(event)] if speakers is None else speakers)
    return make_slot(event, clock, room=room or make_room(event), submission=session, **slot)
