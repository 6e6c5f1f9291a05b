from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django_countries import countries
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from i18nfield.strings import LazyI18nString
from rest_framework import serializers

from accounts.models import Institution
from accounts.models.institutions import validate_ror_id
from accounts.services import institutions
from common.api.fields import Instant, LocalizedText, Text
from common.api.serializers import Body, QuickFields
from events.models import Event
from registrations.models import (
    AnswerFile,
    LedgerEntry,
    LineItem,
    PaymentMethod,
    Product,
    Question,
    QuestionKind,
    QuestionSection,
    Quota,
    Registration,
    TicketType,
)
from registrations.models.questions import validate_identifier
from registrations.problems import LARGEST_GROUP
from registrations.services.payments import BY_HAND
from registrations.services.setups import Setup, setup_of
from registrations.sniffing import FILE_TYPES


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


class SectionOut(serializers.ModelSerializer[QuestionSection]):
    example = {"id": 1, "title": {"en": "At the table", "zh-hans": "用餐"}, "description": {}, "position": 0}

    title = LocalizedText()
    description = LocalizedText()

    class Meta:
        model = QuestionSection
        fields = ["id", "title", "description", "position"]


class SectionBody(Body):
    example = {"title": {"en": "At the table", "zh-hans": "用餐"}}
    example_of_change = {"description": {"en": "Lunch is served in the Lake Building."}}

    title = LocalizedText(max_length=200)
    description = LocalizedText(max_length=2000, lines=True, allow_blank=True, required=False)


class OptionBody(Body):
    identifier = serializers.CharField(validators=[validate_identifier])
    label = LocalizedText(max_length=300)  # type: ignore[assignment]


class SettingsBody(Body):
    """Which of these there are depends on the kind of the question."""

    minimum = serializers.FloatField(required=False, help_text="number: not less")
    maximum = serializers.FloatField(required=False, help_text="number: not more")
    step = serializers.FloatField(
        required=False, help_text="number: in steps of, counted from `minimum` or 0; default 1"
    )
    unit = LocalizedText(max_length=40, required=False, help_text="number")
    has_other = serializers.BooleanField(required=False, help_text='choices: `{"other": "…"}` is an answer, too')
    at_least = serializers.IntegerField(required=False, min_value=0, max_value=200, help_text="multiple choice")
    at_most = serializers.IntegerField(required=False, min_value=1, max_value=200, help_text="multiple choice")
    earliest = serializers.DateField(required=False, help_text="date")
    latest = serializers.DateField(required=False, help_text="date")
    file_types = serializers.ListField(
        child=serializers.ChoiceField(list(FILE_TYPES)), required=False, min_length=1, max_length=len(FILE_TYPES)
    )
    max_megabytes = serializers.IntegerField(required=False, min_value=1, max_value=30, help_text="file; default 10")
    link = serializers.URLField(required=False, max_length=500, help_text="consent: where the text is")

    def to_internal_value(self, data: Any) -> Any:
        """As they are stored: JSON, whole numbers without a point."""
        settings = dict(super().to_internal_value(data))
        for name, value in settings.items():
            if isinstance(value, date):
                settings[name] = value.isoformat()
            elif isinstance(value, float) and math.isfinite(value) and value == int(value):
                settings[name] = int(value)
            elif isinstance(value, LazyI18nString):
                settings[name] = dict(value.data)
        return settings


class ConditionBody(Body):
    """Asked only of those who answer `question`, which stands before it, with one of `answers`."""

    question = serializers.CharField(validators=[validate_identifier])
    answers = serializers.ListField(child=serializers.JSONField(), min_length=1, max_length=250)


class OptionOut(serializers.Serializer[Any]):
    identifier = serializers.CharField()
    label = serializers.DictField(child=serializers.CharField())  # type: ignore[assignment]


