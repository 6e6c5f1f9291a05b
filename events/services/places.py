"""Venues, the rooms in them, the rooms that an event uses, and who has a room when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.db.models import Max, ProtectedError
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from common import audit
from common.localized import Localized
from common.problems import Problem, Refusal
from events.models import Event, EventRoom, Organisation, Room, RoomHold, Venue
from events.policies import visible_ids
from events.problems import problems_with_detaching, problems_with_editing_room, problems_with_holding, room_is_taken
from events.services.events import reindex
from events.services.texts import assign, change, locked, validate

_NO_OVERLAP: Final = "events_roomhold_no_two_overlap"


class RoomTaken(Refusal):
    """Somebody has the room in this period: code `room_taken`, once for each hold in the way."""


class CannotHold(Refusal):
    """Codes `ends_before_it_starts`, `not_a_room_of_the_event`."""

    status = 400


class RoomInUse(Refusal):
    """Codes `room_in_use`, `room_held`."""


class NotYourRoom(Refusal):
    """Code `room_of_another_organisation`."""


@transaction.atomic
def create_venue(
    *,
    event: Event | None = None,
    organisation: Organisation | None = None,
    name: Localized,
    actor: User | None,
    now: datetime,
    **optional: Any,
) -> Venue:
    """A building of the organisation; given an event without a venue, it becomes the event's. Audit "venue_created"."""
    owner = organisation or (event.organisation if event else None)
    if owner is None:
        raise TypeError("create_venue needs an event or an organisation")
    venue = Venue(organisation=owner)
    assign(venue, {"name": name, **optional}, event.language if event else "en")
    validate(venue)
    venue.save()
    audit.record(actor=actor, verb="venue_created", subject=venue, at=now, event_id=event.pk if event else None)
    if event and event.venue_id is None:
        _settle(event, venue)
    return venue


@transaction.atomic
def update_venue(
    *, venue: Venue, changes: Mapping[str, Any], actor: User | None, now: datetime, event: Event | None = None
) -> Venue:
    """Audit "venue_changed"."""
    if changed := change(venue, changes, event.language if event else "en"):
        if "name" in changed:
            reindex(venue.events.select_related("organisation", "venue"))
        event_id = event.pk if event else None
        audit.record(
            actor=actor, verb="venue_changed", subject=venue, at=now, event_id=event_id, fields=sorted(changed)
        )
    return venue


@transaction.atomic
def create_room(
    *,
    event: Event,
    name: Localized,
    capacity: int | None = None,
    venue: Venue | None = None,
    actor: User | None,
    now: datetime,
    **optional: Any,
) -> Room:
    """A new room, used by the event, last in its order.

    Without `venue` it is in the event's, and an event that has none gets one named after itself. Audit "room_created".
    """
    place = venue or event.venue or create_venue(event=event, name=event.name, actor=actor, now=now)
    if event.venue_id is None:
        _settle(event, place)
    room = Room(venue=place)
    assign(room, {"name": name, "capacity": capacity, **optional}, event.language)
    validate(room)
    room.save()
    _append(event, room)
    audit.record(actor=actor, verb="room_created", subject=room, at=now, event_id=event.pk)
    return room


@transaction.atomic
def attach_room(*, event: Event, room: Room, actor: User | None, now: datetime) -> EventRoom:
    """Use a room that is there already. Repeating it changes nothing. Audit "room_attached"."""
    _lock(event)
    if used := EventRoom.objects.filter(event=event, room=room).first():
        return used
    if event.venue_id is None:
        _settle(event, room.venue)
    audit.record(actor=actor, verb="room_attached", subject=room, at=now, event_id=event.pk)
    return _append(event, room)


@transaction.atomic
def update_room(*, event: Event, room: Room, changes: Mapping[str, Any], actor: User | None, now: datetime) -> Room:
    """Change a room of the event's organisation. Audit "room_changed". Raises Invalid, NotYourRoom."""
    if problems := problems_with_editing_room(event, room):
        raise NotYourRoom(problems)
    if changed := change(room, changes, event.language):
        audit.record(actor=actor, verb="room_changed", subject=room, at=now, event_id=event.pk, fields=sorted(changed))
    return room


