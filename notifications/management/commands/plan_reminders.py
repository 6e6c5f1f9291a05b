from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from notifications.management.instants import instant
from notifications.models import Message
from notifications.services import reminders


class Command(BaseCommand):
    help = (
        "Write the reminders that are due within ten minutes and withdraw those whose occasion has gone, as beat does."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--now", metavar="ISO8601", help="as if it were this instant")
        parser.add_argument(
            "--dry-run", action="store_true", help="print what would be written; write and send nothing"
        )

    def handle(self, *args: Any, now: str | None, dry_run: bool, **options: Any) -> None:
        plan = reminders.plan_reminders(now=instant(now), dry_run=dry_run)
        for word, rows in (("write", plan.written), ("change", plan.changed), ("withdraw", plan.withdrawn)):
            for row in sorted(rows, key=lambda row: (row.send_at, row.recipient_email)):
                self.stdout.write(f"{word:<8}  {_line(row)}")
        verb = "Would write" if dry_run else "Wrote"
        self.stdout.write(
            f"{verb} {len(plan.written)}, changed {len(plan.changed)}, withdrew {len(plan.withdrawn)} reminders."
        )


def _line(row: Message) -> str:
    return f"{row.send_at.isoformat(timespec='seconds')}  {row.recipient_email}  {row.about}  {row.subject}"
