from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from common.api.fields import LocalizedText
from common.api.serializers import Body
from events.models import Event, EventKind, EventState, Organisation, Room, Track, validate_event_slug
from events.models.events import MAX_QUIET_MINUTES
from events.models.tracks import validate_colour


class EventOut(serializers.ModelSerializer[Event]):
    example = {
        "slug": "tea-2027",
        "name": {"en": "Tea Days 2027", "zh-hans": "2027茶学日"},
        "kind": "conference",
        "organisation": "food-science",
        "starts_on": "2027-06-07",
        "ends_on": "2027-06-08",
        "time_zone": "Asia/Shanghai",
        "locales": ["en", "zh-hans"],
        "currency": "CNY",
        "state": "draft",
        "tagline": {"en": "From leaf to cup"},
        "description": {},
        "contact_email": "tea@example.edu",
        "website": "https://tea.example.edu/",
        "quiet_minutes": 0,
    }

    name = LocalizedText()
    tagline = LocalizedText()
    description = LocalizedText()
    organisation = serializers.SlugRelatedField(slug_field="slug", read_only=True)  # type: ignore[var-annotated]  # read-only

    class Meta:
        model = Event
        fields = [
            "slug",
            "name",
            "kind",
            "organisation",
            "starts_on",
            "ends_on",
            "time_zone",
            "locales",
            "currency",
            "state",
            "tagline",
            "description",
            "contact_email",
            "website",
            "quiet_minutes",
        ]


class EventChange(Body):
    example = {"state": "live", "tagline": {"en": "From leaf to cup", "zh-hans": "从叶到杯"}}

    slug = serializers.CharField(max_length=50, validators=[validate_event_slug])
    name = LocalizedText(max_length=300)
    kind = serializers.ChoiceField(EventKind.choices)
    starts_on = serializers.DateField()
    ends_on = serializers.DateField()
    time_zone = serializers.ChoiceField(sorted(available_timezones()))
    locales = serializers.ListField(
        child=serializers.ChoiceField(settings.LANGUAGES), min_length=1, max_length=len(settings.LANGUAGES)
    )
    currency = serializers.RegexField(r"^[A-Z]{3}\Z", error_messages={"invalid": _("Write three capitals: CNY.")})
    state = serializers.ChoiceField(EventState.choices)
    tagline = LocalizedText(max_length=300, allow_blank=True)
    description = LocalizedText(lines=True, allow_blank=True)
    contact_email = serializers.EmailField(allow_blank=True)
    website = serializers.URLField(allow_blank=True)
    quiet_minutes = serializers.IntegerField(
        min_value=0,
        max_value=MAX_QUIET_MINUTES,
        help_text=_("speakers are told what a release changed when nothing more has changed for so long; 0: at once"),
    )


class EventCreate(EventChange):
    example = {
        "slug": "tea-2027",
        "name": {"en": "Tea Days 2027", "zh-hans": "2027茶学日"},
        "organisation": "food-science",
        "starts_on": "2027-06-07",
        "ends_on": "2027-06-08",
        "locales": ["en", "zh-hans"],
        "tagline": {"en": "From leaf to cup"},
        "contact_email": "tea@example.edu",
        "website": "https://tea.example.edu/",
    }

    kind = serializers.ChoiceField(EventKind.choices, default=EventKind.CONFERENCE)
    organisation = serializers.SlugField()
    time_zone = serializers.ChoiceField(sorted(available_timezones()), default=settings.CAMPUS_TIME_ZONE)
    locales = serializers.ListField(
        child=serializers.ChoiceField(settings.LANGUAGES),
        min_length=1,
        max_length=len(settings.LANGUAGES),
        default=["en"],
    )
    currency = serializers.RegexField(r"^[A-Z]{3}\Z", default="CNY")
    state = serializers.ChoiceField(EventState.choices, default=EventState.DRAFT)
    tagline = LocalizedText(max_length=300, allow_blank=True, required=False)
    description = LocalizedText(lines=True, allow_blank=True, required=False)
    contact_email = serializers.EmailField(allow_blank=True, required=False)
    website = serializers.URLField(allow_blank=True, required=False)
    quiet_minutes = serializers.IntegerField(min_value=0, max_value=MAX_QUIET_MINUTES, required=False)


class RoomOut(serializers.ModelSerializer[Room]):
    example = {
        "id": 3,
        "name": {"en": "Great Hall", "zh-hans": "大礼堂"},
        "venue": {"en": "Lake Building"},
        "capacity": 400,
    }

    name = LocalizedText()
    venue = LocalizedText(source="venue.name")

    class Meta:
        model = Room
        fields = ["id", "name", "venue", "capacity"]


class RoomBody(Body):
    example = {"name": {"en": "Great Hall", "zh-hans": "大礼堂"}, "venue": {"en": "Lake Building"}, "capacity": 400}
    example_of_change = {"capacity": 380}

    name = LocalizedText(max_length=200)
    venue = LocalizedText(
        max_length=200,
        required=False,
        help_text=_("The building's name; one of the organisation's buildings, or a new one. Default: the event's."),
    )
    capacity = serializers.IntegerField(min_value=0, max_value=1_000_000, allow_null=True, required=False)


class TrackOut(serializers.ModelSerializer[Track]):
    example = {"id": 2, "name": {"en": "Fermentation", "zh-hans": "发酵"}, "colour": "#1F7A8C"}

    name = LocalizedText()

    class Meta:
        model = Track
        fields = ["id", "name", "colour"]


class TrackBody(Body):
    example = {"name": {"en": "Fermentation", "zh-hans": "发酵"}, "colour": "#1F7A8C"}
    example_of_change = {"colour": "#7A3E9D"}

    name = LocalizedText(max_length=200)
    colour = serializers.CharField(required=False, validators=[validate_colour])


def organisation_or_refuse(user: Any, slug: str) -> Organisation:
    """The organisation, if `user` may create events there; otherwise it might as well not exist."""
    organisation = Organisation.objects.organized_by(user).filter(slug=slug).first()
    if organisation is None:
        raise serializers.ValidationError(
            {"organisation": [serializers.ErrorDetail(str(_("You organize no such organisation.")), code="not_found")]}
        )
    return organisation
