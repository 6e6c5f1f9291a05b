"""Statements that everybody who registers and every mail comes by: PostgreSQL parses and plans each once in a connection, which
takes it longer than to run them.

Prepared by name and in SQL: what psycopg prepares by itself has its values apart from the statement, and of such only one goes
in a round trip.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import DatabaseError
from django.db.backends.utils import CursorWrapper

#: SQL with `%s` for each value, and the values.
Statement = tuple[str, Sequence[Any]]
#: Connection → the statements that it has prepared, and False where something went wrong meanwhile and nobody knows.
_prepared: WeakKeyDictionary[Any, dict[str, bool]] = WeakKeyDictionary()


def run(cursor: CursorWrapper, statements: Sequence[Statement]) -> None:
    """All in one round trip, one after the other; the cursor is then at the answer of the first."""
    known = _known_to(cursor)
    new = [] if known is None else list({sql: None for sql, _values in statements if sql not in known})
    parts = [f"PREPARE {_name(sql)} AS {_numbered(sql)}" for sql in new]
    parts += [
        _call(sql, len(values)) if known is not None and known.get(sql, True) else sql for sql, values in statements
    ]
    values = [value for _sql, given in statements for value in given]
    if not new:
        cursor.execute("; ".join(parts), values)
        return
    assert known is not None
    try:
        cursor.execute("; ".join(parts), values)
    except DatabaseError:
        # What is prepared stays so, even if its transaction is rolled back; but it may not have come to it.
        known |= dict.fromkeys(new, False)
        raise
    known |= dict.fromkeys(new, True)
    for _answer in new:
        cursor.nextset()


def text_of(cursor: CursorWrapper, statement: Statement) -> str:
    """For whoever sends it past the cursor. One round trip where it is not prepared yet."""
    (sql, values), known = statement, _known_to(cursor)
    if known is not None and sql not in known:
        cursor.execute(f"PREPARE {_name(sql)} AS {_numbered(sql)}")
        known[sql] = True
    text: str = cursor.mogrify(_call(sql, len(values)) if known is not None and known[sql] else sql, values)
    return text


def _known_to(cursor: CursorWrapper) -> dict[str, bool] | None:
    return _prepared.setdefault(cursor.connection, {}) if settings.DATABASE_PREPARE else None


@cache
def _name(sql: str) -> str:
    return f"lihu_{hashlib.sha256(sql.encode()).hexdigest()[:16]}"


@cache
def _numbered(sql: str) -> str:
    first, *rest = sql.split("%s")
    return first + "".join(f"${number}{part}" for number, part in enumerate(rest, start=1))


@cache
def _call(sql: str, values: int) -> str:
    given = f" ({', '.join(['%s'] * values)})" if values else ""
    return f"EXECUTE {_name(sql)}{given}"
