"""Reminder rules, campaigns and the outbox. `notifications` knows no event, so what belongs to one is served here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time
from functools import partial
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.fields import Instant, LocalizedText
from common.api.filters import InstantFilter
from common.api.serializers import Body
from common.problems import Invalid, Problem
from common.text import email_key, validate_single_line
from events.api.base import EventResource
from events.models import Permission
from notifications.models import (
    MAX_DAYS_BEFORE,
    MAX_OFFSET_MINUTES,
    Anchor,
    Audience,
    Campaign,
    Message,
    MessageState,
    ReminderRule,
)
from notifications.notices import Recipient
from notifications.services import campaigns, messages, reminders
from notifications.services.campaigns import Progress

#: Of one filter.
_MOST_VALUES: Final = 500


class WallClock(serializers.RegexField):
    """`18:00`: a time of day in the event's zone."""

    _PATTERN: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(self._PATTERN, error_messages={"invalid": _("Write a time of day: 18:00.")}, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        text = super().run_validation(data)
        return time.fromisoformat(text) if text else text

    def to_representation(self, value: Any) -> str:
        return f"{value:%H:%M}"


class ReminderRuleOut(serializers.ModelSerializer[ReminderRule]):
    example = {
        "id": 4,
        "anchor": "slot",
        "audience": "speakers",
        "offset_minutes": 60,
        "days_before": None,
        "at_time": None,
        "subject": {},
        "body": {},
        "active": True,
    }

    subject = LocalizedText()
    body = LocalizedText()
    active = serializers.BooleanField(source="is_active")
    at_time = WallClock(allow_null=True)

    class Meta:
        model = ReminderRule
        fields = [
            "id",
            "anchor",
            "audience",
            "offset_minutes",
            "days_before",
            "at_time",
            "subject",
            "body",
            "active",
        ]


class ReminderRuleBody(Body):
    """When: either `offset_minutes`, or `days_before` and `at_time`."""

    example = {"anchor": "slot", "audience": "speakers", "offset_minutes": 60}
    example_of_change = {"active": False}

    anchor = serializers.ChoiceField(Anchor.choices)
    audience = serializers.ChoiceField(Audience.choices)
    offset_minutes = serializers.IntegerField(
        min_value=0, max_value=MAX_OFFSET_MINUTES, allow_null=True, required=False, help_text=_("before the anchor")
    )
    days_before = serializers.IntegerField(
        min_value=0,
        max_value=MAX_DAYS_BEFORE,
        allow_null=True,
        required=False,
        help_text=_("calendar days before the anchor's day, in the event's zone; 0 is that day"),
    )
    at_time = WallClock(allow_null=True, required=False, help_text=_("time of day in the event's zone: 18:00"))
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


class ProgressOut(serializers.Serializer[Progress]):
    """In addresses."""

    total = serializers.IntegerField()
    waiting = serializers.IntegerField()
    sent = serializers.IntegerField()
    failed = serializers.IntegerField()
    bounced = serializers.IntegerField()
    unsubscribed = serializers.IntegerField()
    cancelled = serializers.IntegerField()


class CampaignOut(serializers.ModelSerializer[Campaign]):
    example = {
        "id": 7,
        "subject": {"en": "The programme is out", "zh-hans": "日程已发布"},
        "body": {"en": "See you on Monday, {name}.", "zh-hans": "{name}，周一见。"},
        "audiences": {"registrations": {"state": ["confirmed"]}, "speakers": {}},
        "state": "scheduled",
        "send_at": "2027-06-01T01:00:00Z",
        "began_at": None,
        "finished_at": None,
        "progress": {
            "total": 0,
            "waiting": 0,
            "sent": 0,
            "failed": 0,
            "bounced": 0,
            "unsubscribed": 0,
            "cancelled": 0,
        },
    }
    _under_way = {
        "began_at": "2027-06-01T01:00:02Z",
        "progress": {
            "total": 240,
            "waiting": 115,
            "sent": 122,
            "failed": 0,
            "bounced": 1,
            "unsubscribed": 2,
            "cancelled": 0,
        },
    }
    example_after = {
        "send": {"state": "scheduled"},
        "pause": {"state": "paused", **_under_way},
        "resume": {"state": "sending", **_under_way},
        "cancel": {"state": "cancelled"},
    }

    subject = LocalizedText()
    body = LocalizedText()
    audiences = serializers.DictField(child=serializers.DictField())
    progress = serializers.SerializerMethodField()

    class Meta:
        model = Campaign
        fields = ["id", "subject", "body", "audiences", "state", "send_at", "began_at", "finished_at", "progress"]

    @extend_schema_field(ProgressOut)
    def get_progress(self, campaign: Campaign) -> dict[str, Any]:
        return dict(ProgressOut(self.context["progress"][campaign.pk]).data)


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string"},
            {"type": "array", "items": {"oneOf": [{"type": t} for t in ("string", "integer", "boolean")]}},
        ]
    }
)
class AnyOfThese(serializers.Field[Any, Any, Any, Any]):
    """Words to search for, or values of which any one is enough."""

    default_error_messages = {"type": _("Write one text, or a list of texts and whole numbers.")}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str | list) or len(data) > _MOST_VALUES:
            self.fail("type")
        for value in [data] if isinstance(data, str) else data:
            if isinstance(value, str):
                validate_single_line(value)
            elif not isinstance(value, int):
                self.fail("type")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class Filters(serializers.DictField):
    child = AnyOfThese()

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        found: dict[str, Any] = super().to_internal_value(data)
        for name in found:
            validate_single_line(name)
        return found


