"""Waking a worker after commit. Tasks sit above services, so they are named, never imported."""

from __future__ import annotations

import functools
import time
from typing import Final

import structlog
from celery import current_app
from django.core.cache import cache
from django.db import transaction
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)

#: Every task that services ask for by name; a contract test checks that each exists.
WAKE_UPS = frozenset(
    {
        "notifications.advance_campaigns",
        "notifications.deliver_due",
        "registrations.fill_free_places",
        "scheduling.print_programme",
        "scheduling.reframe",
    }
)


#: For how long a worker gathers more of the same before it begins: one run for many is much less work than a run for each.
GATHERING_SECONDS: Final = {"notifications.deliver_due": 0.1}
#: Where the last run was less than a second ago much is coming, and it gathers so many times as long.
_MORE_WHEN_BUSY: Final = 5
_BUSY_SECONDS: Final = 1
#: Task → until when (`time.monotonic`) a wake-up gathers for sure, as far as this process knows: whoever commits until then is seen.
_gathering_until: Final[dict[str, float]] = {}
#: Task → when this process began with it last.
_began: Final[dict[str, float]] = {}
#: How long a wake-up may wait in the queue, or be lost there, before another is sent.
WAITS_SECONDS: Final = 10


def enqueue_on_commit(task: str, **ids: int | str) -> None:
    """Ask a worker to run `task` once the current transaction is committed.

    Only a wake-up: where Redis is down it is dropped with a log line, and the sweepers find the work in the database.
    Equal requests within one transaction become one, and so do those that no worker has begun with.
    """
    if task not in WAKE_UPS:
        raise LookupError(f"{task} is not among common.jobs.WAKE_UPS")
    send = functools.partial(_send, task, tuple(sorted(ids.items())))
    for _savepoints, hook, *_robust in transaction.get_connection().run_on_commit:
        if isinstance(hook, functools.partial) and (hook.func, hook.args) == (send.func, send.args):
            return
    transaction.on_commit(send)


def _send(task: str, ids: tuple[tuple[str, int | str], ...]) -> None:
    now, gathers = time.monotonic(), GATHERING_SECONDS.get(task, 0)
    if not ids:
        if now < _gathering_until.get(task, 0):
            return
        # One that waits in the queue will see what was committed just now: it begins by saying until when it gathers.
        left = cache.add_or_left(_waiting(task), WAITS_SECONDS)  # type: ignore[attr-defined]  # common.cache
        if left is not None:
            is_gathering = left <= gathers * _MORE_WHEN_BUSY
            _gathering_until[task] = now + (left if is_gathering else gathers)
            return
    try:
        current_app.send_task(task, kwargs=dict(ids))
    except (OperationalError, OSError) as error:
        log.warning("wake_up_dropped", task=task, reason=str(error))
        _forget(task)
    else:
        _gathering_until[task] = now + gathers


def begins(task: str) -> None:
    """A worker calls it before it runs `task`: whoever commits from now on must ask anew."""
    if task in WAKE_UPS:
        is_busy = time.monotonic() < _began.get(task, -_BUSY_SECONDS) + _BUSY_SECONDS
        if gathers := GATHERING_SECONDS.get(task, 0) * (_MORE_WHEN_BUSY if is_busy else 1):
            # Until it has passed nobody need ask; if this process dies meanwhile, the next one does.
            cache.mark(_waiting(task), gathers)  # type: ignore[attr-defined]  # common.cache
            time.sleep(gathers)
        _began[task] = time.monotonic()
        _forget(task)


def _forget(task: str) -> None:
    cache.delete(_waiting(task))


def _waiting(task: str) -> str:
    return f"wake-up:{task}"
