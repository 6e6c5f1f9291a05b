from __future__ import annotations

from django.db import models


class FollowedAgenda(models.Model):
    """Somebody who registered has said which agenda is theirs, so that they can be told of the sessions that they starred."""

    registration = models.OneToOneField(
        "registrations.Registration", on_delete=models.CASCADE, related_name="followed_agenda"
    )
    agenda = models.ForeignKey("scheduling.Agenda", on_delete=models.CASCADE, related_name="+")
    followed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.registration_id}: {self.agenda_id}"
