from __future__ import annotations

from django.db import models


class CaughtMail(models.Model):
    """A mail that the built-in mailbox received, where no mail server is set."""

    received_at = models.DateTimeField()
    sender = models.CharField(max_length=254)
    recipient = models.CharField(max_length=254)
    subject = models.CharField(max_length=500)
    raw = models.BinaryField()

    class Meta:
        indexes = [models.Index(fields=["-received_at"], name="notifications_caughtmail_new")]

    def __str__(self) -> str:
        return f"{self.subject} → {self.recipient}"
