"""Scans at the door: one, or many that a device kept while it had no connection."""

from __future__ import annotations

from typing import Any, Final, cast

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.fields import Instant, Text
from common.api.serializers import Body
from events.api.base import EventResource
from events.models import Permission
from registrations.models import CheckIn, CheckInResult
from registrations.services import check_ins
from registrations.services.check_ins import Scan

#: Scans of one request.
MOST_SCANS: Final = 500


class CheckInOut(serializers.ModelSerializer[CheckIn]):
    example = {
        "id": "0f8b7c1e-5d3a-4b62-9a70-2c1f6e8d4b95",
        "result": "accepted",
        "reason": "",
        "registration": "R4T9ZK",
        "name": "Wang Fang",
        "list": "",
        "scanned_at": "2027-06-07T00:41:07Z",
        "received_at": "2027-06-07T00:41:08Z",
        "device": "Door 1",
    }

    id = serializers.UUIDField(source="scan_id")
    list = serializers.CharField(source="list_name")
    registration = serializers.CharField(source="registration.code", default=None, allow_null=True)
    name = serializers.CharField(source="registration.name", default="", help_text=_("To greet by."))

    class Meta:
        model = CheckIn
        fields = ["id", "result", "reason", "registration", "name", "list", "scanned_at", "received_at", "device"]


class CheckInBody(Body):
    example = {
        "id": "0f8b7c1e-5d3a-4b62-9a70-2c1f6e8d4b95",
        "secret": "mG3sV0qT1nXb7cJ9rK2wLdYh",
        "scanned_at": "2027-06-07T08:41:07+08:00",
        "device": "Door 1",
    }

    id = serializers.UUIDField(help_text=_("Made by the device, anew for each scan."))
    secret = serializers.CharField(
        max_length=300, help_text=_("Of the registration, or all that the QR code of the ticket says.")
    )
    list = Text(max_length=100, allow_blank=True, required=False, help_text=_("Which door; left out: the only one."))
    scanned_at = Instant(help_text=_("By the device's clock."))
    device = Text(max_length=100, allow_blank=True, required=False)


def scan_of(asked: dict[str, Any]) -> Scan:
    return Scan(
        scan_id=asked["id"],
        secret=asked["secret"],
        scanned_at=asked["scanned_at"],
        list_name=asked.get("list", ""),
        device=asked.get("device", ""),
    )


def _scans(**keywords: Any) -> Any:
    return cast("Any", CheckInBody)(many=True, max_length=MOST_SCANS, **keywords)


class CheckInFilters(filters.FilterSet):
    result = filters.ChoiceFilter(choices=CheckInResult.choices)
    list = filters.CharFilter(field_name="list_name")

    class Meta:
        model = CheckIn
        fields = ["device"]


class CheckIns(EventResource):
    """A scan counts once, however often it is sent. An answer of 201 says that it is recorded; `result`, who may come in."""

    to_read = Permission.SEE_REGISTRATIONS
    to_write = Permission.MANAGE_REGISTRATIONS
    http_method_names = ["get", "post", "head", "options"]
    out = CheckInOut
    body = CheckInBody
    filterset_class = CheckInFilters

    def get_queryset(self) -> QuerySet[CheckIn]:
        return CheckIn.objects.filter(event=self.event).select_related("registration").order_by("-received_at", "-pk")

    @extend_schema(
        request=PolymorphicProxySerializer(
            component_name="CheckInOrList",
            serializers={"one": CheckInBody, "many": _scans()},
            resource_type_field_name=None,
            many=False,
        ),
        responses={
            201: PolymorphicProxySerializer(
                component_name="CheckInOrListOut",
                serializers={"one": CheckInOut, "many": CheckInOut(many=True)},
                resource_type_field_name=None,
                many=False,
            )
        },
    )
    def create(self, request: Request, **_path: Any) -> Response:
        """Record a scan, or a list of up to 500; the answer is one, or a list in the same order."""
        is_many = isinstance(request.data, list)
        context = self.get_serializer_context()
        make: Any = _scans if is_many else CheckInBody
        serializer = make(data=request.data, context=context)
        serializer.is_valid(raise_exception=True)
        asked = serializer.validated_data if is_many else [serializer.validated_data]
        rows = check_ins.check_in(event=self.event, scans=[scan_of(one) for one in asked], **self.by_whom())
        return Response(self.shown(rows, many=True) if is_many else self.shown(rows[0]), status=status.HTTP_201_CREATED)
