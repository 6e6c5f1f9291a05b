"""One's own data: taken along, and forgotten. Opened by the link in the mail, like all of one's registration."""

from __future__ import annotations

import contextlib

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from events.views.access import get_public_event_or_404
from registrations.services import own_data
from registrations.services.own_data import CannotErase
from registrations.views.owning import own_or_404, private


@login_not_required
@require_safe
def download(request: HttpRequest, slug: str, code: str, secret: str) -> HttpResponse:
    found = own_or_404(request, slug, code, secret)
    response = JsonResponse(own_data.own_data(found), json_dumps_params={"ensure_ascii": False, "indent": 2})
    response["Content-Disposition"] = f'attachment; filename="{slug}-{code}.json"'
    return private(response)


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def erase(request: HttpRequest, slug: str, code: str, secret: str) -> HttpResponse:
    found = own_or_404(request, slug, code, secret)
    if request.method == "POST":
        actor = request.user if isinstance(request.user, User) else None
        # Whoever pressed twice meant it once.
        with contextlib.suppress(CannotErase):
            own_data.erase_registration(registration=found, actor=actor, now=timezone.now())
        return redirect("registrations:erased", slug=slug)
    return private(
        render(request, "registrations/erase.html", {"event": found.event, "registration": found, "tab": "register"})
    )


@login_not_required
@require_safe
def erased(request: HttpRequest, slug: str) -> HttpResponse:
    """Where erasing ends. Says the same to everybody: the registration is no longer known."""
    event = get_public_event_or_404(request, slug)
    return private(render(request, "registrations/erased.html", {"event": event, "tab": "register"}))
