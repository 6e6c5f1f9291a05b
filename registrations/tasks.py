from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from registrations.services import places


@shared_task(name="registrations.fill_free_places", ignore_result=True)
def fill_free_places(*, event_id: int | None = None, **_newer: object) -> None:
    places.fill_free_places(event_id=event_id, now=timezone.now())
