from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from notifications.management.instants import instant
from notifications.services import delivery


class Command(BaseCommand):
    help = "Send what is due, in the foreground, as a worker does."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--now", metavar="ISO8601", help="as if it were this instant")
        parser.add_argument(
            "--until-empty", action="store_true", help="go on until nothing is due, instead of 1000 messages"
        )

    def handle(self, *args: Any, now: str | None, until_empty: bool, **options: Any) -> None:
        at = instant(now)
        swept = delivery.sweep_stuck(now=at)
        done = delivery.deliver_due(now=at, until_empty=until_empty)
        self.stdout.write(
            f"Sent {done.sent}, failed {done.failed}, put off {done.put_off}, cancelled {done.cancelled}, requeued {swept}."
        )
        if done.trouble:
            self.stderr.write(f"{done.trouble} What is left stays queued.")
