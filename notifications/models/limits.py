from __future__ import annotations

from django.db import models


class Spending(models.Model):
    """How much of a limit on mail is used up: a bucket that fills with each mail and drains steadily. No row: it is empty."""

    # `all`, `event:ID` or `host:example.org`.
    key = models.CharField(max_length=260, primary_key=True)
    # In mails, at the instant `as_of`.
    level = models.FloatField()
    as_of = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.key}: {self.level:.1f}"
