"""The policy of what a page may load is written once, and is what the library would write."""

from __future__ import annotations

from typing import Any

import pytest
from csp.constants import HEADER
from csp.decorators import csp_exempt, csp_update
from csp.middleware import CSPMiddleware
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from common.middleware import PolicyMiddleware


def plain(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


def with_nonce(request: Any) -> HttpResponse:
    return HttpResponse(str(request.csp_nonce)[:0])


def with_its_own(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok", headers={HEADER: "sandbox"})


@pytest.mark.parametrize(
    "view",
    [plain, with_nonce, with_its_own, csp_exempt()(plain), csp_update({"img-src": ["https://example.org"]})(plain)],
)
def test_it_is_as_the_library_says(rf: RequestFactory, view: Any) -> None:
    middleware = PolicyMiddleware(view)
    for _ in range(2):
        assert middleware(rf.get("/")).headers.get(HEADER) == CSPMiddleware(view)(rf.get("/")).headers.get(HEADER)
