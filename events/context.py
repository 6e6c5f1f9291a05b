from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from events.navigation import organize_nav


def organizing(request: HttpRequest) -> dict[str, Any]:
    """The navigation of the organizer's layout, on pages that began with `get_event_or_404`."""
    event = getattr(request, "event", None)
    if event is None or not hasattr(request, "event_permissions"):
        return {}
    return {"organize_nav": SimpleLazyObject(lambda: organize_nav(request, event))}
