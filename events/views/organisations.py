from __future__ import annotations

from itertools import groupby
from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from common.problems import Refusal
from events.forms import OrganisationForm
from events.models import Event, Organisation, Permission
from events.policies import may_create_events, permissions_everywhere
from events.services import organisations as services
from events.views.access import get_organisation_or_404
from events.views.acting import by


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Every event that the viewer helps to organize, by host."""
    assert isinstance(request.user, User)
    today = timezone.now().date()
    events = Event.objects.where(request.user).select_related("organisation", "venue")
    rows = sorted(events, key=lambda event: (str(event.organisation.name), event.ends_on < today, event.starts_on))
    mine: dict[int, dict[str, Any]] = {
        organisation.pk: {"organisation": organisation, "events": []}
        for organisation in Organisation.objects.seen_by(request.user).order_by("pk")
    }
    for _pk, found in groupby(rows, key=lambda event: event.organisation_id):
        group = list(found)
        mine.setdefault(group[0].organisation_id, {"organisation": group[0].organisation})["events"] = group
    context = {
        "groups": sorted(mine.values(), key=lambda group: (not group["events"], str(group["organisation"].name))),
        "may_create": Organisation.objects.organized_by(request.user).exists(),
    }
    return render(request, "events/organize/home.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new_organisation(request: HttpRequest) -> HttpResponse:
    form = OrganisationForm(request.POST or None)
    if form.is_valid():
        try:
            organisation = services.create_organisation(
                **form.cleaned_data, language=get_language() or "en", **by(request)
            )
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The organisation is there, and you are its organizer. Now its first event."))
            return redirect("events:organisation", slug=organisation.slug)
    return render(request, "events/organize/organisation_form.html", {"form": form})


@require_safe
def organisation(request: HttpRequest, slug: str) -> HttpResponse:
    found = get_organisation_or_404(request, slug)
    assert isinstance(request.user, User)
    permissions = permissions_everywhere(request.user, found)
    teams = found.teams.annotate(people=Count("members")).prefetch_related("events").order_by("-all_events", "name")
    context = {
        "organisation": found,
        "events": Event.objects.where(request.user).filter(organisation=found).order_by("-starts_on"),
        "teams": list(teams) if Permission.MANAGE_TEAMS in permissions else None,
        "venues": found.venues.annotate(room_count=Count("rooms")).order_by("pk"),
        "may_edit": Permission.EDIT_EVENT in permissions,
        "may_create": may_create_events(request.user, found),
    }
    return render(request, "events/organize/organisation.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def edit_organisation(request: HttpRequest, slug: str) -> HttpResponse:
    found = get_organisation_or_404(request, slug, Permission.EDIT_EVENT)
    form = OrganisationForm(request.POST or None, organisation=found)
    if form.is_valid():
        try:
            services.update_organisation(organisation=found, changes=form.cleaned_data, **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The organisation is saved."))
            return redirect("events:organisation", slug=found.slug)
    return render(request, "events/organize/organisation_form.html", {"form": form, "organisation": found})
