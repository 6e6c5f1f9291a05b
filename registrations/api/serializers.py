from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django_countries import countries
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from common.api.fields import Instant, LocalizedText, Text
from common.api.serializers import Body
from events.models import Event
from registrations.models import Question, QuestionKind, QuestionOption, Quota, Registration, TicketType
from registrations.models.questions import validate_identifier


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


class TicketTypeOut(serializers.ModelSerializer[TicketType]):
    example = {
        "id": 1,
        "name": {"en": "Guest", "zh-hans": "来宾"},
        "description": {},
        "price": "0.00",
        "quotas": [1],
        "waiting_list": True,
        "requires_approval": False,
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
            "requires_approval",
            "available_from",
            "available_until",
        ]

    def get_quotas(self, ticket_type: TicketType) -> list[int]:
        return sorted(quota.pk for quota in ticket_type.quotas.all())


class TicketTypeBody(Body):
    example = {"name": {"en": "Guest", "zh-hans": "来宾"}, "quotas": [1], "waiting_list": True}
    example_of_change = {"available_until": "2027-06-01T18:00:00+08:00"}

    name = LocalizedText(max_length=200)
    description = LocalizedText(lines=True, allow_blank=True, required=False)
    price = serializers.DecimalField(max_digits=10, decimal_places=2, min_value=0, required=False)
    quotas = QuotasOfEvent(min_length=1, max_length=20)
    waiting_list = serializers.BooleanField(required=False)
    requires_approval = serializers.BooleanField(required=False)
    available_from = Instant(allow_null=True, required=False)
    available_until = Instant(allow_null=True, required=False)


class OptionOut(serializers.ModelSerializer[QuestionOption]):
    label = LocalizedText()  # type: ignore[assignment]

    class Meta:
        model = QuestionOption
        fields = ["identifier", "label"]


class QuestionOut(serializers.ModelSerializer[Question]):
    example = {
        "id": 6,
        "identifier": "meals",
        "kind": "choice",
        "label": {"en": "Meals", "zh-hans": "餐食"},
        "help_text": {},
        "is_required": True,
        "options": [
            {"identifier": "all", "label": {"en": "Everything"}},
            {"identifier": "vegan", "label": {"en": "Vegan"}},
        ],
    }

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
    example = {
        "identifier": "meals",
        "kind": "choice",
        "label": {"en": "Meals", "zh-hans": "餐食"},
        "is_required": True,
        "options": [
            {"identifier": "all", "label": {"en": "Everything"}},
            {"identifier": "vegan", "label": {"en": "Vegan"}},
        ],
    }
    example_of_change = {"is_required": False}

    identifier = serializers.CharField(validators=[validate_identifier])
    kind = serializers.ChoiceField(QuestionKind.choices, required=False)
    label = LocalizedText(max_length=300)  # type: ignore[assignment]
    help_text = LocalizedText(max_length=500, allow_blank=True, required=False)  # type: ignore[assignment]
    is_required = serializers.BooleanField(required=False)
    options = OptionBody(many=True, required=False)


class RegistrationOut(serializers.ModelSerializer[Registration]):
    """What the organizer, and whoever holds the secret, sees."""

    example = {
        "code": "R4T9ZK",
        "state": "confirmed",
        "ticket_type": 1,
        "name": "Wang Fang",
        "native_name": "王芳",
        "email": "fang@example.edu",
        "language": "en",
        "affiliation": "",
        "country": "CN",
        "answers": {"meals": "vegan"},
        "amount": "0.00",
        "currency": "CNY",
        "registered_at": "2027-05-03T08:00:00Z",
        "links": {
            "page": "https://events.example.edu/tea-2027/registrations/…/",
            "ticket": "https://events.example.edu/tea-2027/registrations/…/ticket.svg",
            "calendar": "https://events.example.edu/tea-2027/registrations/…/calendar.ics",
        },
    }
    ticket_type = serializers.IntegerField(source="ticket_type_id")
    country = serializers.CharField(source="country.code")
    answers = serializers.SerializerMethodField()
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
            "amount",
            "currency",
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

    example = {**RegistrationOut.example, "secret": "mG3sV0qT1nXb7cJ9rK2wLdYh"}

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


class RegistrationChange(Body):
    example: dict[str, Any] = {"affiliation": "Jiangnan University", "answers": {"meals": "all"}}

    name = Text(max_length=200)
    native_name = Text(max_length=200, allow_blank=True, required=False)
    language = serializers.ChoiceField(settings.LANGUAGES)
    affiliation = Text(max_length=300, allow_blank=True, required=False)
    country = serializers.ChoiceField(
        list(countries), allow_blank=True, required=False, help_text=_("ISO 3166-1 alpha-2, such as CN")
    )
    answers = serializers.DictField(child=serializers.JSONField(), required=False)


class RegistrationCreate(RegistrationChange):
    example = {
        "ticket_type": 1,
        "name": "Wang Fang",
        "native_name": "王芳",
        "email": "fang@example.edu",
        "language": "en",
        "country": "CN",
        "answers": {"meals": "vegan"},
    }

    ticket_type = TicketTypeOfEvent()
    email = serializers.EmailField(max_length=254)
    language = serializers.ChoiceField(settings.LANGUAGES, required=False)
    products = serializers.ListField(child=serializers.IntegerField(), max_length=0, required=False)
    voucher = serializers.CharField(allow_blank=True, max_length=0, required=False)


class Reason(Body):
    example = {"reason": "Cannot come."}

    reason = Text(lines=True, max_length=2000, allow_blank=True, required=False)
