from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from celery import shared_task
from django.utils import timezone

from common.models import IdempotencyKey

#: A client that repeats a request does so within minutes; a day covers one that was switched off overnight.
KEEP_IDEMPOTENCY_KEYS: Final = timedelta(hours=24)


@shared_task(name="common.forget_idempotency_keys", time_limit=60, acks_late=True, ignore_result=True)
def forget_idempotency_keys(**_newer: Any) -> None:
    IdempotencyKey.objects.filter(created_at__lt=timezone.now() - KEEP_IDEMPOTENCY_KEYS).delete()
