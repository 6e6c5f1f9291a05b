from __future__ import annotations

import hmac
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from common.problems import Invalid, Problem
from common.text import email_key
from events.api.base import EventResource
from events.models import Event, Permission
from events.policies import may
from registrations.api.serializers.payments import EntryBody, EntryOut
from registrations.api.serializers.questions import QuestionBody, QuestionOut, SectionBody, SectionOut
from registrations.api.serializers.registrations import (
    FileBody,
    FileOut,
    GroupCreate,
    GroupMade,
    Reason,
    RegistrationChange,
    RegistrationCreate,
    RegistrationMade,
    RegistrationOut,
)
from registrations.api.serializers.tickets import (
    ProductBody,
    ProductOut,
    QuotaBody,
    QuotaOut,
    TicketTypeBody,
    TicketTypeOut,
)
from registrations.downloads import served
from registrations.models import (
    AnswerFile,
    Product,
    Question,
    QuestionKind,
    QuestionSection,
    Quota,
    Registration,
    RegistrationState,
    TicketType,
)
from registrations.services import answers, payments, places, products, questions, registering, tickets
from registrations.services.quotas import lock_quotas
from registrations.services.setups import Setup, setup_at
from registrations.sniffing import FILE_TYPES

SECRET = OpenApiParameter("secret", str, description="The registration's secret, instead of an organizer's token.")


class _Counted(EventResource):
    """What counts places: services lock the event's quotas before its row."""

    def lock(self, thing: Any) -> None:
        lock_quotas(self.event.pk)
        super().lock(thing)


class _OfForm(EventResource):
    """Parts of the form: services lock the event, and are then alone in changing it."""

    def lock(self, thing: Any) -> None:
        Event.objects.select_for_update(no_key=True).get(pk=self.event.pk)
        super().lock(thing)


class Quotas(_Counted):
    to_read = Permission.SEE_REGISTRATIONS
    to_write = Permission.MANAGE_REGISTRATIONS
    out = QuotaOut
    body = QuotaBody

    def get_queryset(self) -> QuerySet[Quota]:
        return Quota.objects.filter(event=self.event).order_by("pk")

    def make(self, asked: dict[str, Any]) -> Quota:
        return tickets.create_quota(event=self.event, **asked, **self.by_whom())

    def change(self, thing: Quota, asked: dict[str, Any]) -> Quota:
        return tickets.resize_quota(quota=thing, **asked, **self.by_whom())

    def remove(self, thing: Quota) -> None:
        tickets.delete_quota(quota=thing, **self.by_whom())


class TicketTypes(_Counted):
    to_read = Permission.SEE_REGISTRATIONS
    to_write = Permission.MANAGE_REGISTRATIONS
    out = TicketTypeOut
    body = TicketTypeBody

    def get_queryset(self) -> QuerySet[TicketType]:
        return TicketType.objects.filter(event=self.event).prefetch_related("quotas").in_order()

    def make(self, asked: dict[str, Any]) -> TicketType:
        return tickets.create_ticket_type(event=self.event, **asked, **self.by_whom())

    def change(self, thing: TicketType, asked: dict[str, Any]) -> TicketType:
        return tickets.update_ticket_type(ticket_type=thing, changes=asked, **self.by_whom())

    def remove(self, thing: TicketType) -> None:
        tickets.delete_ticket_type(ticket_type=thing, **self.by_whom())


class Products(_Counted):
    to_read = Permission.SEE_REGISTRATIONS
    to_write = Permission.MANAGE_REGISTRATIONS
    out = ProductOut
    body = ProductBody

    def get_queryset(self) -> QuerySet[Product]:
        return Product.objects.filter(event=self.event).prefetch_related("quotas", "ticket_types").in_order()

    def make(self, asked: dict[str, Any]) -> Product:
        return products.create_product(event=self.event, **asked, **self.by_whom())

    def change(self, thing: Product, asked: dict[str, Any]) -> Product:
        return products.update_product(product=thing, changes=asked, **self.by_whom())

    def remove(self, thing: Product) -> None:
        products.delete_product(product=thing, **self.by_whom())


class Questions(_OfForm):
    to_read = Permission.SEE_REGISTRATIONS
    to_write = Permission.MANAGE_REGISTRATIONS
    out = QuestionOut
    body = QuestionBody

    def get_queryset(self) -> QuerySet[Question]:
        found = Question.objects.filter(event=self.event).select_related("condition_question", "version", "event")
        return found.prefetch_related("ticket_types").in_order()

    def make(self, asked: dict[str, Any]) -> Question:
        return questions.create_question(event=self.event, **asked, **self.by_whom())

    def change(self, thing: Question, asked: dict[str, Any]) -> Question:
        return questions.update_question(question=thing, changes=asked, **self.by_whom())

    def remove(self, thing: Question) -> None:
        questions.delete_question(question=thing, **self.by_whom())


