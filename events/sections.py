"""What this app shows on pages of the apps below, and tells them of events."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.conf import settings
from django.http import HttpRequest  # noqa: TID251 (named in types only)
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.hooks import MeRow, MeSection
from accounts.models import User
from common import dates
from events.models import Event, EventState
from notifications.origins import Origin

#: As in the style sheet (`--accent-light`): dark enough for white words on it.
ACCENT_COLOURS: Mapping[str, str] = {
    "lake": "#057184",
    "teal": "#08746e",
    "green": "#037649",
    "olive": "#5b7004",
    "amber": "#885e04",
    "orange": "#a3500c",
    "red": "#a84741",
    "rose": "#a74660",
    "plum": "#9a4a86",
    "violet": "#7a55a7",
    "indigo": "#575fb2",
    "blue": "#2469af",
}
TONES = {EventState.DRAFT: "neutral", EventState.LIVE: "success", EventState.ARCHIVED: "neutral"}


def my_events(user: User, request: HttpRequest) -> MeSection | None:
    """The events that somebody helps to organize, the next one first; those that are over are a link away."""
    today = timezone.now().date()
    events = Event.objects.where(user).filter(ends_on__gte=today).select_related("venue").order_by("starts_on", "slug")
    if user.is_staff:
        # The campus office may organize everything; its own page would be the front page over again.
        events = events.filter(organisation__teams__members__user=user).distinct()
    rows = [_row(event) for event in events[:20]]
    if not rows and not user.memberships.exists():
        return None
    return {
        "title": _("Events that I organize"),
        "rows": rows,
        "empty": _("Nothing is coming up."),
        "action_label": _("All my events"),
        "action_url": reverse("events:home"),
    }


def _row(event: Event) -> MeRow:
    where = [dates.day_range(event.starts_on, event.ends_on), str(event.venue) if event.venue else ""]
    return {
        "title": str(event.name),
        "url": reverse("events:organize", args=[event.slug]),
        "detail": " · ".join(filter(None, where)),
        "badge": str(EventState(event.state).label),
        "tone": TONES[EventState(event.state)],
    }


def origins(event_ids: Collection[int]) -> dict[int, Origin]:
    """What mails say about the event that they come from."""
    return {
        event.pk: Origin(
            name=event.name.data if isinstance(event.name.data, dict) else {event.language: str(event.name)},
            url=settings.PUBLIC_URL + event.get_absolute_url(),
            contact_email=event.contact_email,
            time_zone=event.time_zone,
            locales=tuple(event.locales),
            colour=ACCENT_COLOURS[event.accent],
        )
        for event in Event.objects.filter(pk__in=event_ids)
    }
