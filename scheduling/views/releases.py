"""Publishing: what readers see now, what they would see, and the step between the two."""

from __future__ import annotations

import re
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from common import dates
from common.problems import Refusal
from events.models import Event, Permission
from events.policies import may
from events.views.access import get_event_or_404
from events.views.acting import by
from scheduling.forms import ReleaseForm
from scheduling.models import Schedule
from scheduling.services import contents, grid, pages
from scheduling.services import releases as services
from scheduling.services.releases import CannotRelease, ReleasePreview, SlotChange
from scheduling.views.editor import conflict_rows

#: Changes of one sort that the page lists before it only counts them.
LISTED = 100


@require_http_methods(["GET", "HEAD", "POST"])
def releases(request: HttpRequest, slug: str) -> HttpResponse:
    """All versions, and a form for the next."""
    event = get_event_or_404(request, slug, Permission.EDIT_PROGRAMME, Permission.PUBLISH_SCHEDULE)
    may_publish = may(request.user, Permission.PUBLISH_SCHEDULE, event)
    if request.method == "POST":
        get_event_or_404(request, slug, Permission.PUBLISH_SCHEDULE)
    history = list(Schedule.objects.filter(event=event).released().select_related("released_by"))
    form = ReleaseForm(request.POST or None, initial={"version": next_version(history)})
    if form.is_valid():
        try:
            made = services.release(event=event, **form.cleaned_data, **by(request))
        except CannotRelease as refusal:
            form.add_problems(refusal.problems)
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("Version %(version)s is published.") % {"version": made.version})
            return redirect("scheduling:releases", slug=slug)
    preview = services.preview(event)
    context = {
        "event": event,
        "form": form,
        "may_publish": may_publish,
        "history": [_version(event, schedule) for schedule in history],
        "preview": preview,
        "groups": _groups(event, preview),
        "is_same": bool(history) and not (preview.added or preview.moved or preview.cancelled),
        "is_empty": not (preview.added or preview.moved or preview.unchanged),
        "conflicts": conflict_rows(event, preview.conflicts),
        "fatal_count": len(preview.fatal),
    }
    return render(request, "scheduling/organize/releases.html", context)


def next_version(history: list[Schedule]) -> str:
    """One more than the last number of the latest version: 1.1 after 1.0, 2 after 1."""
    if not history:
        return "1.0"
    latest = history[0].version or ""
    match = re.search(r"(\d{1,9})(\D*)$", latest)
    proposed = f"{latest[: match.start()]}{int(match[1]) + 1}{match[2]}" if match else f"{latest}-2"
    taken = {schedule.version for schedule in history}
    return proposed if proposed not in taken and len(proposed) <= 40 else f"{len(history) + 1}.0"


def _version(event: Event, schedule: Schedule) -> dict[str, Any]:
    assert schedule.released_at
    return {
        "schedule": schedule,
        "when": dates.moment(schedule.released_at, event.tz),
        "who": str(schedule.released_by) if schedule.released_by else _("an import"),
    }


def _groups(event: Event, preview: ReleasePreview) -> list[dict[str, Any]]:
    groups = [
        (_("New"), preview.added),
        (_("Moved"), preview.moved),
        (_("No longer on the programme"), preview.cancelled),
    ]
    return [
        {"title": title, "count": len(changes), "rows": [_change(event, change) for change in changes[:LISTED]]}
        for title, changes in groups
        if changes
    ]


def _change(event: Event, change: SlotChange) -> dict[str, str]:
    def place(slot: Any) -> str:
        if slot is None:
            return ""
        when = f"{dates.short_day(event.conference_day(slot.starts_at))} {dates.clock(slot.starts_at, event.tz)}"
        return f"{when} · {slot.room.name}" if slot.room else when

    is_move = change.old is not None and change.new is not None
    return {
        "title": change.slot.heading or str(change.slot.get_kind_display()),
        "old": place(change.old) if is_move or change.new is None else "",
        "new": place(change.new),
    }


@require_safe
def preview(request: HttpRequest, slug: str) -> HttpResponse:
    """The programme as readers would see it."""
    event = get_event_or_404(request, slug, Permission.EDIT_PROGRAMME, Permission.PUBLISH_SCHEDULE)
    release = contents.read_release(Schedule.objects.draft_of(event))
    if not release.slots:
        messages.info(request, _("There is nothing in the draft to look at yet."))
        return redirect("scheduling:editor", slug=slug)
    return _private(HttpResponse(pages.Pages(release, request.LANGUAGE_CODE).preview()))


@require_safe
def preview_grid(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.EDIT_PROGRAMME, Permission.PUBLISH_SCHEDULE)
    release = contents.read_release(Schedule.objects.draft_of(event))
    style = grid.style_sheet(release.grid, [track.colour for track in release.tracks])
    return _private(HttpResponse(style, content_type="text/css; charset=utf-8"))


def _private(response: HttpResponse) -> HttpResponse:
    patch_cache_control(response, private=True, no_store=True)
    response["X-Robots-Tag"] = "noindex"
    return response
