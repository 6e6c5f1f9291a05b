"""What everybody may read. Nothing here depends on who asks, only on the language: the answers carry an ETag."""

from __future__ import annotations

import hashlib
import json
from itertools import groupby
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe

from common import dates
from common.localized import shown_language
from common.markup import plain_excerpt, render_markdown
from events import hooks
from events.models import Event, EventKind
from events.views.access import get_public_event_or_404

#: More than a campus holds in years; the rest is found by searching.
MOST = 200
SCHEMA_STATES = {"open": "InStock", "waiting_list": "SoldOut", "full": "SoldOut", "not_yet": "PreOrder"}


@login_not_required
@require_safe
def front(request: HttpRequest) -> HttpResponse:
    words = request.GET.get("q", "").strip()[:200]
    kind = request.GET.get("kind", "")
    events = Event.objects.public().select_related("organisation", "venue")
    if words:
        events = events.matching(words)
    if kind in EventKind.values:
        events = events.filter(kind=kind)
    today = timezone.now().date()
    coming = list(events.coming(today)[:MOST])
    past = list(events.past(today)[: MOST if words else 24])
    context = {
        "coming": _by_month(coming),
        "past": [_card(event) for event in past],
        "found": len(coming) + len(past),
        "words": words,
        "kind": kind if kind in EventKind.values else "",
        "kinds": [(value, label) for value, label in EventKind.choices],
        "is_search": bool(words or kind),
        "reset": "/" if words or kind else "",
    }
    return _answer(request, render(request, "events/front.html", context))


@login_not_required
@require_safe
def event(request: HttpRequest, slug: str) -> HttpResponse:
    found = get_public_event_or_404(request, slug)
    sections = hooks.sections_of(found, request)
    language = found.best_language()
    description = found.description.localize(language) if found.description else ""
    context: dict[str, Any] = {
        "event": found,
        "is_preview": not found.is_public,
        "tab": "about",
        "lang": language,
        "name_lang": shown_language(found.name),
        "description_html": render_markdown(description),
        "excerpt": str(found.tagline) or plain_excerpt(description),
        "host": str(found.organisation),
        "place": str(found.venue) if found.venue else "",
        "zone": dates.zone_name(found.tz, found.starts_at),
        "url": settings.PUBLIC_URL + found.get_absolute_url(),
        **sections,
    }
    context["json_ld"] = _json_ld(found, sections, context)
    response = render(request, "events/event.html", context)
    if not found.is_public:
        response["Cache-Control"] = "private, no-store"
        return response
    return _answer(request, response)


def _answer(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The page, or 304 where the reader has it already."""
    response["ETag"] = quote_etag(hashlib.sha256(response.content).hexdigest()[:32])
    response["Cache-Control"] = "public, no-cache"
    return get_conditional_response(request, etag=response["ETag"], response=response) or response


def _card(event: Event) -> dict[str, Any]:
    return {
        "event": event,
        "lang": shown_language(event.name),
        "place": str(event.venue) if event.venue else "",
        "kind": event.get_kind_display(),
        "host": str(event.organisation),
    }


def _by_month(events: list[Event]) -> list[dict[str, Any]]:
    def month(event: Event) -> str:
        return dates.month(event.starts_on)

    return [{"month": name, "cards": [_card(event) for event in found]} for name, found in groupby(events, key=month)]


def _json_ld(event: Event, sections: hooks.EventPageSections, context: dict[str, Any]) -> SafeString:
    """schema.org Event for search engines, as a data block: never executed, so the strict policy lets it stand."""
    data: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "EducationEvent" if event.kind == EventKind.SUMMER_SCHOOL else "Event",
        "name": event.name.localize(context["lang"]),
        "description": context["excerpt"],
        "startDate": event.starts_on.isoformat(),
        "endDate": event.ends_on.isoformat(),
        "eventStatus": "https://schema.org/EventScheduled",
        "eventAttendanceMode": "https://schema.org/OfflineEventAttendanceMode",
        "url": context["url"],
        "inLanguage": event.locales,
        "organizer": {
            "@type": "Organization",
            "name": str(event.organisation),
            **({"url": event.organisation.website} if event.organisation.website else {}),
        },
    }
    if event.venue:
        data["location"] = {
            "@type": "Place",
            "name": str(event.venue),
            **({"address": str(event.venue.address)} if event.venue.address else {}),
            **({"hasMap": event.venue.map_url} if event.venue.map_url else {}),
        }
    else:
        # Search engines pass over an event without a place, and until there is one its hosts know where it is.
        data["location"] = {"@type": "Place", "name": str(event.organisation)}
    registration = sections.get("registration")
    if registration and registration["state"] in SCHEMA_STATES and registration["url"]:
        data["offers"] = {
            "@type": "Offer",
            "url": settings.PUBLIC_URL + registration["url"],
            "availability": f"https://schema.org/{SCHEMA_STATES[registration['state']]}",
        }
    if programme := sections.get("programme"):
        data["performer"] = [{"@type": "Person", "name": keynote["name"]} for keynote in programme["keynotes"]]
    text = json.dumps(data, ensure_ascii=False, sort_keys=True)
    # As django.utils.html.json_script: nothing in it can end the block.
    for character, escape in (("<", "\\u003C"), (">", "\\u003E"), ("&", "\\u0026")):
        text = text.replace(character, escape)
    return mark_safe(text)  # noqa: S308 (escaped in the lines above)
