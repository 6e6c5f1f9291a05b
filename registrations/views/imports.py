"""People out of a table: choose it, see what would become of each row, take it over."""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from common.forms import Form
from common.views import download
from events.models import Event, Permission
from events.views.access import get_event_or_404
from events.views.acting import by
from registrations.services import imports
from registrations.services.imports import MAX_BYTES, NotATable, Outcome, Table

#: Rows that the page lists before it only counts them; those that cannot be taken come first.
LISTED: Final = 300
_ORDER: Final = {"refused": 0, "changed": 1, "added": 2, "same": 3}
_TONES: Final = {"refused": "danger", "changed": "info", "added": "success", "same": "neutral"}
_WORDS: Final = {
    "refused": gettext_lazy("Cannot be taken"),
    "changed": gettext_lazy("Changed"),
    "added": gettext_lazy("New"),
    "same": gettext_lazy("As it is"),
}


class UploadForm(Form):
    """A file, or the file of the preview that was looked at just now. `cleaned_data["data"]` has its bytes."""

    file = forms.FileField(
        label=gettext_lazy("Table"),
        required=False,
        help_text=gettext_lazy("CSV or XLSX, up to 8 MB and 5,000 rows."),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.tsv,.xlsx"}),
    )
    packed = forms.CharField(required=False, widget=forms.HiddenInput)
    name = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        upload = cleaned.get("file")
        if cleaned.get("packed"):
            try:
                cleaned["data"] = base64.b64decode(cleaned["packed"], validate=True)
            except binascii.Error:
                self.add_error("file", _("The file was lost on the way. Choose it again."))
        elif upload is None:
            if "file" not in self.errors:
                self.add_error("file", forms.ValidationError(_("Choose a file."), code="required"))
        elif upload.size > MAX_BYTES:
            self.add_error("file", forms.ValidationError(_("This file is too large."), code="too_large"))
        else:
            cleaned["data"], cleaned["name"] = upload.read(), upload.name[:200]
        return cleaned


@transaction.non_atomic_requests  # a row at a time; whoever is here already is not added again
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: HttpRequest, slug: str) -> HttpResponse:
    """Nothing is kept between the two steps: the preview carries the file itself back to us."""
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    if not event.ticket_types.exists():
        messages.info(request, _("Make a ticket first: every registration has one."))
        return redirect("registrations:tickets", slug=slug)
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method != "POST" or not form.is_valid():
        return _page(request, event, form)
    try:
        table = imports.read(form.cleaned_data["data"], event=event)
    except NotATable as error:
        form.add_error("file", str(error))
        return _page(request, event, form)
    if form.cleaned_data["packed"]:
        return _done(request, event, imports.apply(event=event, table=table, **by(request)))
    return _preview(request, event, table, form)


@require_safe
def template(request: HttpRequest, slug: str, kind: str) -> HttpResponseBase:
    """A table with the columns that are read, the event's questions among them, and one row to overwrite."""
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    if kind not in {"csv", "xlsx"}:
        raise Http404
    return download(imports.template(event), name=f"{slug}-people", kind=kind, sheet="people")


def _page(request: HttpRequest, event: Event, form: UploadForm) -> HttpResponse:
    columns = [(name, others[0]) for name, others in imports.COLUMNS.items()]
    context = {"event": event, "form": form, "columns": columns}
    return _private(render(request, "registrations/organize/import.html", context))


def _preview(request: HttpRequest, event: Event, table: Table, form: UploadForm) -> HttpResponse:
    outcomes = imports.preview(event=event, table=table, now=timezone.now())
    counted = Counter(outcome.what for outcome in outcomes)
    context = {
        "event": event,
        "name": form.cleaned_data["name"],
        "packed": base64.b64encode(form.cleaned_data["data"]).decode(),
        "unknown": table.unknown,
        "can_take": counted["added"] + counted["changed"],
        **_listed(outcomes),
    }
    return _private(render(request, "registrations/organize/import_preview.html", context))


def _done(request: HttpRequest, event: Event, outcomes: list[Outcome]) -> HttpResponse:
    counted = Counter(outcome.what for outcome in outcomes)
    if not counted["refused"]:
        messages.success(
            request,
            _("%(added)s people are registered now, and %(changed)s changed. Mails are on their way to them.")
            % {"added": counted["added"], "changed": counted["changed"]},
        )
        return redirect("registrations:registrations", slug=event.slug)
    # What could not be taken must not be lost behind a redirect.
    context = {"event": event, "is_done": True, **_listed(outcomes)}
    return _private(render(request, "registrations/organize/import_preview.html", context))


def _listed(outcomes: list[Outcome]) -> dict[str, Any]:
    counted: Counter[str] = Counter(outcome.what for outcome in outcomes)
    in_order = sorted(outcomes, key=lambda outcome: _ORDER[outcome.what])
    return {
        "counts": [{"label": _WORDS[what], "tone": _TONES[what], "count": counted[what]} for what in _ORDER],
        "rows": [
            {"outcome": outcome, "label": _WORDS[outcome.what], "tone": _TONES[outcome.what]}
            for outcome in in_order[:LISTED]
        ],
        "more": max(0, len(outcomes) - LISTED),
    }


def _private(response: HttpResponse) -> HttpResponse:
    patch_cache_control(response, private=True, no_store=True)
    return response
