"""A programme from a file: choose it, see what it would change, take it over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from common.forms import Form
from events.models import Event, Permission
from events.views.access import get_event_or_404
from events.views.acting import by
from scheduling.importers import MAX_BYTES, NotASchedule, csv_template, files, xlsx_template
from scheduling.services import imports
from scheduling.services.import_results import ImportResult
from scheduling.services.import_steps import WHOLE, ImportStep, Progress

_TEMPLATES: Final[dict[str, tuple[str, Callable[[], str | bytes]]]] = {
    # Spreadsheets take a file for UTF-8 only with a byte order mark.
    "csv": ("text/csv; charset=utf-8", lambda: "\ufeff" + csv_template()),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", xlsx_template),
}
#: Rows that the page lists before it only counts them.
LISTED = 200


class UploadForm(Form):
    """A file, or the file of the preview that was looked at just now. `cleaned_data["data"]` has its bytes."""

    file = forms.FileField(
        label=gettext_lazy("Programme"),
        error_messages={"required": gettext_lazy("Choose a file.")},
        help_text=gettext_lazy(
            "XML or JSON of frab, pentabarf, pretalx and others, iCalendar, xCal, YAML, CSV or XLSX; up to 16 MB, also packed with gzip."
        ),
        widget=forms.ClearableFileInput(
            attrs={"accept": ".xml,.json,.ics,.ical,.xcal,.yaml,.yml,.csv,.tsv,.xlsx,.gz"},
        ),
    )
    packed = forms.CharField(required=False, widget=forms.HiddenInput)
    name = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)
    # On the preview alone: the box, and the button that only looks again.
    repair_encoding = forms.BooleanField(required=False, widget=forms.HiddenInput)
    again = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["file"].required = not self.data.get("packed")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        upload = cleaned.get("file")
        if cleaned.get("packed"):
            try:
                cleaned["data"] = files.unpack(cleaned["packed"])
            except NotASchedule as error:
                self.add_error("file", str(error))
        elif upload is None:
            pass
        elif upload.size > MAX_BYTES:
            self.add_error("file", forms.ValidationError(_("This file is too large."), code="too_large"))
        else:
            cleaned["data"], cleaned["name"] = upload.read(), upload.name[:200]
        return cleaned


@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: HttpRequest, slug: str) -> HttpResponse:
    """Nothing is kept between the two steps: the preview carries the file itself back to us, packed."""
    event = get_event_or_404(request, slug, Permission.EDIT_PROGRAMME)
    now = timezone.now()
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method != "POST" or not form.is_valid():
        return _form(request, event, form)
    data, name, repair = (form.cleaned_data[field] for field in ("data", "name", "repair_encoding"))
    progress = _progress_of(request, event, _run_of(request))
    progress.tell(ImportStep.READ)
    try:
        parsed = files.read(data, name, repair=repair)
        if form.cleaned_data["packed"] and not form.cleaned_data["again"]:
            result = imports.apply(event=event, parsed=parsed, on_step=progress.tell, **by(request))
            messages.success(request, _done(result))
            return redirect("scheduling:import", slug=event.slug)
        result = imports.preview(event=event, parsed=parsed, now=now, on_step=progress.tell)
    except NotASchedule as error:
        form.add_error("file", str(error))
        return _form(request, event, form)
    finally:
        progress.forget()
    context = _preview(event, result, name, data) | {"repair": repair, "is_garbled": result.is_garbled}
    return render(request, "scheduling/organize/import_preview.html", context)


@never_cache
@require_safe
def progress(request: HttpRequest, slug: str, run: UUID) -> HttpResponse:
    """How far the reader's own import is that was given this number: step, parts done, all parts. `{}` for one that is not under
    way, or somebody else's."""
    event = get_event_or_404(request, slug, Permission.EDIT_PROGRAMME)
    step = _progress_of(request, event, run).step
    return JsonResponse({"label": step.label, "value": step.done, "max": WHOLE} if step else {})


@require_safe
def template(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """An empty table with the columns that are read, and three rows to overwrite."""
    get_event_or_404(request, slug, Permission.EDIT_PROGRAMME)
    if kind not in _TEMPLATES:
        raise Http404
    content_type, write = _TEMPLATES[kind]
    response = HttpResponse(write(), content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="programme.{kind}"'
    return response


def _form(request: HttpRequest, event: Event, form: UploadForm) -> HttpResponse:
    return render(request, "scheduling/organize/import.html", {"event": event, "form": form, "run": uuid4()})


def _run_of(request: HttpRequest) -> UUID:
    """The number that the page gave to what its form begins. Without one, a number that nobody asks about."""
    try:
        return UUID(request.POST.get("run", ""))
    except ValueError:
        return uuid4()


def _progress_of(request: HttpRequest, event: Event, run: UUID) -> Progress:
    return Progress(event_id=event.pk, user_id=by(request)["actor"].pk, run=run)


def _preview(event: Event, result: ImportResult, name: str, data: bytes) -> dict[str, Any]:
    words = {
        "days": _("Days"),
        "rooms": _("Rooms"),
        "tracks": _("Tracks"),
        "sessions": _("Sessions"),
        "speakers": _("Speakers"),
        "slots": _("Places in the schedule"),
    }
    return {
        "event": event,
        "name": name,
        "packed": files.pack(data),
        "run": uuid4(),
        "is_same": result.is_same,
        "rows": [
            (words.get(key, key), count, result.added[key], result.changed[key]) for key, count in result.counts.items()
        ],
        "sessions": result.sessions[:LISTED],
        "more_sessions": max(0, len(result.sessions) - LISTED),
        "unread": result.unread[:LISTED],
        "unread_count": len(result.unread),
        "warnings": result.warnings[:LISTED],
        "warnings_count": len(result.warnings),
        "notes": result.notes,
    }


def _done(result: ImportResult) -> str:
    if result.is_same:
        return _("The draft was the same already. Nothing has changed.")
    return _(
        "The programme is in the draft now: %(added)s sessions added, %(changed)s changed, %(missing)s cancelled. Publish it when"
        " it is as you want it."
    ) % {
        "added": result.added["sessions"],
        "changed": result.changed["sessions"],
        "missing": len(result.missing),
    }
