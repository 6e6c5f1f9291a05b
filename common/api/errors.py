"""Every refusal of the API as `application/problem+json` (RFC 9457), with a machine's code and a person's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.exceptions import ValidationError as ModelValidationError
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.encoding import force_str
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from common.problems import Problem, Refusal, refusal_from
from common.races import is_lost_race

MEDIA_TYPE = "application/problem+json"


def problem(
    status: int, code: str, detail: object = "", problems: list[Problem] | None = None, **members: Any
) -> dict[str, Any]:
    """`members` are extension members of this problem type, such as `conflicts`."""
    return {
        "type": f"urn:lihu:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": _sayable(detail),
        "code": code,
        "problems": [
            {"code": p.code, "field": _sayable(p.field), "message": _sayable(p.message), "fix": _sayable(p.fix)}
            for p in problems or []
        ],
        **members,
    }


def _sayable(text: object) -> str:
    """Refusals repeat what was sent, and that may be what no answer can hold: NUL, halves of a surrogate pair."""
    return force_str(text).replace("\0", "\ufffd").encode(errors="replace").decode()


def problem_response(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's EXCEPTION_HANDLER. Unknown exceptions are left to Django: a 500 says nothing of what is inside."""
    if isinstance(error, ModelValidationError):
        error = refusal_from(error)
    if isinstance(error, DatabaseError) and is_lost_race(error):
        # Two requests found the same name free, say: the database let one of them have it.
        error = Refusal(
            [
                Problem(
                    code="changed_meanwhile",
                    message=_("Somebody did the same, or deleted what this needs, at the same moment."),
                    fix=_("Try again."),
                )
            ]
        )
    if isinstance(error, Refusal):
        first = error.problems[0]
        body = problem(error.status, first.code, first.message, error.problems, **error.members)
        return _answer(body)
    if isinstance(error, Http404):
        return _answer(problem(404, "not_found", _("There is nothing at this address, or it is not yours to see.")))
    if isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if isinstance(error, exceptions.ValidationError):
        found = list(_flatten(error.detail))
        return _answer(problem(400, "invalid", _("Some fields are not right."), found))
    if isinstance(error, exceptions.APIException):
        headers = {}
        if authenticate := getattr(error, "auth_header", None):
            headers["WWW-Authenticate"] = authenticate
        if wait := getattr(error, "wait", None):
            headers["Retry-After"] = str(int(wait) + 1)
        return _answer(problem(error.status_code, str(error.get_codes()), error.detail), headers)
    return None


def _answer(body: dict[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    return Response(body, status=body["status"], headers=headers, content_type=MEDIA_TYPE)


def is_of_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")


def plain_problem(status: int, code: str, detail: object) -> HttpResponse:
    """A problem where no view of the API had a say: before it was found, or after it broke."""
    return JsonResponse(problem(status, code, detail), status=status, content_type=MEDIA_TYPE)


def _flatten(detail: Any, path: str = "") -> Iterator[Problem]:
    """DRF's nested details as one list, `field` written as `speakers[2]` or `title.en`."""
    if isinstance(detail, Mapping):
        for key, value in detail.items():
            if key == "non_field_errors":
                yield from _flatten(value, path)
            elif isinstance(key, int):
                yield from _flatten(value, f"{path}[{key}]")
            else:
                yield from _flatten(value, f"{path}.{key}" if path else str(key))
    elif isinstance(detail, list):
        for index, value in enumerate(detail):
            yield from _flatten(value, f"{path}[{index}]" if isinstance(value, Mapping) else path)
    else:
        code = getattr(detail, "code", "invalid")
        yield Problem(code=str(code), field=path, message=force_str(detail))


class NotHere(APIView):
    """Any address below the API that is none: a problem, not the site's page."""

    authentication_classes = ()
    permission_classes = ()
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise Http404
