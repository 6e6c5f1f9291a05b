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

from common.api.fields import Instant, LocalizedText
from common.api.filters import InstantFilter
from common.api.serializers import Body
from common.problems import Invalid, Problem
from common.text import email_key
from events.api.base import EventResource
from events.models import Permission
from notifications.models import Anchor, Audience, Message, MessageState, ReminderRule
from notifications.notices import Recipient
from notifications.services import messages, reminders


class ReminderRuleOut(serializers.ModelSerializer[ReminderRule]):
    example = {
        "id": 4,
        "anchor": "slot",
        "audience": "speakers",
        "offset_minutes": 60,
        "subject": {},
        "body": {},
        "active": True,
    }

    subject = LocalizedText()
    body = LocalizedText()
    active = serializers.BooleanField(source="is_active")

    class Meta:
        model = ReminderRule
        fields = ["id", "anchor", "audience", "offset_minutes", "subject", "body", "active"]


class ReminderRuleBody(Body):
    example = {"anchor": "slot", "audience": "speakers", "offset_minutes": 60}
    example_of_change = {"active": False}

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
    example = {
        "id": 81,
        "kind": "organizers_message",
        "about": "event:tea-2027",
        "recipient": "fang@example.edu",
        "language": "en",
        "subject": "The bus",
        "state": "queued",
        "send_at": "2027-06-06T10:00:00Z",
        "sent_at": None,
        "attempts": 0,
        "error": "",
    }

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


class MessageBody(Body):
    """One message in the organizers' own words, to somebody who has to do with the event."""

    example = {
        "recipient": "fang@example.edu",
        "subject": {"en": "The bus", "zh-hans": "班车"},
        "body": {"en": "It leaves at eight.", "zh-hans": "八点发车。"},
        "send_at": "2027-06-06T18:00:00+08:00",
    }
    recipient = serializers.EmailField(help_text=_("somebody who registered, or a speaker"))
    subject = LocalizedText(max_length=300)
    body = LocalizedText(lines=True, max_length=20_000)
    send_at = Instant(required=False, help_text=_("default: at once"))


class MessageFilters(filters.FilterSet):
    state = filters.ChoiceFilter(choices=MessageState.choices)
    recipient = filters.CharFilter("recipient_email", lookup_expr="iexact")
    sent_at_after = InstantFilter("sent_at", lookup_expr="gte", label=_("sent at or after"))

    class Meta:
        model = Message
        fields = ["kind", "about", "language"]


class Messages(EventResource):
    to_write = to_read = Permission.SEND_MESSAGES
    http_method_names = ["get", "post", "head", "options"]
    out = MessageOut
    body = MessageBody
    filterset_class = MessageFilters

    def get_queryset(self) -> QuerySet[Message]:
        return Message.objects.of_event(self.event.pk).defer("context", "rendered").order_by("-pk")

    def make(self, asked: dict[str, Any]) -> Message:
        to = self._known(asked["recipient"])
        language = to.language if to.language in self.event.locales else self.event.language
        return messages.write_message(
            event_id=self.event.pk,
            to=to,
            subject=str(asked["subject"].localize(language)),
            text=str(asked["body"].localize(language)),
            send_at=asked.get("send_at"),
            **self.by_whom(),
        )

    def _known(self, address: str) -> Recipient:
        """Nobody else gets mail from an event: the address is one that registered, or a speaker's."""
        registration = self.event.registrations.filter(email_key=email_key(address)).order_by("-pk").first()
        if registration:
            return Recipient(email=registration.email, name=registration.name, language=registration.language)
        speaker = self.event.speakers.filter(email__iexact=address).order_by("pk").first()
        if speaker:
            return Recipient(email=speaker.email, name=speaker.name, language=speaker.language or self.event.language)
        raise Invalid(
            [
                Problem(
                    code="unknown_recipient",
                    field="recipient",
                    message=_("Nobody with this address registered for the event or speaks at it."),
                    fix=_("Write to somebody of the event."),
                )
            ]
        )

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
