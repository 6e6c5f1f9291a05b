"""What people can have, and the quotas that it counts in."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from common.api.fields import Instant, LocalizedText, Text
from common.api.serializers import Body
from registrations.models import Product, Quota, TicketType


class QuotaOut(serializers.ModelSerializer[Quota]):
    example = {"id": 1, "name": "Seats", "size": 400, "taken": 0, "available": 400}

    available = serializers.IntegerField()

    class Meta:
        model = Quota
        fields = ["id", "name", "size", "taken", "available"]


class QuotaBody(Body):
    example = {"name": "Seats", "size": 400}
    example_of_change = {"size": 380}

    name = Text(max_length=200)
    size = serializers.IntegerField(min_value=0, max_value=1_000_000)


class QuotasOfEvent(serializers.ListField):
    """Ids of the event's quotas; at least one."""

    child = serializers.IntegerField(min_value=1, max_value=2**63 - 1)

    def to_internal_value(self, data: Any) -> list[Any]:
        ids: list[int] = list(dict.fromkeys(super().to_internal_value(data)))
        found = list(Quota.objects.filter(event=self.context["event"], pk__in=ids).order_by("pk"))
        if len(found) != len(ids):
            missing = sorted(set(ids) - {quota.pk for quota in found})
            raise serializers.ValidationError(
                _("The event has no quota %(ids)s.") % {"ids": ", ".join(map(str, missing))}, code="not_found"
            )
        return found


class TicketTypesOfEvent(serializers.ListField):
    """Ids of the event's ticket types."""

    child = serializers.IntegerField(min_value=1, max_value=2**63 - 1)

    def to_internal_value(self, data: Any) -> list[Any]:
        ids: list[int] = list(dict.fromkeys(super().to_internal_value(data)))
        found = list(TicketType.objects.filter(event=self.context["event"], pk__in=ids).order_by("pk"))
        if len(found) != len(ids):
            missing = sorted(set(ids) - {ticket.pk for ticket in found})
            raise serializers.ValidationError(
                _("The event has no ticket type %(ids)s.") % {"ids": ", ".join(map(str, missing))}, code="not_found"
            )
        return found


class TicketTypeOut(serializers.ModelSerializer[TicketType]):
    example = {
        "id": 1,
        "name": {"en": "Guest", "zh-hans": "来宾"},
        "description": {},
        "price": "0.00",
        "quotas": [1],
        "waiting_list": True,
        "offer_hours": None,
        "requires_approval": False,
        "payment_days": 14,
        "available_from": "2027-05-03T08:00:00Z",
        "available_until": None,
    }

    name = LocalizedText()
    description = LocalizedText()
    quotas = serializers.SerializerMethodField()

    class Meta:
        model = TicketType
        fields = [
            "id",
            "name",
            "description",
            "price",
            "quotas",
            "waiting_list",
            "offer_hours",
            "requires_approval",
            "payment_days",
            "available_from",
            "available_until",
        ]

    def get_quotas(self, ticket_type: TicketType) -> list[int]:
        return sorted(quota.pk for quota in ticket_type.quotas.all())


class OnSaleBody(Body):
    name = LocalizedText(max_length=200)
    description = LocalizedText(lines=True, allow_blank=True, required=False)
    price = serializers.DecimalField(
        max_digits=10, decimal_places=2, min_value=Decimal(0), required=False, help_text=_("In the event's currency.")
    )
    quotas = QuotasOfEvent(min_length=1, max_length=20)
    waiting_list = serializers.BooleanField(required=False)
    offer_hours = serializers.IntegerField(
        min_value=1,
        max_value=720,
        allow_null=True,
        required=False,
        help_text=_("How long a place that becomes free is kept for the next in line; null: it is given at once."),
    )
    available_from = Instant(allow_null=True, required=False)
    available_until = Instant(allow_null=True, required=False)


class TicketTypeBody(OnSaleBody):
    example = {"name": {"en": "Guest", "zh-hans": "来宾"}, "quotas": [1], "waiting_list": True}
    example_of_change = {"available_until": "2027-06-01T18:00:00+08:00"}

    requires_approval = serializers.BooleanField(required=False)
    payment_days = serializers.IntegerField(min_value=1, max_value=365, required=False)


class ProductOut(serializers.ModelSerializer[Product]):
    example = {
        "id": 1,
        "name": {"en": "Dinner by the lake", "zh-hans": "湖畔晚宴"},
        "description": {},
        "price": "180.00",
        "quotas": [2],
        "max_per_registration": 2,
        "ticket_types": [],
        "waiting_list": True,
        "offer_hours": 48,
        "available_from": "2027-05-03T08:00:00Z",
        "available_until": None,
    }

    name = LocalizedText()
    description = LocalizedText()
    quotas = serializers.SerializerMethodField()
    ticket_types = serializers.SerializerMethodField()

    class Meta:
        model = Product
        fields = [
            "id",
            "name",
            "description",
            "price",
            "quotas",
            "max_per_registration",
            "ticket_types",
            "waiting_list",
            "offer_hours",
            "available_from",
            "available_until",
        ]

    def get_quotas(self, product: Product) -> list[int]:
        return sorted(quota.pk for quota in product.quotas.all())

    def get_ticket_types(self, product: Product) -> list[int]:
        """With which it can be had; none: with any."""
        return sorted(ticket.pk for ticket in product.ticket_types.all())


class ProductBody(OnSaleBody):
    example = {
        "name": {"en": "Dinner by the lake", "zh-hans": "湖畔晚宴"},
        "price": "180.00",
        "quotas": [2],
        "max_per_registration": 2,
        "waiting_list": True,
        "offer_hours": 48,
    }
    example_of_change = {"price": "200.00"}

    max_per_registration = serializers.IntegerField(min_value=1, max_value=50, required=False)
    ticket_types = TicketTypesOfEvent(max_length=200, required=False)
