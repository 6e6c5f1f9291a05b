from __future__ import annotations

from typing import Any, cast

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from rest_framework.exceptions import PermissionDenied

from accounts.models import User
from common.api.views import Resource
from events.api.base import EventResource
from events.api.serializers import (
    EventChange,
    EventCreate,
    EventOut,
    RoomBody,
    RoomOut,
    TrackBody,
    TrackOut,
    organisation_or_refuse,
)
from events.models import Event, Permission, Room, Track, Venue
from events.policies import may
from events.services import events, places, tracks


class EventFilters(filters.FilterSet):
    organisation = filters.CharFilter("organisation__slug", label=_("an organisation's slug"))
    starts_on_after = filters.DateFilter("starts_on", lookup_expr="gte", label=_("begins on that day or later"))
    starts_on_before = filters.DateFilter("starts_on", lookup_expr="lte", label=_("begins on that day or earlier"))

    class Meta:
        model = Event
        fields = ["state", "kind"]


class Events(Resource):
    """The events that you organize."""

    out = EventOut
    body = EventCreate
    body_to_change = EventChange
    lookup_field = "slug"
    lookup_url_kwarg = "event"
    filterset_class = EventFilters

    def get_queryset(self) -> QuerySet[Event]:
        return (
            Event.objects.where(cast(User, self.request.user))
            .select_related("organisation")
            .order_by("starts_on", "slug")
        )

    def make(self, asked: dict[str, Any]) -> Event:
        organisation = organisation_or_refuse(self.request.user, asked.pop("organisation"))
        return events.create_event(organisation=organisation, **asked, **self.by_whom())

    def change(self, thing: Event, asked: dict[str, Any]) -> Event:
        if not may(self.request.user, Permission.EDIT_EVENT, thing):
            raise PermissionDenied(_("Your team may not do this at this event."))
        return events.update_event(event=thing, changes=asked, **self.by_whom())


class Rooms(EventResource):
    to_write = Permission.EDIT_EVENT
    out = RoomOut
    body = RoomBody

    def get_queryset(self) -> QuerySet[Room]:
        return (
            Room.objects.filter(event_rooms__event=self.event)
            .select_related("venue")
            .order_by("event_rooms__position", "pk")
        )

    @transaction.atomic
    def make(self, asked: dict[str, Any]) -> Room:
        return places.create_room(event=self.event, **self._with_venue(asked), **self.by_whom())

    @transaction.atomic
    def change(self, thing: Room, asked: dict[str, Any]) -> Room:
        return places.update_room(event=self.event, room=thing, changes=self._with_venue(asked), **self.by_whom())

    def remove(self, thing: Room) -> None:
        places.detach_room(event=self.event, room=thing, **self.by_whom())

    def _with_venue(self, asked: dict[str, Any]) -> dict[str, Any]:
        """A building named in the request: the organisation's of that name, or a new one."""
        name = asked.pop("venue", None)
        if name is None:
            return asked
        for venue in Venue.objects.filter(organisation=self.event.organisation_id):
            if str(venue.name) == str(name):
                return {**asked, "venue": venue}
        return {**asked, "venue": places.create_venue(event=self.event, name=name, **self.by_whom())}


class Tracks(EventResource):
    to_write = Permission.EDIT_EVENT
    out = TrackOut
    body = TrackBody

    def get_queryset(self) -> QuerySet[Track]:
        return Track.objects.filter(event=self.event).order_by("position", "pk")

    def make(self, asked: dict[str, Any]) -> Track:
        return tracks.create_track(event=self.event, **asked, **self.by_whom())

    def change(self, thing: Track, asked: dict[str, Any]) -> Track:
        return tracks.update_track(track=thing, changes=asked, **self.by_whom())

    def remove(self, thing: Track) -> None:
        tracks.delete_track(track=thing, **self.by_whom())
