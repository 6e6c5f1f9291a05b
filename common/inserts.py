"""Rows of several tables in one round trip."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from common.statements import as_literal, exchange

M = TypeVar("M", bound=Model)


class Inserts:
    """Gathers rows, and writes them all at once: whoever holds a lock that others wait for holds it no longer than that takes.

    Keys that the database makes stay unknown; rows that others point to bring their own. Fields hold values, not expressions.
    """

    def __init__(self) -> None:
        self._rows: list[tuple[bytes, list[list[Any]], bytes]] = []

    def add(self, rows: Iterable[M], *, ignore_conflicts: bool = False) -> list[M]:
        added = list(rows)
        if not added:
            return added
        head, columns = _shape(type(added[0]), added[0].pk is not None)
        for row in added:
            # As bulk_create does: the keys of rows that were saved after they were assigned here.
            row._prepare_related_fields_for_save(operation_name="add")  # type: ignore[attr-defined]  # noqa: SLF001 (known to Django's own stubs only)
            row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS  # noqa: SLF001 (documented)
        database = connections[DEFAULT_DB_ALIAS]
        values = [[column.value_of(row, database) for column in columns] for row in added]
        self._rows.append((head, values, b" ON CONFLICT DO NOTHING" if ignore_conflicts else b""))
        return added

    def write(self, *, commits: bool = False) -> None:
        """`commits`: with them the transaction ends, where nobody has begun one around the caller's. Whoever waits for its locks
        then does not wait until this thread comes to say so. Nothing may be asked of the database in it afterwards; what is
        to happen after the commit does so when the caller leaves the transaction, as ever."""
        if not self._rows:
            return
        literal, texts = as_literal(), []
        with connection.wrap_database_errors:
            for head, rows, tail in self._rows:
                written = [
                    b"(%s)" % b", ".join([b"NULL" if value is None else literal(value) for value in values])
                    for values in rows
                ]
                texts.append(b"%s %s%s" % (head, b", ".join(written), tail))
        if commits and len(connection.atomic_blocks) == 1:
            texts.append(b"COMMIT")
        exchange(b"; ".join(texts))
        self._rows = []


@dataclass(frozen=True)
class _Column:
    field: Any
    # Values of this type, and no other, go to the database as they are.
    plain: type | None

    def value_of(self, row: Model, database: BaseDatabaseWrapper) -> Any:
        if self.plain is not None:
            value = getattr(row, self.field.attname)
            if value is None or type(value) is self.plain:
                return value
        value = self.field.pre_save(row, add=True)
        if hasattr(value, "resolve_expression"):
            raise TypeError(f"{self.field} holds an expression")
        return self.field.get_db_prep_save(value, connection=database)


@cache
def _shape(model: type[Model], has_key: bool) -> tuple[bytes, list[_Column]]:
    """The statement up to its rows, and what is in them."""
    meta, quote = model._meta, connection.ops.quote_name
    fields = [field for field in meta.concrete_fields if has_key or not field.primary_key]
    names = ", ".join(quote(str(field.column)) for field in fields)
    head = f"INSERT INTO {quote(meta.db_table)} ({names}) VALUES"
    return head.encode(), [_Column(field, _plain(field)) for field in fields]


#: Fields that do nothing with a value of their type, and what each of them calls for it.
_PLAIN: Final = (
    (models.CharField, str),
    (models.TextField, str),
    (models.BooleanField, bool),
    (models.IntegerField, int),
    (models.BigAutoField, int),
)
_CALLED: Final = ("pre_save", "get_prep_value", "get_db_prep_value", "get_db_prep_save", "to_python")


def _plain(field: Any) -> type | None:
    if isinstance(field, models.ForeignKey):
        return _plain(field.target_field) if _does_as(field, models.ForeignKey) else None
    return next((plain for known, plain in _PLAIN if isinstance(field, known) and _does_as(field, known)), None)


def _does_as(field: Any, known: type) -> bool:
    return all(getattr(type(field), name) is getattr(known, name) for name in _CALLED)


def insert(rows: Iterable[M], into: Inserts | None, *, ignore_conflicts: bool = False) -> list[M]:
    """With the others of `into`, where there are some; otherwise now."""
    if into is not None:
        return into.add(rows, ignore_conflicts=ignore_conflicts)
    added = list(rows)
    if added:
        type(added[0])._default_manager.bulk_create(added, ignore_conflicts=ignore_conflicts, batch_size=1000)  # noqa: SLF001 (public in Django, whatever its name)
    return added
