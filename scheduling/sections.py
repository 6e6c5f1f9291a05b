"""What the event's own page and the organizer's overview show of the programme."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from typing import Final

from django.http import HttpRequest  # noqa: TID251 (named in a type only)
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common import dates
from events.hooks import (
    DashboardSection,
    EventPageSections,
    GlanceDay,
    GlanceEntry,
    Keynote,
    dashboard_sections,
    event_page_sections,
)
from events.models import Event, Permission
from scheduling.models import Schedule, Slot, SlotKind
from submissions.models import SubmissionKind, Talk

#: How many lines a day has at a glance.
GLANCE_LINES = 8
#: What gives a day its shape; talks fill up what is left.
_SHAPE = [SlotKind.CEREMONY, SlotKind.PLENARY, SlotKind.BLOCK, SlotKind.POSTERS, SlotKind.SOCIAL, SlotKind.BREAK]


#: For the history of an event (`events.verbs`).
SENTENCES: Final[dict[str, str | Promise]] = {
    "slot_placed": gettext_lazy("placed %(subject)s in the draft"),
    "slot_moved": gettext_lazy("moved %(subject)s in the draft"),
    "slot_changed": gettext_lazy("changed the place of %(subject)s"),
    "slot_removed": gettext_lazy("took %(subject)s out of the draft"),
    "programme_imported": gettext_lazy("imported a programme"),
    "schedule_released": gettext_lazy("published version %(subject)s"),
}


def register() -> None:
    event_page_sections.append(programme)
    dashboard_sections.append(dashboard)


def programme(event: Event, request: HttpRequest) -> EventPageSections | None:
    """In a constant number of queries; None where nothing is released."""
    current = Schedule.objects.filter(event=event).current().first()
    if current is None:
        return None
    slots = list(
        Slot.objects.filter(schedule=current, parent=None)
        .select_related("room", "submission")
        .order_by("starts_at", "ends_at", "pk")
    )
    in_release = Slot.objects.filter(schedule=current).exclude(submission=None)
    keynotes = _keynotes(event, current)
    schedule_url = reverse("scheduling:schedule", args=[event.slug])
    by_day: dict[date, list[Slot]] = defaultdict(list)
    for slot in slots:
        by_day[event.conference_day(slot.starts_at)].append(slot)
    days: list[GlanceDay] = []
    for day, held in sorted(by_day.items()):
        chosen = sorted(held, key=_weight)[:GLANCE_LINES]
        days.append(
            GlanceDay(
                day=day,
                url=f"{schedule_url}#day-{day.isoformat()}",
                entries=[_entry(event, slot) for slot in sorted(chosen, key=lambda slot: (slot.starts_at, slot.pk))],
                more=len(held) - len(chosen),
            )
        )
    return {
        "programme": {
            "days": days,
            "keynotes": keynotes,
            "counts": {
                "sessions": in_release.values("submission").distinct().count(),
                "speakers": Talk.objects.filter(submission__slots__schedule=current)
                .values("speaker")
                .distinct()
                .count(),
                "rooms": len({slot.room_id for slot in slots if slot.room_id}),
                "days": len(days),
            },
            "url": schedule_url,
        }
    }


def _weight(slot: Slot) -> tuple[int, datetime]:
    """What is shown first: keynotes, then what takes everybody, then the rest by time."""
    if slot.submission and slot.submission.kind in {SubmissionKind.KEYNOTE, SubmissionKind.PLENARY}:
        return 0, slot.starts_at
    kind = SlotKind(slot.kind)
    return (_SHAPE.index(kind) + 1 if kind in _SHAPE else len(_SHAPE) + 1), slot.starts_at


def _entry(event: Event, slot: Slot) -> GlanceEntry:
    return GlanceEntry(
        starts=dates.clock(slot.starts_at, event.tz),
        ends=dates.clock(slot.ends_at, event.tz),
        title=slot.heading or str(slot.get_kind_display()),
        url=reverse("scheduling:session", args=[event.slug, slot.submission.code]) if slot.submission else "",
        room=str(slot.room.name) if slot.room else "",
        kind=slot.kind,
    )


def _keynotes(event: Event, current: Schedule) -> list[Keynote]:
    """Whoever gives a keynote of the release, or is marked as a keynote speaker in it."""
    talks = (
        Talk.objects.filter(submission__slots__schedule=current)
        .select_related("submission", "speaker")
        .order_by("submission__slots__starts_at", "position", "pk")
    )
    found: dict[int, Keynote] = {}
    for talk in talks:
        if talk.speaker.is_keynote or talk.submission.kind == SubmissionKind.KEYNOTE:
            found.setdefault(
                talk.speaker_id,
                Keynote(
                    name=talk.speaker.name,
                    affiliation=talk.speaker.affiliation,
                    title=str(talk.submission.title),
                    url=reverse("scheduling:speaker", args=[event.slug, talk.speaker.code]),
                ),
            )
    return list(found.values())


def dashboard(event: Event) -> DashboardSection:
    draft_slots = Slot.objects.filter(schedule__event=event, schedule__version=None).count()
    releases = list(Schedule.objects.filter(event=event).released().values_list("version", flat=True))
    releases_url = reverse("scheduling:releases", args=[event.slug])
    return {
        "steps": [
            {
                "label": _("Put sessions into the schedule"),
                "done": draft_slots > 0,
                "url": reverse("scheduling:editor", args=[event.slug]),
                "permission": Permission.EDIT_PROGRAMME,
                "help": _("Place them by hand, or import a programme from a file."),
            },
            {
                "label": _("Publish the schedule"),
                "done": bool(releases),
                "url": releases_url,
                "permission": Permission.PUBLISH_SCHEDULE,
            },
        ],
        "numbers": [
            {
                "label": _("Places in the draft"),
                "value": draft_slots,
                "url": reverse("scheduling:editor", args=[event.slug]),
                "permission": Permission.EDIT_PROGRAMME,
            },
            {
                "label": _("Published versions"),
                "value": len(releases),
                "url": releases_url,
                "permission": Permission.EDIT_PROGRAMME,
            },
        ],
    }
