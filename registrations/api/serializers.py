from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django_countries import countries
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from common.api.fields import LocalizedText, Text
from common.api.serializers import Body
from events.models import Event
from registrations.models import (
    LedgerEntry,
    LineItem,
    PaymentMethod,
    Product,
    Question,
    QuestionKind,
    QuestionOption,
    Quota,
    Registration,
    TicketType,
)
from registrations.models.questions import validate_identifier
from registrations.problems import LARGEST_GROUP
from registrations.services.payments import BY_HAND


class QuotaOut(serializers.ModelSerializer[Quota]):
    available = serializers.IntegerField()

    class Meta:
        model = Quota
        fields = ["id", "name", "size", "taken", "available"]


class QuotaBody(Body):
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
    available_from = serializers.DateTimeField(allow_null=True, required=False)
    available_until = serializers.DateTimeField(allow_null=True, required=False)


class TicketTypeBody(OnSaleBody):
    requires_approval = serializers.BooleanField(required=False)
    payment_days = serializers.IntegerField(min_value=1, max_value=365, required=False)


class ProductOut(serializers.ModelSerializer[Product]):
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
    max_per_registration = serializers.IntegerField(min_value=1, max_value=50, required=False)
    ticket_types = TicketTypesOfEvent(max_length=200, required=False)


class OptionOut(serializers.ModelSerializer[QuestionOption]):
    label = LocalizedText()  # type: ignore[assignment]

    class Meta:
        model = QuestionOption
        fields = ["identifier", "label"]


class QuestionOut(serializers.ModelSerializer[Question]):
    label = LocalizedText()  # type: ignore[assignment]
    help_text = LocalizedText()  # type: ignore[assignment]
    options = OptionOut(many=True)

    class Meta:
        model = Question
        fields = ["id", "identifier", "kind", "label", "help_text", "is_required", "options"]


class OptionBody(Body):
    identifier = serializers.CharField(validators=[validate_identifier])
    label = LocalizedText(max_length=300)  # type: ignore[assignment]


class QuestionBody(Body):
    identifier = serializers.CharField(validators=[validate_identifier])
    kind = serializers.ChoiceField(QuestionKind.choices, required=False)
    label = LocalizedText(max_length=300)  # type: ignore[assignment]
    help_text = LocalizedText(max_length=500, allow_blank=True, required=False)  # type: ignore[assignment]
    is_required = serializers.BooleanField(required=False)
    options = OptionBody(many=True, required=False)


class LineOut(serializers.ModelSerializer[LineItem]):
    product = serializers.IntegerField(source="product_id")

    class Meta:
        model = LineItem
        fields = ["product", "quantity", "unit_price", "state", "offer_expires_at"]


class RegistrationOut(serializers.ModelSerializer[Registration]):
    """What the organizer, and whoever holds the secret, sees."""

    ticket_type = serializers.IntegerField(source="ticket_type_id")
    country = serializers.CharField(source="country.code")
    answers = serializers.SerializerMethodField()
    products = LineOut(source="lines", many=True)
    links = serializers.SerializerMethodField()

    class Meta:
        model = Registration
        fields = [
            "code",
            "state",
            "ticket_type",
            "name",
            "native_name",
            "email",
            "language",
            "affiliation",
            "country",
            "answers",
            "products",
            "amount",
            "currency",
            "offer_expires_at",
            "payment_due_at",
            "group",
            "registered_at",
            "links",
        ]

    def get_answers(self, registration: Registration) -> dict[str, Any]:
        return {answer.question.identifier: answer.value for answer in registration.answers.all()}

    def get_links(self, registration: Registration) -> dict[str, str]:
        page = f"{settings.PUBLIC_URL}{registration.get_absolute_url()}"
        return {"page": page, "ticket": f"{page}ticket.svg", "calendar": f"{page}calendar.ics"}


class RegistrationMade(RegistrationOut):
    """The answer to whoever registered: with the secret."""

    class Meta(RegistrationOut.Meta):
        fields = [*RegistrationOut.Meta.fields, "secret"]


