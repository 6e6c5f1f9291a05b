"""The form's questions and sections."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from i18nfield.strings import LazyI18nString
from rest_framework import serializers

from common.api.fields import LocalizedText
from common.api.serializers import Body
from events.models import Event
from registrations.api.serializers.tickets import TicketTypesOfEvent
from registrations.models import Question, QuestionKind, QuestionSection
from registrations.models.questions import validate_identifier
from registrations.sniffing import FILE_TYPES


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
