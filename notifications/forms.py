from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import time
from typing import Any, Final

from django import forms
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from common.forms import Form, LocalizedField
from notifications.models import MAX_DAYS_BEFORE, MAX_OFFSET_MINUTES, Anchor, Audience, ReminderRule
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
    """When, whom and in which words. Its time is a length before, or a wall clock of the event's zone some days before."""

    whom = forms.ChoiceField(label=_("Remind"), widget=forms.RadioSelect)
    when = forms.ChoiceField(
        label=_("When"),
        choices=[("before", _("A length of time before")), ("clock", _("At a time of day"))],
        widget=forms.RadioSelect,
        initial="before",
        required=False,
    )
    amount = forms.IntegerField(label=_("How long before"), min_value=0, required=False)
    unit = forms.ChoiceField(
        label=_("Unit"),
        choices=[("minutes", _("minutes")), ("hours", _("hours")), ("days", _("days"))],
        initial="hours",
        required=False,
    )
    days_before = forms.IntegerField(
        label=_("Days before"),
        min_value=0,
        max_value=MAX_DAYS_BEFORE,
        required=False,
        help_text=_("0 is the same day, 1 the day before."),
    )
    at_time = forms.TimeField(label=_("Time of day"), required=False)
    is_active = forms.BooleanField(label=_("Active"), required=False, initial=True)

    field_order = ("whom", "when", "amount", "unit", "days_before", "at_time", "is_active", "subject", "body")

    def __init__(self, *args: Any, rule: ReminderRule | None = None, **kwargs: Any) -> None:
        if rule is not None:
            kwargs["initial"] = initial_of(rule)
        super().__init__(*args, **kwargs)
        whom = self.fields["whom"]
        assert isinstance(whom, forms.ChoiceField)
        whom.choices = [(f"{anchor}:{audience}", describe(anchor, audience)) for anchor, audience in supported()]
        if rule is None and len(whom.choices):
            whom.initial = whom.initial or next(iter(whom.choices))[0]
        # What belongs to the time that is chosen is not for the reader to leave out.
        for name in ("when", "amount", "unit", "days_before", "at_time"):
            self.fields[name].shown_as_required = True  # type: ignore[attr-defined]
        self.fields["subject"].help_text = _(
            "Leave subject and text empty to use Lihu's words in the recipient's language."
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        needed = ("days_before", "at_time") if self._is_by_clock(cleaned) else ("amount",)
        for name in needed:
            if cleaned.get(name) is None and name not in self.errors:
                self.add_error(name, self.fields[name].error_messages["required"])
        amount, unit = cleaned.get("amount"), cleaned.get("unit") or "hours"
        if amount is not None and not self._is_by_clock(cleaned) and amount * UNITS[unit] > MAX_OFFSET_MINUTES:
            self.add_error("amount", _("A reminder goes out at most a year before."))
        return cleaned

    @staticmethod
    def _is_by_clock(values: Mapping[str, Any]) -> bool:
        return bool(values.get("when") == "clock")

    def changes(self) -> dict[str, Any]:
        """What was asked for, as `reminders.create_rule` and `update_rule` take it."""
        cleaned = self.cleaned_data
        anchor, _colon, audience = cleaned["whom"].partition(":")
        by_clock = self._is_by_clock(cleaned)
        at_time = cleaned["at_time"]
        return {
            "anchor": anchor,
            "audience": audience,
            "offset_minutes": None if by_clock else cleaned["amount"] * UNITS[cleaned["unit"] or "hours"],
            "days_before": cleaned["days_before"] if by_clock else None,
            "at_time": at_time.replace(second=0, microsecond=0) if by_clock else None,
            "subject": cleaned["subject"] or "",
            "body": cleaned["body"] or "",
            "is_active": cleaned["is_active"],
        }


def initial_of(rule: ReminderRule) -> dict[str, Any]:
    """What the form shows of a rule."""
    initial: dict[str, Any] = {
        "whom": f"{rule.anchor}:{rule.audience}",
        "when": "before" if rule.at_time is None else "clock",
        "days_before": rule.days_before,
        "at_time": rule.at_time,
        "subject": rule.subject,
        "body": rule.body,
        "is_active": rule.is_active,
    }
    if rule.offset_minutes is not None:
        initial["amount"], initial["unit"] = in_units(rule.offset_minutes)
    return initial


#: From here on people speak of the evening.
_EVENING: Final = time(17)


def describe_time(rule: ReminderRule) -> str:
    """120 minutes → “2 hours before”; a day before at 18:00 → “the evening before at 18:00”."""
    if rule.at_time is None or rule.days_before is None:
        return _how_long(rule.offset_minutes or 0)
    clock = {"time": f"{rule.at_time:%H:%M}", "n": rule.days_before}
    if rule.days_before == 0:
        return gettext("on the same day at %(time)s") % clock
    if rule.days_before == 1 and rule.at_time >= _EVENING:
        return gettext("the evening before at %(time)s") % clock
    return ngettext("the day before at %(time)s", "%(n)s days before at %(time)s", rule.days_before) % clock


def _how_long(minutes: int) -> str:
    amount, unit = in_units(minutes)
    if not minutes:
        return gettext("when it begins")
    phrases = {
        "days": ngettext("%(n)s day before", "%(n)s days before", amount),
        "hours": ngettext("%(n)s hour before", "%(n)s hours before", amount),
        "minutes": ngettext("%(n)s minute before", "%(n)s minutes before", amount),
    }
    return phrases[unit] % {"n": amount}


def describe_rule(rule: ReminderRule) -> str:
    """“Speakers, before their own session: 2 hours before”."""
    return gettext("%(whom)s: %(when)s") % {
        "whom": describe(rule.anchor, rule.audience),
        "when": describe_time(rule),
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
        (Anchor.DEADLINE, Audience.SPEAKERS): _("Speakers who have not registered, before registration closes"),
    }
    found = known.get((Anchor(anchor), Audience(audience)))
    return str(
        found
        or _("%(audience)s, before %(anchor)s") % {"audience": Audience(audience).label, "anchor": Anchor(anchor).label}
    )
