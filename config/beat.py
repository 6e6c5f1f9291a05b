"""Beat, and what it goes by: `python -m config.beat SCHEDULE`. It names tasks and has none, so that it needs neither Django nor our
code nor Celery's command line, and a third of the memory."""

from __future__ import annotations

import logging.config
import sys
from importlib import import_module
from typing import Any

import structlog
from celery import Celery
from celery.beat import PersistentScheduler
from celery.loaders.app import AppLoader

from config import rounds, settings

log = structlog.get_logger(__name__)


class Scheduler(PersistentScheduler):
    """Celery's own, which waits until the clock has caught up when it is set back: for an hour nobody would be reminded, and no
    work that was left lying would be found. This one begins its rounds anew."""

    def tick(self, *args: Any, **more: Any) -> float:
        entries = self.schedule.values()
        ahead = [entry for entry in entries if entry.last_run_at and entry.last_run_at > entry.default_now()]
        if ahead:
            log.warning("clock_set_back", entries=len(ahead))
            for entry in ahead:
                entry.last_run_at = entry.default_now()
            self._heap = None  # made anew from the entries
        return super().tick(*args, **more)


class Loader(AppLoader):
    def import_default_modules(self) -> list[Any]:
        logging.config.dictConfig(settings.LOGGING)
        return []


app = Celery("lihu", loader=f"{__name__}:{Loader.__name__}")
app.config_from_object(settings, namespace="CELERY")
app.conf.update(rounds.CONFIGURATION)


def run(schedule: str) -> None:
    """Until SIGTERM or SIGINT. `schedule`: the file that keeps when each round was last begun."""
    app.Beat(schedule=schedule, loglevel="INFO").run()


if __name__ == "__main__":
    # Under the name by which Celery looks for the scheduler.
    import_module("config.beat").run(sys.argv[1])
