from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django_countries.fields import CountryField

#: As the registry writes it, without its address: https://ror.org/04mkzax54.
ROR_ID = r"0[a-hj-km-np-tv-z0-9]{6}[0-9]{2}"
validate_ror_id = RegexValidator(rf"^{ROR_ID}\Z", _("Write the ROR id, such as 04mkzax54."))


class InstitutionQuerySet(models.QuerySet["Institution"]):
    def of_domain(self, domain: str) -> InstitutionQuerySet:
        """Those with this domain of an e-mail address, or one that it is part of: `stu.example.edu` belongs to `example.edu`."""
        labels = domain.strip().strip(".").casefold().split(".")
        return self.filter(domains__overlap=[".".join(labels[n:]) for n in range(len(labels) - 1)])

    def matching(self, words: list[str]) -> InstitutionQuerySet:
        """Each word begins a word of a name, an acronym or a domain; in scripts without spaces it stands anywhere."""
        found = self
        for word in words:
            found = found.filter(search_text__contains=f" {word}" if word.isascii() else word)
        return found


class Institution(models.Model):
    """A university or research organisation that people come from; a partner while between its two dates."""

    # Empty: not in the Research Organization Registry, or not known.
    ror_id = models.CharField("ROR id", max_length=30, blank=True, validators=[validate_ror_id])
    names = models.JSONField(default=dict, help_text=_("language code → name"))
    country = CountryField(_("country"), blank=True)
    domains = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    partner_since = models.DateField(null=True, blank=True)
    partner_until = models.DateField(null=True, blank=True)
    # What it is found by, and what it is called, letter case aside (`accounts.services.institutions`).
    search_text = models.TextField(editable=False, default="")
    name_keys = ArrayField(models.CharField(max_length=300), default=list, editable=False)

    objects = InstitutionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["ror_id"], condition=~Q(ror_id=""), name="accounts_institution_one_per_ror_id"
            )
        ]
        indexes = [
            # Loaded seldom and looked into by everybody who registers: nothing waits to be sorted in.
            GinIndex(fields=["domains"], name="accounts_institution_domains", fastupdate=False),
            GinIndex(fields=["name_keys"], name="accounts_institution_names", fastupdate=False),
        ]

    def __str__(self) -> str:
        return self.name_in(get_language() or "en")

    def name_in(self, language: str) -> str:
        """In the language where it has one, else in English, else in its first."""
        short = language.split("-")[0]
        return self.names.get(short) or self.names.get("en") or next(iter(self.names.values()), "") or self.ror_id


def name_key(name: str) -> str:
    return " ".join(name.casefold().split())[:300]
