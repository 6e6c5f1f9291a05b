from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class CheckInResult(models.TextChoices):
    ACCEPTED = "accepted", _("let in")
    DUPLICATE = "duplicate", _("let in before")
    REFUSED = "refused", _("refused")


class CheckInReason(models.TextChoices):
    """Why somebody was not let in, or not again."""

    CHECKED_IN_BEFORE = "checked_in_before", _("This ticket was scanned before.")
    UNKNOWN_TICKET = "unknown_ticket", _("This is no ticket of this event.")
    NOT_CONFIRMED = "not_confirmed", _("This registration has no confirmed place.")


class CheckIn(models.Model):
    """One scan of one ticket at a door: what the device saw and when, and what came of it. Rows are added, never changed."""

    event = models.ForeignKey("events.Event", on_delete=models.CASCADE, related_name="check_ins")
    # The device's own name for the scan: sent again, it is the same scan.
    scan_id = models.UUIDField()
    # None: no ticket of this event.
    registration = models.ForeignKey(
        "registrations.Registration", null=True, on_delete=models.CASCADE, related_name="check_ins"
    )
    # Which door or part of the event; the empty one where there is only one.
    list_name = models.CharField(max_length=100, blank=True)
    # By the device's clock, which may be wrong, and by ours.
    scanned_at = models.DateTimeField()
    received_at = models.DateTimeField()
    device = models.CharField(max_length=100, blank=True)
    result = models.CharField(max_length=10, choices=CheckInResult)
    reason = models.CharField(max_length=20, choices=CheckInReason, blank=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event", "scan_id"], name="registrations_checkin_once_per_scan"),
            models.UniqueConstraint(
                fields=["registration", "list_name"],
                condition=Q(result="accepted"),
                name="registrations_checkin_let_in_once",
            ),
        ]
        indexes = [models.Index(fields=["event", "-received_at"], name="registrations_checkin_new")]

    def __str__(self) -> str:
        return f"{self.scan_id} {self.result}"
