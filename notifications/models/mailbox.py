from __future__ import annotations

from django.db import models
from django.db.models import Q


class CaughtMailQuerySet(models.QuerySet["CaughtMail"]):
    def matching(self, words: str) -> CaughtMailQuerySet:
        found = self
        for word in words.split():
            found = found.filter(Q(recipient__icontains=word) | Q(subject__icontains=word))
        return found


class CaughtMail(models.Model):
    """A mail that the built-in mailbox received, where no mail server is set."""

    received_at = models.DateTimeField()
    sender = models.CharField(max_length=254)
    recipient = models.CharField(max_length=254)
    subject = models.CharField(max_length=500)
    raw = models.BinaryField()

    objects = CaughtMailQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["-received_at"], name="notifications_caughtmail_new")]

    def __str__(self) -> str:
        return f"{self.subject} → {self.recipient}"
