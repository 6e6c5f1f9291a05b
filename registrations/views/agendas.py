"""One's own agenda, followed or left from the page of one's registration."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.models import User
from common.problems import Refusal
from registrations.services import agendas
from registrations.views.owning import own_or_404


@login_not_required
@require_POST
def agenda(request: HttpRequest, slug: str, code: str, secret: str) -> HttpResponse:
    """`address`: of the agenda to follow; empty: none any more."""
    found = own_or_404(request, slug, code, secret)
    actor = request.user if isinstance(request.user, User) else None
    address = request.POST.get("address", "")
    try:
        if address:
            agendas.follow_agenda(registration=found, address=address, actor=actor, now=timezone.now())
            messages.success(request, _("You are reminded of what you star."))
        else:
            agendas.leave_agenda(registration=found, actor=actor, now=timezone.now())
            messages.success(request, _("You are not reminded of what you star any more."))
    except Refusal as refusal:
        for problem in refusal.problems:
            messages.error(request, f"{problem.message} {problem.fix}")
    return redirect(f"{found.get_absolute_url()}#agenda")
