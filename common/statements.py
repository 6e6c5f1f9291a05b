"""Statements that everybody who registers and every mail comes by: PostgreSQL parses and plans each once in a connection, which
takes it longer than to run them.

Prepared by name and in SQL: what psycopg prepares by itself has its values apart from the statement, and of such only one goes
in a round trip. And asked past Django's and psycopg's cursors, which together take longer than PostgreSQL to answer.
"""

from __future__ import annotations

import hashlib
import select
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import errors, pq
from psycopg.abc import Transformer as AnyTransformer
from psycopg.adapt import Transformer

#: SQL with `%s` for each value, and the values.
Statement = tuple[str, Sequence[Any]]

_GOOD: Final = frozenset({pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK})


class Answer(NamedTuple):
    rows: list[tuple[Any, ...]]
    # How many rows it found, wrote, changed or deleted.
    affected: int


@dataclass
class _Database:
    """What is known of one connection of psycopg's; lies there, under `_KNOWN`, and goes with it."""

    transformer: AnyTransformer
    # What it has prepared, and False where something went wrong meanwhile and nobody knows.
    prepared: dict[str, bool] = field(default_factory=dict)


_KNOWN: Final = "_lihu_statements"


def ask(statements: Sequence[Statement]) -> list[Answer]:
    """All in one round trip, one after the other, and with them the BEGIN of a transaction that is still to begin. What each has
    answered."""
    wrapper = connections[DEFAULT_DB_ALIAS]
    database = _database(wrapper)
    new = [sql for sql in dict.fromkeys(sql for sql, _values in statements) if _is_to_be_prepared(sql, database)]
    parts = [_preparing(sql) for sql in new]
    with wrapper.wrap_database_errors:
        parts += [_text(statement, database, at_once=new) for statement in statements]
    try:
        answers = _exchange(b"; ".join(parts), wrapper, database)
    except DatabaseError:
        # What is prepared stays so, even if its transaction is rolled back; but it may not have come to it.
        database.prepared |= dict.fromkeys(new, False)
        raise
    database.prepared |= dict.fromkeys(new, True)
    return answers[len(new) :]


def exchange(text: bytes) -> list[Answer]:
    """As `ask`, for whole statements that are never the same, with `; ` between them."""
    wrapper = connections[DEFAULT_DB_ALIAS]
    return _exchange(text, wrapper, _database(wrapper))


def text_of(statement: Statement, *, prepared: bool) -> bytes:
    """For whoever sends it by other ways. `prepared`: it comes often; one round trip where it is not prepared yet."""
    wrapper = connections[DEFAULT_DB_ALIAS]
    database, (sql, _values) = _database(wrapper), statement
    if prepared and _is_to_be_prepared(sql, database):
        _exchange(_preparing(sql), wrapper, database)
        database.prepared[sql] = True
    with wrapper.wrap_database_errors:
        return _text(statement, database)


def as_literal() -> Callable[[Any], bytes | bytearray | memoryview]:
    """What writes values into whole statements, as psycopg does."""
    return _database(connections[DEFAULT_DB_ALIAS]).transformer.as_literal


def _database(wrapper: BaseDatabaseWrapper) -> _Database:
    wrapper.ensure_connection()
    # Not in a dictionary of ours that forgets what nobody holds: its transformer holds the connection.
    known: _Database | None = getattr(wrapper.connection, _KNOWN, None)
    if known is None:
        known = _Database(Transformer(wrapper.connection))
        setattr(wrapper.connection, _KNOWN, known)
    return known


def _is_to_be_prepared(sql: str, database: _Database) -> bool:
    return settings.DATABASE_PREPARE and sql not in database.prepared


def _text(statement: Statement, database: _Database, *, at_once: Sequence[str] = ()) -> bytes:
    sql, values = statement
    written = [database.transformer.as_literal(value) for value in values]
    if settings.DATABASE_PREPARE and (sql in at_once or database.prepared.get(sql)):
        return _call(sql) + (b" (%s)" % b", ".join(written) if written else b"")
    first, *rest = sql.encode().split(b"%s")
    return first + b"".join(value + part for value, part in zip(written, rest, strict=True))


@cache
def _name(sql: str) -> str:
    return f"lihu_{hashlib.sha256(sql.encode()).hexdigest()[:16]}"


@cache
def _call(sql: str) -> bytes:
    return f"EXECUTE {_name(sql)}".encode()


@cache
def _preparing(sql: str) -> bytes:
    first, *rest = sql.split("%s")
    numbered = first + "".join(f"${number}{part}" for number, part in enumerate(rest, start=1))
    return f"PREPARE {_name(sql)} AS {numbered}".encode()


# -- Past the cursors ------------------------------------------------------------------------------------------------------


def _exchange(text: bytes, wrapper: BaseDatabaseWrapper, database: _Database) -> list[Answer]:
    """Raises what Django's cursors raise."""
    if wrapper.queries_logged or wrapper.execute_wrappers:
        return _by_cursor(text, wrapper)
    wrapper.validate_no_broken_transaction()
    session = wrapper.connection
    begins = not session.autocommit and session.pgconn.transaction_status == pq.TransactionStatus.IDLE
    with wrapper.wrap_database_errors:
        send(session.pgconn, b"BEGIN; " + text if begins else text)
        results = list(results_of(session.pgconn))
        return [_answer(result, database.transformer) for result in (results[1:] if begins else results)]


def _answer(result: pq.abc.PGresult, transformer: AnyTransformer) -> Answer:
    if result.status == pq.ExecStatus.COMMAND_OK:
        return Answer([], result.command_tuples or 0)
    transformer.set_pgresult(result)
    return Answer(transformer.load_rows(0, result.ntuples, tuple), result.ntuples)


def _by_cursor(text: bytes, wrapper: BaseDatabaseWrapper) -> list[Answer]:
    """Where somebody counts or watches what is asked: tests, and DEBUG."""
    answers: list[Answer] = []
    with wrapper.cursor() as cursor:
        cursor.execute(text.decode())
        while not answers or cursor.nextset():
            answers.append(Answer(cursor.fetchall() if cursor.description else [], cursor.rowcount))
    return answers


def send(database: pq.abc.PGconn, text: bytes) -> None:
    """Returns when all of it is handed to the system's own buffers."""
    database.send_query(text)
    while database.flush():
        _wait_until(select.POLLOUT, database)


def results_of(database: pq.abc.PGconn) -> Iterator[pq.abc.PGresult]:
    """Of what was sent, in order. Raises psycopg's errors, when all has been read: then something else can be asked."""
    refusal: pq.abc.PGresult | None = None
    while True:
        while database.is_busy():
            _wait_until(select.POLLIN, database)
            database.consume_input()
        result = database.get_result()
        if result is None:
            break
        if result.status not in _GOOD:
            refusal = refusal or result
        else:
            yield result
    if refusal:
        raise errors.error_from_result(refusal)


def _wait_until(it_can: int, database: pq.abc.PGconn) -> None:
    waiting = select.poll()
    waiting.register(database.socket, it_can)
    waiting.poll()
