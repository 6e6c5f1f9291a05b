from __future__ import annotations

from typing import Any, ClassVar

from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from common.api.views import Resource
from events.models import Event, Permission
from events.policies import permissions_of


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
