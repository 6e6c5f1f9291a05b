from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from common.problems import Refusal
from common.text import search_key, search_text
from events.models import Event, Permission
from events.views.access import get_event_or_404
from events.views.acting import by
from submissions.forms import SubmissionForm
from submissions.models import Submission, SubmissionKind, SubmissionState
from submissions.services import speakers as speakers_services
from submissions.services import submissions as services

PAGE: Final = 50
TONES: Final = {
    SubmissionState.ACCEPTED: "info",
    SubmissionState.CONFIRMED: "success",
    SubmissionState.SUBMITTED: "warning",
    SubmissionState.REJECTED: "neutral",
    SubmissionState.CANCELLED: "danger",
    SubmissionState.WITHDRAWN: "neutral",
}
#: Standing in the draft.
_IN_DRAFT: Final = Q(slots__schedule__isnull=False, slots__schedule__version=None)


@require_safe
def submissions(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.EDIT_PROGRAMME)
    chosen = {name: request.GET.get(name, "") for name in ("q", "kind", "state", "track", "placed")}
    everything = Submission.objects.filter(event=event)
    found = _narrowed(everything.annotate(placed=Count("slots", filter=_IN_DRAFT)), chosen).with_people()
    page = Paginator(found.order_by("-pk"), PAGE).get_page(request.GET.get("page"))
    context = {
        "event": event,
        "page": page,
        "rows": [_row(submission) for submission in page],
        "chosen": chosen,
        "is_filtered": any(chosen.values()),
        "is_empty": not page.object_list and not everything.exists(),
        "kinds": [(value, capfirst(str(label))) for value, label in SubmissionKind.choices],
        "states": [(value, capfirst(str(label))) for value, label in SubmissionState.choices],
        "tracks": list(event.tracks.order_by("position", "pk")),
    }
    return render(request, "submissions/submissions.html", context)


def _narrowed(submissions: QuerySet[Submission], chosen: dict[str, str]) -> Any:
    """Filters that make no sense are no filters."""
    if chosen["kind"] in SubmissionKind.values:
        submissions = submissions.filter(kind=chosen["kind"])
    if chosen["state"] in SubmissionState.values:
        submissions = submissions.filter(state=chosen["state"])
    if chosen["track"].isdecimal() and len(chosen["track"]) < 10:
        submissions = submissions.filter(track=int(chosen["track"]))
    if chosen["placed"] in {"yes", "no"}:
        submissions = submissions.filter(**{"placed__gt" if chosen["placed"] == "yes" else "placed": 0})
    if words := search_key(chosen["q"]).split():
        # Titles are in several languages and names in any script: compared here, where both are folded alike.
        rows = submissions.values_list("pk", "title", "code", "talks__speaker__name", "talks__speaker__native_name")
        texts: dict[int, list[str]] = {}
        for pk, *parts in rows:
            texts.setdefault(pk, []).append(search_text(" ".join(str(part or "") for part in _spoken(parts))))
        fits = [pk for pk, found in texts.items() if all(any(word in text for text in found) for word in words)]
        submissions = submissions.filter(pk__in=fits)
    return submissions


def _spoken(parts: list[Any]) -> list[Any]:
    title, *others = parts
    data = getattr(title, "data", title)
    return [*(data.values() if isinstance(data, dict) else [data]), *others]


def _row(submission: Any) -> dict[str, Any]:
    return {
        "submission": submission,
        "speakers": ", ".join(talk.speaker.name for talk in submission.talks.all()),
        "kind": capfirst(submission.get_kind_display()),
        "state": capfirst(submission.get_state_display()),
        "tone": TONES.get(SubmissionState(submission.state), "neutral"),
        "placed": submission.placed,
    }


@require_http_methods(["GET", "HEAD", "POST"])
def new_submission(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.EDIT_PROGRAMME)
    form = SubmissionForm(request.POST or None, event=event)
    if form.is_valid():
        try:
            with transaction.atomic():
                people = speakers_services.named(event=event, names=form.names, **by(request))
                made = services.create_submission(event=event, speakers=people, **form.values, **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(
                request, _("“%(title)s” is added. It waits for a place in the schedule.") % {"title": made}
            )
            return redirect("submissions:submissions", slug=slug)
    return render(request, "submissions/submission.html", {"event": event, "form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def submission(request: HttpRequest, slug: str, code: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.EDIT_PROGRAMME)
    found = _found(event, code)
    form = SubmissionForm(request.POST or None, event=event, submission=found)
    if form.is_valid():
        try:
            with transaction.atomic():
                people = speakers_services.named(event=event, names=form.names, **by(request))
                services.update_submission(submission=found, changes=form.values, speakers=people, **by(request))
        except Refusal as refusal:
            form.add_problems(refusal.problems)
        else:
            messages.success(request, _("The session is saved. Readers see it with the next release."))
            return redirect("submissions:submissions", slug=slug)
    return render(request, "submissions/submission.html", {"event": event, "form": form, "submission": found})


@require_http_methods(["GET", "HEAD", "POST"])
def delete_submission(request: HttpRequest, slug: str, code: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.EDIT_PROGRAMME)
    found = _found(event, code)
    was_released = found.slots.filter(schedule__version__isnull=False).exists()
    if request.method == "POST":
        services.delete_submission(submission=found, **by(request))
        messages.success(request, _("The session is cancelled.") if was_released else _("The session is deleted."))
        return redirect("submissions:submissions", slug=slug)
    context = {"event": event, "submission": found, "was_released": was_released}
    return render(request, "submissions/submission_delete.html", context)


def _found(event: Event, code: str) -> Submission:
    return get_object_or_404(Submission.objects.with_people().select_related("event"), event=event, code=code)
