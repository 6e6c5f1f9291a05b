from __future__ import annotations

import uuid
from typing import Any, Final

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField, I18nTextField


class CampaignState(models.TextChoices):
    DRAFT = "draft", _("draft")
    SCHEDULED = "scheduled", _("scheduled")
    SENDING = "sending", _("being sent")
    PAUSED = "paused", _("paused")
    CANCELLED = "cancelled", _("cancelled")
    DONE = "done", _("sent")


_S = CampaignState
#: Words and recipients may still be changed.
EDITABLE: Final = frozenset({_S.DRAFT, _S.SCHEDULED})


class CampaignQuerySet(models.QuerySet["Campaign"]):
    def of_event(self, event_id: int) -> CampaignQuerySet:
        return self.filter(event_id=event_id)

    def without_recipients(self) -> CampaignQuerySet:
        """The list may be long, and is needed by the worker that writes the mails alone."""
        return self.defer("recipients")


class Campaign(models.Model):
    """One text to many people of an event: draft → (scheduled →) sending ⇄ paused → done, or cancelled.

    Each person's mail is a row of the ledger about `campaign:ID`, unique by address like every other.
    """

    event_id = models.BigIntegerField(db_index=True)
    # Made with the form that it is written in, so that the form sent twice makes one campaign.
    key = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    subject = I18nCharField(_("subject"), max_length=300)
    body = I18nTextField(_("text"))
    # Whom: code of an audience (notifications.audiences) → its filter.
    audiences = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=CampaignState, default=CampaignState.DRAFT)
    created_at = models.DateTimeField()
    # When it is to begin; None: as soon as it is told to.
    send_at = models.DateTimeField(null=True)
    # When the list of recipients was made, and when the last of them was done with.
    began_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    # Who was in the audiences when it began, one per address: `registrations:17`.
    recipients = ArrayField(models.CharField(max_length=60), default=list)
    total = models.PositiveIntegerField(default=0)
    # How many of `recipients`, from the first, have their row in the ledger.
    written = models.PositiveIntegerField(default=0)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(written__lte=F("total")), name="notifications_campaign_written_of_total"
            ),
            models.CheckConstraint(
                condition=~Q(state="done") | Q(finished_at__isnull=False, began_at__isnull=False),
                name="notifications_campaign_done_has_a_time",
            ),
            models.CheckConstraint(
                condition=~Q(state="scheduled") | Q(send_at__isnull=False),
                name="notifications_campaign_scheduled_for_a_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"],
                condition=Q(state__in=["scheduled", "sending", "paused"]),
                name="notifications_campaign_open",
            ),
        ]

    def __str__(self) -> str:
        return str(self.subject)

    @property
    def about(self) -> str:
        """What its messages are about."""
        return f"campaign:{self.pk}"

    @property
    def is_editable(self) -> bool:
        return self.state in EDITABLE

    def words(self) -> dict[str, Any]:
        return {"subject": self.subject, "body": self.body}
