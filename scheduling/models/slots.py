from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Final

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField

from events.models.places import SAME_ROOM


class SlotKind(models.TextChoices):
    TALK = "talk", _("talk")
    BLOCK = "block", _("session")
    POSTERS = "posters", _("poster session")
    PLENARY = "plenary", _("plenary")
    BREAK = "break", _("break")
    CEREMONY = "ceremony", _("ceremony")
    SOCIAL = "social", _("social event")


#: Slots of these kinds hold others (`parent`): talks in order, or posters side by side.
HOLDS_TALKS: Final = frozenset({SlotKind.BLOCK, SlotKind.POSTERS})
TAKES_EVERY_ROOM: Final = frozenset({SlotKind.PLENARY})


class SlotQuerySet(models.QuerySet["Slot"]):
    def top_level(self) -> SlotQuerySet:
        return self.filter(parent=None)

    def in_order(self) -> SlotQuerySet:
        return self.order_by("starts_at", "room__event_rooms__position", "pk")

    def with_session(self) -> SlotQuerySet:
        """With room, track, and speakers in order (`slot.submission.talks`)."""
        return self.select_related("room", "submission__track").prefetch_related("submission__talks__speaker", "chairs")


class Slot(models.Model):
    """A piece of time in a schedule, mostly in a room: a talk, a block of talks, a break, a plenary.

    `[starts_at, ends_at)`: the end is exclusive, so two slots may touch.
    """

    schedule = models.ForeignKey("scheduling.Schedule", on_delete=models.CASCADE, related_name="slots")
    # The same in every release: calendars know the slot by it (UID), files by `guid` of its submission or this.
    uid = models.UUIDField(default=uuid.uuid4, editable=False)
    kind = models.CharField(_("kind"), max_length=10, choices=SlotKind, default=SlotKind.TALK)
    # A submission that was ever released stays: a release never changes.
    submission = models.ForeignKey(
        "submissions.Submission", null=True, blank=True, on_delete=models.PROTECT, related_name="slots"
    )
    # For what is no submission: `Coffee`, `Opening ceremony`, the name of a block.
    title = I18nCharField(_("title"), max_length=300, blank=True)
    room = models.ForeignKey("events.Room", null=True, blank=True, on_delete=models.PROTECT, related_name="slots")
    starts_at = models.DateTimeField(_("begins"))
    ends_at = models.DateTimeField(_("ends"))
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="children")
    board = models.CharField(_("board"), max_length=20, blank=True)
    chairs = models.ManyToManyField("submissions.Speaker", blank=True, related_name="chaired_slots")
    # Not to be moved by the solver or by an import.
    locked = models.BooleanField(_("locked"), default=False)
    # Rises with every release that changed time, room or title: iCalendar SEQUENCE (RFC 5545 §3.8.7.4).
    sequence = models.PositiveIntegerField(default=0)
    # True in the event's current release only; the exclusion constraint below rests on it.
    is_live = models.BooleanField(default=False)
    # An organizer released it although another slot has the room at that time.
    overlap_accepted = models.BooleanField(default=False)

    objects = SlotQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["schedule", "uid"], name="scheduling_slot_uid_once_per_schedule"),
            models.CheckConstraint(
                condition=Q(ends_at__gte=F("starts_at")),
                name="scheduling_slot_ends_after_it_starts",
                violation_error_message=_("The end must come after the beginning."),
            ),
            ExclusionConstraint(
                name="scheduling_slot_one_live_per_room",
                expressions=[
                    (SAME_ROOM, RangeOperators.OVERLAPS),
                    (
                        Func(
                            F("starts_at"),
                            F("ends_at"),
                            Value("[)"),
                            function="tstzrange",
                            output_field=DateTimeRangeField(),
                        ),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                condition=Q(is_live=True, parent=None, overlap_accepted=False, room__isnull=False),
                violation_error_message=_("Another published session has this room at that time."),
            ),
        ]
        indexes = [
            models.Index(fields=["schedule", "starts_at"], name="scheduling_slot_order"),
            models.Index(fields=["room", "starts_at"], condition=Q(is_live=True), name="scheduling_slot_live_by_room"),
        ]

    def __str__(self) -> str:
        return str(self.heading)

    @property
    def heading(self) -> str:
        return str(self.submission.title) if self.submission else str(self.title)

    @property
    def duration(self) -> timedelta:
        return self.ends_at - self.starts_at

    @property
    def period(self) -> tuple[datetime, datetime]:
        return self.starts_at, self.ends_at
