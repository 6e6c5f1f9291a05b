from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError as ModelValidationError
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from i18nfield.strings import LazyI18nString
from rest_framework import serializers

from common.text import validate_plain_text, validate_single_line


class Text(serializers.CharField):
    """Plain text, kept as typed; `lines=True` allows line breaks."""

    def __init__(self, *, lines: bool = False, **kwargs: Any) -> None:
        kwargs.setdefault("trim_whitespace", False)
        super().__init__(**kwargs)
        self.validators.append(validate_plain_text if lines else validate_single_line)

    def to_internal_value(self, data: Any) -> str:
        if isinstance(data, bool | int | float):
            self.fail("invalid")
        value = super().to_internal_value(data)
        if not self.allow_blank and not value.strip():
            self.fail("blank")
        return value


class Instant(serializers.DateTimeField):
    """RFC 3339 with an offset. Without one it is refused: which 09:00 is meant is not guessed."""

    default_error_messages = {
        "offset": _("Write the time with its offset from UTC, such as 2027-06-07T09:00:00+08:00."),
    }

    def enforce_timezone(self, value: datetime) -> datetime:
        if value.tzinfo is None:
            self.fail("offset")
        return super().enforce_timezone(value)


@extend_schema_field(
    {
        "oneOf": [
            {
                "type": "object",
                "properties": {language: {"type": "string"} for language, _name in settings.LANGUAGES},
                "additionalProperties": False,
                "example": {"en": "Text", "zh-hans": "文字"},
            },
            {"type": "string"},
        ]
    }
)
class LocalizedText(serializers.Field[LazyI18nString, Any, Any, Any]):
    """`{"en": "…", "zh-hans": "…"}`; one string is taken as the text in the event's first language."""

    default_error_messages = {
        "type": _("Write an object of language codes and texts, such as {{“en”: “…”}}."),
        "language": _("“{language}” is not a language that texts are written in."),
        "blank": _("This may not be empty."),
        "max_length": _("This has more than {max_length} characters."),
    }

    def __init__(
        self, *, max_length: int = 20_000, lines: bool = False, allow_blank: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.max_length = max_length
        self.allow_blank = allow_blank
        self.validate_text = validate_plain_text if lines else validate_single_line

    def to_internal_value(self, data: Any) -> LazyI18nString:
        event = self.context.get("event")
        # An event in the making has its languages in the same request; its first is not known to this field.
        first = event.language if event else settings.LANGUAGE_CODE
        texts = {first: data} if isinstance(data, str) else data
        if not isinstance(texts, Mapping):
            self.fail("type")
        known = dict(settings.LANGUAGES)
        for language, text in texts.items():
            if language not in known:
                self.fail("language", language=language)
            if not isinstance(text, str):
                self.fail("type")
            if len(text) > self.max_length:
                self.fail("max_length", max_length=self.max_length)
            try:
                self.validate_text(text)
            except ModelValidationError as error:
                raise serializers.ValidationError(error.messages, code=error.code) from error
        if not self.allow_blank and not any(text.strip() for text in texts.values()):
            self.fail("blank")
        return LazyI18nString({language: text for language, text in texts.items() if text})

    def to_representation(self, value: LazyI18nString) -> Any:
        data = value.data if isinstance(value, LazyI18nString) else value
        if isinstance(data, Mapping):
            return {language: text for language, text in data.items() if text}
        event = self.context.get("event")
        return {event.language if event else settings.LANGUAGE_CODE: data} if data else {}


@extend_schema_field(OpenApiTypes.INT)
class Minutes(serializers.Field[timedelta, Any, int, Any]):
    """A duration in whole minutes, 0 to 7 days."""

    default_error_messages = {"invalid": _("Write a whole number of minutes from 0 to 10080.")}

    def to_internal_value(self, data: Any) -> timedelta:
        if isinstance(data, bool) or not isinstance(data, int) or not 0 <= data <= 7 * 24 * 60:
            self.fail("invalid")
        return timedelta(minutes=data)

    def to_representation(self, value: timedelta) -> int:
        return round(value.total_seconds() / 60)
