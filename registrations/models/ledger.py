"""Money: what is owed and what came, as rows that are only ever added."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import Q, Sum
from django.utils.translation import gettext_lazy as _

from common.text import validate_single_line
from common.triggers import AppendOnly
from registrations.models.registrations import Registration


class EntryKind(models.TextChoices):
    # What a ticket and products cost; less, where they were given back.
    CHARGE = "charge", _("charge")
    PAYMENT = "payment", _("payment")
    REFUND = "refund", _("refund")
    # The organizers do without it.
    WAIVER = "waiver", _("waiver")


class PaymentMethod(models.TextChoices):
    TRANSFER = "transfer", _("bank transfer")
    CASH = "cash", _("cash")
    CARD = "card", _("card")
    OTHER = "other", _("another way")


class LedgerEntryQuerySet(models.QuerySet["LedgerEntry"]):
    def owed(self) -> Decimal:
        """Still to be paid; negative where more came than is owed."""
        return self.aggregate(total=Sum("amount"))["total"] or Decimal(0)

    def paid(self) -> Decimal:
        """What came, less what went back."""
        return -self.filter(kind__in=[EntryKind.PAYMENT, EntryKind.REFUND]).owed()

    def to_come(self) -> Decimal:
        """What is owed by those who owe something, whatever others are to be given back."""
        return self._by_sign(positive=True)

    def to_return(self) -> Decimal:
        """What is to be given back to those who paid more than they owe."""
        return self._by_sign(positive=False)

    def _by_sign(self, *, positive: bool) -> Decimal:
        balances = self.order_by().values("registration").annotate(balance=Sum("amount"))
        chosen = balances.filter(balance__gt=0) if positive else balances.filter(balance__lt=0)
        return abs(chosen.aggregate(total=Sum("balance"))["total"] or Decimal(0))


class LedgerEntry(models.Model):
    """One thing that changed what one registration owes. `amount` is that change, in the registration's currency: charges and
    refunds add to it, payments and waivers take from it, so what is owed is the sum."""

    registration = models.ForeignKey(Registration, on_delete=models.PROTECT, related_name="ledger")
    kind = models.CharField(_("kind"), max_length=10, choices=EntryKind)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    method = models.CharField(_("how"), max_length=10, choices=PaymentMethod, blank=True)
    # Such as the number of the transfer.
    reference = models.CharField(_("reference"), max_length=200, blank=True, validators=[validate_single_line])
    # When the money came or went; `recorded_at`: when that was written here.
    paid_at = models.DateTimeField(_("on"))
    recorded_at = models.DateTimeField()
    # One row for each, however often it is sent; none where it is empty.
    key = models.CharField(max_length=64, blank=True, editable=False)

    objects = LedgerEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "ledger entries"
        constraints = [
            AppendOnly(name="registrations_ledgerentry_append_only"),
            models.UniqueConstraint(
                fields=["registration", "key"], condition=~Q(key=""), name="registrations_ledgerentry_once_per_key"
            ),
            models.CheckConstraint(
                condition=Q(kind="charge") & ~Q(amount=0)
                | Q(kind__in=["payment", "waiver"], amount__lt=0)
                | Q(kind="refund", amount__gt=0),
                name="registrations_ledgerentry_sign_of_its_kind",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"

    @property
    def value(self) -> Decimal:
        """As people say it: a payment of 500, not of −500."""
        return self.amount if self.kind == EntryKind.CHARGE else abs(self.amount)