class CampaignChange(Body):
    """Words and people, as long as it has not begun: of a draft, or of what has a time that is still to come."""

    example_of_change = {"subject": {"en": "The programme is here", "zh-hans": "日程已发布"}}

    subject = LocalizedText(max_length=300)
    body = LocalizedText(lines=True, max_length=20_000)
    audiences = serializers.DictField(
        child=Filters(),
        help_text=_(
            'whom, with filters: {"registrations": {"state": ["confirmed"], "country": ["CN"]}, "bookmarked": {"session": ["A4C7EF"]}, "speakers": {}, "chairs": {}}'
        ),
    )


class CampaignBody(CampaignChange):
    """One text to many people of the event; it begins at once unless told otherwise."""

    example = {
        "subject": {"en": "The programme is out", "zh-hans": "日程已发布"},
        "body": {"en": "See you on Monday, {name}.", "zh-hans": "{name}，周一见。"},
        "audiences": {"registrations": {"state": ["confirmed"]}, "speakers": {}},
        "send_at": "2027-06-01T09:00:00+08:00",
    }

    send_at = Instant(required=False, help_text=_("default: at once"))
    draft = serializers.BooleanField(required=False, help_text=_("true: only written, to be sent by an organizer"))


class SendBody(Body):
    example = {"send_at": "2027-06-01T09:00:00+08:00"}

    send_at = Instant(required=False, help_text=_("default: at once"))


class Campaigns(EventResource):
    to_write = to_read = Permission.SEND_MESSAGES
    http_method_names = ["get", "post", "patch", "head", "options"]
    out = CampaignOut
    body = CampaignBody
    body_to_change = CampaignChange

    def get_queryset(self) -> QuerySet[Campaign]:
        return Campaign.objects.of_event(self.event.pk).without_recipients().order_by("-pk")

    def shown(self, things: Any, **kwargs: Any) -> Any:
        # One query, for one or for a page of them.
        progress = campaigns.progress_of(things if kwargs.get("many") else [things])
        return self.out(things, context={**self.get_serializer_context(), "progress": progress}, **kwargs).data

    @transaction.atomic
    def make(self, asked: dict[str, Any]) -> Campaign:
        send_at, is_draft = asked.pop("send_at", None), asked.pop("draft", False)
        made = campaigns.create_campaign(event_id=self.event.pk, **asked, **self.by_whom())
        return made if is_draft else campaigns.send_campaign(campaign=made, send_at=send_at, **self.by_whom())

    def change(self, thing: Campaign, asked: dict[str, Any]) -> Campaign:
        return campaigns.update_campaign(campaign=thing, changes=asked, **self.by_whom())

    @extend_schema(request=SendBody, responses=CampaignOut)
    @action(detail=True, methods=["post"])
    def send(self, request: Request, **_path: Any) -> Response:
        """Begin with a draft, at once or at `send_at`; or give one that waits for its time another."""
        send_at = self.asked(SendBody).get("send_at")
        return self._changed(partial(campaigns.send_campaign, send_at=send_at))

    @extend_schema(request=None, responses=CampaignOut)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, **_path: Any) -> Response:
        """Hold what has not gone out."""
        return self._changed(campaigns.pause_campaign)

    @extend_schema(request=None, responses=CampaignOut)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, **_path: Any) -> Response:
        """Go on where it was paused."""
        return self._changed(campaigns.resume_campaign)

    @extend_schema(request=None, responses=CampaignOut)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, **_path: Any) -> Response:
        """Stop for good."""
        return self._changed(campaigns.cancel_campaign)

    def _changed(self, service: Callable[..., Campaign]) -> Response:
        return self.one(self.again(service(campaign=self.get_object(), **self.by_whom())))


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
    example_after = {"cancel": {"state": "cancelled"}}

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
        return self.one(messages.cancel_message(message=self.get_object(), **self.by_whom()))

    @extend_schema(request=None, responses=MessageOut)
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, **_path: Any) -> Response:
        """Queue a failed or cancelled message again."""
        return self.one(messages.retry_message(message=self.get_object(), **self.by_whom()))
