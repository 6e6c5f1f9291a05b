from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Model, QuerySet
from django.http import Http404
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from common.api.views import Resource
from events.models import Event, Permission
from events.policies import permissions_of


@extend_schema_field(OpenApiTypes.INT)
class OfEvent(filters.ModelChoiceFilter):
    """A filter by the id of something of the same event; what is of another is refused like what does not exist.

    `path` leads from `model` to its event.
    """

    def __init__(self, model: type[Model], path: str, **kwargs: Any) -> None:
        def of_event(request: Request | None) -> QuerySet[Any]:
            event = request.parser_context["kwargs"]["event"] if request else ""
            return model._default_manager.filter(**{f"{path}__slug": event})  # noqa: SLF001 (public in Django, whatever its name)

        super().__init__(queryset=of_event, **kwargs)


class EventResource(Resource):
    """A resource below `events/E/`. A stranger to the event gets 404, a member of its teams without the permission 403."""

    #: None: any member of a team of the event. Who may write may read.
    to_read: ClassVar[Permission | None] = None
    to_write: ClassVar[Permission]
    # While the description is made there is none, and querysets need something to filter by.
    event: Event = Event(pk=0)
    #: What the caller may do at the event.
    allowed: frozenset[Permission] = frozenset()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.find_event(request, kwargs["event"])
        super().initial(request, *args, **kwargs)

    def find_event(self, request: Request, slug: str) -> None:
        self.perform_authentication(request)
        self.check_permissions(request)
        event = Event.objects.select_related("organisation", "venue").filter(slug=slug).first()
        allowed = permissions_of(request.user, event) if event else frozenset()
        if event is None or not allowed:
            raise Http404
        is_reading = request.method in {"GET", "HEAD", "OPTIONS"}
        if not (self.to_write in allowed or (is_reading and (self.to_read is None or self.to_read in allowed))):
            raise PermissionDenied(_("Your team may not do this at this event."))
        self.event, self.allowed = event, allowed

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "event": self.event}
