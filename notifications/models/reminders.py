from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField, I18nTextField

from common import dates

#: A year, leap days included.
MAX_OFFSET_MINUTES: Final = 366 * 24 * 60
MAX_DAYS_BEFORE: Final = 366


class Anchor(models.TextChoices):
    """What a rule counts back from."""

    SLOT = "slot", _("the beginning of each session")
    EVENT = "event", _("the beginning of the event")
    DEADLINE = "deadline", _("a deadline")


class Audience(models.TextChoices):
    SPEAKERS = "speakers", _("its speakers")
    CHAIRS = "chairs", _("its chairs")
    ATTENDEES = "attendees", _("those who registered")
    BOOKMARKED = "bookmarked", _("those who starred it")


class ReminderRuleQuerySet(models.QuerySet["ReminderRule"]):
    def active(self) -> ReminderRuleQuerySet:
        return self.filter(is_active=True)


class ReminderRule(models.Model):
    """“Sixty minutes before each session, its speakers”: the planner writes one message per slot and person from it.

    Its time is either a length (`offset_minutes`) or a wall clock of the event's zone (`days_before` and `at_time`): “at 18:00
    of the day before”.
    """

    event_id = models.BigIntegerField(db_index=True)
    anchor = models.CharField(_("before"), max_length=10, choices=Anchor, default=Anchor.SLOT)
    audience = models.CharField(_("to"), max_length=10, choices=Audience, default=Audience.SPEAKERS)
    # Before the anchor; at most a year.
    offset_minutes = models.PositiveIntegerField(
        _("minutes before"), null=True, blank=True, validators=[MaxValueValidator(MAX_OFFSET_MINUTES)]
    )
    # Calendar days before the day on which the anchor falls, in the event's zone; 0 is that day.
    days_before = models.PositiveSmallIntegerField(
        _("days before"), null=True, blank=True, validators=[MaxValueValidator(MAX_DAYS_BEFORE)]
    )
    # Whole minutes.
    at_time = models.TimeField(_("at"), null=True, blank=True)
    # Empty: the default words of this kind of reminder.
    subject = I18nCharField(_("subject"), max_length=300, blank=True)
    body = I18nTextField(_("text"), blank=True)
    is_active = models.BooleanField(_("active"), default=True)

    objects = ReminderRuleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(offset_minutes__isnull=False, days_before=None, at_time=None)
                | Q(offset_minutes=None, days_before__isnull=False, at_time__isnull=False),
                name="notifications_rule_has_one_kind_of_time",
            )
        ]

    def __str__(self) -> str:
        if self.at_time is not None:
            return f"{self.days_before} days before {self.anchor} at {self.at_time:%H:%M} to {self.audience}"
        return f"{self.offset_minutes} min before {self.anchor} to {self.audience}"

    def send_at(self, anchor: datetime, tz: ZoneInfo) -> datetime:
        """When the reminder of what is at `anchor` is due; `tz`: the event's. See `common.dates.instant_of` for the nights on
        which clocks change."""
        if self.at_time is None or self.days_before is None:
            return anchor - timedelta(minutes=self.offset_minutes or 0)
        return dates.instant_of(anchor.astimezone(tz).date() - timedelta(days=self.days_before), self.at_time, tz)

    @property
    def reach(self) -> timedelta:
        """No reminder is due longer before its anchor than this."""
        if self.days_before is None:
            return timedelta(minutes=self.offset_minutes or 0)
        # The whole day of the anchor, and the hour by which a day can be longer.
        return timedelta(days=self.days_before + 1, hours=1)
