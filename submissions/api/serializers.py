from __future__ import annotations

from typing import Any

from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _
from django_countries import countries
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from common.api.fields import Instant, LocalizedText, Minutes, Text
from common.api.serializers import Body
from common.codes import CODE_PATTERN
from events.models import Event, Track
from submissions.models import Speaker, Submission, SubmissionKind, SubmissionState


class PeriodOut(serializers.Serializer[Any]):
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class PeriodBody(Body):
    starts_at = Instant()
    ends_at = Instant()


class SpeakerOut(serializers.ModelSerializer[Speaker]):
    example = {
        "code": "K7Q2XM",
        "name": "Mei Lin",
        "native_name": "林梅",
        "email": "mei@example.edu",
        "affiliation": "Jiangnan University",
        "country": "CN",
        "biography": {"en": "Studies what yeast does to tea."},
        "availability": [{"starts_at": "2027-06-07T00:00:00Z", "ends_at": "2027-06-07T10:00:00Z"}],
    }

    biography = LocalizedText()
    country = serializers.CharField(source="country.code")
    availability = PeriodOut(source="availabilities", many=True)

    class Meta:
        model = Speaker
        fields = ["code", "name", "native_name", "email", "affiliation", "country", "biography", "availability"]

    def to_representation(self, instance: Speaker) -> dict[str, Any]:
        shown = super().to_representation(instance)
        if not self.context.get("with_addresses"):
            del shown["email"], shown["availability"]
        return shown


class SpeakerBody(Body):
    example = {
        "name": "Mei Lin",
        "native_name": "林梅",
        "email": "mei@example.edu",
        "affiliation": "Jiangnan University",
        "country": "CN",
        "biography": {"en": "Studies what yeast does to tea."},
        "availability": [{"starts_at": "2027-06-07T08:00:00+08:00", "ends_at": "2027-06-07T18:00:00+08:00"}],
    }
    example_of_change = {"affiliation": "Zhejiang University"}

    name = Text(max_length=200)
    native_name = Text(max_length=200, allow_blank=True, required=False)
    email = serializers.EmailField(allow_blank=True, required=False)
    affiliation = Text(max_length=300, allow_blank=True, required=False)
    country = serializers.ChoiceField(
        list(countries), allow_blank=True, required=False, help_text=_("ISO 3166-1 alpha-2, such as CN")
    )
    biography = LocalizedText(lines=True, allow_blank=True, required=False)
    availability = PeriodBody(
        many=True,
        required=False,
        help_text=_("when they can come; empty where nothing was said"),
    )

    def validate_availability(self, value: list[dict[str, Any]]) -> list[tuple[Any, Any]]:
        return [(period["starts_at"], period["ends_at"]) for period in value]


class SubmissionOut(serializers.ModelSerializer[Submission]):
    example = {
        "code": "AB34CD",
        "title": {"en": "Yeast and tea", "zh-hans": "酵母与茶"},
        "abstract": {"en": "What happens in the first hour."},
        "kind": "talk",
        "track": 2,
        "duration_minutes": 45,
        "language": "en",
        "state": "accepted",
        "expected_attendance": 120,
        "speakers": ["K7Q2XM"],
    }

    title = LocalizedText()
    abstract = LocalizedText()
    track = serializers.IntegerField(source="track_id", allow_null=True)
    duration_minutes = Minutes(source="duration")
    speakers = serializers.SerializerMethodField()

    class Meta:
        model = Submission
        fields = [
            "code",
            "title",
            "abstract",
            "kind",
            "track",
            "duration_minutes",
            "language",
            "state",
            "expected_attendance",
            "speakers",
        ]

    def get_speakers(self, submission: Submission) -> list[str]:
        return [talk.speaker.code for talk in submission.talks.all()]


@extend_schema_field(OpenApiTypes.INT)
class TrackOfEvent(serializers.Field[Track, Any, int, Any]):
    """A track's id; one of another event might as well not exist."""

    default_error_messages = {"not_found": _("The event has no such track.")}

    def to_internal_value(self, data: Any) -> Track:
        event: Event = self.context["event"]
        track = None
        if isinstance(data, int) and not isinstance(data, bool) and 0 < data < 2**63:
            track = Track.objects.filter(event=event, pk=data).first()
        if track is None:
            self.fail("not_found")
        return track

    def to_representation(self, value: Track) -> int:
        return value.pk


class SpeakersOfEvent(serializers.ListField):
    """Codes of the event's speakers, in the order in which the programme names them."""

    child = serializers.CharField(validators=[RegexValidator(rf"^{CODE_PATTERN}\Z")])

    def to_internal_value(self, data: Any) -> list[Any]:
        codes: list[str] = list(dict.fromkeys(super().to_internal_value(data)))
        found = {s.code: s for s in Speaker.objects.filter(event=self.context["event"], code__in=codes)}
        if missing := [code for code in codes if code not in found]:
            raise serializers.ValidationError(
                _("The event has no speaker %(codes)s.") % {"codes": ", ".join(missing)}, code="not_found"
            )
        return [found[code] for code in codes]


class SubmissionBody(Body):
    example = {
        "title": {"en": "Yeast and tea", "zh-hans": "酵母与茶"},
        "abstract": {"en": "What happens in the first hour."},
        "track": 2,
        "duration_minutes": 45,
        "language": "en",
        "expected_attendance": 120,
        "speakers": ["K7Q2XM"],
    }
    example_of_change = {"state": "confirmed", "expected_attendance": 150}

    title = LocalizedText(max_length=500)
    abstract = LocalizedText(lines=True, allow_blank=True, required=False)
    kind = serializers.ChoiceField(SubmissionKind.choices, required=False)
    track = TrackOfEvent(allow_null=True, required=False)
    duration_minutes = Minutes(source="duration", required=False)
    language = serializers.CharField(max_length=35, allow_blank=True, required=False)
    state = serializers.ChoiceField(SubmissionState.choices, required=False)
    expected_attendance = serializers.IntegerField(
        allow_null=True,
        required=False,
        min_value=0,
        max_value=1_000_000,
        help_text=_("people; the room is measured by it"),
    )
    speakers = SpeakersOfEvent(required=False, max_length=200)

    def validate_language(self, value: str) -> str:
        if value and not all(c.isascii() and (c.isalnum() or c == "-") for c in value):
            raise serializers.ValidationError(
                _("Write a language tag such as en or zh-Hans (BCP 47)."), code="language"
            )
        return value
