from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from common import dates
from common.models import AuditEntry
from common.problems import Refusal
from events import hooks
from events.forms import DetailsForm, NewEventForm
from events.models import Event, EventState, Organisation, Permission, TeamMember
from events.problems import ALLOWED_STATES
from events.services import events as services
from events.verbs import sentence
from events.views.access import get_event_or_404
from events.views.acting import by, tell

RECENT = 12

#: What a change to this state means for people, before it happens.
CONSEQUENCES: dict[str, list[str | Promise]] = {
    EventState.LIVE: [
        gettext_lazy("Everybody can find the event on the front page and read its page."),
        gettext_lazy("Its published schedule can be read, and people can register once a ticket is on offer."),
        gettext_lazy("Its address cannot change any more."),
    ],
    EventState.DRAFT: [
        gettext_lazy(
            "The event's pages answer “not found” to everybody but its teams, its programme and calendars too."
        ),
        gettext_lazy("Nobody can register. Those who have stay registered, and hear nothing of this."),
    ],
    EventState.ARCHIVED: [
        gettext_lazy("The event and its programme stay public, among the past events."),
        gettext_lazy("Nobody can register any more."),
    ],
}
ACTIONS: dict[str, str | Promise] = {
    EventState.LIVE: gettext_lazy("Publish the event"),
    EventState.DRAFT: gettext_lazy("Take it back to draft"),
    EventState.ARCHIVED: gettext_lazy("Archive the event"),
}
DONE: dict[str, str | Promise] = {
    EventState.LIVE: gettext_lazy("The event is public now."),
    EventState.DRAFT: gettext_lazy("The event is a draft again."),
    EventState.ARCHIVED: gettext_lazy("The event is archived."),
}


@require_safe
def dashboard(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug)
    permissions = request.event_permissions  # type: ignore[attr-defined]
    steps: list[hooks.Step] = []
    numbers: list[hooks.Number] = []
    for provider in (own_dashboard, *hooks.dashboard_sections):
        section = provider(event)
        steps += [step for step in section["steps"] if step["permission"] in permissions]
        numbers += [number for number in section["numbers"] if number["permission"] in permissions]
    entries = AuditEntry.objects.filter(event_id=event.pk).select_related("actor").order_by("-at", "-pk")[:RECENT]
    context = {
        "event": event,
        "steps": sorted(steps, key=lambda step: step["done"]),
        "steps_left": sum(not step["done"] for step in steps),
        "steps_done": sum(step["done"] for step in steps),
        "numbers": numbers,
        "days_left": _days_left(event),
        "lead": " · ".join(filter(None, [dates.day_range(event.starts_on, event.ends_on), str(event.venue or "")])),
        "history": [{"when": _when(event, entry.at), **sentence(entry)} for entry in entries],
        "may_edit": Permission.EDIT_EVENT in permissions,
        "may_publish": Permission.EDIT_EVENT in permissions and event.state == EventState.DRAFT,
    }
    return render(request, "events/organize/dashboard.html", context)


def own_dashboard(event: Event) -> hooks.DashboardSection:
    """What this app itself knows of; the apps above add theirs by `events.hooks.dashboard_sections`."""
    rooms = event.event_rooms.count()
    tracks = event.tracks.count()
    holds = event.room_holds.count()
    people = TeamMember.objects.filter(team__in=_teams(event)).values("user").distinct().count()
    edit, manage = Permission.EDIT_EVENT, Permission.MANAGE_TEAMS

    def to(name: str) -> str:
        return reverse(f"events:{name}", args=[event.slug])

    return {
        "steps": [
            {
                "label": _("Describe the event"),
                "help": _("Name, one line, description, contact: what people decide by."),
                "done": bool(event.tagline) and bool(event.description) and bool(event.contact_email),
                "url": to("details"),
                "permission": edit,
            },
            {
                "label": _("Say where it happens"),
                "help": _("A venue with its address, and the rooms that you use."),
                "done": event.venue_id is not None and rooms > 0,
                "url": to("rooms"),
                "permission": edit,
            },
            {
                "label": _("Hold the rooms"),
                "help": _("So that no other event of the campus takes them."),
                "done": holds > 0,
                "url": to("holds"),
                "permission": edit,
            },
            {
                "label": _("Invite your team"),
                "help": _("Each with the permissions they need."),
                "done": people > 1,
                "url": to("teams"),
                "permission": manage,
            },
            {
                "label": _("Publish the event"),
                "help": _("Until then only your team sees its page."),
                "done": event.is_public,
                "url": to("state"),
                "permission": edit,
            },
        ],
        "numbers": [
            {"label": _("Rooms"), "value": rooms, "url": to("rooms"), "permission": edit},
            {"label": _("Tracks"), "value": tracks, "url": to("tracks"), "permission": edit},
            {"label": _("People in teams"), "value": people, "url": to("teams"), "permission": manage},
        ],
    }


@require_http_methods(["GET", "HEAD", "POST"])
def new_event(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)
    organisations = Organisation.objects.organized_by(request.user).order_by("pk")
    if not organisations:
        messages.info(request, _("First say who hosts the event."))
        return redirect("events:new_organisation")
    first = organisations.filter(slug=request.GET.get("organisation", "")).first() or organisations[0]
    form = NewEventForm(request.POST or None, organisations=organisations, initial={"organisation": first.pk})
    if form.is_valid():
        try:
            event = services.create_event(**form.cleaned_data, locales=form.locales(), **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(
                request, _("The event is there, as a draft that only its team sees. Here is what comes next.")
            )
            return redirect("events:organize", slug=event.slug)
    return render(request, "events/organize/new.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def details(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.EDIT_EVENT)
    form = DetailsForm(request.POST or None, event=event)
    if form.is_valid():
        try:
            services.update_event(event=event, changes=form.cleaned_data, **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The event is saved."))
            return redirect("events:details", slug=event.slug)
    return render(request, "events/organize/details.html", {"event": event, "form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def state(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.EDIT_EVENT)
    if request.method == "POST":
        wanted = request.POST.get("state", "")
        if wanted in EventState.values:
            try:
                services.update_event(event=event, changes={"state": wanted}, **by(request))
            except Refusal as refusal:
                tell(request, refusal)
            else:
                messages.success(request, str(DONE[wanted]))
        return redirect("events:organize", slug=slug)
    choices: list[dict[str, Any]] = [
        {"state": to, "action": ACTIONS[to], "consequences": CONSEQUENCES[to], "main": to == EventState.LIVE}
        for to in sorted(ALLOWED_STATES[EventState(event.state)], key=lambda to: to != EventState.LIVE)
    ]
    return render(request, "events/organize/state.html", {"event": event, "choices": choices})


def _teams(event: Event) -> Any:
    return event.organisation.teams.filter(all_events=True) | event.organisation.teams.filter(events=event)


def _when(event: Event, at: datetime) -> str:
    local = at.astimezone(event.tz)
    return f"{dates.short_day(local.date())}, {local:%H:%M}"


def _days_left(event: Event) -> str:
    today = timezone.now().astimezone(event.tz).date()
    if today > event.ends_on:
        return _("It is over.")
    if today >= event.starts_on:
        return _("It is going on.")
    days = (event.starts_on - today).days
    return ngettext("It begins tomorrow.", "It begins in %(days)s days.", days) % {"days": days}
