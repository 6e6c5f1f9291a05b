"""Who comes, as plots, each with its table and the table to take along."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from common import dates
from common.tables import Cell
from common.views import download
from events.models import Event, Permission
from events.views.access import get_event_or_404
from registrations import statistics
from registrations.models import Registration

#: Whom the numbers count; the first unless the address says another.
WHO: Final = {
    "coming": gettext_lazy("With a place"),
    "waiting": gettext_lazy("On the waiting list"),
    "gone": gettext_lazy("Cancelled, rejected, expired"),
}
#: Of the drawing, in its own units.
_HEIGHT: Final = 100


@require_safe
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.SEE_REGISTRATIONS, Permission.MANAGE_REGISTRATIONS)
    who, counted = _counted(request, event)
    growth = statistics.growth(event, counted)
    context = {
        "event": event,
        "who": who,
        "tabs": [
            {"label": label, "url": f"?who={code}" if code != "coming" else "?", "active": code == who}
            for code, label in WHO.items()
        ],
        "plots": [plot for plot in statistics.plots(event, counted) if plot.total],
        "growth": growth,
        "columns": list(_columns(growth)),
        "line": _line(growth),
        "width": len(growth.steps),
        "height": _HEIGHT,
        "query": f"?who={who}",
    }
    response = render(request, "registrations/organize/statistics.html", context)
    patch_cache_control(response, private=True, no_store=True)
    return response


@require_safe
def table(request: HttpRequest, slug: str, code: str, kind: str) -> HttpResponseBase:
    """The numbers behind one plot."""
    event = get_event_or_404(request, slug, Permission.SEE_REGISTRATIONS, Permission.MANAGE_REGISTRATIONS)
    _who, counted = _counted(request, event)
    rows: list[Sequence[Cell]]
    if code == "growth":
        rows = [(_("Day"), _("Registrations"), _("Sum")), *statistics.growth_rows(statistics.growth(event, counted))]
    else:
        plot = next((plot for plot in statistics.plots(event, counted) if plot.code == code), None)
        if plot is None:
            raise Http404
        rows = [(plot.what, _("Registrations")), *plot.rows]
    return download(rows, name=f"{event.slug}-{code}", kind=kind, sheet=code)


def _counted(request: HttpRequest, event: Event) -> tuple[str, Any]:
    who = request.GET.get("who", "")
    who = who if who in WHO else "coming"
    return who, Registration.objects.filter(event=event, state__in=statistics.WHO[who])


def _columns(growth: statistics.Growth) -> Iterable[dict[str, object]]:
    for number, step in enumerate(growth.steps):
        height = _HEIGHT * step.count / (growth.most or 1)
        yield {
            "x": f"{number + 0.1:.1f}",
            "y": f"{_HEIGHT - height:.2f}",
            "height": f"{height:.2f}",
            "step": step,
            "label": dates.short_day(step.day),
        }


def _line(growth: statistics.Growth) -> str:
    """The sum, as points of a polyline that begins at zero."""
    if not growth.steps:
        return ""
    last = growth.steps[-1].sum
    points = [(number + 1, _HEIGHT - _HEIGHT * step.sum / last) for number, step in enumerate(growth.steps)]
    return " ".join(f"{x},{y:.2f}" for x, y in [(0, float(_HEIGHT)), *points])
