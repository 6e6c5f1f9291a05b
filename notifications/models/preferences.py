from __future__ import annotations

from collections.abc import Collection

from django.db import models
from django.db.models import Q


class PreferenceQuerySet(models.QuerySet["Preference"]):
    def among(self, keys: Collection[str], event_ids: Collection[int]) -> PreferenceQuerySet:
        """Those that speak about these addresses at these events, or everywhere."""
        return self.filter(Q(event_id=None) | Q(event_id__in=event_ids), recipient_key__in=keys)


class Preference(models.Model):
    """An address that wants no optional mail (`NoticeKind.is_optional`) of an event, or of any (`event_id` None)."""

    recipient_key = models.CharField(max_length=254)
    event_id = models.BigIntegerField(null=True)
    unsubscribed_at = models.DateTimeField()

    objects = PreferenceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["recipient_key", "event_id"], nulls_distinct=False, name="notifications_preference_once"
            )
        ]

    def __str__(self) -> str:
        return self.recipient_key
