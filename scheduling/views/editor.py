"""The draft: place, move and remove, one day at a time."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from common import dates
from common.problems import Refusal
from events.models import Event, Permission
from events.views.access import get_event_or_404
from events.views.acting import by
from scheduling.forms import SlotForm
from scheduling.models import HOLDS_TALKS, Slot, SlotKind
from scheduling.services import slots as services
from scheduling.services.conflicts import Conflict, conflicts_of
from scheduling.services.editor import day_plan

#: Conflicts that the page lists before it only counts them.
LISTED: Final = 30
#: Conflicts that are told with a move; the page lists the rest.
SAID_AT_ONCE: Final = 3


@require_safe
def editor(request: HttpRequest, slug: str) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.EDIT_PROGRAMME)
    plan = day_plan(event, _day(request.GET.get("day", "")))
    fatal = [conflict for conflict in plan.conflicts if conflict.severity == "fatal"]
    context = {
        "event": event,
        "plan": plan,
        "day": plan.day.isoformat(),
        "days": [
            {
                "label": dates.short_day(day),
                "url": f"{reverse('scheduling:editor', args=[slug])}?day={day.isoformat()}",
                "active": day == plan.day,
            }
            for day in plan.days
        ],
        "fatal_count": len(fatal),
        "warning_count": len(plan.conflicts) - len(fatal),
        "conflicts": conflict_rows(event, plan.conflicts),
        "is_empty": not any(entry.slot for lane in plan.lanes for entry in lane.entries),
        "has_rooms": len(plan.lanes) > 1,
    }
    return render(request, "scheduling/organize/editor.html", context)


def conflict_rows(event: Event, conflicts: list[Conflict]) -> list[dict[str, Any]]:
    return [
        {
            "conflict": conflict,
            "tone": "danger" if conflict.severity == "fatal" else "warning",
            "when": f"{dates.short_day(event.conference_day(conflict.slots[0].starts_at))}"
            f" {dates.clock(conflict.slots[0].starts_at, event.tz)}",
        }
        for conflict in conflicts[:LISTED]
    ]


@require_http_methods(["GET", "HEAD", "POST"])
def place(request: HttpRequest, slug: str) -> HttpResponse:
    """`day`, `room`, `start`, `end` and `session` in the address fill the form in."""
    event = get_event_or_404(request, slug, Permission.EDIT_PROGRAMME)
    form = SlotForm(request.POST or None, event=event, initial=_wished(event, request))
    if form.is_valid():
        try:
            slot = services.place_slot(event=event, **form.placing, **by(request))
        except Refusal as refusal:
            add_problems(form, refusal)
        else:
            messages.success(request, _("“%(title)s” is in the draft.") % {"title": slot.heading})
            _say_what_clashes(request, slot)
            return _to_its_day(event, slot)
    return render(request, "scheduling/organize/slot.html", {"event": event, "form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def slot(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.EDIT_PROGRAMME)
    found = _slot(event, pk)
    form = SlotForm(request.POST or None, event=event, slot=found)
    if form.is_valid():
        try:
            services.move_slot(slot=found, changes=form.changes, seen=form.cleaned_data["seen"], **by(request))
        except Refusal as refusal:
            add_problems(form, refusal)
            if any(problem.code == "moved_meanwhile" for problem in refusal.problems):
                # What was typed stays; sent again, it is meant.
                form.data = {**request.POST.dict(), "seen": _slot(event, pk).starts_at.isoformat()}
        else:
            messages.success(request, _("“%(title)s” is changed in the draft.") % {"title": found.heading})
            _say_what_clashes(request, moved := _slot(event, pk))
            return _to_its_day(event, moved)
    return render(request, "scheduling/organize/slot.html", {"event": event, "form": form, "slot": found})


@require_http_methods(["GET", "HEAD", "POST"])
def remove_slot(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    event = get_event_or_404(request, slug, Permission.EDIT_PROGRAMME)
    found = _slot(event, pk)
    problems = []
    if request.method == "POST":
        try:
            services.remove_slot(slot=found, **by(request))
        except Refusal as refusal:
            problems = refusal.problems
        else:
            messages.success(request, _("“%(title)s” is out of the draft.") % {"title": found.heading})
            return _to_its_day(event, found)
    context = {
        "event": event,
        "slot": found,
        "day": event.conference_day(found.starts_at).isoformat(),
        "held": found.children.count() if found.kind in HOLDS_TALKS else 0,
        "problems": problems,
    }
    return render(request, "scheduling/organize/slot_remove.html", context)


def add_problems(form: Any, refusal: Refusal) -> None:
    """The form has a beginning and an end where the service has instants."""
    names = {"starts_at": "starts", "ends_at": "ends"}
    for problem in refusal.problems:
        field = names.get(problem.field, problem.field)
        form.add_error(field if field in form.fields else None, f"{problem.message} {problem.fix}".strip())


def _wished(event: Event, request: HttpRequest) -> dict[str, Any]:
    given = request.GET
    wished: dict[str, Any] = {"kind": SlotKind.TALK}
    for name, source in (("room", "room"), ("starts", "start"), ("day", "day"), ("parent", "block")):
        if value := given.get(source):
            wished[name] = value
    if code := given.get("session"):
        session = event.submissions.filter(code=code).first()
        if session:
            wished["submission"] = session.pk
    return wished


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _slot(event: Event, pk: int) -> Slot:
    return get_object_or_404(
        Slot.objects.select_related("schedule__event", "submission", "room", "parent"),
        schedule__event=event,
        schedule__version=None,
        pk=pk,
    )


def _say_what_clashes(request: HttpRequest, slot: Slot) -> None:
    for conflict in conflicts_of(slot.schedule, touching=[slot])[:SAID_AT_ONCE]:
        messages.warning(request, str(conflict.message))


def _to_its_day(event: Event, slot: Slot) -> HttpResponse:
    address = reverse("scheduling:editor", args=[event.slug])
    return redirect(f"{address}?day={event.conference_day(slot.starts_at).isoformat()}")
