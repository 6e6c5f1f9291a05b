"""Reminder rules and the outbox. `notifications` knows no event, so what belongs to one is served here."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.fields import LocalizedText
from common.api.serializers import Body
from events.api.base import EventResource
from events.models import Permission
from notifications.models import Anchor, Audience, Message, MessageState, ReminderRule
from notifications.services import messages, reminders


class ReminderRuleOut(serializers.ModelSerializer[ReminderRule]):
    subject = LocalizedText()
    body = LocalizedText()
    active = serializers.BooleanField(source="is_active")

    class Meta:
        model = ReminderRule
        fields = ["id", "anchor", "audience", "offset_minutes", "subject", "body", "active"]


class ReminderRuleBody(Body):
    anchor = serializers.ChoiceField(Anchor.choices)
    audience = serializers.ChoiceField(Audience.choices)
    offset_minutes = serializers.IntegerField(min_value=0, max_value=366 * 24 * 60)
    subject = LocalizedText(max_length=300, allow_blank=True, required=False)
    body = LocalizedText(lines=True, allow_blank=True, required=False)
    active = serializers.BooleanField(source="is_active", required=False)


class ReminderRules(EventResource):
    to_write = to_read = Permission.SEND_MESSAGES
    out = ReminderRuleOut
    body = ReminderRuleBody

    def get_queryset(self) -> QuerySet[ReminderRule]:
        return ReminderRule.objects.filter(event_id=self.event.pk).order_by("pk")

    def make(self, asked: dict[str, Any]) -> ReminderRule:
        return reminders.create_rule(event_id=self.event.pk, **asked, **self.by_whom())

    def change(self, thing: ReminderRule, asked: dict[str, Any]) -> ReminderRule:
        return reminders.update_rule(rule=thing, changes=asked, **self.by_whom())

    def remove(self, thing: ReminderRule) -> None:
        reminders.delete_rule(rule=thing, **self.by_whom())


class MessageOut(serializers.ModelSerializer[Message]):
    recipient = serializers.EmailField(source="recipient_email")

    class Meta:
        model = Message
        fields = [
            "id",
            "kind",
            "about",
            "recipient",
            "language",
            "subject",
            "state",
            "send_at",
            "sent_at",
            "attempts",
            "error",
        ]


class MessageFilters(filters.FilterSet):
    state = filters.ChoiceFilter(choices=MessageState.choices)
    recipient = filters.CharFilter("recipient_email", lookup_expr="iexact")
    sent_at_after = filters.IsoDateTimeFilter("sent_at", lookup_expr="gte", label=_("sent at or after"))

    class Meta:
        model = Message
        fields = ["kind", "about", "language"]


class Messages(EventResource):
    to_write = to_read = Permission.SEND_MESSAGES
    http_method_names = ["get", "post", "head", "options"]
    out = MessageOut
    body = Body
    filterset_class = MessageFilters

    def get_queryset(self) -> QuerySet[Message]:
        return Message.objects.of_event(self.event.pk).defer("context", "rendered").order_by("-pk")

    @extend_schema(request=None, responses=MessageOut)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, **_path: Any) -> Response:
        """Withdraw a message that is still queued."""
        return Response(self.shown(messages.cancel_message(message=self.get_object(), **self.by_whom())))

    @extend_schema(request=None, responses=MessageOut)
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, **_path: Any) -> Response:
        """Queue a failed or cancelled message again."""
        return Response(self.shown(messages.retry_message(message=self.get_object(), **self.by_whom())))