class QuestionSections(_OfForm):
    to_read = Permission.SEE_REGISTRATIONS
    to_write = Permission.MANAGE_REGISTRATIONS
    out = SectionOut
    body = SectionBody

    def get_queryset(self) -> QuerySet[QuestionSection]:
        return QuestionSection.objects.filter(event=self.event).select_related("event").order_by("position", "pk")

    def make(self, asked: dict[str, Any]) -> QuestionSection:
        return questions.create_section(event=self.event, **asked, **self.by_whom())

    def change(self, thing: QuestionSection, asked: dict[str, Any]) -> QuestionSection:
        return questions.update_section(section=thing, changes=asked, **self.by_whom())

    def remove(self, thing: QuestionSection) -> None:
        questions.delete_section(section=thing, **self.by_whom())


class Files(EventResource):
    """Files that are answers: send one, and name its `id` as the answer. POST is public, as registering is."""

    to_write = Permission.MANAGE_REGISTRATIONS
    http_method_names = ["post", "options"]
    parser_classes = [MultiPartParser]
    out = FileOut
    body = FileBody
    lookup_field = "reference"

    def get_permissions(self) -> list[BasePermission]:
        return [AllowAny()]

    def find_event(self, request: Request, slug: str) -> None:
        self.perform_authentication(request)
        event = Event.objects.select_related("organisation", "venue").filter(slug=slug).first()
        if event is None or not (event.is_public or may(request.user, self.to_write, event)):
            raise Http404
        self.event = event

    def get_queryset(self) -> QuerySet[AnswerFile]:
        return AnswerFile.objects.filter(event=self.event)

    @extend_schema(request={"multipart/form-data": FileBody}, responses={201: FileOut}, auth=[{}])  # type: ignore[list-item]
    def create(self, request: Request, **_path: Any) -> Response:
        """Send a file for a question of kind `file`. What it is, is told from its content."""
        kept = self.make(self.asked(FileBody))
        return Response(self.shown(kept), status=201)

    def make(self, asked: dict[str, Any]) -> AnswerFile:
        question = self.event.questions.filter(
            identifier=asked["question"], kind=QuestionKind.FILE, is_active=True
        ).first()
        if question is None:
            raise Invalid(
                [
                    Problem(
                        code="unknown_question",
                        field="question",
                        message=_("This event asks for no file by this name."),
                        fix=_("See which questions it asks."),
                    )
                ]
            )
        return answers.keep_file(question=question, upload=asked["file"], now=self.by_whom()["now"])


class RegistrationFilters(filters.FilterSet):
    state = filters.MultipleChoiceFilter(choices=RegistrationState.choices)
    search = filters.CharFilter(method="find", label="words of the name, address, affiliation or code")

    class Meta:
        model = Registration
        fields = ["ticket_type", "country", "language"]

    def find(self, queryset: Any, _name: str, words: str) -> Any:
        return queryset.matching(words)


