"""Every address of the URLconf, and an event with a row behind each of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.urls import URLPattern, URLResolver, get_resolver

from events.models import Event, Organisation
from events.services import events
from notifications.models import Campaign, Message
from notifications.notices import Notice, Recipient
from notifications.services import campaigns, ledger, reminders, rendering
from registrations.models import Segment
from registrations.notices import CONFIRMED
from scheduling.models import Slot
from scheduling.services import agendas, releases
from submissions.models import Submission
from tests.factories.events import NOW, make_event, make_hold, make_room, make_track
from tests.factories.registrations import (
    a_file,
    make_product,
    make_question,
    make_quota,
    make_section,
    make_ticket,
    register_group,
)
from tests.factories.scheduling import make_slot, make_speaker, make_submission

_PARAMETER: Final = re.compile(r"<(?:\w+:)?(\w+)>")


@dataclass(frozen=True)
class Address:
    #: As the URLconf has it, regular expressions written as paths: `<slug:slug>/sessions/<code>/`.
    route: str
    name: str

    def __str__(self) -> str:
        return self.route or "/"

    @property
    def parameters(self) -> list[str]:
        """Each parameter's name with the word before it: `rooms pk`, `sessions code`, ` slug`."""
        return [f"{self._word_before(match)} {match[1]}" for match in _PARAMETER.finditer(self.route)]

    def filled(self, values: dict[str, object]) -> str:
        return "/" + _PARAMETER.sub(lambda match: str(values[f"{self._word_before(match)} {match[1]}"]), self.route)

    def _word_before(self, match: re.Match[str]) -> str:
        """The last literal part, so that one name may mean a room here and a track there."""
        parts = self.route[: match.start()].rstrip("/").split("/")
        return next((part for part in reversed(parts) if part and "<" not in part), "")


def _walk(resolver: URLResolver, route: str = "", space: str = "") -> Iterator[Address]:
    for entry in resolver.url_patterns:
        here = route + _plain(str(entry.pattern))
        if isinstance(entry, URLResolver):
            yield from _walk(entry, here, f"{space}{entry.namespace}:" if entry.namespace else space)
        elif isinstance(entry, URLPattern):
            yield Address(here, f"{space}{entry.name or entry.lookup_str}")


def _plain(pattern: str) -> str:
    """A regular expression's groups as parameters of a path."""
    pattern = re.sub(r"\(\?P<(\w+)>[^()]*\)", r"<\1>", pattern)
    return pattern.removeprefix("^").removesuffix("$").removesuffix("\\Z").replace("\\.", ".")


ALL: Final = sorted({address.route: address for address in _walk(get_resolver())}.values(), key=str)
API: Final = [address for address in ALL if address.route.startswith("api/")]
PAGES: Final = [address for address in ALL if address not in API]
#: What organizers of one event use.
ORGANIZE: Final = [address for address in PAGES if address.route.startswith("organize/<slug:slug>/")]
#: What everybody reads of one event.
OF_AN_EVENT: Final = [address for address in PAGES if address.route.startswith(("<slug:slug>/", "<slug>/"))]


@dataclass(frozen=True)
class World:
    """An event, and the value of every parameter that leads to something of it."""

    event: Event
    values: dict[str, object]

    def url(self, address: Address) -> str:
        return address.filled(self.values)

    def url_with(self, address: Address, other: World) -> str:
        """Our event's address with the other event's row in it."""
        of_event = {"organize slug", " slug", "events event"}
        return address.filled(
            {**other.values, **{name: value for name, value in self.values.items() if name in of_event}}
        )


