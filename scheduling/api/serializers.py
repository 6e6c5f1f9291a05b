from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from common.api.fields import Instant, LocalizedText, Text
from common.api.serializers import Body
from events.models import Room
from scheduling.models import Schedule, Slot, SlotKind
from scheduling.models.schedules import VERSION_VALIDATORS
from submissions.models import Submission


class SlotOut(serializers.ModelSerializer[Slot]):
    example = {
        "id": 12,
        "kind": "talk",
        "submission": "AB34CD",
        "title": {"en": "Yeast and tea", "zh-hans": "酵母与茶"},
        "room": 3,
        "starts_at": "2027-06-07T01:00:00Z",
        "ends_at": "2027-06-07T01:45:00Z",
        "parent": None,
        "board": "",
        "locked": False,
    }

    submission = serializers.CharField(source="submission.code", default=None, allow_null=True)
    title = LocalizedText()
    room = serializers.IntegerField(source="room_id", allow_null=True)
    parent = serializers.IntegerField(source="parent_id", allow_null=True)  # type: ignore[assignment]  # DRF sets its own on the instance only

    class Meta:
        model = Slot
        fields = ["id", "kind", "submission", "title", "room", "starts_at", "ends_at", "parent", "board", "locked"]

    def to_representation(self, instance: Slot) -> dict[str, Any]:
        shown = super().to_representation(instance)
        if instance.submission is not None:
            shown["title"] = self.fields["title"].to_representation(instance.submission.title)
        return shown


class _OfEvent(serializers.Field[Any, Any, Any, Any]):
    """A reference to something of this event; anything else might as well not exist."""

    default_error_messages = {"not_found": _("The event has no such thing.")}

    def find(self, data: Any) -> Any:
        """What `data` names, or None: each kind of thing has its own."""
        raise NotImplementedError

    def to_internal_value(self, data: Any) -> Any:
        found = None
        if isinstance(data, str | int) and not isinstance(data, bool):
            found = self.find(data)
        if found is None:
            self.fail("not_found")
        return found

    def to_representation(self, value: Any) -> Any:
        return getattr(value, "code", value.pk)


@extend_schema_field(OpenApiTypes.STR)
class SubmissionOfEvent(_OfEvent):
    def find(self, data: Any) -> Submission | None:
        return Submission.objects.filter(event=self.context["event"], code=str(data)[:10]).first()


@extend_schema_field(OpenApiTypes.INT)
class RoomOfEvent(_OfEvent):
    def find(self, data: Any) -> Room | None:
        if not isinstance(data, int) or not 0 < data < 2**63:
            return None
        return Room.objects.filter(event_rooms__event=self.context["event"], pk=data).first()


@extend_schema_field(OpenApiTypes.INT)
class SlotOfDraft(_OfEvent):
    def find(self, data: Any) -> Slot | None:
        if not isinstance(data, int) or not 0 < data < 2**63:
            return None
        return Slot.objects.filter(schedule__event=self.context["event"], schedule__version=None, pk=data).first()


class SlotChange(Body):
    example = {"submission": "AB34CD", "room": 3, "starts_at": "2027-06-07T09:00:00+08:00"}
    example_of_change = {"starts_at": "2027-06-07T10:00:00+08:00", "locked": True}

    kind = serializers.ChoiceField(SlotKind.choices, required=False)
    submission = SubmissionOfEvent(allow_null=True, required=False, help_text=_("a submission's code"))
    title = LocalizedText(max_length=300, allow_blank=True, required=False)
    room = RoomOfEvent(allow_null=True, required=False, help_text=_("a room's id"))
    starts_at = Instant()
    ends_at = Instant(required=False)
    parent = SlotOfDraft(  # type: ignore[assignment]  # as above
        allow_null=True, required=False, help_text=_("the id of a block or poster session")
    )
    board = Text(max_length=20, allow_blank=True, required=False)
    locked = serializers.BooleanField(required=False)


class ConflictOut(serializers.Serializer[Any]):
    example = {
        "severity": "fatal",
        "code": "room_twice",
        "message": "Great Hall has “Yeast and tea” and “Opening” at the same time.",
        "slots": [12, 15],
    }

    severity = serializers.ChoiceField(["fatal", "warning"])
    code = serializers.CharField()
    message = serializers.CharField()
    slots = serializers.SerializerMethodField()

    def get_slots(self, conflict: Any) -> list[int]:
        return [slot.pk for slot in conflict.slots]


class ReleaseOut(serializers.ModelSerializer[Schedule]):
    example = {
        "version": "1.0",
        "comment": "The first programme.",
        "released_at": "2027-05-03T08:00:00Z",
        "is_current": True,
    }

    class Meta:
        model = Schedule
        fields = ["version", "comment", "released_at", "is_current"]


class ReleaseBody(Body):
    example = {"version": "1.0", "comment": "The first programme."}

    version = serializers.CharField(max_length=40, validators=VERSION_VALIDATORS)
    comment = Text(lines=True, max_length=5000, allow_blank=True, required=False)
    force = serializers.BooleanField(required=False)


class PlaceOut(serializers.Serializer[Slot]):
    """When and where, in the preview of a release."""

    submission = serializers.CharField(source="submission.code", default=None, allow_null=True)
    title = LocalizedText(source="heading")
    room = LocalizedText(source="room.name", default=None, allow_null=True)
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class MovedOut(PlaceOut):
    """The new place, and the one in the latest release."""

    previous = PlaceOut()


class PreviewOut(serializers.Serializer[Any]):
    example = {
        "added": [],
        "moved": [
            {
                "submission": "AB34CD",
                "title": {"en": "Yeast and tea", "zh-hans": "酵母与茶"},
                "room": {"en": "Great Hall", "zh-hans": "大礼堂"},
                "starts_at": "2027-06-07T02:00:00Z",
                "ends_at": "2027-06-07T02:45:00Z",
                "previous": {
                    "submission": "AB34CD",
                    "title": {"en": "Yeast and tea", "zh-hans": "酵母与茶"},
                    "room": {"en": "Great Hall", "zh-hans": "大礼堂"},
                    "starts_at": "2027-06-07T01:00:00Z",
                    "ends_at": "2027-06-07T01:45:00Z",
                },
            }
        ],
        "cancelled": [],
        "unchanged": 41,
        "speakers_affected": 1,
        "agendas_affected": 0,
        "messages": 1,
    }

    added = PlaceOut(many=True)
    moved = MovedOut(many=True)
    cancelled = PlaceOut(many=True)
    unchanged = serializers.IntegerField()
    speakers_affected = serializers.IntegerField()
    agendas_affected = serializers.IntegerField()
    messages = serializers.IntegerField(help_text=_("mails that the release would queue"))

    def to_representation(self, preview: Any) -> dict[str, Any]:
        def places(changes: Any) -> list[Any]:
            return [PlaceOut(change.slot).data for change in changes]

        return {
            "added": places(preview.added),
            "moved": [{**PlaceOut(change.new).data, "previous": PlaceOut(change.old).data} for change in preview.moved],
            "cancelled": places(preview.cancelled),
            **{
                name: getattr(preview, name)
                for name in ("unchanged", "speakers_affected", "agendas_affected", "messages")
            },
        }
