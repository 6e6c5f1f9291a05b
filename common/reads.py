"""Whole rows of several tables in one round trip: the other half of `common.inserts`.

For what everybody who registers comes by, where Django takes longer to make a statement than the database to answer it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Model

from common.statements import ask

M = TypeVar("M", bound=Model)
Convert = Callable[[Any], Any]


@dataclass(frozen=True)
class Tuples:
    """What a statement finds, as the database sends it."""

    statement: str
    values: Sequence[Any]

    def made_of(self, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        return rows


class Rows(Generic[M]):
    """`model`'s rows for which `condition` holds: SQL that follows WHERE, with `%s` for each of `values`."""

    def __init__(self, model: type[M], condition: str, values: Sequence[Any]) -> None:
        self.model = model
        self.condition = condition
        self.values = values

    @property
    def statement(self) -> str:
        return f"{_shape(self.model)[0]} WHERE {self.condition}"

    def made_of(self, rows: list[tuple[Any, ...]]) -> list[M]:
        _select, names, converters = _shape(self.model)
        if not converters:
            return [self.model.from_db(DEFAULT_DB_ALIAS, names, row) for row in rows]
        made = []
        for row in rows:
            values = list(row)
            for place, convert in converters:
                values[place] = convert(values[place])
            made.append(self.model.from_db(DEFAULT_DB_ALIAS, names, values))
        return made


def read(*wanted: Rows[Any] | Tuples) -> list[list[Any]]:
    """The rows of each, as the statements find them one after the other; of nothing, nothing."""
    if not wanted:
        return []
    answers = ask([(one.statement, one.values) for one in wanted])
    return [one.made_of(answer.rows) for one, answer in zip(wanted, answers, strict=True)]


@cache
def _shape(model: type[Model]) -> tuple[str, list[str], list[tuple[int, Convert]]]:
    """The statement up to its conditions, the names of its columns, and those whose values are not as the database sends them."""
    meta, quote = model._meta, connection.ops.quote_name
    fields = meta.concrete_fields
    columns = ", ".join(f"{quote(meta.db_table)}.{quote(str(field.column))}" for field in fields)
    converters = [(place, convert) for place, field in enumerate(fields) if (convert := _conversion(field)) is not None]
    select = f"SELECT {columns} FROM {quote(meta.db_table)}"  # noqa: S608 (names of ours)
    return select, [field.attname for field in fields], converters


def _conversion(field: Any) -> Convert | None:
    column = field.cached_col
    steps = [*connection.ops.get_db_converters(column), *field.get_db_converters(connection)]
    if not steps:
        return None

    def convert(value: Any) -> Any:
        for step in steps:
            value = step(value, column, connection)
        return value

    return convert
