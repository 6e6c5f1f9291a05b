from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from functools import partial
from itertools import chain
from typing import Any, Final

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from csp.utils import build_policy
from django.conf import settings
from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django.utils.functional import SimpleLazyObject, cached_property
from django.utils.translation import gettext as _
from django_structlog.middlewares.request import RequestMiddleware
from structlog.contextvars import bind_contextvars

from common import health, idempotency
from common.races import is_lost_race
from common.views import bad_request

GetResponse = Callable[[HttpRequest], HttpResponse]

_LANGUAGES = {code for code, _name in settings.LANGUAGES}


def language_of(request: HttpRequest) -> str:
    """`?lang=`, then the cookie, then Accept-Language: the same address can be shared in a language, and a choice stays."""
    for wish in (request.GET.get("lang"), request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME)):
        if wish in _LANGUAGES:
            return wish
    return translation.get_language_from_request(request)


def same_in_every_language(response: HttpResponseBase) -> None:
    """For a view: `LanguageMiddleware` is not to say that this answer depends on the reader's language."""
    response.is_same_in_every_language = True  # type: ignore[attr-defined]  # an attribute of ours, read below


class LanguageMiddleware:
    """Answers in the reader's language, and says so to caches, but for `same_in_every_language`."""

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


class OneEffectMiddleware:
    """A form of the organizer's pages has its effect once, however often it is sent: a double click, a reload, the back button.

    Each time that a page is made, Django masks the token against forged requests anew: whoever sends the same token with the same
    values sends the same form. The first answer that leads on, which is how these forms say that they have done something, is
    kept in the transaction of the effect; whoever comes second waits for it, and is led there, too. One that leads on with an
    error to show has done nothing, and is not kept. Scripts that send forms of a page that stays say so (`X-Lihu-Form`).

    Of two people who do the same at once, the second is answered as if they had come a moment later: what the first has done
    breaks the second's transaction (`common.races`), and the view is called again, in a new one.

    A view that needs transactions of its own is a `non_atomic_requests`, and keeps these promises itself.
    """

    PAGES: Final = "/organize/"
    #: What people say of themselves counts anew each time that they send it; only the second promise is kept here.
    OWN_PAGES: Final = "/me/"
    #: Of several people at once one is done at each try.
    TRIES: Final = 5

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        is_form = (
            request.method == "POST"
            and request.path_info.startswith((self.PAGES, self.OWN_PAGES))
            and request.user.is_authenticated
            and "csrfmiddlewaretoken" in request.POST
        )
        if not is_form or getattr(view, "_non_atomic_requests", None):
            return None
        answer = partial(view, request, *args, **kwargs)
        if request.path_info.startswith(self.PAGES) and "X-Lihu-Form" not in request.headers:
            answer = partial(_once, request, answer)
        for tries_left in reversed(range(self.TRIES)):
            try:
                with transaction.atomic():
                    return answer()
            except (DatabaseError, ObjectDoesNotExist) as error:
                if not (tries_left and is_lost_race(error)):
                    raise
            _queued(request).clear()
            for file in chain.from_iterable(files for _name, files in request.FILES.lists()):
                file.seek(0)
        raise AssertionError("unreachable")


def _once(request: HttpRequest, answer: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """The answer, or where the first of its kind has led. Belongs inside a transaction."""
    claim = {"caller": f"form:{request.user.pk}", "key": _digest(request)}
    if first := idempotency.claim(**claim, now=timezone.now()):
        messages.info(request, _("This form had been sent already, and counts once."))
        return redirect(first.headers["Location"])
    response = answer()
    if 300 <= response.status_code < 400 and not any(message.level >= messages.ERROR for message in _queued(request)):
        headers = {"Location": response["Location"]}
        idempotency.settle(**claim, status=response.status_code, body=None, headers=headers)
    else:
        idempotency.forget(**claim)
    return response


def _queued(request: HttpRequest) -> list[Message]:
    """What the view says on the next page."""
    # To go through them, which is public, would mark them as shown.
    return messages.get_messages(request)._queued_messages  # type: ignore[union-attr, no-any-return]  # noqa: SLF001


def _digest(request: HttpRequest) -> str:
    files = sorted((name, str(file)) for name in request.FILES for file in request.FILES.getlist(name))
    return hashlib.sha256(repr((request.get_full_path(), request.POST.urlencode(), files)).encode()).hexdigest()


class RequestLogMiddleware(RequestMiddleware):
    """One line for each request, at its end; all lines in between have its id, its reader and their address.

    The address is what a trusted proxy says it is, or else the other end of the connection: anybody can send X-Forwarded-For.
    """

    def prepare(self, request: HttpRequest) -> None:
        bind_contextvars(request_id=str(uuid.uuid4()), ip=_address(request))
        self.bind_user_id(request)

    @staticmethod
    def bind_user_id(request: HttpRequest) -> None:
        # Who has no session and has got none is nobody, which need not be looked up; an API's token sets the user itself.
        is_asked = settings.SESSION_COOKIE_NAME in request.COOKIES or request.session.accessed
        if is_asked or not isinstance(request.user, SimpleLazyObject):
            RequestMiddleware.bind_user_id(request)
        else:
            bind_contextvars(user_id=None)


def _address(request: HttpRequest) -> str:
    proxies = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    told = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    by_proxy = told[-proxies].strip() if 0 < proxies <= len(told) else ""
    return by_proxy or request.META.get("REMOTE_ADDR", "")


class PolicyMiddleware(CSPMiddleware):
    """Writes the policy once for all answers that have none of their own and no nonce, instead of once for each."""

    #: What its decorators set.
    _OWN: Final = frozenset(
        f"_csp_{name}{suffix}" for name in ("config", "update", "replace", "exempt") for suffix in ("", "_ro")
    )

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if settings.DEBUG or not self._OWN.isdisjoint(vars(response)) or getattr(request, "_csp_nonce", None):
            return super().process_response(request, response)
        response.headers.setdefault(HEADER, self._policy)
        return response

    @cached_property
    def _policy(self) -> str:
        return build_policy()


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
