"""The first to see a request: what is public of a release goes out of this process's memory, before Django is asked.

Django answers each of these addresses once for every language, encoding and host; its answer, headers and all, is kept as long
as the event's pointer is the same object (`serving.known_pointer`), and given to everybody who asks after. So a page is what
the views and middlewares made of it, and costs what the server costs.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from http.cookies import SimpleCookie
from types import SimpleNamespace
from typing import Any, Final, cast

from django.conf import settings

from common.middleware import language_of
from scheduling import listening
from scheduling.conditional import best_encoding, is_known
from scheduling.services import serving
from scheduling.services.serving import Pointer

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

_ADDRESS: Final = re.compile(r"/([-a-zA-Z0-9_]+)/(?:schedule|sessions|speakers)/")
#: What a 304 has to repeat (RFC 9110 §15.4.5), and what lets other sites read it.
_KEPT_IN_304: Final = frozenset({"etag", "last-modified", "cache-control", "vary", "access-control-allow-origin"})
#: Of one answer only.
_NEVER_KEPT: Final = frozenset({"set-cookie", "x-request-id", "date"})


@dataclass(frozen=True, slots=True)
class _Answer:
    pointer: Pointer
    headers: Headers
    headers_of_304: Headers
    body: bytes
    digest: str
    modified: str


class Front:
    """WSGI middleware around the whole of Django."""

    def __init__(self, application: Application, *, listen: Callable[[], None] = listening.start) -> None:
        """`listen`: makes this process hear of changes; called with each request that could be answered here."""
        self._application = application
        self._listen = listen
        self._answers: OrderedDict[tuple[str, ...], _Answer] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        slug = _event_of(environ)
        if not slug:
            return self._application(environ, start_response)
        self._listen()
        key = _key(environ)
        pointer = serving.known_pointer(slug)
        answer = self._answers.get(key)
        if answer is None or answer.pointer is not pointer:
            return self._ask(environ, start_response, slug, key)
        if is_known(
            answer.digest, answer.modified, environ.get("HTTP_IF_NONE_MATCH"), environ.get("HTTP_IF_MODIFIED_SINCE")
        ):
            start_response("304 Not Modified", answer.headers_of_304)
            return []
        start_response("200 OK", answer.headers)
        return [answer.body]

    def _ask(self, environ: Environ, start_response: StartResponse, slug: str, key: tuple[str, ...]) -> Iterable[bytes]:
        pointer = serving.known_pointer(slug)
        said: list[tuple[str, Headers]] = []

        def listen(status: str, headers: Headers, *rest: Any) -> Any:
            said.append((status, headers))
            return start_response(status, headers, *rest)

        chunks = self._application(environ, listen)
        # Whatever changed while Django was at work made the pointer another object, or none.
        if (
            pointer is None
            or serving.known_pointer(slug) is not pointer
            or not said
            or not _is_for_everybody(*said[-1])
        ):
            return chunks
        try:
            body = b"".join(chunks)
        finally:
            getattr(chunks, "close", lambda: None)()
        self._keep(key, _answer(pointer, said[-1][1], body))
        return [body]

    def _keep(self, key: tuple[str, ...], answer: _Answer) -> None:
        with self._lock:
            if old := self._answers.pop(key, None):
                self._size -= len(old.body)
            self._answers[key] = answer
            self._size += len(answer.body)
            while self._size > serving.MEMORY and len(self._answers) > 1:
                _, oldest = self._answers.popitem(last=False)
                self._size -= len(oldest.body)


def _event_of(environ: Environ) -> str:
    """The slug of the event whose programme is asked for; empty for every other request."""
    query = environ.get("QUERY_STRING", "")
    if environ["REQUEST_METHOD"] != "GET" or (query and not re.fullmatch(r"v=\d{1,9}", query)):
        return ""
    found = _ADDRESS.match(environ.get("PATH_INFO", ""))
    return found[1] if found else ""


def _key(environ: Environ) -> tuple[str, ...]:
    """All that an answer depends on."""
    return (
        environ["PATH_INFO"],
        environ.get("QUERY_STRING", ""),
        environ.get("HTTP_HOST", ""),
        environ.get("wsgi.url_scheme", ""),
        environ.get("HTTP_X_FORWARDED_PROTO", ""),
        _language(environ.get("HTTP_COOKIE", ""), environ.get("HTTP_ACCEPT_LANGUAGE", "")),
        best_encoding(environ.get("HTTP_ACCEPT_ENCODING", "")),
    )


def _language(cookies: str, accepted: str) -> str:
    return _language_of(cookies if settings.LANGUAGE_COOKIE_NAME in cookies else "", accepted)


@lru_cache(maxsize=1024)
def _language_of(cookies: str, accepted: str) -> str:
    chosen = SimpleCookie(cookies).get(settings.LANGUAGE_COOKIE_NAME)
    request = SimpleNamespace(
        GET={},
        COOKIES={settings.LANGUAGE_COOKIE_NAME: chosen.value} if chosen else {},
        META={"HTTP_ACCEPT_LANGUAGE": accepted},
    )
    return language_of(cast(Any, request))


def _is_for_everybody(status: str, headers: Headers) -> bool:
    named = {name.lower(): value for name, value in headers}
    return (
        status.startswith("200 ")
        and named.get("cache-control", "").startswith("public")
        and {"etag", "last-modified", "content-length"} <= named.keys()
        and "set-cookie" not in named
    )


def _answer(pointer: Pointer, headers: Headers, body: bytes) -> _Answer:
    named = {name.lower(): value for name, value in headers}
    return _Answer(
        pointer=pointer,
        headers=[(name, value) for name, value in headers if name.lower() not in _NEVER_KEPT],
        headers_of_304=[(name, value) for name, value in headers if name.lower() in _KEPT_IN_304],
        body=body,
        digest=named["etag"].strip('"').partition("-")[0],
        modified=named["last-modified"],
    )
