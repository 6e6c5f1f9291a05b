"""Why something about an event, its places or its people may not happen."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from common import dates
from common.problems import Problem
from events import hooks
from events.models import Event, EventRoom, EventState, Organisation, Permission, Room, RoomHold, TeamMember

#: From → to. A draft was never public, so there is nothing to archive.
ALLOWED_STATES = {
    EventState.DRAFT: {EventState.LIVE},
    EventState.LIVE: {EventState.DRAFT, EventState.ARCHIVED},
    EventState.ARCHIVED: {EventState.LIVE, EventState.DRAFT},
}


def problems_with_state(event: Event, state: str) -> list[Problem]:
    old = EventState(event.state)
    if state == old or state in ALLOWED_STATES[old]:
        return []
    return [
        Problem(
            code="state_change",
            field="state",
            message=_("A draft cannot be archived: it was never public."),
            fix=_("Publish it first, or leave it a draft."),
        )
    ]


def problems_with_slug(event: Event, slug: str) -> list[Problem]:
    """The address of a public event is printed on posters and saved in calendars."""
    if slug == event.slug or not event.is_public:
        return []
    return [
        Problem(
            code="address_is_public",
            field="slug",
            message=_("The address of a public event cannot change: links to it would break."),
            fix=_("Take the event back to draft first."),
        )
    ]


def problems_with_dates(event: Event) -> list[Problem]:
    problems = []
    if event.ends_on < event.starts_on:
        problems.append(
            Problem(
                code="ends_before_it_starts",
                field="ends_on",
                message=_("The last day is before the first day."),
                fix=_("Choose a last day on or after the first."),
            )
        )
    elif (event.ends_on - event.starts_on).days > 366:
        problems.append(
            Problem(
                code="too_long",
                field="ends_on",
                message=_("An event lasts a year at most."),
                fix=_("Check the years of both days."),
            )
        )
    return problems


def problems_with_holding(*, event: Event, room: Room, start: datetime, end: datetime) -> list[Problem]:
    if end <= start:
        return [
            Problem(
                code="ends_before_it_starts",
                field="end",
                message=_("The end must come after the beginning."),
                fix=_("Choose a later end."),
            )
        ]
    if not EventRoom.objects.filter(event=event, room=room).exists():
        return [
            Problem(
                code="not_a_room_of_the_event",
                field="room",
                message=_("This event does not use the room."),
                fix=_("Add the room to the event first."),
            )
        ]
    return []


def room_is_taken(holds: Iterable[RoomHold], *, visible: Collection[int], event: Event) -> list[Problem]:
    """One problem for each hold in the way. Another event is named only where its id is among `visible`."""
    problems = []
    for hold in holds:
        who = str(hold.event.name) if hold.event_id in visible else _("another event")
        problems.append(
            Problem(
                code="room_taken",
                field="room",
                message=_("%(room)s is taken by %(event)s from %(start)s to %(end)s.")
                % {
                    "room": hold.room,
                    "event": who,
                    "start": _instant(hold.period.lower, event),
                    "end": _instant(hold.period.upper, event),
                },
                fix=_("Choose another room or another time."),
            )
        )
    return problems


def _instant(value: datetime, event: Event) -> str:
    local = value.astimezone(event.tz)
    return f"{dates.short_day(local.date())}, {local:%H:%M}"


def problems_with_detaching(event: Event, room: Room) -> list[Problem]:
    reasons: list[str] = [str(reason) for uses in hooks.room_uses for reason in uses(event, room)]
    held = RoomHold.objects.filter(event=event, room=room).count()
    problems = [
        Problem(
            code="room_in_use",
            message=reason,
            fix=_("Move them to another room first."),
        )
        for reason in reasons
    ]
    if held:
        problems.append(
            Problem(code="room_held", message=_("The event holds this room."), fix=_("Release its holds first."))
        )
    return problems


def problems_with_editing_room(event: Event, room: Room) -> list[Problem]:
    if room.venue.organisation_id == event.organisation_id:
        return []
    return [
        Problem(
            code="room_of_another_organisation",
            message=_("This room belongs to %(organisation)s, which looks after its name and seats.")
            % {"organisation": room.venue.organisation},
            fix=_("Ask them to change it."),
        )
    ]


def problems_with_granting(*, permissions: Collection[str], held: Collection[Permission]) -> list[Problem]:
    """Nobody gives more than they have. `held`: what the giver may do at every event that the team covers; managing teams
    must be among it."""
    missing = ({Permission(name) for name in permissions} | {Permission.MANAGE_TEAMS}) - set(held)
    if not missing:
        return []
    return [
        Problem(
            code="more_than_you_have",
            field="permissions",
            message=_("You cannot give what you may not do yourself at all of these events: %(permissions)s.")
            % {"permissions": ", ".join(str(permission.label) for permission in sorted(missing))},
            fix=_("Choose fewer events or permissions, or ask somebody who has them."),
        )
    ]


def problems_with_nobody_managing(organisation: Organisation) -> list[Problem]:
    """Asked after the change, inside its transaction: somebody must be left who may manage all teams."""
    left = TeamMember.objects.filter(
        team__organisation=organisation,
        team__all_events=True,
        team__permissions__contains=[Permission.MANAGE_TEAMS],
        user__is_active=True,
    )
    if left.exists():
        return []
    return [
        Problem(
            code="nobody_left",
            message=_("Then nobody could manage the teams of %(organisation)s any more.")
            % {"organisation": organisation},
            fix=_("Give somebody else a team that may manage teams at all events first."),
        )
    ]
