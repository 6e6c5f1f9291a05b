"""A pytest plug-in that gives the run a real PostgreSQL and Valkey before Django's settings are read.

Loaded by `-p tests.services`, ahead of every conftest. Only the process that was started by hand starts services;
the workers of pytest-xdist inherit its environment, and each takes a database and a Redis number of its own.
Data are thrown away with the run, so nothing waits for the disk. Set LIHU_HOME to run two suites side by side.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import re
from pathlib import Path

import pytest

from config import embedded, messages

ROOT = Path(__file__).resolve().parent.parent
_running = contextlib.ExitStack()
# A run that fails before it is configured (a broken conftest) never gets to its own end.
atexit.register(_running.close)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None:
        _start()
    else:
        # Number 0 is the controller's.
        number = int(re.sub(r"\D", "", worker)) + 1
        os.environ["REDIS_URL"] = os.environ["REDIS_URL"].rpartition("/")[0] + f"/{number % 64}"
        os.environ["REDIS_PREFIX"] = f"test-{worker}"


def _start() -> None:
    home = Path(os.environ.get("LIHU_HOME") or ROOT / "var" / "test").expanduser()
    home = home if home.is_absolute() else ROOT / home
    os.environ["LIHU_HOME"] = str(home)
    messages.compile_all()
    (home / "static").mkdir(parents=True, exist_ok=True)  # WhiteNoise warns where there is none
    # What a developer's shell has set for `make run` must not reach the tests.
    for name in ("SMTP_URL", "PUBLIC_URL", "PORT", "DEBUG", "DEMO", "DATABASE_POOL"):
        os.environ.pop(name, None)
    os.environ["SECRET_KEY"] = "tests-only-" + "0" * 40
    # Playwright keeps an event loop running in the thread of the test; the database is used beside it, not from it.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    try:
        _running.enter_context(embedded.hold(home))
        services = _running.enter_context(
            embedded.Embedded(
                home,
                database=not os.environ.get("DATABASE_URL"),
                redis=not os.environ.get("REDIS_URL"),
                durable=False,
            )
        )
    except embedded.ServiceError as error:
        _running.close()
        raise pytest.UsageError(str(error)) from error
    os.environ["DATABASE_URL"] = services.database_url or os.environ["DATABASE_URL"]
    os.environ["REDIS_URL"] = services.redis_url or os.environ["REDIS_URL"]


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    _running.close()
