"""What every resource of the API shares: strict bodies in, services in the middle, plain shapes out."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Model, QuerySet
from django.utils import timezone
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from common.api.idempotency import Idempotent


class Resource(Idempotent, GenericViewSet[Any]):
    """List, create, retrieve, change and delete, each one call of a service given by the sub-class.

    `out` and `body` are the serializers of what is said and what is asked; `body_to_change` where a PATCH asks for less.
    """

    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
    out: ClassVar[type[BaseSerializer[Any]]]
    body: ClassVar[type[BaseSerializer[Any]]]
    body_to_change: ClassVar[type[BaseSerializer[Any]] | None] = None

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        """What drf-spectacular documents: requests by body, answers by `extend_schema` or by `out` (`common.api.schema`)."""
        if self.request and self.request.method == "POST":
            return self.body
        if self.request and self.request.method == "PATCH":
            return self.body_to_change or self.body
        return self.out

    def list(self, request: Request, **_path: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.shown(page, many=True))

    def retrieve(self, request: Request, **_path: Any) -> Response:
        return Response(self.shown(self.get_object()))

    def create(self, request: Request, **_path: Any) -> Response:
        made = self.make(self.asked(self.body))
        headers = {"Location": request.build_absolute_uri(f"{request.path}{self.reference(made)}/")}
        return Response(self.shown(self.again(made)), status=status.HTTP_201_CREATED, headers=headers)

    def partial_update(self, request: Request, **_path: Any) -> Response:
        thing = self.get_object()
        changed = self.change(thing, self.asked(self.body_to_change or self.body, partial=True))
        return Response(self.shown(self.again(changed)))

    def destroy(self, request: Request, **_path: Any) -> Response:
        self.remove(self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    # -- for sub-classes ---------------------------------------------------------------------------------------------

    def make(self, asked: dict[str, Any]) -> Model:
        raise NotImplementedError(f"{type(self).__name__} offers no POST")

    def change(self, thing: Any, asked: dict[str, Any]) -> Model:
        raise NotImplementedError(f"{type(self).__name__} offers no PATCH")

    def remove(self, thing: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__} offers no DELETE")

    def reference(self, thing: Any) -> str:
        return str(getattr(thing, self.lookup_field))

    def again(self, thing: Any) -> Any:
        """The row anew, with what `out` shows: one query shape for lists and single answers."""
        queryset: QuerySet[Any] = self.get_queryset()
        return queryset.get(pk=thing.pk)

    # -- helpers -----------------------------------------------------------------------------------------------------

    def shown(self, things: Any, **kwargs: Any) -> Any:
        return self.out(things, context=self.get_serializer_context(), **kwargs).data

    def asked(self, body: type[BaseSerializer[Any]], *, partial: bool = False) -> dict[str, Any]:
        serializer = body(data=self.request.data, partial=partial, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def by_whom(self) -> dict[str, Any]:
        """The two arguments that every service takes."""
        return {"actor": self.request.user if self.request.user.is_authenticated else None, "now": timezone.now()}
