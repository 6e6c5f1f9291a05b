"""What other pages show of sessions and speakers: an event's numbers, and its history in words."""

from __future__ import annotations

from typing import Final

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from events.hooks import DashboardSection
from events.models import Event, Permission

#: For the history of an event (`events.verbs`).
SENTENCES: Final[dict[str, str | Promise]] = {
    "submission_created": gettext_lazy("added the session %(subject)s"),
    "submission_changed": gettext_lazy("changed the session %(subject)s"),
    "submission_cancelled": gettext_lazy("cancelled the session %(subject)s"),
    "submission_deleted": gettext_lazy("deleted the session %(subject)s"),
    "speaker_created": gettext_lazy("added the speaker %(subject)s"),
    "speaker_changed": gettext_lazy("changed the speaker %(subject)s"),
    "speaker_deleted": gettext_lazy("deleted the speaker %(subject)s"),
}


def dashboard(event: Event) -> DashboardSection:
    """Two queries."""
    sessions = event.submissions.count()
    listed = reverse("submissions:submissions", args=[event.slug])
    return {
        "steps": [
            {
                "label": _("Add sessions and speakers"),
                "done": sessions > 0,
                "url": reverse("scheduling:import", args=[event.slug]) if not sessions else listed,
                "permission": Permission.EDIT_PROGRAMME,
                "help": _("Import a programme from a file, or add one session after the other."),
            }
        ],
        "numbers": [
            {"label": _("Sessions"), "value": sessions, "url": listed, "permission": Permission.EDIT_PROGRAMME},
            {
                "label": _("Speakers"),
                "value": event.speakers.count(),
                "url": reverse("submissions:speakers", args=[event.slug]),
                "permission": Permission.EDIT_PROGRAMME,
            },
        ],
    }
