"""What the database says to the second of two who do the same at the same instant."""

from __future__ import annotations

from typing import Final

from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError
from psycopg.errors import DeadlockDetected, ExclusionViolation, ForeignKeyViolation, UniqueViolation

_REASONS: Final = (UniqueViolation, ExclusionViolation, ForeignKeyViolation, DeadlockDetected)


def is_lost_race(error: Exception) -> bool:
    """Whether what was found a moment ago may be another by now: the name is taken, the row is gone.

    The transaction is to be rolled back. Whoever looks again, in a new one, sees what the first has done: PostgreSQL made
    them wait for its commit.
    """
    if isinstance(error, DatabaseError):
        return isinstance(error.__cause__, _REASONS)
    return isinstance(error, ObjectDoesNotExist)
