"""Which event a page is about, and whether this viewer may see it: asked once, at the top of every view."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _

from events.models import Event, Organisation, Permission
from events.policies import permissions_everywhere, permissions_of


def get_event_or_404(request: HttpRequest, slug: str, *any_of: Permission) -> Event:
    """The event to organize. A stranger gets 404, as if there were none; a member whose teams have none of these permissions
    gets 403.

    Sets `request.event` and `request.event_permissions`, which the organizer's layout reads.
    """
    event = Event.objects.select_related("organisation", "venue").filter(slug=slug).first()
    permissions = permissions_of(request.user, event) if event else frozenset()
    if event is None or not permissions:
        raise Http404
    if any_of and not permissions.intersection(any_of):
        raise PermissionDenied(
            _("Your team may not do this at this event: %(permission)s.") % {"permission": any_of[0].label}
        )
    request.event = event  # type: ignore[attr-defined]
    request.event_permissions = permissions  # type: ignore[attr-defined]
    return event


def get_public_event_or_404(request: HttpRequest, slug: str) -> Event:
    """The event for everybody; a draft is there for its organizers only."""
    event = Event.objects.select_related("organisation", "venue").filter(slug=slug).first()
    if event is None or not may_see(request, event):
        raise Http404
    return event


def may_see(request: HttpRequest, event: Event) -> bool:
    """The public pages of the event."""
    return event.is_public or bool(permissions_of(request.user, event))


def get_organisation_or_404(request: HttpRequest, slug: str, permission: Permission | None = None) -> Organisation:
    """An organisation of which the viewer is on a team; 403 where that team lacks `permission` at all its events."""
    organisation = Organisation.objects.seen_by(request.user).filter(slug=slug).first()
    if organisation is None:
        raise Http404
    if permission is not None and permission not in permissions_everywhere(request.user, organisation):
        raise PermissionDenied(
            _("Your team may not do this at all events of this organisation: %(permission)s.")
            % {"permission": permission.label}
        )
    return organisation
