"""Registrations, groups, and the files that are their answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django_countries import countries
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import Institution
from accounts.models.institutions import validate_ror_id
from accounts.services import institutions
from common.api.fields import Text
from common.api.serializers import Body, QuickFields
from registrations.models import AnswerFile, LineItem, Product, Registration, TicketType
from registrations.models.questions import validate_identifier
from registrations.problems import LARGEST_GROUP
from registrations.services.setups import Setup, setup_of


class FileBody(Body):
    example = {"question": "abstract", "file": "(the bytes of the file)"}

    question = serializers.CharField(
        validators=[validate_identifier], help_text="identifier of a question of kind file"
    )
    file = serializers.FileField(max_length=255)


class FileOut(serializers.ModelSerializer[AnswerFile]):
    """`id` is the answer; it is forgotten a day later unless a registration names it."""

    example = {
        "id": "pT5wQeZ0uHs8yB2fVn6kXa4d",
        "name": "Yeast and tea.pdf",
        "media_type": "application/pdf",
        "size": 48213,
    }

    id = serializers.CharField(source="reference")

    class Meta:
        model = AnswerFile
        fields = ["id", "name", "media_type", "size"]


class LineOut(QuickFields, serializers.ModelSerializer[LineItem]):
    product = serializers.IntegerField(source="product_id")

    class Meta:
        model = LineItem
        fields = ["product", "quantity", "unit_price", "state", "offer_expires_at"]


class RegistrationOut(QuickFields, serializers.ModelSerializer[Registration]):
    """What the organizer, and whoever holds the secret, sees."""

    example = {
        "code": "R4T9ZK",
        "state": "confirmed",
        "ticket_type": 1,
        "name": "Wang Fang",
        "family_name": "Wang",
        "native_name": "王芳",
        "email": "fang@example.edu",
        "language": "en",
        "affiliation": "",
        "ror_id": "",
        "country": "CN",
        "answers": {"meals": "vegan"},
        "products": [{"product": 1, "quantity": 1, "unit_price": "180.00", "state": "held", "offer_expires_at": None}],
        "amount": "180.00",
        "currency": "CNY",
        "offer_expires_at": None,
        "payment_due_at": None,
        "group": None,
        "registered_at": "2027-05-03T08:00:00Z",
        "links": {
            "page": "https://events.example.edu/tea-2027/registrations/…/",
            "ticket": "https://events.example.edu/tea-2027/registrations/…/ticket.svg",
            "calendar": "https://events.example.edu/tea-2027/registrations/…/calendar.ics",
        },
    }
    example_after = {
        "cancel": {"state": "cancelled", "products": []},
        "reject": {"state": "rejected", "products": []},
    }

    ticket_type = serializers.IntegerField(source="ticket_type_id")
    country = serializers.CharField(source="country.code")
    ror_id = serializers.CharField(help_text="of the affiliation, where it is known")
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
            "family_name",
            "native_name",
            "email",
            "language",
            "affiliation",
            "ror_id",
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

    example = {
        **RegistrationOut.example,
        "state": "awaiting_payment",
        "payment_due_at": "2027-05-17T08:00:00Z",
        "secret": "mG3sV0qT1nXb7cJ9rK2wLdYh",
    }

    class Meta(RegistrationOut.Meta):
        fields = [*RegistrationOut.Meta.fields, "secret"]


@extend_schema_field(OpenApiTypes.INT)
class TicketTypeOfEvent(serializers.Field[TicketType, Any, int, Any]):
    default_error_messages = {"not_found": _("The event has no such ticket type.")}

    def to_internal_value(self, data: Any) -> TicketType:
        found = None
        if isinstance(data, int) and not isinstance(data, bool) and 0 < data < 2**63:
            found = _setup(self.context).ticket(data)
        if found is None:
            self.fail("not_found")
        return found

    def to_representation(self, value: TicketType) -> int:
        return value.pk


def _setup(context: Mapping[str, Any]) -> Setup:
    return context.get("setup") or setup_of(context["event"])


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
        found = [product for product in _setup(self.context).products if product.pk in wanted] if wanted else []
        if missing := sorted(set(wanted) - {product.pk for product in found}):
            raise serializers.ValidationError(
                _("The event has no product %(ids)s.") % {"ids": ", ".join(map(str, missing))}, code="not_found"
            )
        return [(product, wanted[product.pk]) for product in found]


class RegistrationChange(Body):
    example: dict[str, Any] = {"affiliation": "Jiangnan University", "answers": {"meals": "all"}}

    name = Text(max_length=200)
    family_name = Text(
        max_length=200, allow_blank=True, required=False, help_text="the part of `name` that is inherited; empty: none"
    )
    native_name = Text(max_length=200, allow_blank=True, required=False)
    language = serializers.ChoiceField(settings.LANGUAGES)
    affiliation = Text(max_length=300, allow_blank=True, required=False)
    ror_id = serializers.CharField(
        max_length=30,
        allow_blank=True,
        required=False,
        validators=[validate_ror_id],
        help_text="of the affiliation; left out, it is found where `affiliation` is the name of one institution",
    )
    country = serializers.ChoiceField(
        list(countries), allow_blank=True, required=False, help_text=_("ISO 3166-1 alpha-2, such as CN")
    )
    answers = serializers.DictField(child=serializers.JSONField(allow_null=True), required=False)
    # In a PATCH: all that they shall have; what is not named is given back.
    products = WantedProducts(max_length=50, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """As the services take them: `ror_id` as the row of the institution."""
        if ror_id := attrs.pop("ror_id", ""):
            institution = Institution.objects.filter(ror_id=ror_id).first()
            if institution is None:
                raise serializers.ValidationError(
                    {"ror_id": [_("No institution of our list has this ROR id.")]}, code="not_found"
                )
            affiliation = attrs.get("affiliation", "") or institution.name_in("en")
            return {**attrs, "institution": institution, "affiliation": affiliation}
        if "affiliation" in attrs:
            attrs["institution"] = self._named(attrs["affiliation"])
        return attrs

    def _named(self, affiliation: str) -> institutions.Chosen | Institution | None:
        return institutions.named(affiliation)


class RegistrationCreate(RegistrationChange):
    example = {
        "ticket_type": 1,
        "name": "Wang Fang",
        "family_name": "Wang",
        "native_name": "王芳",
        "email": "fang@example.edu",
        "language": "en",
        "country": "CN",
        "answers": {"meals": "vegan"},
        "products": [{"product": 1, "quantity": 1}],
    }

    ticket_type = TicketTypeOfEvent()
    email = serializers.EmailField(max_length=254)
    language = serializers.ChoiceField(settings.LANGUAGES, required=False)
    voucher = serializers.CharField(allow_blank=True, max_length=0, required=False)

    def _named(self, affiliation: str) -> institutions.Chosen:
        # The service looks for it when it looks for the person.
        return institutions.Chosen(name=affiliation)


class Reason(Body):
    example = {"reason": "Cannot come."}

    reason = Text(lines=True, max_length=2000, allow_blank=True, required=False)


class GroupCreate(Body):
    example = {
        "registrations": [
            {"ticket_type": 1, "name": "Li Na", "email": "na@example.edu", "answers": {"meals": "all"}},
            {"ticket_type": 1, "name": "Zhang Wei", "email": "wei@example.edu", "answers": {"meals": "vegan"}},
        ]
    }

    registrations = RegistrationCreate(many=True, min_length=1, max_length=LARGEST_GROUP)  # type: ignore[call-arg]  # of the list


class GroupMade(serializers.Serializer[Any]):
    """In the order of the request."""

    _each = {
        **RegistrationMade.example,
        "state": "confirmed",
        "family_name": "",
        "native_name": "",
        "country": "",
        "products": [],
        "amount": "0.00",
        "payment_due_at": None,
        "group": 3,
    }
    example = {
        "registrations": [
            {
                **_each,
                "code": "H3W8PA",
                "name": "Li Na",
                "email": "na@example.edu",
                "answers": {"meals": "all"},
                "secret": "bR7tYc2mKf9sWx4gJn0qLzVe",
            },
            {
                **_each,
                "code": "N6D2FS",
                "name": "Zhang Wei",
                "email": "wei@example.edu",
                "answers": {"meals": "vegan"},
                "secret": "xU1vOp8dCi5hTa3kZq7eBwMj",
            },
        ]
    }

    registrations = RegistrationMade(many=True)
