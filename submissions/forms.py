from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django_countries import countries

from common.forms import Form
from common.problems import Invalid
from common.text import validate_plain_text
from events.forms import OneLine, Texts, WebAddressField, capitalized
from events.models import Event, Track
from submissions.models import Speaker, Submission, SubmissionKind, SubmissionState
from submissions.services.speakers import Period, availability_from_lines, availability_in_lines, in_lines

LONGEST_MINUTES = 7 * 24 * 60


class SubmissionForm(Form):
    title = Texts(label=_("Title"), max_length=500)
    speakers = forms.CharField(
        label=_("Speakers"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        validators=[validate_plain_text],
        help_text=_("One name a line, in the order of the programme. A new name adds a speaker."),
    )
    kind = forms.ChoiceField(label=_("Kind"), choices=capitalized(SubmissionKind.choices))
    state = forms.ChoiceField(
        label=_("State"),
        choices=capitalized(SubmissionState.choices),
        initial=SubmissionState.ACCEPTED,
        help_text=_("Accepted and confirmed sessions may stand in the schedule."),
    )
    track = forms.ModelChoiceField(label=_("Track"), queryset=Track.objects.none(), required=False)
    duration_minutes = forms.IntegerField(
        label=_("Minutes"), min_value=0, max_value=LONGEST_MINUTES, initial=30, widget=forms.NumberInput
    )
    language = forms.ChoiceField(label=_("Language"), required=False)
    expected_attendance = forms.IntegerField(
        label=_("People expected"),
        required=False,
        min_value=0,
        max_value=1_000_000,
        help_text=_("A warning comes where the room has fewer seats."),
    )
    subtitle = Texts(label=_("Subtitle"), max_length=500, required=False)
    abstract = Texts(
        label=_("Abstract"), lines=True, rows=5, required=False, help_text=_("Markdown: **bold**, lists, links.")
    )
    description = Texts(label=_("Description"), lines=True, rows=5, required=False)
    url = WebAddressField(label=_("Link"), required=False, max_length=500)
    do_not_record = forms.BooleanField(label=_("Not to be recorded"), required=False)

    def __init__(self, *args: Any, event: Event, submission: Submission | None = None, **kwargs: Any) -> None:
        if submission is not None:
            kwargs.setdefault("initial", self._initial(event, submission))
        super().__init__(*args, **kwargs)
        for name in ("title", "subtitle", "abstract", "description"):
            self.fields[name].widget.enabled_locales = event.locales
        track, language = self.fields["track"], self.fields["language"]
        assert isinstance(track, forms.ModelChoiceField)
        assert isinstance(language, forms.ChoiceField)
        track.queryset = event.tracks.order_by("position", "pk")
        known = dict(settings.LANGUAGES)
        # A programme from a file may be in any language of the world.
        kept = submission.language if submission else ""
        language.choices = [("", "–"), *settings.LANGUAGES, *([(kept, kept)] if kept and kept not in known else [])]

    def _initial(self, event: Event, submission: Submission) -> dict[str, Any]:
        names = (
            *("title", "subtitle", "abstract", "description", "kind", "state", "language", "url", "do_not_record"),
            "expected_attendance",
        )
        return {
            **{name: getattr(submission, name) for name in names},
            "track": submission.track_id,
            "duration_minutes": int(submission.duration.total_seconds() // 60),
            "speakers": in_lines(event, [talk.speaker for talk in submission.talks.all()]),
        }

    @property
    def names(self) -> list[str]:
        return self.cleaned_data["speakers"].splitlines()

    @property
    def values(self) -> dict[str, Any]:
        """As the services take them, speakers aside."""
        values = {name: value for name, value in self.cleaned_data.items() if name != "speakers"}
        values["duration"] = timedelta(minutes=values.pop("duration_minutes"))
        return values


class SpeakerForm(Form):
    name = OneLine(
        label=_("Name"),
        max_length=200,
        help_text=_("As the programme names them, in Latin letters if they use any."),
    )
    native_name = OneLine(label=_("Name in its own script"), max_length=200, required=False)
    email = forms.EmailField(
        label=_("E-mail address"),
        required=False,
        max_length=254,
        help_text=_("For mail about their sessions. It is shown nowhere."),
    )
    language = forms.ChoiceField(
        label=_("Language of mails"), required=False, choices=[("", _("The event’s")), *settings.LANGUAGES]
    )
    affiliation = OneLine(label=_("University or organisation"), max_length=300, required=False)
    country = forms.ChoiceField(label=_("Country or region"), required=False)
    biography = Texts(label=_("Biography"), lines=True, rows=5, required=False)
    is_keynote = forms.BooleanField(
        label=_("Keynote speaker"), required=False, help_text=_("Shown on the event’s own page.")
    )
    availability = forms.CharField(
        label=_("Can come"),
        required=False,
        max_length=5_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        validators=[validate_plain_text],
        help_text=_(
            "One stretch of time a line, such as 2027-06-07 09:00 – 12:30, in the event’s time zone. Empty: at all times."
        ),
    )

    def __init__(self, *args: Any, event: Event, speaker: Speaker | None = None, **kwargs: Any) -> None:
        self.event = event
        if speaker is not None:
            names = type(self).base_fields.keys() - {"availability"}
            kwargs.setdefault("initial", {name: getattr(speaker, name) for name in names})
            kwargs["initial"]["country"] = str(speaker.country)
            kwargs["initial"]["availability"] = availability_in_lines(speaker)
        super().__init__(*args, **kwargs)
        self.fields["biography"].widget.enabled_locales = event.locales
        country = self.fields["country"]
        assert isinstance(country, forms.ChoiceField)
        country.choices = [("", "–"), *((str(code), str(name)) for code, name in countries)]

    def clean_availability(self) -> list[Period]:
        try:
            return availability_from_lines(self.event, self.cleaned_data["availability"])
        except Invalid as refusal:
            first = refusal.problems[0]
            raise forms.ValidationError(f"{first.message} {first.fix}", code=first.code) from refusal

    @property
    def values(self) -> dict[str, Any]:
        """As the services take them, availability aside."""
        return {name: value for name, value in self.cleaned_data.items() if name != "availability"}
