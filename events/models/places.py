from __future__ import annotations

from datetime import datetime

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, BigIntegerRangeField, DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField

from common.triggers import Revises
from common.validators import validate_web_address

#: `btree_gist` is not everywhere, so `room_id = room_id` is written as the overlap of two ranges of one number each.
SAME_ROOM = Func(F("room_id"), F("room_id"), Value("[]"), function="int8range", output_field=BigIntegerRangeField())


class Venue(models.Model):
    """A building, or a group of rooms that belong together."""

    organisation = models.ForeignKey("events.Organisation", on_delete=models.CASCADE, related_name="venues")
    name = I18nCharField(_("name"), max_length=200)
    address = I18nCharField(_("address"), max_length=500, blank=True)
    map_url = models.URLField(_("link to a map"), blank=True, validators=[validate_web_address])

    class Meta:
        constraints = [
            Revises(name="events_venue_revises", events="SELECT id FROM events_event WHERE venue_id = ($1).id")
        ]

    def __str__(self) -> str:
        return str(self.name)


class Room(models.Model):
    """A room of a venue. Events share rooms, so who has it when is a `RoomHold`."""

    venue = models.ForeignKey(Venue, on_delete=models.CASCADE, related_name="rooms")
    name = I18nCharField(_("name"), max_length=200)
    # Seats; None: nobody counted them, and nothing is checked against it.
    capacity = models.PositiveIntegerField(_("seats"), null=True, blank=True)
    equipment = ArrayField(models.CharField(max_length=60), default=list, blank=True, verbose_name=_("equipment"))
    note = I18nCharField(_("how to get there"), max_length=300, blank=True)

    def __str__(self) -> str:
        return str(self.name)


class EventRoom(models.Model):
    """A room that an event uses, and its place in the event's order of rooms."""

    event = models.ForeignKey("events.Event", on_delete=models.CASCADE, related_name="event_rooms")
    room = models.ForeignKey(Room, on_delete=models.PROTECT, related_name="event_rooms")
    position = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "room"], name="events_eventroom_once")]

    def __str__(self) -> str:
        return str(self.room)


class RoomHoldQuerySet(models.QuerySet["RoomHold"]):
    def overlapping(self, start: datetime, end: datetime) -> RoomHoldQuerySet:
        return self.filter(period__overlap=(start, end))


class RoomHold(models.Model):
    """A room is an event's from one instant to another. No two holds of one room overlap, whichever events they are of."""

    event = models.ForeignKey("events.Event", on_delete=models.CASCADE, related_name="room_holds")
    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="holds")
    period = DateTimeRangeField(_("from – until"))
    note = models.CharField(_("note"), max_length=200, blank=True)

    objects = RoomHoldQuerySet.as_manager()

    class Meta:
        constraints = [
            ExclusionConstraint(
                name="events_roomhold_no_two_overlap",
                expressions=[(SAME_ROOM, RangeOperators.OVERLAPS), ("period", RangeOperators.OVERLAPS)],
                violation_error_message=_("The room is taken in this period. Choose another room or another time."),
            ),
            models.CheckConstraint(
                condition=Q(period__isempty=False, period__startswith__isnull=False, period__endswith__isnull=False),
                name="events_roomhold_has_both_ends",
                violation_error_message=_("The end must come after the beginning."),
            ),
        ]

    def __str__(self) -> str:
        return str(self.room)
