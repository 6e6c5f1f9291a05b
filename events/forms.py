from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, time
from typing import Any

from django import forms
from django.conf import settings
from django.db.models import Q
from django.utils.functional import lazy
from django.utils.text import capfirst
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from i18nfield.strings import LazyI18nString

from accounts.forms import TimeZoneField
from common.forms import Form, LocalizedField
from common.text import validate_plain_text, validate_single_line
from common.validators import WebAddressValidator
from events.models import (
    Event,
    EventKind,
    Organisation,
    OrganisationKind,
    Permission,
    Room,
    Team,
    Track,
    Venue,
    validate_event_slug,
)
from events.models.events import ACCENTS, MAX_QUIET_MINUTES
from events.models.tracks import validate_colour
from events.services.texts import LONGEST_TEXT

capfirst_lazy = lazy(capfirst, str)


def capitalized(choices: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Model labels are words within a sentence; in a list of choices each begins one."""
    return [(value, capfirst_lazy(label)) for value, label in choices]


class OneLine(forms.CharField):
    """Kept letter by letter: what somebody typed before or after the words is not ours to take away."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validators.append(validate_single_line)


class Texts(LocalizedField):
    """A text per language, each as long as its column of the model allows, of plain characters."""

    def __init__(self, *, max_length: int = LONGEST_TEXT, lines: bool = False, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, lines=lines, **kwargs)
        for field in self.fields:
            field.validators.append(validate_plain_text if lines else validate_single_line)
            field.strip = False


class WebAddressField(forms.URLField):
    default_validators = [WebAddressValidator()]

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 200)
        super().__init__(assume_scheme="https", **kwargs)


def every_language() -> list[str]:
    """The reader's first: that is the one they write in."""
    codes = [code for code, _name in settings.LANGUAGES]
    return sorted(codes, key=lambda code: code != get_language())


class OrganisationForm(Form):
    name = Texts(label=_("Name"), max_length=200, help_text=_("A college, research centre, laboratory or office."))
    kind = forms.ChoiceField(label=_("Kind"), choices=capitalized(OrganisationKind.choices))
    website = WebAddressField(label=_("Web site"), required=False)
    contact_email = forms.EmailField(label=_("Contact address"), required=False, max_length=254)

    def __init__(self, *args: Any, organisation: Organisation | None = None, **kwargs: Any) -> None:
        if organisation is not None:
            kwargs.setdefault("initial", {name: getattr(organisation, name) for name in type(self).base_fields})
        super().__init__(*args, **kwargs)