@transaction.atomic
def order_rooms(*, event: Event, rooms: Sequence[int], actor: User | None, now: datetime) -> None:
    """Put the event's rooms into this order (ids); the others follow in theirs. Audit "rooms_ordered"."""
    _lock(event)
    wanted = {pk: number for number, pk in enumerate(rooms)}
    used = sorted(
        EventRoom.objects.filter(event=event),
        key=lambda row: (wanted.get(row.room_id, len(wanted)), row.position, row.pk),
    )
    for position, row in enumerate(used):
        row.position = position
    EventRoom.objects.bulk_update(used, ["position"])
    audit.record(actor=actor, verb="rooms_ordered", subject=event, at=now, event_id=event.pk)


@transaction.atomic
def detach_room(*, event: Event, room: Room, actor: User | None, now: datetime) -> None:
    """The event uses the room no more; the room itself stays in its venue. Audit "room_detached". Raises RoomInUse."""
    _lock(event)
    if problems := problems_with_detaching(event, room):
        raise RoomInUse(problems)
    EventRoom.objects.get(event=event, room=room).delete()
    audit.record(actor=actor, verb="room_detached", subject=room, at=now, event_id=event.pk)


@transaction.atomic
def delete_room(*, room: Room, actor: User | None, now: datetime) -> None:
    """Only where nothing is or was in it. Audit "room_deleted". Raises RoomInUse."""
    audit.record(actor=actor, verb="room_deleted", subject=room, at=now)
    try:
        if room.holds.exists():
            raise RoomInUse([_in_use(room)])
        Room.objects.filter(pk=room.pk).delete()
    except ProtectedError as error:
        raise RoomInUse([_in_use(room)]) from error


def hold_room(
    *, event: Event, room: Room, start: datetime, end: datetime, note: str = "", actor: User | None, now: datetime
) -> RoomHold:
    """Keep the room for the event from `start` to `end` (exclusive; both aware).

    No lock: the exclusion constraint decides between two who ask at the same instant. Audit "room_held".
    Raises CannotHold, and RoomTaken naming who has the room as far as `actor` may know.
    """
    if problems := problems_with_holding(event=event, room=room, start=start, end=end):
        raise CannotHold(problems)
    hold = RoomHold(event=event, room=room, period=DateTimeTZRange(start, end), note=note)
    if in_the_way := _overlapping(room, start, end):
        raise _taken(in_the_way, event, actor)
    validate(hold, constraints=False)
    try:
        with transaction.atomic():
            hold.save()
            audit.record(
                actor=actor,
                verb="room_held",
                subject=hold,
                at=now,
                event_id=event.pk,
                start=start.isoformat(),
                end=end.isoformat(),
            )
    except IntegrityError as error:
        if _NO_OVERLAP not in str(error):
            raise
        # The other one has committed by now: PostgreSQL made us wait for it.
        raise _taken(_overlapping(room, start, end), event, actor) from error
    return hold


@transaction.atomic
def release_hold(*, hold: RoomHold, actor: User | None, now: datetime) -> None:
    """Audit "room_released"."""
    stored = locked(hold)
    audit.record(
        actor=actor,
        verb="room_released",
        subject=stored,
        at=now,
        event_id=stored.event_id,
        start=stored.period.lower.isoformat(),
        end=stored.period.upper.isoformat(),
    )
    stored.delete()


def _overlapping(room: Room, start: datetime, end: datetime) -> list[RoomHold]:
    return list(
        RoomHold.objects.overlapping(start, end).filter(room=room).select_related("event", "room").order_by("period")
    )


def _taken(holds: list[RoomHold], event: Event, actor: User | None) -> RoomTaken:
    visible = visible_ids(actor, {hold.event_id for hold in holds})
    problems = room_is_taken(holds, visible=visible | {event.pk}, event=event)
    return RoomTaken(
        problems
        or [
            Problem(
                code="room_taken",
                field="room",
                message=_("Somebody else took the room at this very moment."),
                fix=_("Try again."),
            )
        ]
    )


def _in_use(room: Room) -> Problem:
    return Problem(
        code="room_in_use",
        message=_("Sessions or holds of some event are in %(room)s.") % {"room": room},
        fix=_("Keep it; an event that does not need it simply does not use it."),
    )


def _lock(event: Event) -> None:
    Event.objects.select_for_update().only("pk").get(pk=event.pk)


def _append(event: Event, room: Room) -> EventRoom:
    last = EventRoom.objects.filter(event=event).aggregate(last=Max("position"))["last"]
    return EventRoom.objects.create(event=event, room=room, position=0 if last is None else last + 1)


def _settle(event: Event, venue: Venue) -> None:
    event.venue = venue
    event.save(update_fields=["venue"])
    reindex([event])
