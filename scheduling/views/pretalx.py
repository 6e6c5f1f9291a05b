"""The public programme as pretalx's API tells it, for its clients: `/api/events/…`, read only.

Answered from what each release keeps of itself (`scheduling.exports.pretalx`), and so without a query and without anything that is
not public. An event that is not public is there for the token of somebody who edits its programme.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, wraps
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import http_date
from knox.auth import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

from common.middleware import same_in_every_language
from common.text import search_key, search_text
from events.models import Event, Permission
from events.policies import may
from scheduling.conditional import is_known
from scheduling.exports import pretalx
from scheduling.exports.pretalx import Row, Tables
from scheduling.models import Schedule
from scheduling.services import exports, serving

PAGE: Final = 50
LONGEST_PAGE: Final = 500
#: What is there under another name, and what pretalx has and we have nothing of.
SAME: Final = {"talks": "submissions"}
EMPTY: Final = frozenset({"tags", "questions", "question-options", "answers", "speaker-information"})
LISTS: Final = (
    "submissions",
    "talks",
    "speakers",
    "rooms",
    "tracks",
    "submission-types",
    "slots",
    "schedules",
    *sorted(EMPTY),
)
#: Table → field → the table that it refers to.
RELATIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "submissions": {
        "speakers": "speakers",
        "slots": "slots",
        "track": "tracks",
        "submission_type": "submission-types",
        "answers": "answers",
        "tags": "tags",
    },
    "speakers": {"submissions": "submissions", "answers": "answers"},
    "slots": {"room": "rooms", "submission": "submissions", "schedule": "schedules"},
    "schedules": {"slots": "slots"},
}
KEYS: Final = {"submissions": "code", "speakers": "code"}
FILTERS: Final[Mapping[str, tuple[str, ...]]] = {
    "submissions": ("state", "track", "submission_type", "content_locale"),
    "slots": ("room", "submission", "schedule"),
}

View = Callable[..., HttpResponse]


class Refused(Exception):
    """What a client asked for cannot be told; `args[0]` says why."""


def _api(view: View) -> View:
    """Open to programs on other sites; for reading alone; every refusal in pretalx's shape."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "OPTIONS":
            response = HttpResponse(status=204)
        elif request.method not in {"GET", "HEAD"}:
            response = _refusal(405, f'Method "{request.method}" not allowed.')
        else:
            try:
                response = view(request, *args, **kwargs)
            except Http404:
                response = _refusal(404, "Not found.")
            except Refused as refused:
                response = _refusal(400, refused.args[0])
        response["Allow"] = "GET, HEAD, OPTIONS"
        response["Access-Control-Allow-Origin"] = "*"
        response["Access-Control-Allow-Headers"] = "Authorization, Pretalx-Version"
        same_in_every_language(response)
        return response

    return login_not_required(answer)


@_api
def root(request: HttpRequest) -> HttpResponse:
    address = request.build_absolute_uri(reverse("scheduling:pretalx_events"))
    return _answer(
        request,
        {
            "name": f"{settings.SITE_NAME} (pretalx)",
            "version": "2026.2.1",
            "api_version": pretalx.API_VERSION,
            "urls": {"events": address},
        },
    )


@_api
def events(request: HttpRequest) -> HttpResponse:
    rows = [pretalx.event_row(event) for event in Event.objects.public().order_by("-starts_on", "slug")]
    return _answer(request, [_in_language(request, row) for row in _found(request, "events", rows)])


@_api
def event(request: HttpRequest, slug: str) -> HttpResponse:
    pointer = _pointer(request, slug)
    found = Event.objects.get(pk=pointer.event_id)
    return _answer(request, _in_language(request, pretalx.event_details(found)), private=not pointer.is_public)


