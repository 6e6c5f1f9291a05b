"""The public programme. What is released is served as it was rendered; nothing here asks the database for it."""

from __future__ import annotations

import gzip
from datetime import UTC
from http import HTTPStatus

from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import get_object_or_404, render
from django.utils.cache import patch_vary_headers
from django.utils.http import http_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from common.middleware import same_in_every_language
from events.models import Event, Permission
from events.policies import may
from scheduling.conditional import best_encoding, is_known
from scheduling.services import printing, serving
from scheduling.services.artifacts import PRINT_PATH

EXPORTS = {"xml", "json", "xcal", "ics"}


@login_not_required
@require_safe
def schedule(request: HttpRequest, slug: str) -> HttpResponse:
    return _serve(request, slug, "schedule/", empty="scheduling/public/empty.html")


@login_not_required
@require_safe
def version(request: HttpRequest, slug: str, version: str) -> HttpResponse:
    return _serve(request, slug, "schedule/v/", version=version)


@login_not_required
@require_safe
def changes(request: HttpRequest, slug: str) -> HttpResponse:
    return _serve(request, slug, "schedule/changes/", empty="scheduling/public/empty.html")


@login_not_required
@require_safe
def changes_feed(request: HttpRequest, slug: str) -> HttpResponse:
    return _serve(request, slug, "schedule/changes.atom")


@login_not_required
@require_safe
def grid(request: HttpRequest, slug: str) -> HttpResponse:
    return _serve(request, slug, "schedule/grid.css", lasting=True)


@login_not_required
@require_safe
def version_grid(request: HttpRequest, slug: str, version: str) -> HttpResponse:
    return _serve(request, slug, "schedule/grid.css", version=version, lasting=True)


@login_not_required
@require_safe
def export(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    return version_export(request, slug, "", kind)


@login_not_required
@require_safe
def version_export(request: HttpRequest, slug: str, version: str, kind: str) -> HttpResponse:
    if kind == "pdf":
        return _for_every_site(_serve(request, slug, printing.PATH, version=version, is_late=True))
    if kind not in EXPORTS:
        raise Http404
    return _for_every_site(_serve(request, slug, f"schedule/export/schedule.{kind}", version=version))


@login_not_required
@require_safe
def part_export(request: HttpRequest, slug: str, part: str, pk: int, kind: str) -> HttpResponse:
    """What is in one room, or of one track."""
    if kind not in EXPORTS:
        raise Http404
    return _for_every_site(_serve(request, slug, f"schedule/export/{part}/{pk}.{kind}"))


@login_not_required
@require_safe
def widget(request: HttpRequest, slug: str) -> HttpResponse:
    return _for_every_site(_serve(request, slug, "schedule/widgets/schedule.json"))


@login_not_required
@require_safe
def session(request: HttpRequest, slug: str, code: str) -> HttpResponse:
    return _serve(request, slug, f"sessions/{code}/")


@login_not_required
@require_safe
def session_calendar(request: HttpRequest, slug: str, code: str) -> HttpResponse:
    return _for_every_site(_serve(request, slug, f"sessions/{code}.ics"))


@login_not_required
@require_safe
def speakers(request: HttpRequest, slug: str) -> HttpResponse:
    return _serve(request, slug, "speakers/", empty="scheduling/public/empty.html")


@login_not_required
@require_safe
def speaker(request: HttpRequest, slug: str, code: str) -> HttpResponse:
    return _serve(request, slug, f"speakers/{code}/")


@login_not_required
@require_safe
def speaker_calendar(request: HttpRequest, slug: str, code: str) -> HttpResponse:
    return _for_every_site(_serve(request, slug, f"speakers/{code}.ics"))


def _for_every_site(response: HttpResponse) -> HttpResponse:
    """Files are there for programs, wherever they run."""
    response["Access-Control-Allow-Origin"] = "*"
    return response


def _serve(
    request: HttpRequest,
    slug: str,
    path: str,
    *,
    version: str = "",
    empty: str = "",
    lasting: bool = False,
    is_late: bool = False,
) -> HttpResponse:
    """The artifact at `path` of the current release or of `version`; where nothing is released yet, the page `empty`.

    `lasting`: the address that asks for it names its content (`?v=`), so it need never be asked for again.
    `is_late`: a worker makes it after the release, and may be at it.
    """
    pointer = serving.pointer_to(slug)
    if pointer is None:
        raise Http404
    is_preview = not pointer.is_public
    if is_preview and not _may_preview(request, pointer):
        raise Http404
    release = pointer.versions.get(version) if version else pointer.current
    if release is None:
        if version or not empty:
            raise Http404
        event = get_object_or_404(Event, pk=pointer.event_id)
        return _keep_private(render(request, empty, {"event": event}))
    served = serving.artifact(release, pointer.stamp, path, request.LANGUAGE_CODE)
    if served is None and is_late and serving.artifact(release, pointer.stamp, PRINT_PATH, request.LANGUAGE_CODE):
        return _being_made(release)
    if served is None:
        raise Http404
    response = _answer(request, served)
    if is_preview:
        return _keep_private(response)
    response["Cache-Control"] = (
        "public, max-age=31536000, immutable" if lasting and "v" in request.GET else "public, no-cache"
    )
    return response


def _being_made(release: int) -> HttpResponse:
    """For a few seconds after a release; whoever asks while a wake-up was lost sends another."""
    if cache.add(f"printing:{release}", True, 30):
        printing.wake(release)
    text = _("The printable programme is being made. Please try again in a few seconds.")
    response = HttpResponse(f"{text}\n", content_type="text/plain; charset=utf-8", status=503)
    response["Retry-After"] = "3"
    response["Cache-Control"] = "no-store"
    return response


def _may_preview(request: HttpRequest, pointer: serving.Pointer) -> bool:
    event = Event.objects.filter(pk=pointer.event_id).first()
    return event is not None and may(request.user, Permission.EDIT_PROGRAMME, event)


def _keep_private(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "private, no-store"
    return response


def _answer(request: HttpRequest, served: serving.Served) -> HttpResponse:
    encoding = best_encoding(request.headers.get("Accept-Encoding", ""))
    # One tag per encoding, as RFC 9110 §8.8.3.3 asks for; any of them says that the content is known.
    digest = served.digest[:32]
    modified = http_date(int(served.released_at.astimezone(UTC).timestamp()))
    if is_known(digest, modified, request.headers.get("If-None-Match"), request.headers.get("If-Modified-Since")):
        response: HttpResponse = HttpResponseNotModified()
    else:
        body = {"br": served.brotli, "gzip": served.gzip}.get(encoding) or gzip.decompress(served.gzip)
        response = HttpResponse(body, content_type=served.content_type, status=HTTPStatus.OK)
        response["Content-Length"] = str(len(body))
        if encoding:
            response["Content-Encoding"] = encoding
    response["ETag"] = f'"{digest}{"-" + encoding if encoding else ""}"'
    response["Last-Modified"] = modified
    patch_vary_headers(response, ["Accept-Encoding"])
    if not served.language:
        same_in_every_language(response)
        # Nor does it depend on who asks, though a middleware looked that up for the log.
        request.session.accessed = False
    return response
