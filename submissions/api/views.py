from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters

from events.api.base import EventResource, OfEvent
from events.models import Permission, Track
from submissions.api.serializers import SpeakerBody, SpeakerOut, SubmissionBody, SubmissionOut
from submissions.models import Speaker, Submission
from submissions.services import speakers, submissions


class SubmissionFilters(filters.FilterSet):
    speaker = filters.CharFilter("speakers__code", label=_("a speaker's code"))
    track = OfEvent(Track, "event")

    class Meta:
        model = Submission
        fields = ["state", "kind", "language"]


class Submissions(EventResource):
    to_write = Permission.EDIT_PROGRAMME
    out = SubmissionOut
    body = SubmissionBody
    lookup_field = "code"
    filterset_class = SubmissionFilters

    def get_queryset(self) -> QuerySet[Submission]:
        return Submission.objects.filter(event=self.event).with_people().order_by("pk")

    def make(self, asked: dict[str, Any]) -> Submission:
        return submissions.create_submission(event=self.event, **asked, **self.by_whom())

    def change(self, thing: Submission, asked: dict[str, Any]) -> Submission:
        people = asked.pop("speakers", None)
        return submissions.update_submission(submission=thing, changes=asked, speakers=people, **self.by_whom())

    def remove(self, thing: Submission) -> None:
        submissions.delete_submission(submission=thing, **self.by_whom())


class Speakers(EventResource):
    to_write = Permission.EDIT_PROGRAMME
    out = SpeakerOut
    body = SpeakerBody
    lookup_field = "code"

    def get_queryset(self) -> QuerySet[Speaker]:
        return Speaker.objects.filter(event=self.event).prefetch_related("availabilities").order_by("pk")

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "with_addresses": Permission.EDIT_PROGRAMME in self.allowed}

    def make(self, asked: dict[str, Any]) -> Speaker:
        return speakers.create_speaker(event=self.event, **asked, **self.by_whom())

    def change(self, thing: Speaker, asked: dict[str, Any]) -> Speaker:
        availability = asked.pop("availability", None)
        return speakers.update_speaker(speaker=thing, changes=asked, availability=availability, **self.by_whom())

    def remove(self, thing: Speaker) -> None:
        speakers.delete_speaker(speaker=thing, **self.by_whom())
