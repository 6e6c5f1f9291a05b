from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import Final

from django.db import models

#: What `Agenda.new_token` makes: 128 bits.
TOKEN_PATTERN: Final = r"[-_0-9A-Za-z]{22}"  # noqa: S105 (what one looks like)


class AgendaQuerySet(models.QuerySet["Agenda"]):
    def with_token(self, token: str) -> AgendaQuerySet:
        return self.filter(token_digest=Agenda.digest_of(token))

    def expired(self, before: datetime) -> AgendaQuerySet:
        """Of events whose last day was over before that instant."""
        return self.filter(event__ends_on__lt=before.date())


class Agenda(models.Model):
    """The sessions of one event that one reader starred, for a calendar to follow. Nobody's name: who has the token has the agenda.
    (Whoever registered may say that one is theirs: `registrations.FollowedAgenda`.)"""

    event = models.ForeignKey("events.Event", on_delete=models.CASCADE, related_name="agendas")
    # SHA-256 in hex: who reads the database cannot read the feeds.
    token_digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = AgendaQuerySet.as_manager()

    def __str__(self) -> str:
        return f"agenda {self.pk}"

    @staticmethod
    def new_token() -> str:
        return secrets.token_urlsafe(16)

    @staticmethod
    def digest_of(token: str) -> str:
        return hashlib.sha256(token.encode()).hexdigest()


class AgendaItem(models.Model):
    """One starred session."""

    agenda = models.ForeignKey(Agenda, on_delete=models.CASCADE, related_name="items")
    submission = models.ForeignKey("submissions.Submission", on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agenda", "submission"], name="scheduling_agenda_item_once"),
        ]

    def __str__(self) -> str:
        return f"{self.agenda_id}: {self.submission_id}"
