"""A worker in a process of its own, to be killed: `python -m tests.concurrency.delivery_worker NOW [STEP AFTER]`.

It writes campaigns and sends what is due at NOW over the SMTP_URL of its environment until nothing is left, as a Celery worker
does. With a STEP it dies by SIGKILL when it has come to that step the AFTERth time. CROWD people are an audience, of whom CHUNK
are written at a time.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

import django
from django.db.models import F


def main() -> None:
    django.setup()
    # Models are known only now.
    from notifications import audiences, notices  # noqa: PLC0415
    from notifications.services import campaigns, delivery  # noqa: PLC0415
    from tests.notifications.samples import REMINDER, TICKET, crowd_of  # noqa: PLC0415

    notices.register(TICKET, REMINDER)
    audiences.register_audience(crowd_of(int(os.environ.get("CROWD", "0"))))
    campaigns.CHUNK = int(os.environ.get("CHUNK", campaigns.CHUNK))  # type: ignore[misc]
    now = datetime.fromisoformat(sys.argv[1])
    if len(sys.argv) > 2:
        _die_at(sys.argv[2], int(sys.argv[3]))
    print("ready", flush=True)  # noqa: T201 (the test waits for it)
    campaigns.advance_campaigns(now=now)
    delivery.deliver_due(now=now, until_empty=True)


def _die_at(step: str, after: int) -> None:
    from notifications.services import campaigns, delivery, ledger  # noqa: PLC0415
    from notifications.services.transport import SmtpTransport  # noqa: PLC0415

    owner: Any
    owner, name, is_before = {
        "claimed": (delivery, "claim", False),
        "about to connect": (SmtpTransport, "_dialogue", True),
        "about to hand over": (SmtpTransport, "_hand_over", True),
        "taken by the server": (SmtpTransport, "_hand_over", False),
        "about to write it down": (delivery, "_write", True),
        "written down": (delivery, "_write", False),
        "about to write a chunk": (campaigns, "_write_chunk", True),
        "chunk in the ledger": (ledger, "notify_many", False),
        "chunk committed": (campaigns, "_write_chunk", False),
        # Not as it is: in a transaction of its own, before the rows.
        "place committed apart": (campaigns, "_write_chunk", False),
    }[step]
    if step == "place committed apart":
        _commit_the_place_apart()
    setattr(owner, name, _dying(getattr(owner, name), after, is_before=is_before))


def _commit_the_place_apart() -> None:
    from notifications.models import Campaign  # noqa: PLC0415
    from notifications.services import campaigns  # noqa: PLC0415

    begin = campaigns._write_chunk

    def write_place(pk: int, *, now: datetime) -> bool:
        begun = Campaign.objects.filter(pk=pk, began_at__isnull=False)
        return bool(begun.update(written=F("written") + campaigns.CHUNK)) or begin(pk, now=now)

    campaigns._write_chunk = write_place


def _dying(original: Callable[..., Any], after: int, *, is_before: bool) -> Callable[..., Any]:
    calls = 0

    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if is_before and calls >= after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if calls >= after:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return call


if __name__ == "__main__":
    main()
