from __future__ import annotations

from django.conf import settings
from django.db import models


class AuditEntry(models.Model):
    """One thing that somebody did. Append-only."""

    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    verb = models.CharField(max_length=60)
    subject_type = models.CharField(max_length=100)
    subject_id = models.CharField(max_length=40)
    subject_label = models.CharField(max_length=200)
    # A plain number, not a foreign key: `common` knows no event, and history outlives what it is about.
    event_id = models.BigIntegerField(null=True)
    at = models.DateTimeField()
    details = models.JSONField(default=dict)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["event_id", "-at"], name="common_audit_by_event"),
            models.Index(fields=["subject_type", "subject_id", "-at"], name="common_audit_by_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject_label}"


class IdempotencyKey(models.Model):
    """The first answer to a POST that carried an `Idempotency-Key`, kept for a day so that a repeat gets the same one.

    `caller` is the token's user or, for public resources, the address of the resource itself. `status` is null while the
    first request is still being answered.
    """

    caller = models.CharField(max_length=200)
    key = models.CharField(max_length=200)
    request_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True)
    headers = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["caller", "key"], name="common_idempotencykey_once_per_caller")]
        indexes = [models.Index(fields=["created_at"], name="common_idempotency_age")]

    def __str__(self) -> str:
        return self.key


class EventRevision(models.Model):
    """Rises whenever what is set up about an event changes (`common.triggers.Revises`), and never comes back to a number that it
    had, be it of a transaction that was rolled back: what was read since may be kept for as long as it stays."""

    # A plain number, as above; no row stands for 0.
    event_id = models.BigIntegerField(primary_key=True)
    number = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.event_id} at {self.number}"
