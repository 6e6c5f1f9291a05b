"""A statement that the database works on while we do something else."""

from __future__ import annotations

import select
from collections.abc import Sequence
from typing import Any, Final

from django.db import connection
from psycopg import errors, pq

from common.statements import text_of

_GOOD: Final = frozenset({pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK})


class Underway:
    """The database has it whole and carries it out, even if this process dies now; what came of it is known after `finish`.

    Until then nothing else may be asked on this connection. Outside a transaction it is committed by itself.
    """

    def __init__(self, sql: str, values: Sequence[Any], *, prepared: bool = False) -> None:
        """`prepared`: it comes often (`common.statements`). Returns when all of it is handed to the system's own buffers: a process that is killed takes none of it back."""
        with connection.cursor() as cursor:
            statement = text_of(cursor, (sql, values)) if prepared else cursor.mogrify(sql, values)
        self._database: pq.abc.PGconn = connection.connection.pgconn
        with connection.wrap_database_errors:
            self._database.send_query(statement.encode())
            while self._database.flush():
                self._wait_until(select.POLLOUT)

    def finish(self) -> None:
        """Wait for it. Raises what the database says against it, as any statement of Django does."""
        with connection.wrap_database_errors:
            refused = [result for result in self._results() if result.status not in _GOOD]
            if refused:
                raise errors.error_from_result(refused[0])

    def _results(self) -> list[pq.abc.PGresult]:
        results: list[pq.abc.PGresult] = []
        while True:
            while self._database.is_busy():
                self._wait_until(select.POLLIN)
                self._database.consume_input()
            result = self._database.get_result()
            if result is None:
                return results
            results.append(result)

    def _wait_until(self, it_can: int) -> None:
        waiting = select.poll()
        waiting.register(self._database.socket, it_can)
        waiting.poll()
