"""A reader's own agenda: its calendar, and the few addresses with which the schedule page keeps it.

No session and no cookie says who somebody is: the token in the address does. Changes are JSON, which another site cannot send without
asking first (and is not allowed to), so they need no form token.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from allauth.core import ratelimit
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.http import http_date
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from common.codes import CODE_PATTERN
from common.middleware import same_in_every_language
from events.models import Event
from scheduling.conditional import is_known
from scheduling.exports import icalendar_file
from scheduling.models import Agenda, Schedule
from scheduling.services import agendas, serving
from scheduling.services.serving import Pointer

_CODE: Final = re.compile(CODE_PATTERN)
#: Bytes: 500 codes with room for spaces.
_LONGEST_BODY: Final = 8192

View = Callable[..., HttpResponse]


class _BadBody(Exception):
    """`args[0]` says what is wrong with it, to a programmer."""

    status = 400


class _NoJson(_BadBody):
    status = 415


@login_not_required
@csrf_exempt
@require_http_methods(["POST"])
def create(request: HttpRequest, slug: str) -> HttpResponse:
    """`{"sessions": ["A4C7EF"]}` → 201 `token`, `address`, `subscribe` (webcal) and the `sessions` that it holds."""
    pointer = _pointer(slug)
    if refused := _flood(request):
        return refused
    try:
        codes = _codes_in(request)
    except _BadBody as problem:
        return _bad(str(problem), status=problem.status)
    if not codes:
        return _bad("Name at least one session.")
    agenda, token = agendas.create_agenda(
        event=get_object_or_404(Event, pk=pointer.event_id), codes=codes, now=timezone.now()
    )
    address = settings.PUBLIC_URL + reverse("scheduling:agenda_calendar", args=[slug, token])
    answer = {
        "token": token,
        "address": address,
        "subscribe": re.sub(r"^https?:", "webcal:", address),
        "sessions": agendas.codes_of(agenda),
    }
    return _private(JsonResponse(answer, status=201))


@login_not_required
@csrf_exempt
@require_http_methods(["PUT", "DELETE"])
def agenda(request: HttpRequest, slug: str, token: str) -> HttpResponse:
    """PUT `{"sessions": […]}` puts these in place of those → 200 `sessions`; DELETE ends it → 204."""
    pointer = _pointer(slug)
    if refused := _flood(request):
        return refused
    found = _agenda_or_404(pointer, token)
    if request.method == "DELETE":
        agendas.delete_agenda(agenda=found)
        return _private(HttpResponse(status=204))
    try:
        codes = _codes_in(request)
    except _BadBody as problem:
        return _bad(str(problem), status=problem.status)
    agendas.replace_sessions(agenda=found, codes=codes, now=timezone.now())
    return _private(JsonResponse({"sessions": agendas.codes_of(found)}))


@login_not_required
@require_safe
def calendar(request: HttpRequest, slug: str, token: str) -> HttpResponse:
    pointer = _pointer(slug)
    found = _agenda_or_404(pointer, token)
    feed = agendas.feed_of(found, pointer)
    released = Schedule.objects.filter(pk=pointer.current or 0).values_list("released_at", flat=True).first()
    modified = http_date(int(max(found.updated_at, released or found.updated_at).timestamp()))
    # By tag alone: of two changes within one second a date would hide the second.
    if is_known(feed.tag, modified, request.headers.get("If-None-Match"), None):
        response: HttpResponse = HttpResponseNotModified()
    else:
        response = HttpResponse(agendas.calendar_of(feed, pointer), content_type=icalendar_file.CONTENT_TYPE)
        response["Content-Disposition"] = f'inline; filename="{slug}.ics"'
    response["ETag"] = f'"{feed.tag}"'
    response["Last-Modified"] = modified
    return _private(response)


def _pointer(slug: str) -> Pointer:
    """Nothing of an event that is not public is there, for its editors neither: a calendar has no session."""
    pointer = serving.pointer_to(slug)
    if pointer is None or not pointer.is_public:
        raise Http404
    return pointer


def _agenda_or_404(pointer: Pointer, token: str) -> Agenda:
    return get_object_or_404(Agenda.objects.with_token(token).filter(event=pointer.event_id).select_related("event"))


def _flood(request: HttpRequest) -> HttpResponse | None:
    if ratelimit.consume(request, action="agenda"):
        return None
    response = _bad("Too many changes from this address. Try again in a minute.", status=429)
    response["Retry-After"] = "60"
    return response


def _codes_in(request: HttpRequest) -> list[str]:
    if request.content_type != "application/json":
        raise _NoJson("Send application/json.")
    if len(request.body) > _LONGEST_BODY:
        raise _BadBody(f"At most {_LONGEST_BODY} bytes.")
    try:
        data: Any = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise _BadBody("This is no JSON.") from error
    if not isinstance(data, dict) or data.keys() != {"sessions"} or not isinstance(data["sessions"], list):
        raise _BadBody('Send {"sessions": [CODE, …]} and nothing else.')
    codes = data["sessions"]
    if len(codes) > agendas.MOST_SESSIONS:
        raise _BadBody(f"At most {agendas.MOST_SESSIONS} sessions.")
    if not all(isinstance(code, str) and _CODE.fullmatch(code) for code in codes):
        raise _BadBody("A session's code is six of 0-9A-Z.")
    return codes


def _bad(reason: str, *, status: int = 400) -> HttpResponse:
    return _private(
        JsonResponse({"status": status, "detail": reason}, status=status, content_type="application/problem+json")
    )


def _private(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "private, no-cache" if response.has_header("ETag") else "private, no-store"
    response["X-Robots-Tag"] = "noindex"
    same_in_every_language(response)
    return response
