from __future__ import annotations

from typing import Any, cast

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from accounts.models import User
from events.models import Event
from events.navigation import organize_nav


def organizing(request: HttpRequest) -> dict[str, Any]:
    """The navigation of the organizer's layout, on pages that began with `get_event_or_404`."""
    event = getattr(request, "event", None)
    if event is None or not hasattr(request, "event_permissions"):
        return {}
    return {
        "organize_nav": SimpleLazyObject(lambda: organize_nav(request, event)),
        "organize_events": SimpleLazyObject(lambda: _other_events(request, event)),
    }


def _other_events(request: HttpRequest, event: Event) -> list[dict[str, str]]:
    """To change over to: what the viewer organizes that ends last, at most eight."""
    others = Event.objects.where(cast(User, request.user)).exclude(pk=event.pk).order_by("-ends_on", "slug")[:8]
    return [{"name": str(other.name), "url": reverse("events:organize", args=[other.slug])} for other in others]