def make_world(slug: str, organisation: Organisation, *, state: str = "live") -> World:
    """A released programme, tickets, a registration, reminders and mail: one of each, behind each address a real one."""
    event = make_event(slug, organisation=organisation)
    room = make_room(event)
    speaker = make_speaker(event)
    submission = make_submission(event, speakers=[speaker])
    slot = make_slot(event, room=room, submission=submission)
    releases.release(event=event, version="1", force=True, actor=None, now=NOW)
    quota = make_quota(event)
    ticket = make_ticket(event, quotas=[quota])
    (registration,) = register_group([ticket], now=NOW)
    assert registration.group
    rule = reminders.create_rule(
        event_id=event.pk, anchor="slot", audience="speakers", offset_minutes=60, actor=None, now=NOW
    )
    if state != "live":
        # What was made while it was public is still there.
        events.update_event(event=event, changes={"state": state}, actor=None, now=NOW)
    own: dict[str, object] = {
        # whose: the event, in its three kinds of addresses
        " slug": slug,
        "organize slug": slug,
        "events event": slug,
        # pages of organizers
        "rooms pk": room.pk,
        "venues pk": room.venue_id,
        "holds pk": make_hold(event, room).pk,
        "tracks pk": make_track(event).pk,
        "tickets pk": ticket.pk,
        "quotas pk": quota.pk,
        "products pk": make_product(event, quotas=[quota]).pk,
        "questions pk": make_question(event).pk,
        "sections section": make_section(event).pk,
        "question-sections pk": make_section(event).pk,
        "files reference": a_file(registration).reference,
        "registrations code": registration.code,
        "sessions code": submission.code,
        "speakers code": speaker.code,
        "slots pk": slot.pk,
        "reminders pk": rule.pk,
        "campaigns pk": _a_campaign(event).pk,
        "messages pk": _a_message(event).pk,
        "mail-templates kind": CONFIRMED.code,
        "numbers code": "countries",
        "segments pk": Segment.objects.get_or_create(
            event=event, name="Guests", defaults={"wanted": {"country": "CN"}}
        )[0].pk,
        "numbers kind": "csv",
        "export. kind": "csv",
        # public pages
        "registrations secret": registration.secret,
        "group token": registration.group.token,
        "v version": "1",
        "schedule. kind": "ics",
        "agenda token": make_agenda(event, submission),
        "export part": "rooms",
        "export pk": room.pk,
        "export kind": "ics",
        # pretalx's shapes
        "events slug": slug,
        "events table": "submissions",
        "events key": submission.code,
        "schedules key": "latest",
        "exporters name": "schedule.json",
        "slots key": releases_slot(event),
        "template. kind": "xlsx",
        # the API
        "submissions code": submission.code,
        "ticket-types pk": ticket.pk,
        "reminder-rules pk": rule.pk,
        "releases version": "1",
        # of the organisation
        "organisations slug": organisation.slug,
        "teams pk": organisation.teams.get(all_events=True).pk,
        "invitations invitation": 1,
        "invitations secret": "x" * 27,
        "members member": 1,
        # of nobody
        "mail pk": 1,
        "parts number": 1,
        "progress run": "01234567-89ab-4cde-8f01-23456789abcd",
        "unsubscribe token": "x" * 27,
        "keys pk": 1,
    }
    return World(event, own)


def make_agenda(event: Event, submission: Submission) -> str:
    """Of a reader; returns its token."""
    return agendas.create_agenda(event=event, codes=[submission.code], now=NOW)[1]


def releases_slot(event: Event) -> int:
    """Of the current release, as the public sees it."""
    return Slot.objects.filter(schedule__event=event, schedule__is_current=True).values_list("pk", flat=True)[0]


def _a_campaign(event: Event) -> Campaign:
    return campaigns.create_campaign(
        event_id=event.pk, subject="News", body="Hello.", audiences={"registrations": {}}, actor=None, now=NOW
    )


def _a_message(event: Event) -> Message:
    notice = Notice(
        to=Recipient(email=f"{event.slug}@example.org"),
        about=f"event:{event.slug}",
        context=rendering.example_context(CONFIRMED),
        event_id=event.pk,
    )
    ledger.notify(kind=CONFIRMED, notice=notice, now=NOW)
    return Message.objects.of_event(event.pk).latest("pk")
