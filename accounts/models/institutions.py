from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _
from django_countries.fields import CountryField


class Institution(models.Model):
    """A university or research organisation that people come from; a partner while between its two dates."""

    ror_id = models.CharField("ROR id", max_length=30, blank=True)
    names = models.JSONField(default=dict, help_text=_("language code → name"))
    country = CountryField(_("country"), blank=True)
    domains = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    partner_since = models.DateField(null=True, blank=True)
    partner_until = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["ror_id"], condition=~models.Q(ror_id=""), name="accounts_institution_one_per_ror_id"
            )
        ]

    def __str__(self) -> str:
        return self.names.get("en") or next(iter(self.names.values()), self.ror_id)
