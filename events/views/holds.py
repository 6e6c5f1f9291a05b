from __future__ import annotations

from itertools import groupby
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from common import dates
from common.problems import Refusal
from events.forms import HoldForm
from events.models import Event, Permission, RoomHold
from events.policies import visible_ids
from events.services import places
from events.views.access import get_event_or_404
from events.views.acting import by


@require_http_methods(["GET", "HEAD", "POST"])
def holds(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.EDIT_EVENT)
    form = HoldForm(request.POST or None, event=event)
    if form.is_valid():
        try:
            places.hold_room(event=event, **form.cleaned_data, **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The room is held."))
            return redirect("events:holds", slug=slug)
    context = {
        "event": event,
        "form": form,
        "days": _by_day(event, _mine(event)),
        "others": _others(request, event),
        "lead": _("A held room is this event’s alone in that time. Times are in %(zone)s.")
        % {"zone": dates.zone_name(event.tz, event.starts_at)},
        "has_rooms": event.event_rooms.exists(),
    }
    return render(request, "events/organize/holds.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def release(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.EDIT_EVENT)
    hold = get_object_or_404(RoomHold.objects.select_related("room"), event=event, pk=pk)
    if request.method == "POST":
        places.release_hold(hold=hold, **by(request))
        messages.success(request, _("The room is free again in that period."))
        return redirect("events:holds", slug=slug)
    return render(request, "events/organize/hold_release.html", {"event": event, "hold": _row(event, hold)})


def _mine(event: Event) -> list[RoomHold]:
    return list(RoomHold.objects.filter(event=event).select_related("room__venue").order_by("period", "room_id"))


def _others(request: HttpRequest, event: Event) -> list[dict[str, Any]]:
    """Who else has this event's rooms while it lasts: by name where the viewer may know, otherwise as somebody."""
    found = (
        RoomHold.objects.overlapping(event.starts_at, event.ends_at)
        .filter(room__event_rooms__event=event)
        .exclude(event=event)
        .select_related("room", "event")
        .order_by("period")
    )
    rows = list(found[:200])
    visible = visible_ids(request.user, {hold.event_id for hold in rows})
    return [
        {**_row(event, hold), "who": str(hold.event.name) if hold.event_id in visible else _("another event")}
        for hold in rows
    ]


def _row(event: Event, hold: RoomHold) -> dict[str, Any]:
    start, end = hold.period.lower.astimezone(event.tz), hold.period.upper.astimezone(event.tz)
    same_day = start.date() == end.date()
    return {
        "pk": hold.pk,
        "room": hold.room,
        "note": hold.note,
        "day": start.date(),
        "start": f"{start:%H:%M}",
        "end": f"{end:%H:%M}" if same_day else f"{dates.short_day(end.date())}, {end:%H:%M}",
    }


def _by_day(event: Event, holds: list[RoomHold]) -> list[dict[str, Any]]:
    rows = [_row(event, hold) for hold in holds]
    return [{"day": day, "rows": list(found)} for day, found in groupby(rows, key=lambda row: row["day"])]
