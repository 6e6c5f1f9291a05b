from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.core.validators import MaxValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField, I18nTextField

#: A year, leap days included.
MAX_OFFSET_MINUTES: Final = 366 * 24 * 60


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
    """“Sixty minutes before each session, its speakers”: the planner writes one message per slot and person from it."""

    event_id = models.BigIntegerField(db_index=True)
    anchor = models.CharField(_("before"), max_length=10, choices=Anchor, default=Anchor.SLOT)
    audience = models.CharField(_("to"), max_length=10, choices=Audience, default=Audience.SPEAKERS)
    # Before the anchor; at most a year.
    offset_minutes = models.PositiveIntegerField(
        _("minutes before"), validators=[MaxValueValidator(MAX_OFFSET_MINUTES)]
    )
    # Empty: the default words of this kind of reminder.
    subject = I18nCharField(_("subject"), max_length=300, blank=True)
    body = I18nTextField(_("text"), blank=True)
    is_active = models.BooleanField(_("active"), default=True)

    objects = ReminderRuleQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.offset_minutes} min before {self.anchor} to {self.audience}"

    @property
    def offset(self) -> timedelta:
        return timedelta(minutes=self.offset_minutes)
