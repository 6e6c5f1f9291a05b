"""What the OpenAPI description says of a resource: what it is asked with, what it answers, and how it refuses."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import build_listed_example_value
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer
from rest_framework import serializers

from common.api.idempotency import HEADER, Idempotent
from common.api.serializers import Body
from common.api.views import Resource

PROBLEM_TYPE = "application/problem+json"


class ProblemEntry(serializers.Serializer[Any]):
    code = serializers.CharField()
    field = serializers.CharField(help_text="empty: about the whole request")
    message = serializers.CharField()
    fix = serializers.CharField(help_text="what to do")


class ProblemDetails(serializers.Serializer[Any]):
    """RFC 9457."""

    example = {
        "type": "urn:lihu:problem:slot_is_locked",
        "title": "Conflict",
        "status": 409,
        "detail": "“Yeast and tea” is locked where it is.",
        "code": "slot_is_locked",
        "problems": [
            {
                "code": "slot_is_locked",
                "field": "",
                "message": "“Yeast and tea” is locked where it is.",
                "fix": "Unlock it first.",
            }
        ],
    }

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    problems = ProblemEntry(many=True)


IDEMPOTENCY_KEY = OpenApiParameter(
    HEADER,
    str,
    OpenApiParameter.HEADER,
    description="The same key gives the first answer again, for a day; with another body 422.",
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag that you were given. Where it is another by now, nothing happens: 412.",
)


class Schema(AutoSchema):
    def get_override_parameters(self) -> list[Any]:
        method = self.method.upper()
        if not isinstance(self.view, Idempotent) or method not in {"POST", "PATCH", "DELETE"}:
            return []
        return [IDEMPOTENCY_KEY if method == "POST" else IF_MATCH]

    def get_request_serializer(self) -> Any:
        view = self.view
        if not isinstance(view, Resource):
            return super().get_request_serializer()
        return {"POST": view.body, "PATCH": view.body_to_change or view.body}.get(self.method.upper())

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        described = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        return {**described, "additionalProperties": False} if isinstance(serializer, Body) else described

    def get_response_serializers(self) -> Any:
        view = self.view
        if not isinstance(view, Resource):
            return super().get_response_serializers()
        if self.method.upper() == "DELETE":
            answers: dict[Any, Any] = {204: None}
        else:
            shown = view.out(many=True) if getattr(view, "action", "") == "list" else view.out
            answers = {201 if self.method.upper() == "POST" else 200: shown}
        return answers

    def _get_examples(
        self, serializer: Any, direction: Any, media_type: Any, status_code: Any = None, extras: Any = None
    ) -> dict[str, Any]:
        """What the serializers say of themselves: `example`; `example_of_change` where a PATCH asks for less; by the
        name of an action what is another in its answer, `example_after`. Of several shapes, the first's."""
        shape = serializer
        if isinstance(shape, PolymorphicProxySerializer):
            shape = next(iter(shape.serializers.values()))
        shape = getattr(shape, "child", shape)
        example = getattr(shape, "example", None)
        if direction == "request" and self.method.upper() == "PATCH":
            example = getattr(shape, "example_of_change", example)
        if example is None:
            return {}
        if direction == "response":
            example = {**example, **getattr(shape, "example_after", {}).get(getattr(self.view, "action", ""), {})}
        if direction == "response" and status_code == "200" and self._is_list_view(serializer):
            example = build_listed_example_value(example, self._get_paginator(), direction)  # type: ignore[no-untyped-call]
        return {"Example": {"value": example}}

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        """Any operation may be refused, and always in one shape."""
        bodies = super()._get_response_bodies(direction)
        refused = self._get_response_for_code(ProblemDetails, "4XX", [PROBLEM_TYPE], direction)  # type: ignore[no-untyped-call]
        return {**bodies, "4XX": refused}