@_api
def rows(request: HttpRequest, slug: str, table: str) -> HttpResponse:
    pointer = _pointer(request, slug)
    table = SAME.get(table, table)
    if table == "schedules":
        found: list[Row] = _releases(pointer)
        tables: Tables = {}
    else:
        tables = _tables(pointer, _chosen(request, pointer))
        found = tables.get(table, [])
    found = _found(request, table, found)
    size, number = _whole(request, "page_size", PAGE, LONGEST_PAGE), _whole(request, "page", 1, 10**6)
    begin = (number - 1) * size
    if begin and begin >= len(found):
        raise Http404
    shown = [
        _in_language(request, _expanded(row, table, tables, _wishes(request))) for row in found[begin : begin + size]
    ]
    body = {
        "count": len(found),
        "next": _page_address(request, number + 1) if begin + size < len(found) else None,
        "previous": _page_address(request, number - 1) if number > 1 else None,
        "results": shown,
    }
    return _answer(request, body, private=not pointer.is_public)


@_api
def row(request: HttpRequest, slug: str, table: str, key: str) -> HttpResponse:
    pointer = _pointer(request, slug)
    table = SAME.get(table, table)
    schedule = _release(pointer, key) if table == "schedules" else _chosen(request, pointer)
    tables = _tables(pointer, schedule)
    wanted = str(schedule) if table == "schedules" else key.upper() if table in KEYS else key
    found = next((row for row in tables.get(table, []) if str(row[KEYS.get(table, "id")]) == wanted), None)
    if found is None:
        raise Http404
    shown = _in_language(request, _expanded(found, table, tables, _wishes(request)))
    return _answer(request, shown, private=not pointer.is_public)


@_api
def by_version(request: HttpRequest, slug: str) -> HttpResponse:
    pointer = _pointer(request, slug)
    if "latest" in request.GET:
        pk = pointer.current
    else:
        pk = pointer.versions.get(request.GET.get("version", ""))
    if pk is None:
        raise Http404
    return redirect("scheduling:pretalx_row", slug=slug, table="schedules", key=str(pk))


@_api
def exporter(request: HttpRequest, slug: str, key: str, name: str) -> HttpResponse:
    """To the file itself, which is the same for everybody."""
    pointer = _pointer(request, slug)
    pk = _release(pointer, key)
    kind = name.rpartition(".")[2]
    if kind not in {"xml", "json", "xcal", "ics"}:
        raise Http404
    version = next(version for version, release in pointer.versions.items() if release == pk)
    return redirect("scheduling:version_export", slug=slug, version=version, kind=kind)


