from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from registrations.services import answers, promotion


@shared_task(name="registrations.fill_free_places", ignore_result=True)
def fill_free_places(*, event_id: int | None = None, **_newer: object) -> None:
    promotion.fill_free_places(event_id=event_id, now=timezone.now())


@shared_task(name="registrations.sweep_files", ignore_result=True)
def sweep_files(**_newer: object) -> None:
    answers.sweep_files(now=timezone.now())


@shared_task(name="registrations.expire_overdue", ignore_result=True)
def expire_overdue(**_newer: object) -> None:
    promotion.expire_overdue(now=timezone.now())
