"""Rows of several tables in one round trip."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Model
from django.db.models.constants import OnConflict
from django.db.models.sql import InsertQuery

M = TypeVar("M", bound=Model)


class Inserts:
    """Gathers rows, and writes them all at once: whoever holds a lock that others wait for holds it no longer than that takes.

    Keys that the database makes stay unknown; rows that others point to bring their own.
    """

    def __init__(self) -> None:
        self._statements: list[str] = []
        self._values: list[Any] = []

    def add(self, rows: Iterable[M], *, ignore_conflicts: bool = False) -> list[M]:
        added = list(rows)
        if not added:
            return added
        meta = added[0]._meta
        has_key = added[0].pk is not None
        fields = [field for field in meta.concrete_fields if has_key or not field.primary_key]
        for row in added:
            # As bulk_create does: the keys of rows that were saved after they were assigned here.
            row._prepare_related_fields_for_save(operation_name="add")  # type: ignore[attr-defined]  # noqa: SLF001 (known to Django's own stubs only)
            row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS  # noqa: SLF001 (documented)
        query = InsertQuery(type(added[0]), on_conflict=OnConflict.IGNORE if ignore_conflicts else None)
        query.insert_values(fields, list[Model](added))
        for sql, values in query.get_compiler(DEFAULT_DB_ALIAS).as_sql():
            self._statements.append(sql)
            self._values += values
        return added

    def write(self) -> None:
        if self._statements:
            with connection.cursor() as cursor:
                cursor.execute("; ".join(self._statements), self._values)
        self._statements, self._values = [], []


def insert(rows: Iterable[M], into: Inserts | None, *, ignore_conflicts: bool = False) -> list[M]:
    """With the others of `into`, where there are some; otherwise now."""
    if into is not None:
        return into.add(rows, ignore_conflicts=ignore_conflicts)
    added = list(rows)
    if added:
        type(added[0])._default_manager.bulk_create(added, ignore_conflicts=ignore_conflicts, batch_size=1000)  # noqa: SLF001 (public in Django, whatever its name)
    return added
