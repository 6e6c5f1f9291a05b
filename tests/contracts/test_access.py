"""Every address × persona has a declared answer. Made from the URLconf, so that a new address falls under it by itself.

An address is closed unless it is named in PUBLIC, and a page of organizers asks for the permission that stands in NEEDS: whoever
adds one that is open to more says so there, in review.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from html.parser import HTMLParser
from http import HTTPStatus
from typing import Any, Final

import pytest
from django.http import HttpResponseBase, StreamingHttpResponse
from django.test import Client

from accounts.models import User
from events.models import Organisation, Permission
from tests.contracts.addresses import ALL, API, OF_AN_EVENT, ORGANIZE, PAGES, Address, World, make_world
from tests.factories.events import make_member, make_organisation
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
            for name in [
                "mailbox",
                "mail",
                "mail_html",
                "mail_source",
                "mail_part",
                "unsubscribe",
                "provider_reports",  # 404 without a mail provider; asks for its secret
            ]
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
                "part_export",
                "widget",
                "version",
                "version_grid",
                "version_export",
                "speakers",
                "session",
                "session_calendar",
                "speaker",
                "speaker_calendar",
                # a reader's own, by the secret in its address
                "agendas",
                "agenda",
                "agenda_calendar",
                *(
                    f"pretalx_{part}"
                    for part in ["root", "events", "event", "by_version", "exporter", "slot_calendar", "rows", "row"]
                ),
            ]
        ),
        *(
            f"registrations:{name}"
            for name in [
                "register",
                "sent",
                "register_group",
                "group",  # states and codes, by the signature in its address; nobody's secret
                "registration",
                "change",
                "cancel",
                "answer_offer",
                "change_products",
                "ticket",
                "calendar",
                "file",
                "agenda",
                "own_data",
                "erase",
                "erased",
            ]
        ),
        "institutions",
        # the API: its description, the public way to register, and what a secret opens
        "api:schema",
        "api:docs",
        "api:registrations",
        "api:registration-group",
        "api:registration",
        "api:registration-cancel",
        "api:registration-file",
        "api:files",
        "api:registration-accept-offer",
    }
)

#: Pages that show a mail as it is sent, styles included: served under a policy of their own, in a sandbox.
SHOWS_MAIL: Final = frozenset(
    {
        "notifications:mail_html",
        "events:mail_preview",
        "events:message_html",
        "events:preview_campaign",
        "events:preview_campaign_words",
    }
)

#: Files that people sent: to be saved, and in a sandbox wherever they are opened.
HANDS_OUT_FILES: Final = frozenset({"registrations:file", "registrations:organize_file"})

#: What one event's row may lead to at another's address, because both have it: kinds of files and of mails, versions by name;
#: or because it is of one reader, to whom every address of it says that nothing is under way.
SHARED: Final = frozenset(
    {
        "schedule. kind",
        "template. kind",
        "export. kind",
        "mail-templates kind",
        "v version",
        "releases version",
        "numbers code",
        "numbers kind",
        "progress run",
    }
)

P = Permission
_EVENT: Final = {P.EDIT_EVENT}
_PROGRAMME: Final = {P.EDIT_PROGRAMME}
_RELEASES: Final = {P.EDIT_PROGRAMME, P.PUBLISH_SCHEDULE}
_SEES: Final = {P.SEE_REGISTRATIONS, P.MANAGE_REGISTRATIONS}
_MANAGES: Final = {P.MANAGE_REGISTRATIONS}
_MAIL: Final = {P.SEND_MESSAGES}
_ANYBODY: Final = set(P)

#: By the first word after `organize/EVENT/`: with any one of which permissions it may be read, and acted on.
NEEDS: Final[dict[str, tuple[set[Permission], set[Permission]]]] = {
    "": (_ANYBODY, _ANYBODY),
    **dict.fromkeys(["details", "state", "rooms", "venues", "holds", "tracks"], (_EVENT, _EVENT)),
    "teams": ({P.MANAGE_TEAMS}, {P.MANAGE_TEAMS}),
    **dict.fromkeys(["import", "schedule", "sessions", "speakers"], (_PROGRAMME, _PROGRAMME)),
    "releases": (_RELEASES, {P.PUBLISH_SCHEDULE}),
    **dict.fromkeys(["tickets", "products", "quotas", "questions", "registrations"], (_MANAGES, _MANAGES)),
    **dict.fromkeys(["reminders", "mail-templates", "messages", "mail"], (_MAIL, _MAIL)),
}
#: Pages that may be read with more than the rest of their kind.
ALSO_READ: Final = {
    "scheduling:preview": _RELEASES,
    "scheduling:preview_grid": _RELEASES,
    **dict.fromkeys(
        [
            "registrations:tickets",
            "registrations:questions",
            "registrations:registrations",
            "registrations:registrations_file",
            "registrations:detail",
            "registrations:statistics",
            "registrations:statistics_table",
            "registrations:organize_file",
        ],
        _SEES,
    ),
}

#: By the first word after `events/EVENT/`: the same for the API.
API_NEEDS: Final[dict[str, tuple[set[Permission], set[Permission]]]] = {
    "": (_ANYBODY, _EVENT),
    **dict.fromkeys(["rooms", "tracks"], (_ANYBODY, _EVENT)),
    **dict.fromkeys(["submissions", "speakers", "slots", "conflicts"], (_ANYBODY, _PROGRAMME)),
    "releases": (_ANYBODY, {P.PUBLISH_SCHEDULE}),
    **dict.fromkeys(
        ["ticket-types", "products", "quotas", "questions", "question-sections", "registrations", "check-ins"],
        (_SEES, _MANAGES),
    ),
    "files": (_MANAGES, _MANAGES),
    **dict.fromkeys(["reminder-rules", "messages", "campaigns"], (_MAIL, _MAIL)),
}

METHODS: Final = ("get", "head", "post", "put", "patch", "delete")
WRITES: Final = ("post", "patch", "delete")
NOT_THERE: Final = {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}
REFUSED: Final = {HTTPStatus.FORBIDDEN, HTTPStatus.METHOD_NOT_ALLOWED}
SERVED: Final = {HTTPStatus.OK, HTTPStatus.FOUND, HTTPStatus.METHOD_NOT_ALLOWED}

API_OF_EVENTS: Final = [address for address in API if "<str:event>" in address.route]

Answers = dict[str, Any]


@pytest.fixture(autouse=True)
def _only_failures_in_the_report(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


@pytest.fixture
def world(organisation: Organisation) -> World:
    return make_world("food-2027", organisation)


def is_public(address: Address) -> bool:
    return address.name in PUBLIC


def ask(client: Client, method: str, url: str) -> HttpResponseBase:
    """As programs do it where an address is theirs; a page that breaks answers 500 here, as it would to the person."""
    client.raise_request_exception = False
    kind = {"content_type": "application/json"} if url.startswith("/api/") else {}
    return sent(getattr(client, method)(url, **kind if method not in {"get", "head"} else {}))


def sent(answer: HttpResponseBase) -> HttpResponseBase:
    """Read to its end, as a server does, which closes the file that it sends."""
    if isinstance(answer, StreamingHttpResponse):
        answer.getvalue()
    return answer


def others_than(
    allowed: Iterable[int], client: Client, methods: Iterable[str], urls: dict[str, str], *, or_sign_in: bool = False
) -> Answers:
    """Addresses that answer with another status, and which."""
    wrong: Answers = {}
    allowed = set(allowed)
    for route, url in urls.items():
        for method in methods:
            answer = ask(client, method, url)
            if answer.status_code not in allowed and not (or_sign_in and leads_to_sign_in(answer)):
                wrong[f"{method.upper()} {route}"] = answer.status_code
    return wrong


def leads_to_sign_in(answer: HttpResponseBase) -> bool:
    return answer.status_code == HTTPStatus.FOUND and answer["Location"].startswith("/accounts/")


def urls_of(world: World, addresses: Iterable[Address]) -> dict[str, str]:
    return {str(address): world.url(address) for address in addresses}


# -- What is declared ----------------------------------------------------------------------------------------------------


def word_of(address: Address) -> str:
    """`rooms` of `organize/<slug:slug>/rooms/new/` and of `api/v1/events/<str:event>/rooms/`."""
    return re.split(r"<[^>]+>/", address.route, maxsplit=1)[1].split("/")[0]


def test_what_is_declared_exists() -> None:
    names = {address.name for address in ALL}
    assert set(PUBLIC) - names == set()
    assert set(ALSO_READ) - names == set()
    assert {word_of(address) for address in ORGANIZE} == set(NEEDS)
    assert {word_of(address) for address in API_OF_EVENTS} == set(API_NEEDS)


# -- Strangers -----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_whoever_is_not_signed_in_is_led_to_sign_in_from_all_that_is_not_public(world: World, client: Client) -> None:
    closed = [address for address in PAGES if not is_public(address)]

    assert closed
    assert others_than(NOT_THERE, client, METHODS, urls_of(world, closed), or_sign_in=True) == {}


@pytest.mark.django_db
def test_public_pages_ask_nobody_to_sign_in(world: World, client: Client) -> None:
    for address in PAGES:
        if is_public(address):
            answer = ask(client, "get", world.url(address))
            assert answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR, address
            assert address.route.startswith("accounts/") or not leads_to_sign_in(answer), address


@pytest.mark.django_db
@pytest.mark.parametrize("addresses", [ORGANIZE, [a for a in API_OF_EVENTS if not is_public(a)]], ids=["pages", "api"])
def test_what_organizers_do_is_not_there_for_anybody_else(
    world: World, attendee: User, stranger: User, as_user: AsUser, addresses: list[Address]
) -> None:
    for somebody in (attendee, stranger):
        assert others_than(NOT_THERE, as_user(somebody), METHODS, urls_of(world, addresses)) == {}


@pytest.mark.django_db
def test_nothing_of_a_draft_is_public(organisation: Organisation, stranger: User, as_user: AsUser) -> None:
    draft = make_world("hidden", organisation, state="draft")
    # Who registered before it was taken back keeps the address of their registration.
    pages = [address for address in OF_AN_EVENT if "registrations secret" not in address.parameters]

    for somebody in (stranger, None):
        assert others_than(NOT_THERE, as_user(somebody), METHODS, urls_of(draft, pages)) == {}
    urls = urls_of(draft, API_OF_EVENTS)
    assert others_than(NOT_THERE, as_user(stranger), METHODS, urls) == {}


@pytest.mark.django_db
def test_the_api_answers_nobody_without_a_token(world: World, client: Client) -> None:
    closed = [address for address in API if not is_public(address)]
    refusals = {*NOT_THERE, HTTPStatus.UNAUTHORIZED}

    assert others_than(refusals, client, METHODS, urls_of(world, closed)) == {}


# -- Members -------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("permission", Permission)
def test_a_page_opens_to_those_with_its_permission_alone(world: World, as_user: AsUser, permission: Permission) -> None:
    client = as_user(make_member(world.event, permission))
    opens: list[Address] = []
    closed: list[Address] = []
    for address in ORGANIZE:
        reading = ALSO_READ.get(address.name, set()) | NEEDS[word_of(address)][0]
        (opens if permission in reading else closed).append(address)
    not_theirs = [address for address in ORGANIZE if permission not in NEEDS[word_of(address)][1]]

    assert others_than(SERVED, client, ["get"], urls_of(world, opens)) == {}
    assert others_than(REFUSED, client, ["get"], urls_of(world, closed)) == {}
    assert others_than(REFUSED, client, ["post"], urls_of(world, not_theirs)) == {}


@pytest.mark.django_db
@pytest.mark.parametrize("permission", Permission)
def test_a_resource_opens_to_those_with_its_permission_alone(
    world: World, as_user: AsUser, permission: Permission
) -> None:
    client = as_user(make_member(world.event, permission))
    opens = [address for address in API_OF_EVENTS if permission in API_NEEDS[word_of(address)][0]]
    closed = [address for address in API_OF_EVENTS if permission not in API_NEEDS[word_of(address)][0]]
    not_theirs = [
        address
        for address in API_OF_EVENTS
        if permission not in API_NEEDS[word_of(address)][1]
        and address.name not in {"api:registrations", "api:registration-group", "api:files"}
    ]

    assert others_than(SERVED, client, ["get"], urls_of(world, opens)) == {}
    assert others_than(REFUSED, client, ["get"], urls_of(world, closed)) == {}
    assert others_than(REFUSED, client, WRITES, urls_of(world, not_theirs)) == {}


@pytest.mark.django_db
def test_organizers_and_the_campus_office_get_in_everywhere(
    world: World, organizer: User, staff: User, as_user: AsUser
) -> None:
    for somebody in (organizer, staff):
        assert others_than(SERVED, as_user(somebody), ["get"], urls_of(world, [*ORGANIZE, *API_OF_EVENTS])) == {}


@pytest.mark.django_db
def test_what_is_of_another_event_is_not_found_even_by_those_who_may_do_everything(
    world: World, organisation: Organisation, staff: User, as_user: AsUser
) -> None:
    elsewhere = make_world("elsewhere-2027", make_organisation("elsewhere"))
    urls = {
        str(address): world.url_with(address, elsewhere)
        for address in [*ORGANIZE, *OF_AN_EVENT, *API_OF_EVENTS]
        if len(address.parameters) > 1 and not SHARED.intersection(address.parameters)
    }

    assert len(urls) > 50
    assert others_than(NOT_THERE, as_user(staff), METHODS, urls) == {}


# -- The content policy --------------------------------------------------------------------------------------------------


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
def test_no_page_needs_a_loose_policy(world: World, staff: User, as_user: AsUser) -> None:
    shut = set()
    for somebody in (staff, None):
        client = as_user(somebody)
        for address in PAGES:
            answer = client.get(world.url(address))
            sent(answer)
            policy = answer.headers.get("Content-Security-Policy", "")
            if address.name in SHOWS_MAIL | HANDS_OUT_FILES:
                if answer.status_code == HTTPStatus.OK:
                    assert "sandbox" in policy, address
                    shut.add(address.name)
                continue
            assert "default-src 'self'" in policy, address
            assert "unsafe" not in policy, address
            if answer.headers.get("Content-Type", "").startswith("text/html"):
                assert _Inline(answer.content.decode()).found == [], address
    # In this world no mail was caught.
    assert shut == (SHOWS_MAIL | HANDS_OUT_FILES) - {"notifications:mail_html"}
