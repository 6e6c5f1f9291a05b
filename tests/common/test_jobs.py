"""Waking a worker: as often as there is something new to see, and no oftener."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from celery import current_app
from django.core.cache import cache
from django.db import transaction
from kombu import Connection

from common import jobs
from config.celery import WakeUp, app

TASK = "notifications.deliver_due"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nothing_waits() -> Iterator[None]:
    _take()
    cache.delete(f"wake-up:{TASK}")
    yield
    _take()
    cache.delete(f"wake-up:{TASK}")


def _take() -> int:
    """How many wake-ups lay in the queue."""
    with Connection(current_app.conf.broker_url, transport_options=app.conf.broker_transport_options) as connection:
        return int(connection.SimpleQueue("mail").clear() or 0)


def _ask() -> None:
    with transaction.atomic():
        jobs.enqueue_on_commit(TASK)


def test_one_wake_up_waits_for_all_that_was_committed_before_it_begins() -> None:
    for _ in range(3):
        _ask()
    assert _take() == 1


def test_whoever_commits_after_a_worker_has_begun_asks_anew() -> None:
    _ask()
    app.loader.import_default_modules()
    task = app.tasks[TASK]
    assert isinstance(task, WakeUp)
    task.before_start("id", [], {})
    _ask()
    assert _take() == 2


def test_a_wake_up_that_was_lost_is_sent_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "WAITS_SECONDS", 0.02)
    _ask()
    assert _take() == 1
    for _ in range(200):
        _ask()
        if _take():
            break
    else:
        pytest.fail("no second wake-up")


def test_a_worker_gathers_longer_where_much_is_coming(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    now = [1000.0]
    monkeypatch.setattr(jobs.time, "sleep", slept.append)
    monkeypatch.setattr(jobs.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(jobs, "_began", {})
    monkeypatch.setattr(jobs, "_gathering_until", {})
    for wait in (0.0, 0.3, 0.9, 1.1):
        now[0] += wait
        jobs.begins(TASK)
    assert slept == [0.1, 0.5, 0.5, 0.1]


def test_a_process_that_sent_one_knows_for_how_long_it_gathers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_gathering_until", {})
    _ask()
    # Even where the memory that all share is gone: the wake-up is in the queue, and sees what is committed by now.
    cache.delete(f"wake-up:{TASK}")
    _ask()
    assert _take() == 1
    time.sleep(jobs.GATHERING_SECONDS[TASK])
    _ask()
    assert _take() == 1


@pytest.mark.parametrize(("is_busy", "gathers"), [(False, 0.1), (True, 0.5)])
def test_one_process_knows_how_long_the_worker_of_another_gathers(
    monkeypatch: pytest.MonkeyPatch, is_busy: bool, gathers: float
) -> None:
    now = 1000.0
    left: list[float] = []

    def ask_meanwhile(_seconds: float) -> None:
        known: dict[str, float] = {}
        monkeypatch.setattr(jobs, "_gathering_until", known)
        _ask()
        left.append(known[TASK] - now)

    monkeypatch.setattr(jobs.time, "sleep", ask_meanwhile)
    monkeypatch.setattr(jobs.time, "monotonic", lambda: now)
    monkeypatch.setattr(jobs, "_began", {TASK: now} if is_busy else {})
    jobs.begins(TASK)

    assert _take() == 0
    (known,) = left
    assert gathers - 0.05 < known <= gathers


def test_of_one_that_waits_in_the_queue_it_is_known_that_it_will_gather(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs.time, "monotonic", lambda: 1000.0)
    _ask()
    known: dict[str, float] = {}
    monkeypatch.setattr(jobs, "_gathering_until", known)
    _ask()
    assert known == {TASK: 1000.0 + jobs.GATHERING_SECONDS[TASK]}
    assert _take() == 1


def test_a_worker_that_dies_while_it_gathers_holds_nobody_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_began", {})

    def die(_seconds: float) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(jobs.time, "sleep", die)
        with pytest.raises(SystemExit):
            jobs.begins(TASK)
    time.sleep(jobs.GATHERING_SECONDS[TASK])
    _ask()
    assert _take() == 1
