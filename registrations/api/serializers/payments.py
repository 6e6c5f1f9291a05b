"""The ledger's entries."""

from __future__ import annotations

from decimal import Decimal

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from common.api.fields import Instant, Text
from common.api.serializers import Body
from registrations.models import LedgerEntry, PaymentMethod
from registrations.services.payments import BY_HAND


class EntryOut(serializers.ModelSerializer[LedgerEntry]):
    example = {
        "id": 2,
        "kind": "payment",
        "amount": "180.00",
        "method": "transfer",
        "reference": "Statement 18, line 4",
        "paid_at": "2027-05-04T02:00:00Z",
        "recorded_at": "2027-05-05T01:12:00Z",
    }

    amount = serializers.DecimalField(
        source="value",
        max_digits=14,
        decimal_places=2,
        help_text=_("As people say it: a payment of 500 is 500. A charge below 0 takes one back."),
    )

    class Meta:
        model = LedgerEntry
        fields = ["id", "kind", "amount", "method", "reference", "paid_at", "recorded_at"]


class EntryBody(Body):
    example = {
        "amount": "180.00",
        "method": "transfer",
        "reference": "Statement 18, line 4",
        "paid_at": "2027-05-04T10:00:00+08:00",
    }

    kind = serializers.ChoiceField(
        [(kind.value, kind.label) for kind in BY_HAND], required=False, help_text=_("payment, unless it says otherwise")
    )
    amount = serializers.DecimalField(max_digits=10, decimal_places=2, min_value=Decimal("0.01"))
    method = serializers.ChoiceField(PaymentMethod.choices, required=False)
    reference = Text(max_length=200, allow_blank=True, required=False)
    paid_at = Instant(required=False, help_text=_("Now, unless it says otherwise"))
