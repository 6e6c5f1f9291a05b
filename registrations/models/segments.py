from __future__ import annotations

from collections.abc import Iterable

from django.db import models
from django.utils.translation import gettext_lazy as _

from common.text import validate_single_line


class SegmentQuerySet(models.QuerySet["Segment"]):
    def choices(self) -> Iterable[tuple[int, str]]:
        return self.order_by("name", "pk").values_list("pk", "name")


class Segment(models.Model):
    """A filter of an event's registrations that somebody gave a name; whoever fits it at the moment is in it."""

    event = models.ForeignKey("events.Event", on_delete=models.CASCADE, related_name="segments")
    name = models.CharField(_("name"), max_length=100, validators=[validate_single_line])
    # As registrations.segments reads it.
    wanted = models.JSONField(default=dict)

    objects = SegmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["event", "name"],
                name="registrations_segment_name_once_per_event",
                violation_error_message=_("Another segment has this name."),
            )
        ]

    def __str__(self) -> str:
        return self.name