class Registrations(_Counted):
    """POST is public. The rest is for organizers, or for who holds the registration's secret (`?secret=`)."""

    to_read = Permission.SEE_REGISTRATIONS
    to_write = Permission.MANAGE_REGISTRATIONS
    http_method_names = ["get", "post", "patch", "head", "options"]
    out = RegistrationOut
    body = RegistrationCreate
    body_to_change = RegistrationChange
    lookup_field = "code"
    filterset_class = RegistrationFilters
    # Where it was read to find the event.
    setup_read: Setup | None = None

    def get_permissions(self) -> list[BasePermission]:
        return [AllowAny()] if self._is_public() else [IsAuthenticated()]

    def find_event(self, request: Request, slug: str) -> None:
        if not self._is_public():
            return super().find_event(request, slug)
        self.perform_authentication(request)
        self.setup_read = setup_at(slug)
        event = self.setup_read.event if self.setup_read else None
        # Who is registered keeps what is theirs, even if the event is taken back for a while.
        may_know = event is not None and (
            event.is_public or self._secret() is not None or may(request.user, self.to_read, event)
        )
        if event is None or not may_know:
            raise Http404
        self.event = event
        return None

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "setup": self.setup_read}

    def _is_public(self) -> bool:
        return self.action in {"create", "group"} or self._secret() is not None

    def _secret(self) -> str | None:
        return self.request.query_params.get("secret") if "code" in self.kwargs else None

    def get_queryset(self) -> QuerySet[Registration]:
        # From the event, which each row's links need.
        return self.event.registrations.with_details().order_by("-registered_at", "-pk")

    def get_object(self) -> Registration:
        registration: Registration = super().get_object()
        secret = self._secret()
        if secret is not None and not hmac.compare_digest(secret.encode(), registration.secret.encode()):
            raise Http404
        return registration

    @extend_schema(responses={201: RegistrationMade}, auth=[{}])  # type: ignore[list-item]
    def create(self, request: Request, **path: Any) -> Response:
        """Register: a place, or the next place in line."""
        made = self.make(self.asked(self.body))
        # Its ETag is the one of what a GET shows, which has no secret.
        response = self.one(made, status=status.HTTP_201_CREATED, headers=self.location_of(made))
        response.data = {**response.data, "secret": made.secret}
        return response

    def make(self, asked: dict[str, Any]) -> Registration:
        return registering.register(
            event=self.event, setup=self.setup_read, **self._with_defaults(asked), **self.by_whom()
        )

    def _with_defaults(self, asked: dict[str, Any]) -> dict[str, Any]:
        asked.pop("voucher", None)
        return {"language": self.event.language, "answers": {}, **asked}

    @extend_schema(request=GroupCreate, responses={201: GroupMade}, auth=[{}])  # type: ignore[list-item]
    @action(detail=False, methods=["post"])
    def group(self, request: Request, **_path: Any) -> Response:
        """Register several people, who get places all together or wait together. Each has a code and a mail of their own."""
        people = [
            registering.Applicant(**self._with_defaults(dict(asked)))
            for asked in self.asked(GroupCreate)["registrations"]
        ]
        made = registering.register_group(event=self.event, people=people, **self.by_whom())
        stored = {
            registration.email_key: registration
            for registration in self.get_queryset().filter(pk__in=[r.pk for r in made])
        }
        in_order = [stored[email_key(person.email)] for person in people]
        shown = GroupMade({"registrations": in_order}, context=self.get_serializer_context())
        return Response(shown.data, status=status.HTTP_201_CREATED)

    @extend_schema(parameters=[SECRET])
    def retrieve(self, request: Request, **path: Any) -> Response:
        return super().retrieve(request, **path)

    @extend_schema(parameters=[SECRET])
    def partial_update(self, request: Request, **path: Any) -> Response:
        return super().partial_update(request, **path)

    @extend_schema(
        parameters=[SECRET, OpenApiParameter("reference", str, OpenApiParameter.PATH)],
        responses={(200, kind.media_type): OpenApiTypes.BINARY for kind in FILE_TYPES.values()},
    )
    def file(self, request: Request, reference: str, **_path: Any) -> Any:
        """A file that is one of its answers, to be saved."""
        return served(get_object_or_404(self.get_object().files, reference=reference))

    def change(self, thing: Registration, asked: dict[str, Any]) -> Registration:
        wanted = asked.pop("products", None)
        with transaction.atomic():
            # Places before words: locks are taken in one order.
            if wanted is not None:
                products.change_products(registration=thing, products=wanted, **self.by_whom())
            return places.change_registration(registration=thing, changes=asked, **self.by_whom())

    @extend_schema(request=Reason, responses=RegistrationOut, parameters=[SECRET])
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, **_path: Any) -> Response:
        """Give the place back; it goes to the next in line."""
        return self._after(places.cancel_registration, **self._reason())

    @extend_schema(request=None, responses=RegistrationOut)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, **_path: Any) -> Response:
        self._organizers_only()
        return self._after(places.approve)

    @extend_schema(request=Reason, responses=RegistrationOut)
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, **_path: Any) -> Response:
        self._organizers_only()
        return self._after(places.reject, **self._reason())

    @extend_schema(request=None, responses=RegistrationOut, parameters=[SECRET])
    @action(detail=True, methods=["post"], url_path="accept-offer")
    def accept_offer(self, request: Request, **_path: Any) -> Response:
        """Take the place that is kept for this registration or, where it has its place, the products that are."""
        return self._after(places.accept_offer)

    @extend_schema(methods=["get"], responses=EntryOut(many=True), filters=False)
    @extend_schema(methods=["post"], request=EntryBody, responses={201: EntryOut})
    @action(detail=True, methods=["get", "post"])
    def payments(self, request: Request, **_path: Any) -> Response:
        """What is owed and what came, as rows that are only ever added: charges, payments, refunds, waivers. Who waits for
        payment and then owes nothing is confirmed."""
        # Whoever holds the secret is no organizer; who may write may read.
        permissions = [self.to_write, *([self.to_read] if request.method == "GET" else [])]
        if not any(may(request.user, permission, self.event) for permission in permissions):
            raise Http404
        registration = self.get_object()
        if request.method == "GET":
            page = self.paginate_queryset(registration.ledger.order_by("pk"))
            return self.get_paginated_response(EntryOut(page, many=True).data)
        asked = self.asked(EntryBody)
        entry = payments.record(registration=registration, **{"kind": "payment", **asked}, **self.by_whom())
        return Response(EntryOut(entry).data, status=status.HTTP_201_CREATED)

    def _organizers_only(self) -> None:
        if not may(self.request.user, self.to_write, self.event):
            raise Http404

    def _reason(self) -> dict[str, Any]:
        return self.asked(Reason)

    def _after(self, service: Any, **kwargs: Any) -> Response:
        changed = service(registration=self.get_object(), **kwargs, **self.by_whom())
        return self.one(self.again(changed))
