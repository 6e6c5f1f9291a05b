"""What beat goes by."""

from __future__ import annotations

from typing import Any

import structlog
from celery.beat import PersistentScheduler

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
