"""One effect for one intent, however often it is sent: a key is claimed in the transaction that does the work."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import reduce
from http import HTTPStatus
from operator import or_
from typing import Final

from django.db.models import Q, TextField
from django.db.models.functions import Cast, Concat

from common.models import IdempotencyKey
from common.reads import Tuples, read

#: The status of an answer that was forgotten with the person whom it told of.
ERASED: Final = HTTPStatus.GONE


def claim(*, caller: str, key: str, digest: str = "", now: datetime) -> IdempotencyKey | None:
    """Insert the key's row, and None; or the row that is there already, with the first answer.

    Belongs inside the transaction of the effect: both are committed or neither. A second claim of the same key waits on the
    unique index until the first transaction ends.
    """
    (claimed,) = read(claiming(caller=caller, key=key, digest=digest, now=now))
    return None if claimed else IdempotencyKey.objects.get(caller=caller[:200], key=key[:200])


def claiming(*, caller: str, key: str, digest: str = "", now: datetime) -> Tuples:
    """`claim` as a statement that others can follow in one round trip: it finds one row, or none where the key is there already."""
    return Tuples(
        """
        INSERT INTO common_idempotencykey (caller, key, request_digest, headers, created_at)
        VALUES (%s, %s, %s, '{}', %s) ON CONFLICT (caller, key) DO NOTHING RETURNING id
        """,
        [caller[:200], key[:200], digest, now],
    )


def settle(*, caller: str, key: str, status: int, body: object, headers: dict[str, str] | None = None) -> None:
    """Keep the answer with the claimed key."""
    IdempotencyKey.objects.filter(caller=caller[:200], key=key[:200]).update(
        status=status, body=body, headers=headers or {}
    )


def forget(*, caller: str, key: str) -> None:
    """Take the claim back: nothing was done."""
    IdempotencyKey.objects.filter(caller=caller[:200], key=key[:200]).delete()


def erase(*, traces: Collection[str]) -> int:
    """Forget the answers that hold one of these words; returns how many. Their keys stay, so that a request that is repeated is
    told so and has no second effect; a key that itself says such a word goes."""
    says = reduce(or_, (Q(text__icontains=trace) for trace in traces))
    named = reduce(or_, (Q(key__icontains=trace) for trace in traces))
    IdempotencyKey.objects.filter(named).delete()
    kept = IdempotencyKey.objects.annotate(text=Concat(Cast("body", TextField()), Cast("headers", TextField())))
    return kept.filter(says).update(status=ERASED, body=None, headers={})
