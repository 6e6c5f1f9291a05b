from __future__ import annotations

from collections.abc import Iterable, Sequence
from tempfile import TemporaryFile

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _

from common import tables
from common.api.errors import is_of_api, plain_problem
from common.design import style_guide


@login_not_required
def robots(request: HttpRequest) -> HttpResponse:
    body = "User-agent: *\nDisallow: /accounts/\nDisallow: /me/\nDisallow: /organize/\nDisallow: /api/\n"
    return HttpResponse(body, content_type="text/plain")


@login_not_required
def design(request: HttpRequest) -> HttpResponse:
    """The living style guide: every component once."""
    if not (settings.DEBUG or getattr(request.user, "is_staff", False)):
        raise Http404
    return render(request, "design.html", style_guide(request))


@login_not_required
def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if is_of_api(request):
        return plain_problem(400, "bad_request", _("This request could not be read"))
    return render(request, "400.html", status=400)


@login_not_required
def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "403.html", {"exception": str(exception or "")}, status=403)


@login_not_required
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if is_of_api(request):
        return plain_problem(404, "not_found", _("There is nothing at this address, or it is not yours to see."))
    return render(request, "404.html", status=404)


@login_not_required
def server_error(request: HttpRequest) -> HttpResponse:
    if is_of_api(request):
        return plain_problem(500, "server_error", _("Something went wrong here"))
    return render(request, "500.html", status=500)


@login_not_required
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "403.html", {"expired": True}, status=403)


def download(rows: Iterable[Sequence[tables.Cell]], *, name: str, kind: str, sheet: str) -> HttpResponseBase:
    """`rows` as a file, the first of them its head; for this reader alone."""
    response: HttpResponseBase
    if kind == "csv":
        response = StreamingHttpResponse(tables.csv_lines(rows), content_type=tables.CSV_TYPE)
    elif kind == "xlsx":
        file = TemporaryFile()  # noqa: SIM115 (the response closes it)
        tables.write_xlsx(rows, file, sheet=sheet)
        file.seek(0)
        response = FileResponse(file, content_type=tables.XLSX_TYPE)
    else:
        raise Http404
    response["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    patch_cache_control(response, private=True, no_store=True)
    return response
