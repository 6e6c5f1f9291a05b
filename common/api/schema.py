"""What the OpenAPI description says of a resource: what it is asked with, what it answers, and how it refuses."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
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


class Schema(AutoSchema):
    def get_override_parameters(self) -> list[Any]:
        return [IDEMPOTENCY_KEY] if isinstance(self.view, Idempotent) and self.method.upper() == "POST" else []

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

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        """Any operation may be refused, and always in one shape."""
        bodies = super()._get_response_bodies(direction)
        refused = self._get_response_for_code(ProblemDetails, "4XX", [PROBLEM_TYPE], direction)  # type: ignore[no-untyped-call]
        return {**bodies, "4XX": refused}
