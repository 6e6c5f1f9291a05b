"""Celery as in production, to be held, killed and set wrong: `python -m tests.concurrency.engine worker|beat …`.

    worker NAME [claim]     without the claim, where it is named; it knows the samples' kinds of mail, too
    beat SCHEDULE [HOURS]   its rounds ten times as fast; its clock is so many hours ahead until SIGUSR1 sets it right

Each says `ready` once it is.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import django
import time_machine
from celery import signals
from celery.__main__ import main as celery

from config import roles
from config.beat import app as beat_app
from config.beat import run as run_beat


def main(role: str, *arguments: str) -> None:
    django.setup()
    # Models are known only now.
    from notifications import notices  # noqa: PLC0415
    from tests.notifications.samples import REMINDER, TICKET  # noqa: PLC0415

    notices.register(TICKET, REMINDER)
    if role == "worker":
        worker(*arguments)
    else:
        beat(*arguments)


def ready(**_signal: Any) -> None:
    # Celery turns what is printed into lines of its log.
    os.write(1, b"ready\n")


def worker(name: str, without: str = "") -> None:
    if without == "claim":
        _without_the_claim()
    signals.worker_ready.connect(ready)
    sys.argv = roles.worker(name=name)[2:]
    celery()


def beat(schedule: str, hours: str = "0") -> None:
    if hours != "0":
        clock = time_machine.travel(datetime.now(UTC) + timedelta(hours=int(hours)), tick=True)
        clock.start()
        signal.signal(signal.SIGUSR1, lambda *_: clock.stop())
    for entry in beat_app.conf.beat_schedule.values():
        if isinstance(entry["schedule"], float):
            entry["schedule"] /= 10
    beat_app.conf.beat_schedule["plan reminders"]["schedule"] = 1.0
    signals.beat_init.connect(ready)
    run_beat(schedule)


# -- Without a guard -----------------------------------------------------------------------------------------------------


def _without_the_claim() -> None:
    """Look what is due, and then take it."""
    from notifications.models import Message, MessageState  # noqa: PLC0415
    from notifications.services import delivery  # noqa: PLC0415

    def look_then_take(*, now: datetime, size: int, **_limits: Any) -> list[Message]:
        found = list(Message.objects.due(now).order_by("pk")[:size])
        time.sleep(0.05)
        claim = uuid.uuid4()
        Message.objects.filter(pk__in=[message.pk for message in found]).update(
            state=MessageState.SENDING, claim=claim, claimed_at=now
        )
        for message in found:
            message.claim = claim
        return found

    delivery._claim = look_then_take


if __name__ == "__main__":
    main(*sys.argv[1:])
