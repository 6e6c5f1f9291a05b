from __future__ import annotations

import re

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from events.models import Event

VERSION_VALIDATORS = [
    RegexValidator(
        r"^[0-9A-Za-z](?:[0-9A-Za-z ._+-]{0,38}[0-9A-Za-z])?\Z",
        _("Use up to 40 letters, digits, spaces, dots, hyphens and underscores."),
    ),
    RegexValidator(
        r"^(?:latest|wip)\Z",
        _("Apps mean the newest programme, or the draft, by this name. Choose another."),
        inverse_match=True,
        flags=re.IGNORECASE,
    ),
]


class ScheduleQuerySet(models.QuerySet["Schedule"]):
    def draft_of(self, event: Event) -> Schedule:
        """The event's one draft, made on first use."""
        return self.get_or_create(event=event, version=None)[0]

    def current(self) -> ScheduleQuerySet:
        return self.filter(is_current=True)

    def released(self) -> ScheduleQuerySet:
        return self.filter(version__isnull=False).order_by("-number")


class Schedule(models.Model):
    """A named release of an event's programme, which never changes, or the one draft (`version` None)."""

    event = models.ForeignKey("events.Event", on_delete=models.CASCADE, related_name="schedules")
    version = models.CharField(_("version"), max_length=40, null=True, validators=VERSION_VALIDATORS)  # noqa: DJ001
    # Counts an event's releases from 1; 0 for the draft.
    number = models.PositiveIntegerField(default=0)
    comment = models.TextField(_("what is new"), blank=True)
    released_at = models.DateTimeField(null=True)
    released_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    is_current = models.BooleanField(default=False)

    objects = ScheduleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["event"], condition=Q(version=None), name="scheduling_schedule_one_draft_per_event"
            ),
            models.UniqueConstraint(
                fields=["event", "version"],
                name="scheduling_schedule_version_once_per_event",
                violation_error_message=_("This version exists already. Choose another name."),
            ),
            models.UniqueConstraint(
                fields=["event"], condition=Q(is_current=True), name="scheduling_schedule_one_current_per_event"
            ),
            models.CheckConstraint(
                condition=Q(version=None, released_at=None, is_current=False)
                | Q(version__isnull=False, released_at__isnull=False),
                name="scheduling_schedule_is_draft_or_release",
            ),
        ]

    def __str__(self) -> str:
        return self.version or "draft"

    @property
    def is_draft(self) -> bool:
        return self.version is None

    def get_absolute_url(self) -> str:
        return reverse("scheduling:version", args=[self.event.slug, self.version])
