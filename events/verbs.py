"""The history of an event in sentences. Apps above add their verbs to `SENTENCES` in `AppConfig.ready`."""

from __future__ import annotations

from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common.models import AuditEntry

#: Verb of the audit → what happened; `%(subject)s` is what it happened to.
SENTENCES: Final[dict[str, str | Promise]] = {
    "event_created": gettext_lazy("made the event"),
    "event_changed": gettext_lazy("changed the event’s details"),
    "event_published": gettext_lazy("published the event"),
    "event_unpublished": gettext_lazy("took the event back to draft"),
    "event_archived": gettext_lazy("archived the event"),
    "venue_created": gettext_lazy("added the venue %(subject)s"),
    "venue_changed": gettext_lazy("changed the venue %(subject)s"),
    "room_created": gettext_lazy("added the room %(subject)s"),
    "room_attached": gettext_lazy("took the room %(subject)s into the event"),
    "room_changed": gettext_lazy("changed the room %(subject)s"),
    "room_detached": gettext_lazy("took the room %(subject)s out of the event"),
    "rooms_ordered": gettext_lazy("put the rooms into another order"),
    "room_held": gettext_lazy("held the room %(subject)s"),
    "room_released": gettext_lazy("released the room %(subject)s"),
    "track_created": gettext_lazy("added the track %(subject)s"),
    "track_changed": gettext_lazy("changed the track %(subject)s"),
    "track_deleted": gettext_lazy("deleted the track %(subject)s"),
    "tracks_ordered": gettext_lazy("put the tracks into another order"),
    "team_created": gettext_lazy("made the team %(subject)s"),
    "team_changed": gettext_lazy("changed the team %(subject)s"),
    "team_deleted": gettext_lazy("deleted the team %(subject)s"),
    "team_invited": gettext_lazy("invited somebody to the team %(subject)s"),
    "team_invitation_withdrawn": gettext_lazy("withdrew an invitation to the team %(subject)s"),
    "team_joined": gettext_lazy("joined the team %(subject)s"),
    "reminder_rule_created": gettext_lazy("added the reminder %(subject)s"),
    "reminder_rule_changed": gettext_lazy("changed the reminder %(subject)s"),
    "reminder_rule_deleted": gettext_lazy("deleted the reminder %(subject)s"),
    "mail_words_changed": gettext_lazy("changed the words of the mail %(subject)s"),
    "mail_words_reset": gettext_lazy("went back to Lihu’s words in the mail %(subject)s"),
    "message_written": gettext_lazy("wrote a mail: %(subject)s"),
    "message_cancelled": gettext_lazy("cancelled the mail %(subject)s"),
    "message_retried": gettext_lazy("sent the mail %(subject)s again"),
    "campaign_created": gettext_lazy("wrote a campaign: %(subject)s"),
    "campaign_changed": gettext_lazy("changed the campaign %(subject)s"),
    "campaign_sent": gettext_lazy("sent the campaign %(subject)s"),
    "campaign_scheduled": gettext_lazy("set a time for the campaign %(subject)s"),
    "campaign_paused": gettext_lazy("paused the campaign %(subject)s"),
    "campaign_resumed": gettext_lazy("went on with the campaign %(subject)s"),
    "campaign_cancelled": gettext_lazy("stopped the campaign %(subject)s"),
    "team_left": gettext_lazy("took somebody off the team %(subject)s"),
}


def sentence(entry: AuditEntry) -> dict[str, Any]:
    words = SENTENCES.get(entry.verb)
    what = (
        str(words) % {"subject": entry.subject_label}
        if words
        # A verb that nobody has put into words yet reads as it is stored: `slot_moved` Opening.
        else f"{entry.verb.replace('_', ' ')}: {entry.subject_label}"
    )
    return {"who": str(entry.actor) if entry.actor else _("Lihu"), "what": what}
