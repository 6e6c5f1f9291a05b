"""Where an organizer can go within one event."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from django.http import HttpRequest  # noqa: TID251 (named in types only)
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from events.models import Event, Permission
from events.policies import permissions_of


@dataclass(frozen=True, kw_only=True)
class NavItem:
    label: str | Promise
    url: str
    # The page, or a page below it, is being looked at.
    active: bool
    # A heroicon.
    icon: str


@dataclass(frozen=True, kw_only=True)
class NavGroup:
    label: str | Promise
    items: list[NavItem]


@dataclass(frozen=True, kw_only=True)
class _Place:
    label: str | Promise
    url_name: str
    icon: str
    # Any one of them; none: every member.
    permissions: frozenset[Permission] = field(default_factory=frozenset)


_EVERYONE: Final[frozenset[Permission]] = frozenset()
_P = Permission

#: Names of addresses, not imports: the apps above own the pages.
PLACES: Final[list[tuple[str | Promise, list[_Place]]]] = [
    (
        "",
        [_Place(label=_("Overview"), url_name="events:organize", icon="home")],
    ),
    (
        _("Event"),
        [
            _Place(
                label=_("Details"),
                url_name="events:details",
                icon="document-text",
                permissions=frozenset({_P.EDIT_EVENT}),
            ),
            _Place(
                label=_("Rooms"),
                url_name="events:rooms",
                icon="building-office",
                permissions=frozenset({_P.EDIT_EVENT}),
            ),
            _Place(
                label=_("Room holds"),
                url_name="events:holds",
                icon="lock-closed",
                permissions=frozenset({_P.EDIT_EVENT}),
            ),
            _Place(label=_("Tracks"), url_name="events:tracks", icon="tag", permissions=frozenset({_P.EDIT_EVENT})),
            _Place(
                label=_("Teams"), url_name="events:teams", icon="user-group", permissions=frozenset({_P.MANAGE_TEAMS})
            ),
        ],
    ),
    (
        _("Programme"),
        [
            _Place(
                label=_("Sessions"),
                url_name="submissions:submissions",
                icon="presentation-chart-bar",
                permissions=frozenset({_P.EDIT_PROGRAMME}),
            ),
            _Place(
                label=_("Speakers"),
                url_name="submissions:speakers",
                icon="microphone",
                permissions=frozenset({_P.EDIT_PROGRAMME}),
            ),
            _Place(
                label=_("Schedule"),
                url_name="scheduling:editor",
                icon="calendar-days",
                permissions=frozenset({_P.EDIT_PROGRAMME}),
            ),
            _Place(
                label=_("Import"),
                url_name="scheduling:import",
                icon="arrow-up-tray",
                permissions=frozenset({_P.EDIT_PROGRAMME}),
            ),
            _Place(
                label=_("Releases"),
                url_name="scheduling:releases",
                icon="rocket-launch",
                permissions=frozenset({_P.EDIT_PROGRAMME, _P.PUBLISH_SCHEDULE}),
            ),
        ],
    ),
    (
        _("Registration"),
        [
            _Place(
                label=_("Registrations"),
                url_name="registrations:registrations",
                icon="users",
                permissions=frozenset({_P.SEE_REGISTRATIONS, _P.MANAGE_REGISTRATIONS}),
            ),
            _Place(
                label=_("Tickets"),
                url_name="registrations:tickets",
                icon="ticket",
                permissions=frozenset({_P.MANAGE_REGISTRATIONS}),
            ),
            _Place(
                label=_("Questions"),
                url_name="registrations:questions",
                icon="clipboard-document-list",
                permissions=frozenset({_P.MANAGE_REGISTRATIONS}),
            ),
        ],
    ),
    (
        _("Mail"),
        [
            _Place(
                label=_("Write to people"),
                url_name="events:campaigns",
                icon="megaphone",
                permissions=frozenset({_P.SEND_MESSAGES}),
            ),
            _Place(
                label=_("Reminders"),
                url_name="events:rules",
                icon="bell",
                permissions=frozenset({_P.SEND_MESSAGES}),
            ),
            _Place(
                label=_("Outbox"),
                url_name="events:messages",
                icon="envelope",
                permissions=frozenset({_P.SEND_MESSAGES}),
            ),
            _Place(
                label=_("Mail texts"),
                url_name="events:mail_templates",
                icon="pencil-square",
                permissions=frozenset({_P.SEND_MESSAGES}),
            ),
        ],
    ),
]


def organize_nav(request: HttpRequest, event: Event) -> list[NavGroup]:
    """What this viewer may open, in groups; groups that would be empty are left out. One query, none after
    `get_event_or_404`."""
    permissions = getattr(request, "event_permissions", None)
    if permissions is None:
        permissions = permissions_of(request.user, event)
    home = reverse("events:organize", args=[event.slug])
    groups = []
    for label, places in PLACES:
        items = []
        for place in places:
            if place.permissions and not place.permissions & permissions:
                continue
            url = _address(place.url_name, event)
            if url:
                active = request.path == url if url == home else request.path.startswith(url)
                items.append(NavItem(label=place.label, url=url, active=active, icon=place.icon))
        if items:
            groups.append(NavGroup(label=label, items=items))
    return groups


def _address(url_name: str, event: Event) -> str:
    try:
        return reverse(url_name, args=[event.slug])
    except NoReverseMatch:
        # An app that is not installed has no pages.
        return ""