class QuestionOut(serializers.ModelSerializer[Question]):
    example = {
        "id": 5,
        "identifier": "meals",
        "kind": "choice",
        "label": {"en": "Meals", "zh-hans": "餐食"},
        "help_text": {},
        "is_required": True,
        "is_sensitive": False,
        "is_active": True,
        "options": [
            {"identifier": "all", "label": {"en": "Everything"}},
            {"identifier": "vegan", "label": {"en": "Vegan"}},
        ],
        "settings": {"has_other": True},
        "section": 1,
        "position": 0,
        "condition": None,
        "ticket_types": [],
        "version": 1,
    }

    label = LocalizedText()  # type: ignore[assignment]
    help_text = LocalizedText()  # type: ignore[assignment]
    options = OptionOut(many=True)
    settings = serializers.DictField()
    condition = serializers.SerializerMethodField()
    ticket_types = serializers.SerializerMethodField(help_text="empty: asked with every ticket")
    section = serializers.IntegerField(source="section_id", allow_null=True)
    version = serializers.IntegerField(
        source="version.number", help_text="rises with each change of words, options or settings"
    )

    class Meta:
        model = Question
        fields = [
            "id",
            "identifier",
            "kind",
            "label",
            "help_text",
            "is_required",
            "is_sensitive",
            "is_active",
            "options",
            "settings",
            "section",
            "position",
            "condition",
            "ticket_types",
            "version",
        ]

    @extend_schema_field(
        {
            "type": "object",
            "nullable": True,
            "properties": {"question": {"type": "string"}, "answers": {"type": "array", "items": {}}},
        }
    )
    def get_condition(self, question: Question) -> dict[str, Any] | None:
        decides = question.condition_question
        return {"question": decides.identifier, "answers": question.condition_values} if decides else None

    def get_ticket_types(self, question: Question) -> list[int]:
        return sorted(ticket.pk for ticket in question.ticket_types.all())


@extend_schema_field(OpenApiTypes.INT)
class SectionOfEvent(serializers.Field[QuestionSection, Any, int, Any]):
    default_error_messages = {"not_found": _("The event has no such section.")}

    def to_internal_value(self, data: Any) -> QuestionSection:
        found = None
        if isinstance(data, int) and not isinstance(data, bool) and 0 < data < 2**63:
            found = QuestionSection.objects.filter(event=self.context["event"], pk=data).first()
        if found is None:
            self.fail("not_found")
        return found

    def to_representation(self, value: QuestionSection) -> int:
        return value.pk


class QuestionBody(Body):
    example = {
        "identifier": "meals",
        "kind": "choice",
        "label": {"en": "Meals", "zh-hans": "餐食"},
        "is_required": True,
        "options": [
            {"identifier": "all", "label": {"en": "Everything"}},
            {"identifier": "vegan", "label": {"en": "Vegan"}},
        ],
        "settings": {"has_other": True},
        "section": 1,
    }
    example_of_change = {"is_required": False}

    identifier = serializers.CharField(validators=[validate_identifier])
    kind = serializers.ChoiceField(QuestionKind.choices, required=False)
    label = LocalizedText(max_length=300)  # type: ignore[assignment]
    help_text = LocalizedText(max_length=2000, lines=True, allow_blank=True, required=False)  # type: ignore[assignment]
    is_required = serializers.BooleanField(required=False)
    is_sensitive = serializers.BooleanField(required=False)
    options = OptionBody(many=True, required=False)
    settings = SettingsBody(required=False)
    section = SectionOfEvent(allow_null=True, required=False)
    condition = ConditionBody(allow_null=True, required=False)
    ticket_types = TicketTypesOfEvent(max_length=100, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """As the services take them: `condition` as the row of its question."""
        if "condition" not in attrs:
            return attrs
        condition = attrs.pop("condition")
        if condition is None:
            return {**attrs, "condition_question": None, "condition_values": []}
        event: Event = self.context["event"]
        decides = event.questions.filter(identifier=condition["question"], is_active=True).first()
        if decides is None:
            raise serializers.ValidationError(
                {"condition": {"question": [_("The event asks no such question.")]}}, code="not_found"
            )
        return {**attrs, "condition_question": decides, "condition_values": condition["answers"]}


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
            attrs["institution"] = institutions.named(attrs["affiliation"])
        return attrs


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
