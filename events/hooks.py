"""What apps above tell the pages and services of `events`, which cannot import them.

Each hook is a list; an app appends its function in `AppConfig.ready`. The shapes are the contract.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Final, Literal, NotRequired, TypedDict
from zoneinfo import ZoneInfo

from django.http import HttpRequest  # noqa: TID251 (named in types only)

from events.models import Event, Permission, Room

# -- The public event page -------------------------------------------------------------------------------------------
# It is the same for every reader, and served with an ETag: nothing in a section depends on who asks, only on the language.


class RegistrationSection(TypedDict):
    state: Literal["open", "not_yet", "closed", "full", "waiting_list", "none"]
    # What the button says ("Register", "Join the waiting list"), and where it leads; empty where nothing can be done.
    label: str
    url: str
    opens_at: datetime | None
    closes_at: datetime | None
    # None: unlimited, or not told.
    seats_left: int | None


class Keynote(TypedDict):
    name: str
    affiliation: str
    # Title of what they give; empty where they give nothing yet.
    title: str
    url: str


class GlanceEntry(TypedDict):
    # "09:00", wall clock of the event's zone.
    starts: str
    ends: str
    title: str
    # Empty where there is no page for it (breaks).
    url: str
    room: str
    # A slot kind: talk, block, posters, plenary, break, ceremony, social.
    kind: str


class GlanceDay(TypedDict):
    day: date
    # The day's page.
    url: str
    entries: list[GlanceEntry]
    # How many sessions of this day are not among the entries.
    more: int


class ProgrammeCounts(TypedDict):
    sessions: int
    speakers: int
    rooms: int
    days: int


class ProgrammeSection(TypedDict):
    days: list[GlanceDay]
    keynotes: list[Keynote]
    counts: ProgrammeCounts
    # The whole programme; empty where none is released.
    url: str


class EventPageSections(TypedDict, total=False):
    registration: RegistrationSection
    programme: ProgrammeSection


event_page_sections: Final[list[Callable[[Event, HttpRequest], EventPageSections | None]]] = []

# -- The organizer's dashboard ---------------------------------------------------------------------------------------


class Step(TypedDict):
    """One thing to do before the event, done or not."""

    label: str
    done: bool
    url: str
    # Shown to those who may do it.
    permission: Permission
    help: NotRequired[str]


class Number(TypedDict):
    """A count that links to what it counts."""

    label: str
    value: int
    url: str
    permission: Permission
    # Such as "of 300".
    note: NotRequired[str]


class DashboardSection(TypedDict):
    steps: list[Step]
    numbers: list[Number]


#: Called in the order of the apps, lowest first; each in a constant number of queries.
dashboard_sections: Final[list[Callable[[Event], DashboardSection]]] = []

# -- Changes ---------------------------------------------------------------------------------------------------------

#: `(event, old zone, new zone, now)`, inside the transaction that changes the zone: move what is stored as instants so that
#: 09:00 stays 09:00. May raise a Refusal.
zone_changed: Final[list[Callable[[Event, ZoneInfo, ZoneInfo, datetime], None]]] = []

#: `(event, names of the fields that changed, now)`, inside the transaction.
event_changed: Final[list[Callable[[Event, frozenset[str], datetime], None]]] = []

#: `(event, room)` → sentences why the event cannot do without this room, such as "3 sessions of the draft are in it."
room_uses: Final[list[Callable[[Event, Room], Iterable[str]]]] = []

#: `(event, from, to, now)`, inside the transaction, after the change: draft, live or archived.
state_changed: Final[list[Callable[[Event, str, str, datetime], None]]] = []


def sections_of(event: Event, request: HttpRequest) -> EventPageSections:
    merged: EventPageSections = {}
    for provider in event_page_sections:
        merged.update(provider(event, request) or {})
    return merged
