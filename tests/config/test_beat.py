"""Beat on a machine whose clock is set back."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import time_machine
from celery.beat import PersistentScheduler

from config.beat import Scheduler, app
from config.celery import app as worker

NOW = datetime(2027, 6, 7, 0, 30, 5, tzinfo=UTC)
#: Seconds of the round that comes most often.
SHORTEST = 10


@contextmanager
def beat(kind: type[PersistentScheduler], path: Path) -> Iterator[PersistentScheduler]:
    scheduler = kind(app, schedule_filename=str(path / "schedule"), lazy=True)
    scheduler.setup_schedule()
    yield scheduler
    scheduler.close()


def seconds_until_next(kind: type[PersistentScheduler], path: Path) -> list[int]:
    """How long beat means to sleep: as it starts, after the clock was set back an hour, and started anew after another."""
    pauses = []
    with time_machine.travel(NOW, tick=False) as clock:
        with beat(kind, path) as scheduler:
            pauses.append(round(scheduler.tick()))
            clock.move_to(NOW - timedelta(hours=1))
            pauses.append(round(scheduler.tick()))
        clock.move_to(NOW - timedelta(hours=2))
        with beat(kind, path) as scheduler:
            pauses.append(round(scheduler.tick()))
    return pauses


def test_a_clock_set_back_stops_no_round(tmp_path: Path) -> None:
    assert seconds_until_next(Scheduler, tmp_path) == [SHORTEST] * 3


def test_control_celerys_own_sleeps_until_the_clock_has_caught_up(tmp_path: Path) -> None:
    first, *later = seconds_until_next(PersistentScheduler, tmp_path)
    assert first == SHORTEST
    # Five minutes are the longest that it sleeps at a time.
    assert later == [300, 300]


def test_beat_goes_by_it() -> None:
    assert app.conf.beat_scheduler == "config.beat:Scheduler"


def test_beat_starts_what_workers_know_without_having_it() -> None:
    """Without Django and our code it needs a third of the memory."""
    program = """
import sys
from config.beat import app
app.loader.init_worker()
app.finalize()
print(sorted(entry["task"] for entry in app.conf.beat_schedule.values()))
print({name.partition(".")[0] for name in sys.modules} & {"scheduling", "registrations", "rest_framework"}, app.conf.broker_url)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    names, rest = done.stdout.splitlines()
    assert rest == f"set() {worker.conf.broker_url}"
    worker.loader.import_default_modules()
    assert ast.literal_eval(names)
    assert set(ast.literal_eval(names)) <= set(worker.tasks)
