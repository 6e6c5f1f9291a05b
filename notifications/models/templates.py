from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _
from i18nfield.fields import I18nCharField, I18nTextField

from common.triggers import Revises


class MailTemplate(models.Model):
    """An event's own words for one kind of mail, in its languages; where empty, Lihu's words are used."""

    event_id = models.BigIntegerField()
    kind = models.CharField(max_length=80)
    subject = I18nCharField(_("subject"), max_length=300, blank=True)
    body = I18nTextField(_("text"), blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event_id", "kind"], name="notifications_mailtemplate_once_per_kind"),
            Revises(name="notifications_mailtemplate_revises"),
        ]

    def __str__(self) -> str:
        return self.kind
