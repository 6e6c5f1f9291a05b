from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from common.forms import Form, LocalizedField
from notifications.models import MAX_OFFSET_MINUTES, Anchor, Audience, ReminderRule
from notifications.sources import supported

#: Minutes in each unit that people count in; the largest first.
UNITS: Final = {"days": 1440, "hours": 60, "minutes": 1}


class WordsForm(Form):
    """Subject and body in each of an event's languages."""

    subject = LocalizedField(label=_("Subject"), locales=[], required=False)
    body = LocalizedField(label=_("Text"), locales=[], required=False, lines=True)

    def __init__(self, *args: Any, locales: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("subject", "body"):
            old = self.fields[name]
            self.fields[name] = LocalizedField(
                label=old.label,
                help_text=old.help_text,
                locales=list(locales),
                required=False,
                lines=name == "body",
                rows=12,
            )


class RuleForm(WordsForm):
    """When, whom and in which words."""

    whom = forms.ChoiceField(label=_("Remind"), widget=forms.RadioSelect)
    amount = forms.IntegerField(label=_("How long before"), min_value=0)
    unit = forms.ChoiceField(
        label=_("Unit"),
        choices=[("minutes", _("minutes")), ("hours", _("hours")), ("days", _("days"))],
        initial="hours",
    )
    is_active = forms.BooleanField(label=_("Active"), required=False, initial=True)

    field_order = ("whom", "amount", "unit", "is_active", "subject", "body")

    def __init__(self, *args: Any, rule: ReminderRule | None = None, **kwargs: Any) -> None:
        if rule is not None:
            kwargs["initial"] = _initial(rule)
        super().__init__(*args, **kwargs)
        whom = self.fields["whom"]
        assert isinstance(whom, forms.ChoiceField)
        whom.choices = [(f"{anchor}:{audience}", describe(anchor, audience)) for anchor, audience in supported()]
        if rule is None and len(whom.choices):
            whom.initial = whom.initial or next(iter(whom.choices))[0]
        self.fields["subject"].help_text = _(
            "Leave subject and text empty to use Lihu's words in the recipient's language."
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        amount, unit = cleaned.get("amount"), cleaned.get("unit")
        if amount is not None and unit and amount * UNITS[unit] > MAX_OFFSET_MINUTES:
            self.add_error("amount", _("A reminder goes out at most a year before."))
        return cleaned

    def changes(self) -> dict[str, Any]:
        """What was asked for, as `reminders.create_rule` and `update_rule` take it."""
        cleaned = self.cleaned_data
        anchor, _colon, audience = cleaned["whom"].partition(":")
        return {
            "anchor": anchor,
            "audience": audience,
            "offset_minutes": cleaned["amount"] * UNITS[cleaned["unit"]],
            "subject": cleaned["subject"] or "",
            "body": cleaned["body"] or "",
            "is_active": cleaned["is_active"],
        }


def _initial(rule: ReminderRule) -> dict[str, Any]:
    amount, unit = in_units(rule.offset_minutes)
    return {
        "whom": f"{rule.anchor}:{rule.audience}",
        "amount": amount,
        "unit": unit,
        "subject": rule.subject,
        "body": rule.body,
        "is_active": rule.is_active,
    }


def in_units(minutes: int) -> tuple[int, str]:
    """90 → (90, "minutes"), 120 → (2, "hours"), 1440 → (1, "days")."""
    unit = next(name for name, size in UNITS.items() if minutes % size == 0 and (minutes or name == "minutes"))
    return minutes // UNITS[unit], unit


def describe(anchor: str, audience: str) -> str:
    """Whom a rule reminds of what, as a phrase."""
    known = {
        (Anchor.SLOT, Audience.SPEAKERS): _("Speakers, before their own session"),
        (Anchor.SLOT, Audience.CHAIRS): _("Chairs, before the session that they chair"),
        (Anchor.SLOT, Audience.ATTENDEES): _("Attendees, before each session"),
        (Anchor.SLOT, Audience.BOOKMARKED): _("Those who starred a session, before it begins"),
        (Anchor.EVENT, Audience.ATTENDEES): _("Attendees, before the event begins"),
        (Anchor.EVENT, Audience.SPEAKERS): _("Speakers, before the event begins"),
    }
    found = known.get((Anchor(anchor), Audience(audience)))
    return str(
        found
        or _("%(audience)s, before %(anchor)s") % {"audience": Audience(audience).label, "anchor": Anchor(anchor).label}
    )
