"""A worker in a process of its own, to be killed: `python -m tests.concurrency.delivery_worker`.

It sends what is due at NOW over the SMTP_URL of its environment until nothing is left, as a Celery worker does.
"""

from __future__ import annotations

import sys
from datetime import datetime

import django


def main() -> None:
    django.setup()
    # Models are known only now.
    from notifications import notices  # noqa: PLC0415
    from notifications.services import delivery  # noqa: PLC0415
    from tests.notifications.samples import REMINDER, TICKET  # noqa: PLC0415

    notices.register(TICKET, REMINDER)
    print("ready", flush=True)  # noqa: T201 (the test waits for it)
    delivery.deliver_due(now=datetime.fromisoformat(sys.argv[1]), until_empty=True)


if __name__ == "__main__":
    main()
