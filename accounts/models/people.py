from __future__ import annotations

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from django_countries.fields import CountryField

from common.text import email_key, validate_single_line


class NameOrder(models.TextChoices):
    GIVEN_FIRST = "given_first", _("given name first")
    SURNAME_FIRST = "surname_first", _("surname first")
    AS_WRITTEN = "as_written", _("as written")


class PersonQuerySet(models.QuerySet["Person"]):
    def with_address(self, address: str) -> PersonQuerySet:
        return self.filter(email_key=email_key(address))


class Person(models.Model):
    """A human being, over all events: attendee, speaker, chair. May have an account, and need not.

    What somebody writes about themselves for one event (a registration, a speaker profile) is kept there; a stranger who
    types an address never changes the person behind it.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="person"
    )
    # As in the passport, Latin letters; never computed from the native name (GB/T 28039 readings are ambiguous).
    name = models.CharField(_("name"), max_length=200, validators=[validate_single_line])
    native_name = models.CharField(
        _("name in its own script"), max_length=200, blank=True, validators=[validate_single_line]
    )
    family_name = models.CharField(_("family name"), max_length=200, blank=True, validators=[validate_single_line])
    name_order = models.CharField(max_length=20, choices=NameOrder, default=NameOrder.AS_WRITTEN)
    email = models.EmailField(_("e-mail address"), max_length=254, blank=True)
    # Null where there is no address: many people may have none, and no two the same.
    email_key = models.CharField(max_length=254, null=True, editable=False)  # noqa: DJ001 (unique, see above)
    affiliation = models.CharField(_("affiliation"), max_length=300, blank=True, validators=[validate_single_line])
    institution = models.ForeignKey("accounts.Institution", null=True, blank=True, on_delete=models.SET_NULL)
    country = CountryField(_("country"), blank=True)
    orcid = models.CharField(
        "ORCID iD", max_length=19, blank=True, validators=[RegexValidator(r"^\d{4}-\d{4}-\d{4}-\d{3}[\dX]\Z")]
    )

    objects = PersonQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "people"
        constraints = [
            models.UniqueConstraint(fields=["email_key"], name="accounts_person_one_per_address"),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        self.email_key = email_key(self.email) or None
