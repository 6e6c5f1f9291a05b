"""One effect for one intent, however often it is sent: a key is claimed in the transaction that does the work."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from common.models import IdempotencyKey


def claim(*, caller: str, key: str, digest: str = "", now: datetime) -> IdempotencyKey | None:
    """Insert the key's row, and None; or the row that is there already, with the first answer.

    Belongs inside the transaction of the effect: both are committed or neither. A second claim of the same key waits on the
    unique index until the first transaction ends.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO common_idempotencykey (caller, key, request_digest, headers, created_at)
            VALUES (%s, %s, %s, '{}', %s) ON CONFLICT (caller, key) DO NOTHING RETURNING id
            """,
            [caller[:200], key[:200], digest, now],
        )
        if cursor.fetchone():
            return None
    return IdempotencyKey.objects.get(caller=caller[:200], key=key[:200])


def settle(*, caller: str, key: str, status: int, body: object, headers: dict[str, str] | None = None) -> None:
    """Keep the answer with the claimed key."""
    IdempotencyKey.objects.filter(caller=caller[:200], key=key[:200]).update(
        status=status, body=body, headers=headers or {}
    )


def forget(*, caller: str, key: str) -> None:
    """Take the claim back: nothing was done."""
    IdempotencyKey.objects.filter(caller=caller[:200], key=key[:200]).delete()
