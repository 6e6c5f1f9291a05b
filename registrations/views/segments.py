"""Views of the list of registrations that organizers keep under a name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from common.problems import Invalid
from events.models import Event, Permission
from events.views.access import get_event_or_404
from events.views.acting import by, tell
from registrations.forms import RegistrationFilters
from registrations.models import Segment
from registrations.services import segments


def saved_views(event: Event, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Those of the event, with the address of each, and which is being looked at."""
    return [
        {"segment": segment, "query": urlencode(segment.wanted, doseq=True), "active": segment.wanted == wanted}
        for segment in Segment.objects.filter(event=event).order_by("name", "pk")
    ]


@require_POST
def save(request: HttpRequest, slug: str) -> HttpResponse:
    """Keep the filters of `query` under `name`."""
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    query = QueryDict(request.POST.get("query", ""))
    wanted = RegistrationFilters(query, event=event).wanted
    try:
        segments.save_segment(event=event, name=request.POST.get("name", ""), wanted=wanted, **by(request))
    except Invalid as refusal:
        tell(request, refusal)
    else:
        messages.success(request, _("This view is saved. Mails can be written to it, too."))
    return redirect(f"{reverse('registrations:registrations', args=[slug])}?{query.urlencode()}")


@require_POST
def delete(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.MANAGE_REGISTRATIONS)
    segment = get_object_or_404(Segment, event=event, pk=pk)
    segments.delete_segment(segment=segment, **by(request))
    messages.success(request, _("The view “%(name)s” is forgotten; the registrations stay.") % {"name": segment.name})
    return redirect("registrations:registrations", slug=slug)
