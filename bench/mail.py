"""Mail: sent from the ledger, planned from rules, written to thousands, and overtaken by what is urgent."""

from __future__ import annotations

import subprocess
import sys
import time
from email.message import EmailMessage
from statistics import median
from urllib.parse import urlsplit

from bench.api import Api, timed
from bench.instance import Instance
from bench.people import MANY
from bench.table import Row, at_least, at_most
from tests.smtp import SmtpSink

MAILS = 2000
#: The middle of each counts.
RUNS = 3


def sending(running: Instance, api: Api, sink: SmtpSink) -> list[Row]:
    """How fast the ledger empties into the sink, against smtplib with messages of the same size over two connections."""
    rates, limits = [], []
    for _ in range(RUNS):
        rates.append(_sent_per_second(running, sink))
        last = sink.messages[-1].message
        assert any(part.get_content_type() == "text/calendar" for part in last.walk()), "mails without their calendar"
        size = len(last.as_bytes())
        limits.append(_smtplib(sink, size))
    work = f"{MAILS:,} mails of {size / 1024:.0f} KB with a calendar part"
    return [at_least(work, median(rates), "/s", limit=median(limits), share=0.4)]


def _sent_per_second(running: Instance, sink: SmtpSink) -> float:
    _wait_until_quiet(running)
    before = len(sink.messages)
    running.python("-m", "bench.fill", "mails", "large", str(MAILS))
    # The first are on their way before the command has ended.
    already = len(sink.messages)
    began = time.perf_counter()
    _wait_for(sink, before + MAILS, 120)
    return (before + MAILS - already) / (time.perf_counter() - began)


def planning(running: Instance, api: Api) -> list[Row]:
    """One rule, and a thousand slots whose speakers are to be reminded now."""
    slots, seconds = running.python("-m", "bench.fill", "reminders", "large").split()
    assert int(slots) >= 1000, slots
    return [at_most(f"planning reminders for {int(slots):,} slots", float(seconds), "s", most=5)]


def writing_to_many(running: Instance, api: Api, sink: SmtpSink) -> list[Row]:
    """A campaign to ten thousand, and somebody who registers while it goes out."""
    _wait_until_quiet(running)
    body = {
        "subject": {"en": "The programme is out"},
        "body": {"en": "Dear {name},\n\nthe programme of {event} is out.\n\n{link}"},
        "audiences": {"registrations": {"state": ["confirmed"]}},
    }
    answered = timed(lambda: api("POST", "events/large/campaigns/", body))
    began = time.perf_counter()
    while running.count("SELECT count(*) FROM notifications_message WHERE kind = 'campaign'") < MANY:
        if time.perf_counter() - began > 60:
            raise RuntimeError("the campaign was not written")
        time.sleep(0.05)
    written = answered + time.perf_counter() - began
    ticket = running.count("SELECT max(id) FROM registrations_tickettype")
    waits = []
    for number in range(5):
        address = f"urgent{number}@example.org"
        api("POST", "events/large/registrations/", {"ticket_type": ticket, "name": "Urgent", "email": address})
        began = time.perf_counter()
        while not sink.to(address):
            if time.perf_counter() - began > 60:
                raise RuntimeError("the ticket did not arrive")
            time.sleep(0.01)
        waits.append(time.perf_counter() - began)
    left = running.count("SELECT count(*) FROM notifications_message WHERE state = 'queued' AND kind = 'campaign'")
    assert left > 0, "there was nothing to overtake any more"
    return [
        at_most(f"answer to who writes to {MANY:,}", answered, "s", most=1),
        at_most(f"queueing {MANY:,} mails", written, "s", most=5),
        at_most(f"a ticket's mail overtakes {MANY:,}, the slowest of five", max(waits), "s", most=2),
    ]


def _wait_for(sink: SmtpSink, count: int, seconds: float) -> None:
    began = time.perf_counter()
    while len(sink.messages) < count:
        if time.perf_counter() - began > seconds:
            raise RuntimeError(f"only {len(sink.messages)} of {count} mails arrived")
        time.sleep(0.01)


def _wait_until_quiet(running: Instance) -> None:
    """Mail of the benchmarks before is out of the way."""
    began = time.perf_counter()
    pending = "SELECT count(*) FROM notifications_message WHERE state IN ('queued', 'sending') AND due_at <= now()"
    while running.count(pending):
        if time.perf_counter() - began > 180:
            raise RuntimeError("earlier mail does not go out")
        time.sleep(0.2)


def _smtplib(sink: SmtpSink, size: int) -> float:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.org", "b@example.org", "limit"
    message.set_content("x" * 76 + "\n")
    text = message.as_bytes() + (b"x" * 76 + b"\r\n") * (size // 78)
    script = (
        "import smtplib,sys\n"
        "text=sys.stdin.buffer.read()\n"
        "with smtplib.SMTP(sys.argv[1],int(sys.argv[2])) as s:\n"
        "  for _ in range(500): s.sendmail('a@example.org',['b@example.org'],text)\n"
    )
    address = urlsplit(sink.url)
    began = time.perf_counter()
    senders = [
        subprocess.Popen(
            [sys.executable, "-c", script, address.hostname or "", str(address.port)], stdin=subprocess.PIPE
        )
        for _ in range(2)
    ]
    for sender in senders:
        assert sender.stdin is not None
        sender.stdin.write(text)
        sender.stdin.close()
    for sender in senders:
        sender.wait()
    return 1000 / (time.perf_counter() - began)