@_api
def slot_calendar(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    pointer = _pointer(request, slug)
    found = next((s for s in _tables(pointer, pointer.current)["slots"] if str(s["id"]) == key), None)
    if found is None:
        raise Http404
    return redirect("scheduling:session_calendar", slug=slug, code=found["submission"])


# -- Finding ------------------------------------------------------------------------------------------------------------


def _pointer(request: HttpRequest, slug: str) -> serving.Pointer:
    pointer = serving.pointer_to(slug)
    if pointer is None or not (pointer.is_public or _may_preview(request, pointer)):
        raise Http404
    return pointer


def _may_preview(request: HttpRequest, pointer: serving.Pointer) -> bool:
    try:
        known = TokenAuthentication().authenticate(request)
    except AuthenticationFailed:
        return False
    event = Event.objects.filter(pk=pointer.event_id).first()
    return known is not None and event is not None and may(known[0], Permission.EDIT_PROGRAMME, event)


def _chosen(request: HttpRequest, pointer: serving.Pointer) -> int | None:
    """The release that is asked for, or the current one."""
    version = request.GET.get("schedule_version") or request.GET.get("schedule") or "latest"
    return _release(pointer, version) if version != "latest" else pointer.current


def _release(pointer: serving.Pointer, key: str) -> int:
    """By id, version or `latest`; the draft (`wip`) is nobody's here."""
    if key == "latest" and pointer.current:
        return pointer.current
    if key.isdecimal() and int(key) in pointer.versions.values():
        return int(key)
    if key in pointer.versions:
        return pointer.versions[key]
    raise Http404


def _releases(pointer: serving.Pointer) -> list[Row]:
    known = Schedule.objects.filter(pk__in=pointer.versions.values()).select_related("event").order_by("-number")
    return [
        pretalx.schedule_row(s.pk, s.version or "", s.released_at.astimezone(s.event.tz).isoformat(timespec="seconds"))
        for s in known
        if s.released_at
    ]


def _tables(pointer: serving.Pointer, schedule: int | None) -> Tables:
    served = serving.artifact(schedule, pointer.stamp, exports.PRETALX, "") if schedule else None
    return _parsed(served.gzip) if served else {}


@lru_cache(maxsize=4)
def _parsed(packed: bytes) -> Tables:
    tables: Tables = json.loads(gzip.decompress(packed))
    return tables


# -- Filtering, expanding, paging ---------------------------------------------------------------------------------------


def _found(request: HttpRequest, table: str, rows: list[Row]) -> list[Row]:
    asked = request.GET
    for name in FILTERS.get(table, ()):
        if wanted := {value for value in asked.getlist(name) if value != "latest"}:
            rows = [row for row in rows if str(row[name]) in wanted]
    if words := search_key(asked.get("q", "")).split():
        rows = [row for row in rows if all(word in search_text(" ".join(_words(row))) for word in words)]
    field = asked.get("o", "")
    name = field.removeprefix("-")
    if rows and name in rows[0] and all(isinstance(row[name], str | int) for row in rows):
        rows = sorted(rows, key=lambda row: row[name], reverse=field.startswith("-"))
    return rows


def _words(row: Row) -> Iterator[str]:
    for name in ("title", "name", "code", "version", "slug"):
        value = row.get(name, "")
        yield from map(str, value.values() if isinstance(value, dict) else [value])


def _wishes(request: HttpRequest) -> list[list[str]]:
    """`expand=speakers,slots.room` and `expand=speakers&expand=slots.room` alike."""
    paths = [path for value in request.GET.getlist("expand") for path in value.split(",") if path]
    return [path.split(".")[:4] for path in paths[:20]]


def _expanded(row: Row, table: str, tables: Tables, paths: list[list[str]]) -> Row:
    shown = dict(row)
    for name, target in RELATIONS.get(table, {}).items():
        deeper = [path[1:] for path in paths if path[0] == name]
        if not deeper or name not in row:
            continue
        index = {item[KEYS.get(target, "id")]: item for item in tables.get(target, [])}
        further = [path for path in deeper if path]
        if isinstance(row[name], list):
            shown[name] = [_expanded(index[key], target, tables, further) for key in row[name] if key in index]
        elif row[name] in index:
            shown[name] = _expanded(index[row[name]], target, tables, further)
    return shown


def _whole(request: HttpRequest, name: str, default: int, most: int) -> int:
    text = request.GET.get(name, "")
    if not text:
        return default
    if not text.isdecimal() or not int(text[:9]) > 0:
        raise Refused(f"{name} must be a whole number from 1.")
    return min(int(text[:9]), most)


def _page_address(request: HttpRequest, number: int) -> str:
    query = request.GET.copy()
    query["page"] = str(number)
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


def _in_language(request: HttpRequest, row: Any) -> Any:
    """With `lang`, texts in several languages become the one that is asked for, or the first."""
    language = request.GET.get("lang", "")
    if not language:
        return row
    if isinstance(row, list):
        return [_in_language(request, item) for item in row]
    if not isinstance(row, dict):
        return row
    return {
        name: (value.get(language) or next(iter(value.values()), ""))
        if isinstance(value, dict) and name in {"name", "description", "comment"}
        else _in_language(request, value)
        for name, value in row.items()
    }


# -- Answering ----------------------------------------------------------------------------------------------------------


def _answer(request: HttpRequest, body: Any, *, private: bool = False) -> HttpResponse:
    data = json.dumps(body, ensure_ascii=False).encode()
    digest = hashlib.sha256(data).hexdigest()[:32]
    if is_known(digest, http_date(0), request.headers.get("If-None-Match"), None):
        response: HttpResponse = HttpResponseNotModified()
    else:
        response = HttpResponse(data, content_type="application/json")
    response["ETag"] = f'"{digest}"'
    response["Cache-Control"] = "private, no-cache" if private else "public, no-cache"
    return response


def _refusal(status: int, detail: str) -> HttpResponse:
    return JsonResponse({"detail": detail}, status=status)