class NewEventForm(Form):
    """What an event cannot be without; the rest has a page of its own."""

    organisation = forms.ModelChoiceField(label=_("Host"), queryset=Organisation.objects.none(), empty_label=None)
    name = Texts(label=_("Name of the event"), max_length=300)
    kind = forms.ChoiceField(label=_("Kind"), choices=capitalized(EventKind.choices))
    starts_on = forms.DateField(label=_("First day"))
    ends_on = forms.DateField(label=_("Last day"))
    time_zone = TimeZoneField(label=_("Time zone"), help_text=_("Of the place where it happens."))
    slug = forms.CharField(
        label=_("Address"),
        required=False,
        max_length=50,
        validators=[validate_event_slug],
        help_text=_(
            "The part after the site's own: small letters, digits and hyphens. Left empty, it is made from the name."
        ),
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, organisations: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["organisation"].queryset = organisations  # type: ignore[attr-defined]
        self.fields["time_zone"].initial = settings.CAMPUS_TIME_ZONE

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        _check_days(self)
        if values.get("slug") and Event.objects.filter(slug=values["slug"]).exists():
            self.add_error("slug", gettext("Another event has this address already. Choose another."))
        return values

    def locales(self) -> list[str]:
        """The languages that the name was written in, the reader's first."""
        written = self.cleaned_data["name"].data
        return [code for code in every_language() if (written.get(code) or "").strip()]


def _check_days(form: forms.Form) -> None:
    start, end = form.cleaned_data.get("starts_on"), form.cleaned_data.get("ends_on")
    if start and end and end < start:
        form.add_error("ends_on", gettext("The last day is before the first day. Choose a day on or after it."))


class DetailsForm(Form):
    name = Texts(label=_("Name"), max_length=300)
    tagline = Texts(
        label=_("One line about it"), max_length=300, required=False, help_text=_("Below the name, and in lists.")
    )
    description = Texts(
        label=_("Description"),
        lines=True,
        rows=8,
        required=False,
        help_text=_(
            "What it is about, for whom, and why to come. Markdown works: **bold**, lists, [links](https://…)."
        ),
    )
    kind = forms.ChoiceField(label=_("Kind"), choices=capitalized(EventKind.choices))
    starts_on = forms.DateField(label=_("First day"))
    ends_on = forms.DateField(label=_("Last day"))
    time_zone = TimeZoneField(
        label=_("Time zone"), help_text=_("Changing it keeps wall clocks: what begins at 09:00 begins at 09:00 there.")
    )
    day_change = forms.TimeField(
        label=_("A conference day begins at"),
        help_text=_("What begins before this hour belongs to the evening before: a party that goes on past midnight."),
    )
    locales = forms.MultipleChoiceField(
        label=_("Languages"),
        choices=settings.LANGUAGES,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("The languages that you write this event's texts in."),
    )
    venue = forms.ModelChoiceField(
        label=_("Venue"), queryset=Venue.objects.none(), required=False, empty_label=_("Not decided yet")
    )
    accent = forms.ChoiceField(
        label=_("Colour"), choices=capitalized(ACCENTS), help_text=_("Of buttons and headings on the event's pages.")
    )
    contact_email = forms.EmailField(
        label=_("Contact address"), required=False, max_length=254, help_text=_("Shown on the event's page.")
    )
    website = WebAddressField(
        label=_("Web site"), required=False, help_text=_("If the event has one of its own elsewhere.")
    )
    acronym = OneLine(label=_("Short name"), max_length=60, required=False, help_text=_("Such as FOOD 2027."))
    quiet_minutes = forms.IntegerField(
        label=_("Tell speakers of changes after so many quiet minutes"),
        min_value=0,
        max_value=MAX_QUIET_MINUTES,
        required=False,
        help_text=_(
            "When a new version is published, mails to speakers wait until nothing has changed for so long, and then tell"
            " everything at once. 0 sends them immediately. What begins within two days is always told at once."
        ),
    )
    slug = forms.CharField(
        label=_("Address"),
        max_length=50,
        validators=[validate_event_slug],
        help_text=_("The part after the site's own. It cannot change while the event is public."),
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, event: Event, **kwargs: Any) -> None:
        initial = {name: getattr(event, name) for name in type(self).base_fields}
        super().__init__(*args, initial=initial, **kwargs)
        self.event = event
        speak(self, event)
        self.fields["time_zone"].keep = event.time_zone  # type: ignore[attr-defined]
        venues = Venue.objects.filter(Q(organisation=event.organisation_id) | Q(pk=event.venue_id))
        self.fields["venue"].queryset = venues.order_by("pk")  # type: ignore[attr-defined]
        if event.is_public:
            self.fields["slug"].disabled = True

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        _check_days(self)
        if values.get("quiet_minutes") is None:
            values["quiet_minutes"] = self.event.quiet_minutes
        if chosen := values.get("locales"):
            # The first is the one that texts fall back to: it stays first.
            values["locales"] = sorted(chosen, key=lambda code: code != self.event.language)
        for name in ("name", "tagline", "description"):
            if name in values:
                values[name] = _with_other_languages(values[name], getattr(self.event, name), self.event.locales)
        return values


def speak(form: Form, event: Event) -> None:
    """One input per language of the event."""
    for field in form.fields.values():
        if isinstance(field, LocalizedField):
            field.widget.enabled_locales = event.locales


def _with_other_languages(written: LazyI18nString, stored: LazyI18nString, shown: Sequence[str]) -> LazyI18nString:
    """Texts in languages that the form does not show are kept: taking a language off and on again loses nothing."""
    hidden = {code: text for code, text in (stored.data or {}).items() if code not in shown}
    return LazyI18nString({**hidden, **{code: written.data.get(code) or "" for code in shown}})


class VenueForm(Form):
    name = Texts(label=_("Name"), max_length=200, help_text=_("A building, or a group of rooms that belong together."))
    address = Texts(label=_("Address"), max_length=500, required=False)
    map_url = WebAddressField(label=_("Link to a map"), required=False, help_text=_("Shown on the event's page."))

    def __init__(self, *args: Any, event: Event, venue: Venue | None = None, **kwargs: Any) -> None:
        if venue is not None:
            kwargs["initial"] = {name: getattr(venue, name) for name in type(self).base_fields}
        super().__init__(*args, **kwargs)
        speak(self, event)


class RoomForm(Form):
    name = Texts(label=_("Name"), max_length=200)
    capacity = forms.IntegerField(
        label=_("Seats"),
        min_value=1,
        max_value=1_000_000,
        required=False,
        help_text=_("Left empty: nobody counted them, and nothing is checked against it."),
    )
    venue = forms.ModelChoiceField(label=_("Venue"), queryset=Venue.objects.none(), required=False, empty_label=None)
    equipment = forms.CharField(
        label=_("Equipment"),
        required=False,
        max_length=600,
        validators=[validate_single_line],
        help_text=_("Words with commas between them: projector, microphone, hybrid."),
    )
    note = Texts(label=_("How to get there"), max_length=300, required=False)

    def __init__(self, *args: Any, event: Event, room: Room | None = None, **kwargs: Any) -> None:
        if room is not None:
            kwargs["initial"] = {name: getattr(room, name) for name in type(self).base_fields}
            kwargs["initial"]["equipment"] = ", ".join(room.equipment)
        else:
            kwargs["initial"] = {"venue": event.venue_id}
        super().__init__(*args, **kwargs)
        speak(self, event)
        venues = Venue.objects.filter(organisation=event.organisation_id).order_by("pk")
        if venues:
            self.fields["venue"].queryset = venues  # type: ignore[attr-defined]
        else:
            del self.fields["venue"]

    def clean_equipment(self) -> list[str]:
        words = [
            word.strip() for word in self.cleaned_data["equipment"].replace("，", ",").replace("、", ",").split(",")
        ]
        if any(len(word) > 60 for word in words):
            raise forms.ValidationError(_("Keep each of them below 60 characters, with commas between them."))
        return list(dict.fromkeys(word for word in words if word))


class AttachRoomForm(Form):
    """Rooms that are there already: of this organisation first, then of the rest of the campus."""

    room = forms.ModelChoiceField(label=_("Room"), queryset=Room.objects.none(), empty_label=_("Choose a room"))

    def __init__(self, *args: Any, event: Event, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rooms = Room.objects.exclude(event_rooms__event=event).select_related("venue__organisation")
        self.fields["room"].queryset = rooms.order_by("venue_id", "pk")  # type: ignore[attr-defined]
        self.fields["room"].label_from_instance = _room_and_venue  # type: ignore[attr-defined]


def _room_and_venue(room: Room) -> str:
    seats = gettext("%(seats)s seats") % {"seats": room.capacity} if room.capacity else ""
    return " · ".join(part for part in (str(room.name), str(room.venue.name), seats) if part)


class TrackForm(Form):
    name = Texts(label=_("Name"), max_length=200)
    colour = forms.CharField(
        label=_("Colour"),
        max_length=7,
        validators=[validate_colour],
        initial="#1F7A8C",
        widget=forms.TextInput(attrs={"type": "color"}),
        help_text=_("A thin bar beside the track's sessions."),
    )

    def __init__(self, *args: Any, event: Event, track: Track | None = None, **kwargs: Any) -> None:
        if track is not None:
            kwargs["initial"] = {"name": track.name, "colour": track.colour}
        super().__init__(*args, **kwargs)
        speak(self, event)


class HoldForm(Form):
    room = forms.ModelChoiceField(label=_("Room"), queryset=Room.objects.none(), empty_label=None)
    start = forms.DateTimeField(label=_("From"))
    end = forms.DateTimeField(label=_("Until"))
    note = OneLine(
        label=_("Note for your team"), max_length=200, required=False, help_text=_("Such as: set-up of the stage.")
    )

    def __init__(self, *args: Any, event: Event, **kwargs: Any) -> None:
        kwargs.setdefault(
            "initial",
            {
                "start": datetime.combine(event.starts_on, time(8)),
                "end": datetime.combine(event.ends_on, time(18)),
            },
        )
        super().__init__(*args, **kwargs)
        self.event = event
        rooms = Room.objects.filter(event_rooms__event=event).order_by("event_rooms__position", "pk")
        self.fields["room"].queryset = rooms  # type: ignore[attr-defined]

    def clean_start(self) -> datetime:
        return self._here(self.cleaned_data["start"])

    def clean_end(self) -> datetime:
        return self._here(self.cleaned_data["end"])

    def _here(self, value: datetime) -> datetime:
        """What was typed is wall clock of the event's zone, whatever zone Django took it for."""
        moment = value.replace(tzinfo=self.event.tz)
        if not 1970 <= moment.year <= 9000:
            raise forms.ValidationError(_("Check the year."))
        return moment


class TeamForm(Form):
    name = OneLine(label=_("Name of the team"), max_length=100, help_text=_("Such as: Programme committee."))
    permissions = forms.MultipleChoiceField(
        label=_("What it may do"), choices=capitalized(Permission.choices), widget=forms.CheckboxSelectMultiple
    )
    scope = forms.ChoiceField(label=_("At which events"), choices=[], widget=forms.RadioSelect)
    events = forms.ModelMultipleChoiceField(
        label=_("These events"),
        queryset=Event.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(
        self,
        *args: Any,
        events: Any,
        permissions: Iterable[str],
        everywhere: bool,
        team: Team | None = None,
        chosen: Sequence[int] = (),
        **kwargs: Any,
    ) -> None:
        kwargs["initial"] = (
            {
                "name": team.name,
                "permissions": team.permissions,
                "scope": "all" if team.all_events else "some",
                "events": [event.pk for event in team.events.all()],
            }
            if team
            else {"scope": "some" if chosen or not everywhere else "all", "events": list(chosen)}
        )
        super().__init__(*args, **kwargs)
        allowed = set(permissions)
        self.fields["permissions"].choices = [  # type: ignore[attr-defined]
            choice for choice in capitalized(Permission.choices) if choice[0] in allowed
        ]
        scopes = [("some", _("Only at the events chosen below"))]
        if everywhere:
            scopes.insert(0, ("all", _("At all events of the organisation, those to come included")))
        self.fields["scope"].choices = scopes  # type: ignore[attr-defined]
        self.fields["events"].queryset = events  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if values.get("scope") == "some" and not values.get("events") and "events" not in self.errors:
            self.add_error("events", gettext("Choose the events that this team helps at."))
        return values

    def values(self) -> dict[str, Any]:
        return {
            "name": self.cleaned_data["name"],
            "permissions": self.cleaned_data["permissions"],
            "all_events": self.cleaned_data["scope"] == "all",
            "events": list(self.cleaned_data["events"]),
        }


class InviteForm(Form):
    email = forms.EmailField(label=_("E-mail address"), max_length=254)


class OrderForm(forms.Form):
    """One step up or down in a list."""

    item = forms.IntegerField()
    to = forms.ChoiceField(choices=[("up", "up"), ("down", "down")])

    def moved(self, order: Sequence[int]) -> list[int]:
        ids = list(order)
        item = self.cleaned_data["item"]
        if item in ids:
            here = ids.index(item)
            there = here - 1 if self.cleaned_data["to"] == "up" else here + 1
            if 0 <= there < len(ids):
                ids[here], ids[there] = ids[there], ids[here]
        return ids
