from __future__ import annotations

from collections.abc import Collection
from typing import Final

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_countries import countries
from django_countries.fields import CountryField

from common.codes import new_code, new_secret, validate_code
from common.text import email_key, search_key, search_text, validate_single_line
from registrations.models.questions import QuestionKind


class RegistrationState(models.TextChoices):
    PENDING = "pending", _("waiting for approval")
    AWAITING_PAYMENT = "awaiting_payment", _("waiting for payment")
    CONFIRMED = "confirmed", _("confirmed")
    WAITING = "waiting", _("on the waiting list")
    OFFERED = "offered", _("offered a place")
    CANCELLED = "cancelled", _("cancelled")
    REJECTED = "rejected", _("rejected")
    EXPIRED = "expired", _("expired")


_S = RegistrationState
#: These count in `Quota.taken`.
HOLDS_A_PLACE: Final = frozenset({_S.PENDING, _S.AWAITING_PAYMENT, _S.CONFIRMED, _S.OFFERED})
#: One of these per person and event.
IS_LIVE: Final = HOLDS_A_PLACE | {_S.WAITING}


class RegistrationQuerySet(models.QuerySet["Registration"]):
    def live(self) -> RegistrationQuerySet:
        return self.filter(state__in=IS_LIVE)

    def holding_a_place(self) -> RegistrationQuerySet:
        return self.filter(state__in=HOLDS_A_PLACE)

    def in_line(self) -> RegistrationQuerySet:
        """Those who wait, first come first: by the instant they asked, then by row."""
        return self.filter(state=RegistrationState.WAITING).order_by("registered_at", "pk")

    def of_address(self, address: str) -> RegistrationQuerySet:
        return self.filter(email_key=email_key(address))

    def matching(self, words: str) -> RegistrationQuerySet:
        """Every word occurs in the name (any script, accents and case aside), address, affiliation or code."""
        found = self
        for word in search_key(words).split():
            found = found.filter(search_text__contains=word)
        return found

    def answering(self, identifier: str, values: Collection[str]) -> RegistrationQuerySet:
        """Those who gave one of these answers; `true` and `false` for yes and no, one of several counts."""
        given = Q()
        for value in values:
            given |= Q(value=value) | Q(value__contains=[value])
            if value in {"true", "false"}:
                given |= Q(value=value == "true")
        answers = Answer.objects.filter(given, question__identifier=identifier)
        return self.filter(pk__in=answers.values("registration"))

    def by_state(self) -> dict[str, int]:
        """How many are in each state that somebody is in."""
        counted = self.order_by("state").values_list("state").annotate(models.Count("pk"))
        return dict(counted)

    def countries(self) -> list[str]:
        """The codes of the countries that people come from, in order of the alphabet."""
        return list(self.order_by("country").values_list("country", flat=True).distinct())

    def with_details(self) -> RegistrationQuerySet:
        return self.select_related("ticket_type").prefetch_related("answers__question__options")


class Registration(models.Model):
    """One person's wish to take part in one event, and what became of it. `code` and `secret` together open it."""

    event = models.ForeignKey("events.Event", on_delete=models.CASCADE, related_name="registrations")
    ticket_type = models.ForeignKey("registrations.TicketType", on_delete=models.PROTECT, related_name="registrations")
    person = models.ForeignKey("accounts.Person", on_delete=models.PROTECT, related_name="registrations")
    code = models.CharField(max_length=6, default=new_code, validators=[validate_code], editable=False)
    secret = models.CharField(max_length=40, default=new_secret, editable=False)
    state = models.CharField(max_length=20, choices=RegistrationState)
    # As typed here; the person's other events are not touched by it.
    name = models.CharField(_("name"), max_length=200, validators=[validate_single_line])
    native_name = models.CharField(
        _("name in its own script"), max_length=200, blank=True, validators=[validate_single_line]
    )
    email = models.EmailField(_("e-mail address"), max_length=254)
    email_key = models.CharField(max_length=254, editable=False)
    language = models.CharField(_("language of mails"), max_length=10)
    affiliation = models.CharField(
        _("university or organisation"), max_length=300, blank=True, validators=[validate_single_line]
    )
    country = CountryField(_("country"), blank=True)
    amount = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    currency = models.CharField(max_length=3)
    registered_at = models.DateTimeField()
    state_changed_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True, blank=True)
    # Rises with each change that its owner is told of: message revisions and calendar SEQUENCE.
    revision = models.PositiveIntegerField(default=0)
    search_text = models.TextField(editable=False, default="")

    objects = RegistrationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event", "code"], name="registrations_registration_code_once_per_event"),
            models.UniqueConstraint(
                fields=["event", "email_key"],
                condition=Q(state__in=sorted(IS_LIVE)),
                name="registrations_registration_one_live_per_person",
                violation_error_message=_("This address is registered already."),
            ),
        ]
        indexes = [
            models.Index(fields=["event", "state", "registered_at"], name="registrations_reg_by_state"),
            models.Index(
                fields=["ticket_type", "registered_at"],
                condition=Q(state="waiting"),
                name="registrations_reg_in_line",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"

    def get_absolute_url(self) -> str:
        return reverse("registrations:registration", args=[self.event.slug, self.code, self.secret])

    @property
    def holds_a_place(self) -> bool:
        return self.state in HOLDS_A_PLACE

    @property
    def is_live(self) -> bool:
        return self.state in IS_LIVE

    def searchable(self) -> str:
        return search_text(f"{self.code} {self.name} {self.native_name} {self.email} {self.affiliation}")


class Answer(models.Model):
    """What one registration answered to one question: text, an option's identifier, true or false, a country's code."""

    registration = models.ForeignKey(Registration, on_delete=models.CASCADE, related_name="answers")
    question = models.ForeignKey("registrations.Question", on_delete=models.PROTECT, related_name="answers")
    value = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["registration", "question"], name="registrations_answer_once_per_question")
        ]

    def __str__(self) -> str:
        return str(self.value)

    def in_words(self) -> str:
        """As people read it; `question` and its options must be at hand."""
        if isinstance(self.value, bool):
            return gettext("Yes") if self.value else gettext("No")
        if self.question.kind == QuestionKind.COUNTRY:
            return str(countries.name(self.value) or self.value)
        if self.question.kind == QuestionKind.CHOICE:
            labels = {option.identifier: str(option.label) for option in self.question.options.all()}
            return labels.get(self.value, str(self.value))
        return str(self.value)
