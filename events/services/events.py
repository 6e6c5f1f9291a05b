from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import chain, count
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.utils.text import slugify

from accounts.models import User
from common import audit
from common.localized import Localized, every_text, localized
from common.problems import Invalid, Refusal
from common.text import search_text
from events import hooks
from events.models import Event, EventKind, EventState, Organisation, RoomHold, validate_event_slug
from events.policies import visible_ids
from events.problems import problems_with_dates, problems_with_slug, problems_with_state, room_is_taken
from events.services.texts import assign, free_address, locked, take_over, validate
from notifications.services import reminders

#: Audit verbs of changes from state to state.
STATE_VERBS: Final[dict[str, str]] = {
    EventState.LIVE: "event_published",
    EventState.DRAFT: "event_unpublished",
    EventState.ARCHIVED: "event_archived",
}


class CannotChangeEvent(Refusal):
    """The event's state forbids it: codes `state_change`, `address_is_public`."""


@transaction.atomic
def create_event(
    *,
    organisation: Organisation,
    slug: str = "",
    name: Localized,
    kind: str = EventKind.CONFERENCE,
    starts_on: date,
    ends_on: date,
    time_zone: str,
    locales: Sequence[str],
    currency: str = "CNY",
    actor: User | None,
    now: datetime,
    state: str = EventState.DRAFT,
    **optional: Any,
) -> Event:
    """Write a new event, a draft unless `state` says otherwise; a plain string for a text is in the first of `locales`.

    Without `slug` one is made from the name, of Latin words, or of the year where there are none.
    Audit "event_created". Raises Invalid.
    """
    language = locales[0] if locales else "en"
    event = Event(
        organisation=organisation,
        slug=slug or free_address(Event, _addresses(localized(name, language).localize("en"), starts_on)),
        kind=kind,
        starts_on=starts_on,
        ends_on=ends_on,
        time_zone=time_zone,
        locales=list(locales),
        currency=currency,
        state=state,
    )
    assign(event, {"name": name, **optional}, language)
    if problems := problems_with_dates(event):
        raise Invalid(problems)
    validate(event)
    event.search_text = _search_text(event)
    event.save()
    audit.record(actor=actor, verb="event_created", subject=event, at=now, event_id=event.pk)
    if state != EventState.DRAFT:
        _announce_state(event, EventState.DRAFT, actor=actor, now=now)
    return event


@transaction.atomic
def update_event(*, event: Event, changes: Mapping[str, Any], actor: User | None, now: datetime) -> Event:
    """Change fields, state among them.

    Locks the event's row. A change of zone keeps wall clocks: room holds move with it, and so does what the functions in
    `events.hooks.zone_changed` look after. Audit "event_changed" with the names of the fields, and "event_published",
    "event_unpublished" or "event_archived". Raises Invalid or CannotChangeEvent.
    """
    stored = locked(event)
    old_tz, old_state = stored.tz, stored.state
    problems = [
        *(problems_with_state(stored, changes["state"]) if "state" in changes else []),
        *(problems_with_slug(stored, changes["slug"]) if "slug" in changes else []),
    ]
    if problems:
        raise CannotChangeEvent(problems)
    changed = assign(stored, changes, stored.language)
    if not changed:
        return take_over(event, stored, changes)
    if problems := problems_with_dates(stored):
        raise Invalid(problems)
    validate(stored)
    stored.search_text = _search_text(stored)
    stored.updated_at = now
    stored.save(update_fields=sorted(changed | {"search_text", "updated_at"}))
    if "time_zone" in changed:
        _keep_wall_clocks(stored, old_tz, stored.tz, actor=actor, now=now)
    for tell in hooks.event_changed:
        tell(stored, changed, now)
    if fields := sorted(changed - {"state"}):
        audit.record(actor=actor, verb="event_changed", subject=stored, at=now, event_id=stored.pk, fields=fields)
    if stored.state != old_state:
        _announce_state(stored, old_state, actor=actor, now=now)
    return take_over(event, stored, [*changes, "search_text", "updated_at"])


def reindex(events: Iterable[Event]) -> None:
    """Write `search_text` anew, for what stands in other rows: the names of host and place."""
    for event in events:
        event.search_text = _search_text(event)
        event.save(update_fields=["search_text"])


def _addresses(name: str, starts_on: date) -> Iterator[str]:
    base = slugify(name)[:40].strip("-") or f"event-{starts_on.year}"
    for slug in chain([base], (f"{base}-{number}" for number in count(2))):
        try:
            validate_event_slug(slug)
        except ValidationError:
            continue
        yield slug


def _announce_state(event: Event, old: str, *, actor: User | None, now: datetime) -> None:
    audit.record(actor=actor, verb=STATE_VERBS[event.state], subject=event, at=now, event_id=event.pk)
    if event.state != EventState.LIVE:
        reminders.withdraw_reminders(event_id=event.pk, now=now)
    for tell in hooks.state_changed:
        tell(event, old, event.state, now)


def _search_text(event: Event) -> str:
    texts = [
        every_text(event.name),
        every_text(event.tagline),
        every_text(event.organisation.name),
        every_text(event.venue.name) if event.venue else "",
        event.acronym,
        event.slug,
    ]
    return search_text(" ".join(texts))


def _keep_wall_clocks(event: Event, old: ZoneInfo, new: ZoneInfo, *, actor: User | None, now: datetime) -> None:
    holds = list(RoomHold.objects.select_for_update().select_related("room").filter(event=event).order_by("pk"))
    # One by one they could run into each other on the way: taken out, then put back all at once.
    RoomHold.objects.filter(event=event).delete()
    clashes: list[RoomHold] = []
    for hold in holds:
        start, end = (moment.astimezone(old).replace(tzinfo=new) for moment in (hold.period.lower, hold.period.upper))
        hold.period = DateTimeTZRange(start, end)
        clashes += RoomHold.objects.overlapping(start, end).filter(room=hold.room).select_related("event", "room")
    if clashes:
        visible = visible_ids(actor, {hold.event_id for hold in clashes})
        raise CannotChangeEvent(room_is_taken(clashes, visible=visible, event=event))
    RoomHold.objects.bulk_create(holds)
    for move in hooks.zone_changed:
        move(event, old, new, now)
