from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NoReturn

from django.core.exceptions import ValidationError
from django.utils.dateparse import parse_datetime
from django_filters import rest_framework as filters
from django_filters.fields import IsoDateTimeField


class _InstantField(IsoDateTimeField):
    def to_python(self, value: Any) -> datetime | None:
        if value in self.empty_values:
            return None
        try:
            found = parse_datetime(str(value))
            # PostgreSQL reads no offset beyond 16 hours.
            return found.astimezone(UTC) if found and found.tzinfo else self._refuse()
        except (ValueError, OverflowError):
            self._refuse()

    def _refuse(self) -> NoReturn:
        raise ValidationError(self.error_messages["invalid"], code="invalid")


class InstantFilter(filters.IsoDateTimeFilter):
    """RFC 3339 with an offset: which 09:00 is meant is not guessed. In an address `+` is written `%2B`."""

    field_class = _InstantField
