"""Every address × persona has a declared answer. Made from the URLconf, so that a new address falls under it by itself.

An address is closed unless it is named in PUBLIC; whoever adds one that is open to everybody says so there, in review.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from http import HTTPStatus
from typing import Any, Final

import pytest
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import User
from events.models import Event
from tests.factories.events import make_event, make_hold, make_room, make_track
from tests.personae import AsUser

#: Open to everybody who has the address: readers, and people who act by a secret that was mailed to them.
PUBLIC: Final = frozenset(
    {
        "robots",
        "design",  # 404 unless DEBUG or staff
        # allauth's own doors
        *(
            f"account_{name}"
            for name in [
                "login",
                "logout",
                "inactive",
                "signup",
                "email_verification_sent",
                "reset_password",
                "confirm_login_code",
                "confirm_password_reset_code",
                "complete_password_reset",
                "password_reset_completed",
                "request_login_code",
            ]
        ),
        "mfa_authenticate",
        "mfa_login_webauthn",
        # the built-in mailbox, there only where no mail server is set
        *(
            f"notifications:{name}"
            for name in ["mailbox", "mail", "mail_html", "mail_source", "mail_part", "unsubscribe"]
        ),
        "events:front",
        "events:event",
        "events:invitation",
        *(
            f"scheduling:{name}"
            for name in [
                "schedule",
                "grid",
                "changes",
                "changes_feed",
                "changes_atom",
                "export",
                "version",
                "version_grid",
                "version_export",
                "speakers",
                "session",
                "session_calendar",
                "speaker",
                "speaker_calendar",
            ]
        ),
        *(
            f"registrations:{name}"
            for name in ["register", "sent", "registration", "change", "cancel", "ticket", "calendar"]
        ),
        # the API: its description, the public way to register, and what a secret opens
        "api:schema",
        "api:docs",
        "api:registrations",
        "api:registration",
        "api:registration-cancel",
        "api:registration-accept-offer",
    }
)

#: Pages that show a mail as it is sent, styles included: served under a policy of their own, in a sandbox.
SHOWS_MAIL: Final = frozenset({"notifications:mail_html", "events:mail_preview", "events:message_html"})

METHODS: Final = ("get", "post")


@dataclass(frozen=True)
class Address:
    route: str
    name: str

    def __str__(self) -> str:
        return self.route or "/"

    @property
    def is_public(self) -> bool:
        return self.name in PUBLIC

    def filled(self, **values: Any) -> str:
        """With a value for each of its parameters: of the event where there is a sensible one."""
        defaults = {"code": "ABC346", "secret": "x" * 27, "token": "x" * 27, "version": "1", "kind": "ics", "number": 1}
        known = {**defaults, **values}

        def value(match: re.Match[str]) -> str:
            return str(known.get(match[1], 1))

        plain = re.sub(r"\(\?P<(\w+)>[^()]*\)", value, self.route)
        return "/" + re.sub(r"<(?:\w+:)?(\w+)>", value, plain.replace("^", "").replace("$", "").replace("\\.", "."))


def _addresses(resolver: URLResolver, route: str = "", space: str = "") -> Iterator[Address]:
    for entry in resolver.url_patterns:
        here = route + str(entry.pattern)
        if isinstance(entry, URLResolver):
            inner = f"{space}{entry.namespace}:" if entry.namespace else space
            yield from _addresses(entry, here, inner)
        elif isinstance(entry, URLPattern):
            yield Address(here, f"{space}{entry.name or entry.lookup_str}")


def _is_of_events(address: Address) -> bool:
    return address.route.startswith("organize/<slug:slug>/")


ALL: Final = sorted({str(address): address for address in _addresses(get_resolver())}.values(), key=str)
PAGES: Final = [address for address in ALL if not address.route.startswith("api/")]
API: Final = [address for address in ALL if address.route.startswith("api/")]
ORGANIZERS: Final = [address for address in PAGES if _is_of_events(address)]
OF_AN_EVENT: Final = [address for address in PAGES if re.match(r"\^?(<slug:slug>|\(\?P<slug>)", address.route)]


@dataclass(frozen=True)
class World:
    event: Event
    rows: dict[str, int]

    def url(self, address: Address, slug: str = "") -> str:
        values: dict[str, Any] = {"slug": slug or self.event.slug, "event": slug or self.event.slug}
        if "organisations/" in address.route:
            values["slug"] = self.event.organisation.slug
        for word, pk in self.rows.items():
            if f"/{word}/<int:pk>" in address.route:
                values["pk"] = pk
        return address.filled(**values)


@pytest.fixture
def world(event: Event, organizer: User) -> World:
    """One row behind each nested address of this app; the others ask for row 1, which may be there or not."""
    room = make_room(event)
    team = event.organisation.teams.get(all_events=True)
    rows = {
        "rooms": room.pk,
        "venues": room.venue_id,
        "tracks": make_track(event).pk,
        "holds": make_hold(event, room).pk,
        "teams": team.pk,
    }
    return World(event, rows)


def leads_to_sign_in(answer: HttpResponseBase) -> bool:
    return answer.status_code == HTTPStatus.FOUND and answer["Location"].startswith("/accounts/")


# -- Pages -------------------------------------------------------------------------------------------------------------


def test_what_is_declared_public_exists() -> None:
    assert PUBLIC - {address.name for address in ALL} == set()


@pytest.mark.django_db
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("address", PAGES, ids=str)
def test_whoever_is_not_signed_in_sees_public_pages_alone(
    world: World, client: Client, address: Address, method: str
) -> None:
    answer = getattr(client, method)(world.url(address))
    assert answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
    if address.is_public:
        assert not (leads_to_sign_in(answer) and address.route.partition("/")[0] != "accounts") or method == "post"
    else:
        assert leads_to_sign_in(answer) or answer.status_code == HTTPStatus.NOT_FOUND


@pytest.mark.django_db
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("address", ORGANIZERS, ids=str)
def test_what_organizers_do_is_not_there_for_anybody_else(
    world: World, attendee: User, stranger: User, as_user: AsUser, address: Address, method: str
) -> None:
    for somebody in (attendee, stranger):
        answer = getattr(as_user(somebody), method)(world.url(address))
        # A page that takes only one method may say so before it looks for the event.
        assert answer.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}


@pytest.mark.django_db
@pytest.mark.parametrize("address", ORGANIZERS, ids=str)
def test_organizers_and_the_campus_office_get_in(
    world: World, organizer: User, staff: User, as_user: AsUser, address: Address
) -> None:
    for somebody in (organizer, staff):
        answer = as_user(somebody).get(world.url(address))
        assert answer.status_code in {
            HTTPStatus.OK,
            HTTPStatus.FOUND,
            HTTPStatus.NOT_FOUND,  # a row that is not there
            HTTPStatus.METHOD_NOT_ALLOWED,
        }
        assert not leads_to_sign_in(answer)


@pytest.mark.django_db
@pytest.mark.parametrize("address", ORGANIZERS, ids=str)
def test_a_member_without_the_permission_is_told_or_let_in_never_let_act(
    world: World, reviewer: User, as_user: AsUser, address: Address
) -> None:
    answer = as_user(reviewer).get(world.url(address))
    assert answer.status_code in {
        HTTPStatus.OK,
        HTTPStatus.FOUND,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
    }
    if any(
        f"organize/<slug:slug>/{word}/" in address.route for word in ("details", "rooms", "holds", "tracks", "teams")
    ):
        assert answer.status_code in {HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED}


@pytest.mark.django_db
@pytest.mark.parametrize("address", OF_AN_EVENT, ids=str)
def test_nothing_of_a_draft_is_public(world: World, stranger: User, as_user: AsUser, address: Address) -> None:
    draft = make_event("hidden", state="draft")
    for somebody in (None, stranger):
        client = as_user(somebody)
        for method in METHODS:
            answer = getattr(client, method)(world.url(address, draft.slug))
            assert answer.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}


# -- API ---------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("method", [*METHODS, "patch", "delete"])
@pytest.mark.parametrize("address", API, ids=str)
def test_the_api_answers_nobody_without_a_token(world: World, client: Client, address: Address, method: str) -> None:
    answer = getattr(client, method)(world.url(address), content_type="application/json")
    assert answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
    if not address.is_public:
        assert answer.status_code in {
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.FORBIDDEN,
            HTTPStatus.NOT_FOUND,
            HTTPStatus.METHOD_NOT_ALLOWED,
        }


@pytest.mark.django_db
@pytest.mark.parametrize("method", [*METHODS, "patch", "delete"])
@pytest.mark.parametrize("address", [address for address in API if "<str:event>" in address.route], ids=str)
def test_the_api_shows_strangers_no_event_of_others(
    world: World, attendee: User, stranger: User, as_user: AsUser, address: Address, method: str
) -> None:
    for somebody in (attendee, stranger):
        answer = getattr(as_user(somebody), method)(world.url(address), content_type="application/json")
        assert answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
        if not address.is_public:
            assert answer.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}


# -- The content policy ------------------------------------------------------------------------------------------------


class _Inline(HTMLParser):
    """What the strict policy would refuse to run or to apply."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "style" or "style" in given:
            self.found.append(self.get_starttag_text() or tag)
        if tag == "script" and "src" not in given and not (given.get("type") or "").endswith("json"):
            self.found.append(self.get_starttag_text() or tag)
        if any(name.startswith("on") for name in given):
            self.found.append(self.get_starttag_text() or tag)
        if (given.get("href") or "").lower().startswith("javascript:"):
            self.found.append(self.get_starttag_text() or tag)


@pytest.mark.django_db
@pytest.mark.parametrize("address", PAGES, ids=str)
def test_no_page_needs_a_loose_policy(world: World, organizer: User, as_user: AsUser, address: Address) -> None:
    for somebody in (organizer, None):
        answer = as_user(somebody).get(world.url(address))
        policy = answer.headers.get("Content-Security-Policy", "")
        if address.name in SHOWS_MAIL:
            assert "sandbox" in policy or answer.status_code != HTTPStatus.OK
            continue
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        if answer.headers["Content-Type"].startswith("text/html"):
            assert _Inline(answer.content.decode()).found == []
