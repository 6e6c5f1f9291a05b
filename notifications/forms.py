from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from common.forms import Form, LocalizedField, tune
from notifications.audiences import Filter, all_audiences
from notifications.models import MAX_DAYS_BEFORE, MAX_OFFSET_MINUTES, Anchor, Audience, Campaign, ReminderRule
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
        (Anchor.SLOT, Audience.ATTENDEES): _("Attendees, before each plenary, ceremony and social event"),
        (Anchor.SLOT, Audience.BOOKMARKED): _("Attendees, before each session that they starred"),
        (Anchor.EVENT, Audience.ATTENDEES): _("Attendees, before the event begins"),
        (Anchor.EVENT, Audience.SPEAKERS): _("Speakers, before the event begins"),
        (Anchor.EVENT, Audience.CHAIRS): _("Chairs, before the event begins"),
        (Anchor.DEADLINE, Audience.SPEAKERS): _("Speakers who have not registered, before registration closes"),
        (Anchor.DEADLINE, Audience.CHAIRS): _("Chairs who have not registered, before registration closes"),
        (Anchor.DEADLINE, Audience.ATTENDEES): _("Attendees who have not paid, before their payment is due"),
    }
    found = known.get((Anchor(anchor), Audience(audience)))
    return str(
        found
        or _("%(audience)s, before %(anchor)s") % {"audience": Audience(audience).label, "anchor": Anchor(anchor).label}
    )


class CampaignForm(WordsForm):
    """Whom, and in which words. Each audience has a tick of its own and fields `CODE.FILTER`."""

    # Made with the page, so that pressing the button twice makes one campaign.
    key = forms.UUIDField(widget=forms.HiddenInput)
    whom = forms.MultipleChoiceField(label=_("Whom"), widget=forms.CheckboxSelectMultiple)

    field_order = ("key", "whom")

    def __init__(
        self,
        *args: Any,
        event_id: int,
        campaign: Campaign | None = None,
        wanted: Mapping[str, Mapping[str, Any]] | None = None,
        **kwargs: Any,
    ) -> None:
        """`wanted`: what is chosen at first for each audience, where it is not a campaign's own choice."""
        chosen = campaign.audiences if campaign else wanted
        kwargs["initial"] = {
            **kwargs.get("initial", {}),
            "key": campaign.key if campaign else uuid.uuid4(),
            "whom": list(chosen) if chosen is not None else [],
            **({"subject": campaign.subject, "body": campaign.body} if campaign else {}),
        }
        super().__init__(*args, **kwargs)
        self._filters: dict[str, list[Filter]] = {}
        titles = []
        for audience in all_audiences():
            titles.append((audience.code, audience.title))
            self._filters[audience.code] = audience.filters(event_id)
            for filter_ in self._filters[audience.code]:
                initial = chosen.get(audience.code, {}).get(filter_.name) if chosen is not None else filter_.initial
                field = _field_of(filter_, initial)
                tune(filter_.name, field)
                self.fields[f"{audience.code}.{filter_.name}"] = field
        whom = self.fields["whom"]
        assert isinstance(whom, forms.MultipleChoiceField)
        whom.choices = titles
        if chosen is None and titles:
            self.initial["whom"] = [titles[0][0]]
        for name in ("subject", "body"):
            words = self.fields[name]
            assert isinstance(words, LocalizedField)
            words.one_required = True
            words.error_messages["required"] = _("Write this in at least one language.")

    def groups(self) -> list[dict[str, Any]]:
        """For the page: each audience's tick with the filters under it, those in use unfolded."""
        ticks = {tick.data["value"]: tick for tick in self["whom"].subwidgets}
        return [
            {
                "tick": ticks[audience.code],
                "code": audience.code,
                "filters": [
                    {"field": field, "is_used": bool(field.value()), "is_long": len(filter_.choices) > 8}
                    for filter_ in self._filters[audience.code]
                    for field in [self[f"{audience.code}.{filter_.name}"]]
                ],
            }
            for audience in all_audiences()
        ]

    def audiences(self) -> dict[str, dict[str, Any]]:
        """What is ticked, as campaigns take it; empty filters are left out."""
        return {
            code: {
                filter_.name: value
                for filter_ in self._filters[code]
                if (value := self.cleaned_data.get(f"{code}.{filter_.name}"))
            }
            for code in self.cleaned_data.get("whom", [])
        }

    def words(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] or "" for name in ("subject", "body")}


def _field_of(filter_: Filter, initial: Any) -> forms.Field:
    if not filter_.choices:
        return forms.CharField(label=str(filter_.label), required=False, max_length=200, initial=initial or "")
    values = initial if isinstance(initial, list | tuple) else [initial] if initial else []
    return forms.MultipleChoiceField(
        label=str(filter_.label),
        choices=filter_.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        initial=[str(value) for value in values],
    )


class SendLaterForm(Form):
    """When a campaign begins, on the event's clock."""

    send_at = forms.DateTimeField(label=_("Day and time"), widget=forms.DateTimeInput)

    def __init__(self, *args: Any, zone: ZoneInfo, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._zone = zone

    def clean_send_at(self) -> datetime:
        naive: datetime = self.cleaned_data["send_at"]
        return naive.replace(tzinfo=self._zone)


def in_words(event_id: int, audiences: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Whom a campaign goes to, for people: each audience with what it is narrowed by."""
    shown = []
    for audience in all_audiences():
        if audience.code not in audiences:
            continue
        wanted, facts = audiences[audience.code], []
        for filter_ in audience.filters(event_id):
            value = wanted.get(filter_.name)
            if value in (None, "", []):
                continue
            names = dict(filter_.choices)
            values = value if isinstance(value, list | tuple) else [value]
            facts.append({"label": filter_.label, "values": [names.get(str(each), str(each)) for each in values]})
        shown.append({"title": audience.title, "facts": facts})
    return shown
