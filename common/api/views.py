"""What every resource of the API shares: strict bodies in, services in the middle, plain shapes out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.utils.encoders import JSONEncoder
from rest_framework.viewsets import GenericViewSet

from common.api.idempotency import Idempotent


class ChangedMeanwhile(APIException):
    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_code = "not_as_seen"
    default_detail = _("This is not as you saw it: somebody changed it meanwhile. Read it again.")


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
        return self.one(self.get_object())

    def create(self, request: Request, **_path: Any) -> Response:
        made = self.make(self.asked(self.body))
        return self.one(self.again(made), status=status.HTTP_201_CREATED, headers=self.location_of(made))

    @transaction.atomic
    def partial_update(self, request: Request, **_path: Any) -> Response:
        asked = self.asked(self.body_to_change or self.body, partial=True)
        with self.seen() as thing:
            return self.one(self.again(self.change(thing, asked)))

    @transaction.atomic
    def destroy(self, request: Request, **_path: Any) -> Response:
        with self.seen() as thing:
            self.remove(thing)
        return Response(status=status.HTTP_204_NO_CONTENT)

    # -- for sub-classes ---------------------------------------------------------------------------------------------

    def make(self, asked: dict[str, Any]) -> Model:
        raise NotImplementedError(f"{type(self).__name__} offers no POST")

    def change(self, thing: Any, asked: dict[str, Any]) -> Model:
        raise NotImplementedError(f"{type(self).__name__} offers no PATCH")

    def remove(self, thing: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__} offers no DELETE")

    def lock(self, thing: Any) -> None:
        """Lock what the services lock first when they change `thing`."""
        type(thing)._default_manager.select_for_update(of=("self",)).get(pk=thing.pk)  # noqa: SLF001 (public in Django, whatever its name)

    def reference(self, thing: Any) -> str:
        return str(getattr(thing, self.lookup_field))

    def location_of(self, made: Any) -> dict[str, str]:
        return {"Location": self.request.build_absolute_uri(f"{self.request.path}{self.reference(made)}/")}

    def again(self, thing: Any) -> Any:
        """The row anew, with what `out` shows: one query shape for lists and single answers."""
        queryset: QuerySet[Any] = self.get_queryset()
        return queryset.get(pk=thing.pk)

    # -- helpers -----------------------------------------------------------------------------------------------------

    @contextmanager
    def seen(self) -> Iterator[Any]:
        """What the address leads to, in the state that the caller saw; 404 where somebody deletes it meanwhile.

        With `If-Match` (RFC 9110 §13.1.1) it is locked, and refused where its ETag is another by now.
        """
        thing = self.get_object()
        try:
            if wanted := self.request.headers.get("If-Match"):
                self.lock(thing)
                thing = self.get_object()
                tags = {tag.strip() for tag in wanted.split(",")}
                if not tags & {"*", self.one(thing)["ETag"]}:
                    raise ChangedMeanwhile
            yield thing
        except ObjectDoesNotExist:
            raise Http404 from None

    def one(self, thing: Any, **kwargs: Any) -> Response:
        """An answer that shows one thing, and by what it is known again (`ETag`)."""
        response = Response(self.shown(thing), **kwargs)
        text = json.dumps(response.data, cls=JSONEncoder, sort_keys=True)
        response["ETag"] = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
        return response

    def shown(self, things: Any, **kwargs: Any) -> Any:
        return self.out(things, context=self.get_serializer_context(), **kwargs).data

    def asked(self, body: type[BaseSerializer[Any]], *, partial: bool = False) -> dict[str, Any]:
        serializer = body(data=self.request.data, partial=partial, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def by_whom(self) -> dict[str, Any]:
        """The two arguments that every service takes."""
        return {"actor": self.request.user if self.request.user.is_authenticated else None, "now": timezone.now()}
