from __future__ import annotations

from typing import Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from common.problems import Refusal
from common.text import search_key, search_text
from events.models import Event, Permission
from events.views.access import get_event_or_404
from events.views.acting import by
from submissions.forms import SpeakerForm
from submissions.models import Speaker
from submissions.services import speakers as services

PAGE: Final = 50


@require_safe
def speakers(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.EDIT_PROGRAMME)
    words, no_address = request.GET.get("q", ""), request.GET.get("address") == "none"
    everybody = Speaker.objects.filter(event=event)
    found = everybody.annotate(sessions=Count("talks"))
    if no_address:
        found = found.filter(email="", person=None)
    if wanted := search_key(words).split():
        rows = found.values_list("pk", "name", "native_name", "affiliation", "email", "code")
        texts = {pk: search_text(" ".join(parts)) for pk, *parts in rows}
        found = found.filter(pk__in=[pk for pk, text in texts.items() if all(word in text for word in wanted)])
    page = Paginator(found.in_order(), PAGE).get_page(request.GET.get("page"))
    context = {
        "event": event,
        "page": page,
        "words": words,
        "no_address": no_address,
        "is_filtered": bool(words or no_address),
        "is_empty": not page.object_list and not everybody.exists(),
    }
    return render(request, "submissions/speakers.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new_speaker(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.EDIT_PROGRAMME)
    form = SpeakerForm(request.POST or None, event=event)
    if form.is_valid():
        try:
            services.create_speaker(event=event, **form.cleaned_data, **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The speaker is added."))
            return redirect("submissions:speakers", slug=slug)
    return render(request, "submissions/speaker.html", {"event": event, "form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def speaker(request: HttpRequest, slug: str, code: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.EDIT_PROGRAMME)
    found = _found(event, code)
    form = SpeakerForm(request.POST or None, event=event, speaker=found)
    if form.is_valid():
        try:
            services.update_speaker(
                speaker=found,
                changes=form.values,
                availability=form.cleaned_data["availability"],
                **by(request),
            )
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The speaker is saved."))
            return redirect("submissions:speakers", slug=slug)
    sessions = found.submissions.order_by("pk")
    context = {"event": event, "form": form, "speaker": found, "sessions": list(sessions)}
    return render(request, "submissions/speaker.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def delete_speaker(request: HttpRequest, slug: str, code: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.EDIT_PROGRAMME)
    found = _found(event, code)
    problems = []
    if request.method == "POST":
        try:
            services.delete_speaker(speaker=found, **by(request))
        except Refusal as refusal:
            problems = refusal.problems
        else:
            messages.success(request, _("The speaker is deleted."))
            return redirect("submissions:speakers", slug=slug)
    return render(request, "submissions/speaker_delete.html", {"event": event, "speaker": found, "problems": problems})


def _found(event: Event, code: str) -> Speaker:
    return get_object_or_404(Speaker.objects.select_related("event", "person"), event=event, code=code)
