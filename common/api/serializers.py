from __future__ import annotations

import copy
from typing import Any, Final

from django.utils.translation import gettext as _
from rest_framework import serializers

#: The fields of each class, never bound to a serializer.
_fields: Final[dict[type, dict[str, serializers.Field[Any, Any, Any, Any]]]] = {}


class QuickFields:
    """Mix into a serializer, before it: its fields are worked out once for the class and copied for each instance. REST framework
    makes each anew from its arguments, which takes longer than all that a small request does otherwise."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        made = _fields.get(type(self))
        if made is None:
            made = _fields[type(self)] = super().get_fields()  # type: ignore[misc]  # a mix-in: Serializer follows
        return {name: _copy(field) for name, field in made.items()}


def _copy(field: serializers.Field[Any, Any, Any, Any]) -> serializers.Field[Any, Any, Any, Any]:
    # What has fields of its own is told by them who they belong to.
    is_simple = not (hasattr(field, "child") or hasattr(field, "child_relation") or hasattr(field, "get_fields"))
    return copy.copy(field) if is_simple else copy.deepcopy(field)


class Body(QuickFields, serializers.Serializer[Any]):
    """What a request may say: a field that is not declared is refused by name, not ignored."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := set(data) - set(self.fields)):
            message = _("There is no such field here.")
            raise serializers.ValidationError(
                {name: [serializers.ErrorDetail(message, code="unknown_field")] for name in sorted(map(str, unknown))}
            )
        return super().to_internal_value(data)