@extend_schema_field(OpenApiTypes.INT)
class TicketTypeOfEvent(serializers.Field[TicketType, Any, int, Any]):
    default_error_messages = {"not_found": _("The event has no such ticket type.")}

    def to_internal_value(self, data: Any) -> TicketType:
        event: Event = self.context["event"]
        found = None
        if isinstance(data, int) and not isinstance(data, bool) and 0 < data < 2**63:
            found = TicketType.objects.filter(event=event, pk=data).first()
        if found is None:
            self.fail("not_found")
        return found

    def to_representation(self, value: TicketType) -> int:
        return value.pk


def _is_whole(value: Any, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def _keys(item: Any) -> list[Any]:
    return list(item) if isinstance(item, dict) else []


_PRODUCTS_SCHEMA = {
    "type": "array",
    "maxItems": 50,
    "items": {
        "oneOf": [
            {"type": "integer", "minimum": 1, "maximum": 2**63 - 1},
            {
                "type": "object",
                "required": ["product"],
                "additionalProperties": False,
                "properties": {
                    "product": {"type": "integer", "minimum": 1, "maximum": 2**63 - 1},
                    "quantity": {"type": "integer", "minimum": 1, "maximum": 50, "default": 1},
                },
            },
        ]
    },
    "description": "Ids of the event's products, or objects with `product` and `quantity`.",
}


@extend_schema_field(_PRODUCTS_SCHEMA)
class WantedProducts(serializers.ListField):
    """How many of which of the event's products."""

    def to_internal_value(self, data: Any) -> list[tuple[Product, int]]:
        wanted: dict[int, int] = {}
        for item in super().to_internal_value(data):
            pk: Any
            quantity: Any
            pk, quantity = (item.get("product"), item.get("quantity", 1)) if isinstance(item, dict) else (item, 1)
            if (
                not _is_whole(pk, 2**63 - 1)
                or not _is_whole(quantity, 50)
                or set(_keys(item)) - {"product", "quantity"}
            ):
                raise serializers.ValidationError(
                    _('Give each product as its id, or as {"product": id, "quantity": 1 to 50}.'), code="invalid"
                )
            wanted[pk] = wanted.get(pk, 0) + quantity
        products = Product.objects.filter(event=self.context["event"], pk__in=wanted)
        found = list(products.prefetch_related("ticket_types").in_order()) if wanted else []
        if missing := sorted(set(wanted) - {product.pk for product in found}):
            raise serializers.ValidationError(
                _("The event has no product %(ids)s.") % {"ids": ", ".join(map(str, missing))}, code="not_found"
            )
        return [(product, wanted[product.pk]) for product in found]


class RegistrationChange(Body):
    name = Text(max_length=200)
    native_name = Text(max_length=200, allow_blank=True, required=False)
    language = serializers.ChoiceField(settings.LANGUAGES)
    affiliation = Text(max_length=300, allow_blank=True, required=False)
    country = serializers.ChoiceField(
        list(countries), allow_blank=True, required=False, help_text=_("ISO 3166-1 alpha-2, such as CN")
    )
    answers = serializers.DictField(child=serializers.JSONField(), required=False)
    # In a PATCH: all that they shall have; what is not named is given back.
    products = WantedProducts(max_length=50, required=False)


class RegistrationCreate(RegistrationChange):
    ticket_type = TicketTypeOfEvent()
    email = serializers.EmailField(max_length=254)
    language = serializers.ChoiceField(settings.LANGUAGES, required=False)
    voucher = serializers.CharField(allow_blank=True, max_length=0, required=False)


class Reason(Body):
    reason = Text(lines=True, max_length=2000, allow_blank=True, required=False)


class GroupCreate(Body):
    registrations = RegistrationCreate(many=True, min_length=1, max_length=LARGEST_GROUP)  # type: ignore[call-arg]  # of the list


class GroupMade(serializers.Serializer[Any]):
    """In the order of the request."""

    registrations = RegistrationMade(many=True)


class EntryOut(serializers.ModelSerializer[LedgerEntry]):
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
    kind = serializers.ChoiceField(
        [(kind.value, kind.label) for kind in BY_HAND], required=False, help_text=_("payment, unless it says otherwise")
    )
    amount = serializers.DecimalField(max_digits=10, decimal_places=2, min_value=Decimal("0.01"))
    method = serializers.ChoiceField(PaymentMethod.choices, required=False)
    reference = Text(max_length=200, allow_blank=True, required=False)
    paid_at = serializers.DateTimeField(required=False, help_text=_("Now, unless it says otherwise"))
