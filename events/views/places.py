from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from common.problems import Refusal
from events.forms import AttachRoomForm, OrderForm, RoomForm, VenueForm
from events.models import Event, EventRoom, Permission, Room, Venue
from events.problems import problems_with_detaching
from events.services import events, places
from events.views.access import get_event_or_404
from events.views.acting import by, tell


@require_safe
def rooms(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.EDIT_EVENT)
    rows = (
        EventRoom.objects.filter(event=event)
        .select_related("room__venue")
        .annotate(holds=Count("room__holds", filter=Q(room__holds__event=event)))
        .order_by("position", "pk")
    )
    attach = AttachRoomForm(event=event)
    context = {
        "event": event,
        "rows": list(rows),
        "attach": attach,
        "has_others": attach.fields["room"].queryset.exists(),  # type: ignore[attr-defined]
        "owns_venue": event.venue is not None and event.venue.organisation_id == event.organisation_id,
    }
    return render(request, "events/organize/rooms.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new_room(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.EDIT_EVENT)
    form = RoomForm(request.POST or None, event=event)
    if form.is_valid():
        try:
            places.create_room(event=event, **_given(form), **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The room is added."))
            return redirect("events:rooms", slug=slug)
    return render(request, "events/organize/room.html", {"event": event, "form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def room(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.EDIT_EVENT)
    found = _room(event, pk)
    form = RoomForm(request.POST or None, event=event, room=found)
    if form.is_valid():
        try:
            places.update_room(event=event, room=found, changes=_given(form), **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The room is saved."))
            return redirect("events:rooms", slug=slug)
    return render(request, "events/organize/room.html", {"event": event, "form": form, "room": found})


@require_POST
def attach_room(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.EDIT_EVENT)
    form = AttachRoomForm(request.POST, event=event)
    if form.is_valid():
        places.attach_room(event=event, room=form.cleaned_data["room"], **by(request))
        messages.success(request, _("The event uses this room now."))
    else:
        messages.error(request, _("Choose a room."))
    return redirect("events:rooms", slug=slug)


@require_http_methods(["GET", "HEAD", "POST"])
def detach_room(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.EDIT_EVENT)
    found = _room(event, pk)
    if request.method == "POST":
        try:
            places.detach_room(event=event, room=found, **by(request))
        except Refusal as refusal:
            tell(request, refusal)
        else:
            messages.success(request, _("The event does not use this room any more."))
        return redirect("events:rooms", slug=slug)
    context = {"event": event, "room": found, "problems": problems_with_detaching(event, found)}
    return render(request, "events/organize/room_detach.html", context)


@require_POST
def order_rooms(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.EDIT_EVENT)
    form = OrderForm(request.POST)
    if form.is_valid():
        order = EventRoom.objects.filter(event=event).order_by("position", "pk").values_list("room_id", flat=True)
        places.order_rooms(event=event, rooms=form.moved(list(order)), **by(request))
    return redirect("events:rooms", slug=slug)


@require_http_methods(["GET", "HEAD", "POST"])
def new_venue(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.EDIT_EVENT)
    form = VenueForm(request.POST or None, event=event)
    if form.is_valid():
        try:
            venue = places.create_venue(event=event, **form.cleaned_data, **by(request))
            if request.POST.get("use"):
                events.update_event(event=event, changes={"venue": venue}, **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The venue is added."))
            return redirect("events:rooms", slug=slug)
    return render(request, "events/organize/venue.html", {"event": event, "form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def venue(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.EDIT_EVENT)
    found = get_object_or_404(Venue, pk=pk, organisation=event.organisation_id)
    form = VenueForm(request.POST or None, event=event, venue=found)
    if form.is_valid():
        try:
            places.update_venue(venue=found, changes=form.cleaned_data, event=event, **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The venue is saved."))
            return redirect("events:rooms", slug=slug)
    return render(request, "events/organize/venue.html", {"event": event, "form": form, "venue": found})


def _room(event: Event, pk: int) -> Room:
    return get_object_or_404(Room.objects.select_related("venue__organisation"), pk=pk, event_rooms__event=event)


def _given(form: RoomForm) -> dict[str, Any]:
    """Without a venue the service finds or makes the event's."""
    return {name: value for name, value in form.cleaned_data.items() if name != "venue" or value is not None}
