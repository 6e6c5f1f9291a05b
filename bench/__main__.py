"""Runs every benchmark against a fresh instance and prints one table. Takes about ten minutes."""

from __future__ import annotations

import sys

from bench import mail, people, programme
from bench.api import Api
from bench.instance import instance
from bench.table import Row, at_most, show
from tests.smtp import SmtpSink


def main() -> int:
    sink = SmtpSink(pipelining=True)
    rows: list[Row] = []
    try:
        with instance(smtp_url=sink.url) as running:
            rows.append(at_most("start with data there", running.seconds_to_ready, "s", most=15))
            token = running.manage("create_token", "bench@example.org", "--organisation", "bench").strip()
            api = Api(running, token)
            rows += programme.importing(running)
            rows += programme.planning(running, api)
            rows += programme.pages(running)
            rows += programme.phones(running)
            rows += people.registering(running, api)
            rows += people.managing(running, api)
            rows += mail.sending(running, api, sink)
            rows += mail.planning(running, api)
            rows += mail.writing_to_many(running, api, sink)
            rows.append(at_most("peak memory of web and workers together", running.peak / 1024**2, "MB", most=600))
    finally:
        sink.stop()
        # Where a part fails, what was measured before is told.
        show(rows)
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
