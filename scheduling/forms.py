from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common import dates
from common.forms import Form
from common.text import validate_plain_text
from events.forms import OneLine, Texts, capitalized
from events.models import Event, Room
from scheduling.models import HOLDS_TALKS, Slot, SlotKind
from scheduling.models.schedules import VERSION_VALIDATORS
from submissions.models import Submission


class SlotForm(Form):
    """What is given, where and when: on the clocks of the event."""

    submission = forms.ModelChoiceField(
        label=_("Session"),
        queryset=Submission.objects.none(),
        required=False,
        empty_label=_("None: it has a title of its own"),
    )
    title = Texts(
        label=_("Title"), max_length=300, required=False, help_text=_("For breaks, blocks and whatever is no session.")
    )
    kind = forms.ChoiceField(label=_("Kind"), choices=capitalized(SlotKind.choices))
    room = forms.ModelChoiceField(label=_("Room"), queryset=Room.objects.none(), required=False, empty_label=_("None"))
    day = forms.TypedChoiceField(label=_("Day"), coerce=date.fromisoformat)
    starts = forms.TimeField(label=_("Begins"), widget=forms.TimeInput)
    ends = forms.TimeField(
        label=_("Ends"),
        required=False,
        widget=forms.TimeInput,
        help_text=_("Left empty: as long as the session lasts, or half an hour."),
    )
    parent = forms.ModelChoiceField(
        label=_("Stands in"),
        queryset=Slot.objects.none(),
        required=False,
        empty_label=_("No block"),
        help_text=_("A block of talks or a poster session."),
    )
    board = OneLine(label=_("Board"), max_length=20, required=False, help_text=_("In a poster session, such as P12."))
    locked = forms.BooleanField(
        label=_("Stays where it is"),
        required=False,
        help_text=_("Neither an import nor a colleague moves it by mistake."),
    )
    # The beginning that this form was made with: somebody else may have moved it since.
    seen = forms.DateTimeField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, event: Event, slot: Slot | None = None, **kwargs: Any) -> None:
        self.event = event
        if slot is not None:
            kwargs["initial"] = self._initial(slot)
        super().__init__(*args, **kwargs)
        self.fields["title"].widget.enabled_locales = event.locales
        submission, room, parent = (self.fields[name] for name in ("submission", "room", "parent"))
        for field in (submission, room, parent):
            assert isinstance(field, forms.ModelChoiceField)
        sessions = Submission.objects.filter(event=event)
        placeable = sessions.on_the_programme()
        if slot is not None and slot.submission_id:
            # A session that was cancelled meanwhile still stands here.
            placeable = placeable | sessions.filter(pk=slot.submission_id)
        submission.queryset = placeable.order_by("pk")  # type: ignore[attr-defined]
        room.queryset = Room.objects.filter(event_rooms__event=event).order_by("event_rooms__position", "pk")  # type: ignore[attr-defined]
        blocks = Slot.objects.filter(schedule__event=event, schedule__version=None, kind__in=HOLDS_TALKS)
        if slot is not None:
            blocks = blocks.exclude(pk=slot.pk)
        parent.queryset = blocks.order_by("starts_at", "pk")  # type: ignore[attr-defined]
        parent.label_from_instance = self._block  # type: ignore[attr-defined]
        days = {*event.days, *([event.conference_day(slot.starts_at)] if slot else [])}
        self.fields["day"].choices = [(day.isoformat(), dates.day(day)) for day in sorted(days)]  # type: ignore[attr-defined]

    def _block(self, slot: Slot) -> str:
        day = dates.short_day(self.event.conference_day(slot.starts_at))
        return f"{slot.heading} · {day} {dates.clock(slot.starts_at, self.event.tz)}"

    def _initial(self, slot: Slot) -> dict[str, Any]:
        starts, ends = (moment.astimezone(self.event.tz) for moment in (slot.starts_at, slot.ends_at))
        return {
            "submission": slot.submission_id,
            "title": slot.title,
            "kind": slot.kind,
            "room": slot.room_id,
            "day": self.event.conference_day(slot.starts_at).isoformat(),
            "starts": starts.time(),
            "ends": ends.time(),
            "parent": slot.parent_id,
            "board": slot.board,
            "locked": slot.locked,
            "seen": slot.starts_at.astimezone(UTC).isoformat(),
        }

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if values.get("day") and values.get("starts"):
            values["starts_at"] = self._instant("starts", values["day"], values["starts"])
            ends = values.get("ends")
            values["ends_at"] = None
            if ends is not None and values["starts_at"]:
                values["ends_at"] = self._instant("ends", values["day"], ends)
                if values["ends_at"] and values["ends_at"] < values["starts_at"]:
                    # 23:30 to 00:30, or a break of two days: the next time that the clock shows it.
                    values["ends_at"] += timedelta(days=1)
        return values

    def _instant(self, field: str, day: date, clock: time) -> datetime | None:
        """Before the hour at which a conference day begins, it is the night after that day."""
        if clock < self.event.day_change:
            day += timedelta(days=1)
        local = datetime.combine(day, clock, self.event.tz)
        if local.astimezone(UTC).astimezone(self.event.tz).replace(tzinfo=None) != local.replace(tzinfo=None):
            self.add_error(field, gettext("The clocks go forward that night, so that this time does not exist."))
            return None
        return local

    @property
    def placing(self) -> dict[str, Any]:
        """As `place_slot` takes it."""
        names = ("submission", "title", "kind", "room", "starts_at", "ends_at", "parent", "board", "locked")
        return {name: self.cleaned_data[name] for name in names}

    @property
    def changes(self) -> dict[str, Any]:
        """As `move_slot` takes it."""
        return {name: value for name, value in self.placing.items() if name != "ends_at" or value is not None}


class ReleaseForm(Form):
    version = OneLine(
        label=_("Version"),
        max_length=40,
        validators=VERSION_VALIDATORS,
        help_text=_("A short name that readers see, such as 1.0 or draft-march."),
    )
    comment = forms.CharField(
        label=_("What is new"),
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 4}),
        validators=[validate_plain_text],
        help_text=_("For readers, on the page of changes. Markdown."),
    )
    force = forms.BooleanField(
        label=_("Publish in spite of serious conflicts"), required=False, widget=forms.CheckboxInput
    )
