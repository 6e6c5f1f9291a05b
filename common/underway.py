"""A statement that the database works on while we do something else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection

from common.statements import results_of, send, text_of


class Underway:
    """The database has it whole and carries it out, even if this process dies now; what came of it is known after `finish`.

    Until then nothing else may be asked on this connection. Outside a transaction it is committed by itself.
    """

    def __init__(self, sql: str, values: Sequence[Any], *, prepared: bool = False) -> None:
        """`prepared`: it comes often (`common.statements`). Returns when all of it is handed to the system's own buffers: a process that is killed takes none of it back."""
        text = text_of((sql, values), prepared=prepared)
        self._database = connection.connection.pgconn
        with connection.wrap_database_errors:
            send(self._database, text)

    def finish(self) -> None:
        """Wait for it. Raises what the database says against it, as any statement of Django does."""
        with connection.wrap_database_errors:
            for _result in results_of(self._database):
                pass
