from __future__ import annotations

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from common.problems import Refusal
from events.forms import OrderForm, TrackForm
from events.models import Permission, Track
from events.services import tracks as services
from events.views.access import get_event_or_404
from events.views.acting import by


@require_safe
def tracks(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.EDIT_EVENT)
    rows = event.tracks.annotate(sessions=Count("submissions")).order_by("position", "pk")
    return render(request, "events/organize/tracks.html", {"event": event, "tracks": list(rows)})


@require_http_methods(["GET", "HEAD", "POST"])
def new_track(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.EDIT_EVENT)
    form = TrackForm(request.POST or None, event=event)
    if form.is_valid():
        try:
            services.create_track(event=event, **form.cleaned_data, **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The track is added."))
            return redirect("events:tracks", slug=slug)
    return render(request, "events/organize/track.html", {"event": event, "form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def track(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.EDIT_EVENT)
    found = get_object_or_404(Track.objects.select_related("event"), event=event, pk=pk)
    form = TrackForm(request.POST or None, event=event, track=found)
    if form.is_valid():
        try:
            services.update_track(track=found, changes=form.cleaned_data, **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The track is saved."))
            return redirect("events:tracks", slug=slug)
    return render(request, "events/organize/track.html", {"event": event, "form": form, "track": found})


@require_http_methods(["GET", "HEAD", "POST"])
def delete_track(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.EDIT_EVENT)
    found = get_object_or_404(event.tracks.annotate(sessions=Count("submissions")), pk=pk)
    if request.method == "POST":
        services.delete_track(track=found, **by(request))
        messages.success(request, _("The track is deleted."))
        return redirect("events:tracks", slug=slug)
    return render(request, "events/organize/track_delete.html", {"event": event, "track": found})


@require_POST
def order_tracks(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.EDIT_EVENT)
    form = OrderForm(request.POST)
    if form.is_valid():
        order = event.tracks.order_by("position", "pk").values_list("pk", flat=True)
        services.order_tracks(event=event, tracks=form.moved(list(order)), **by(request))
    return redirect("events:tracks", slug=slug)
