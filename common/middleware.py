from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers

from common import health
from common.views import bad_request

GetResponse = Callable[[HttpRequest], HttpResponse]

_LANGUAGES = {code for code, _name in settings.LANGUAGES}


def language_of(request: HttpRequest) -> str:
    """`?lang=`, then the cookie, then Accept-Language: the same address can be shared in a language, and a choice stays."""
    for wish in (request.GET.get("lang"), request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME)):
        if wish in _LANGUAGES:
            return wish
    return translation.get_language_from_request(request)


class LanguageMiddleware:
    """Answers in the reader's language, and says so to caches. A view that sets `is_same_in_every_language` on its response takes
    that back."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        language = language_of(request)
        with translation.override(language):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
        if not getattr(response, "is_same_in_every_language", False):
            response.headers.setdefault("Content-Language", language)
            patch_vary_headers(response, ("Accept-Language", "Cookie"))
        if request.GET.get("lang") in _LANGUAGES:
            response.set_cookie(
                settings.LANGUAGE_COOKIE_NAME,
                language,
                max_age=settings.LANGUAGE_COOKIE_AGE,
                samesite="Lax",
                secure=settings.SESSION_COOKIE_SECURE,
            )
        return response


class RefuseControlCharactersMiddleware:
    """NUL cannot be stored by PostgreSQL and has no place in an address or a query: 400, before any view sees it.

    Form fields answer for themselves, so that what was typed is kept (`common.text.validate_plain_text`).
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            return bad_request(request)
        return self.get_response(request)


class HealthMiddleware:
    """Answers /livez and /readyz before hosts, sessions and languages are looked at: probes come by address."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info == "/livez":
            return HttpResponse("ok\n", content_type="text/plain")
        if request.path_info == "/readyz":
            reasons = health.reasons_not_ready()
            body = "".join(f"{reason}\n" for reason in reasons) or "ok\n"
            return HttpResponse(body, status=503 if reasons else 200, content_type="text/plain")
        return self.get_response(request)
