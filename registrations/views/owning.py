"""One's own registration: whoever has its address has it."""

from __future__ import annotations

import hmac
from typing import TypeVar

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_cache_control

from registrations.models import Registration
from registrations.services.setups import Setup, setup_and_registration_at

R = TypeVar("R", bound=HttpResponseBase)


def own_or_404(request: HttpRequest, slug: str, code: str, secret: str) -> Registration:
    """With its details, and the event as it is set up."""
    return own_and_setup(slug, code, secret)[0]


def own_and_setup(slug: str, code: str, secret: str) -> tuple[Registration, Setup]:
    """As `own_or_404`."""
    found = setup_and_registration_at(slug, code)
    if found is None or not hmac.compare_digest(found[1].secret.encode(), secret.encode()):
        raise Http404
    setup, registration = found
    return registration, setup


def private(response: R) -> R:
    """The address itself is the key: it must not be stored, indexed or told to other sites."""
    patch_cache_control(response, private=True, no_store=True)
    # Not `no-referrer`: browsers then send forms with `Origin: null`, which the protection against forged requests refuses.
    response["Referrer-Policy"] = "same-origin"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
