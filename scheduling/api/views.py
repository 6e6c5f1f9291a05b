from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.filters import InstantFilter
from common.api.pagination import LongPages
from events.api.base import EventResource, OfEvent
from events.models import Permission, Room
from scheduling.api.serializers import (
    ConflictOut,
    PreviewOut,
    ReleaseBody,
    ReleaseOut,
    SlotChange,
    SlotOut,
)
from scheduling.models import Schedule, Slot
from scheduling.services import conflicts, releases, slots


class SlotFilters(filters.FilterSet):
    starts_at_after = InstantFilter("starts_at", lookup_expr="gte", label=_("begins then or later"))
    starts_at_before = InstantFilter("starts_at", lookup_expr="lte", label=_("begins then or earlier"))
    submission = filters.CharFilter("submission__code", label=_("a submission's code"))
    room = OfEvent(Room, "event_rooms__event")
    parent = OfEvent(Slot, "schedule__event")

    class Meta:
        model = Slot
        fields = ["kind"]


class Slots(EventResource):
    """The draft's."""

    to_write = Permission.EDIT_PROGRAMME
    out = SlotOut
    body = SlotChange
    filterset_class = SlotFilters

    def get_queryset(self) -> QuerySet[Slot]:
        return (
            Slot.objects.filter(schedule__event=self.event, schedule__version=None)
            .select_related("submission")
            .order_by("starts_at", "pk")
        )

    def make(self, asked: dict[str, Any]) -> Slot:
        return slots.place_slot(event=self.event, **asked, **self.by_whom())

    def change(self, thing: Slot, asked: dict[str, Any]) -> Slot:
        return slots.move_slot(slot=thing, changes=asked, **self.by_whom())

    def remove(self, thing: Slot) -> None:
        slots.remove_slot(slot=thing, **self.by_whom())

    def lock(self, thing: Slot) -> None:
        Schedule.objects.select_for_update(of=("self",)).get(pk=thing.schedule_id)


class Conflicts(EventResource):
    """The draft's, fatal ones first."""

    to_write = Permission.EDIT_PROGRAMME
    http_method_names = ["get", "head", "options"]
    out = ConflictOut
    pagination_class = LongPages

    def get_queryset(self) -> QuerySet[Slot]:
        return Slot.objects.none()

    @extend_schema(responses=ConflictOut(many=True))
    def list(self, request: Request, **_path: Any) -> Response:
        page = self.paginate_queryset(conflicts.conflicts_of(Schedule.objects.draft_of(self.event)))
        return self.get_paginated_response(self.shown(page, many=True))


class Releases(EventResource):
    to_write = Permission.PUBLISH_SCHEDULE
    http_method_names = ["get", "post", "head", "options"]
    out = ReleaseOut
    body = ReleaseBody
    lookup_field = "version"
    lookup_value_regex = "[^/]+"

    def get_queryset(self) -> QuerySet[Schedule]:
        return Schedule.objects.filter(event=self.event).released()

    def make(self, asked: dict[str, Any]) -> Schedule:
        try:
            return releases.release(event=self.event, **asked, **self.by_whom())
        except releases.CannotRelease as refusal:
            refusal.members = {"conflicts": ConflictOut(refusal.conflicts, many=True).data}
            raise

    @extend_schema(responses=PreviewOut)
    def preview(self, request: Request, **_path: Any) -> Response:
        """What a release now would change, and whom it would tell."""
        return Response(PreviewOut(releases.preview(self.event)).data, status=status.HTTP_200_OK)
