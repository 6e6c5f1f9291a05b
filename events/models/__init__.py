from __future__ import annotations

from events.models.events import Event, EventKind, EventQuerySet, EventState, validate_event_slug
from events.models.organisations import (
    Invitation,
    Organisation,
    OrganisationKind,
    OrganisationQuerySet,
    Permission,
    Team,
    TeamMember,
)
from events.models.places import EventRoom, Room, RoomHold, Venue
from events.models.tracks import Track

__all__ = [
    "Event",
    "EventKind",
    "EventQuerySet",
    "EventRoom",
    "EventState",
    "Invitation",
    "Organisation",
    "OrganisationKind",
    "OrganisationQuerySet",
    "Permission",
    "Room",
    "RoomHold",
    "Team",
    "TeamMember",
    "Track",
    "Venue",
    "validate_event_slug",
]
