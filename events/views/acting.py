"""What every organizer's view does around a service: who acts and when, and a refusal shown instead of a fault."""

from __future__ import annotations

from typing import Any, TypedDict

from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User
from common.problems import Refusal


class By(TypedDict):
    actor: User
    now: Any


def by(request: HttpRequest) -> By:
    """`actor` and `now`, for a service's keywords."""
    assert isinstance(request.user, User)  # LoginRequiredMiddleware saw to it
    return {"actor": request.user, "now": timezone.now()}


def tell(request: HttpRequest, refusal: Refusal) -> None:
    """Say on the next page why nothing happened, where there is no form to say it in."""
    for problem in refusal.problems:
        messages.error(request, f"{problem.message} {problem.fix}".strip())
