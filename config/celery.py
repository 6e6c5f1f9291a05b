"""The distributed engine, as web and workers know it.

Tasks are thin: they take ids, call one service and return. Every task may be lost or run twice without harm,
because the truth is in PostgreSQL and a sweeper below finds what was left lying.
"""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, Task, signals
from django_structlog.celery.steps import DjangoStructLogInitStep

from common import jobs
from common.memory import share_for_good, share_one_heap
from config import rounds

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class WakeUp(Task):  # type: ignore[type-arg]  # Celery's has none when it runs
    """A task that tells, before it begins, that it no longer waits."""

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        jobs.begins(self.name)
        super().before_start(task_id, args, kwargs)


app = Celery("lihu", task_cls=WakeUp)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add(DjangoStructLogInitStep)

app.conf.update(rounds.CONFIGURATION)


@signals.celeryd_after_setup.connect
def _before_there_are_children(**_signal: object) -> None:
    """Children share what the parent has; a collector that looked at it in one would copy it there."""
    share_one_heap()
    # Django is there only now.
    from config.ahead import read_ahead  # noqa: PLC0415

    read_ahead()
    share_for_good()
