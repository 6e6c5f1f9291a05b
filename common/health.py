"""Is this process able to serve? Database, broker and migrations, each with the reason when not."""

from __future__ import annotations

from celery import current_app
from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.migrations.executor import MigrationExecutor
from kombu.exceptions import OperationalError

_migrated = False


def reasons_not_ready() -> list[str]:
    """Empty when all is in order. The sentences name no host, user or password."""
    return [*_database(), *_broker()]


def _database() -> list[str]:
    global _migrated  # noqa: PLW0603 (migrations are never undone under a running process: look once)
    try:
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute("SELECT 1")
        if not _migrated:
            executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
            if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                return ["migrations: some are not applied yet"]
            _migrated = True
    except Error as error:
        return [f"database: {type(error).__name__}"]
    return []


def _broker() -> list[str]:
    try:
        with current_app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=1)
    except (OperationalError, OSError) as error:
        return [f"broker: {type(error).__name__}"]
    return []
