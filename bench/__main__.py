"""Runs every benchmark against a fresh instance and prints one table. Takes about six minutes."""

from __future__ import annotations

import http.client
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from bench import conference
from bench.instance import ROOT, Instance, bare_django, instance
from bench.load import measure
from bench.table import Row, at_least, at_most, show
from tests import lighthouse
from tests.smtp import SmtpSink

TALKS = 500
LARGE = 1351
SHARED = ROOT.parent / "shared" / "data"
FIRST_DAY = date(2032, 6, 7)


class Api:
    def __init__(self, running: Instance, token: str) -> None:
        self.running = running
        self.headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.running.port, timeout=120)
        connection.request(method, f"/api/v1/{path}", json.dumps(body) if body is not None else None, self.headers)
        response = connection.getresponse()
        text = response.read()
        if response.status >= 400:
            raise RuntimeError(f"{method} {path}: {response.status} {text[:300]!r}")
        return json.loads(text) if text else None


def main() -> int:
    sink = SmtpSink()
    try:
        with instance(smtp_url=sink.url) as running:
            rows = [at_most("start with data there", running.seconds_to_ready, "s", most=15)]
            token = running.manage("create_token", "bench@example.org", "--organisation", "bench").strip()
            api = Api(running, token)
            rows += importing(running)
            rows += planning(running, api)
            rows += pages(running)
            rows += phones(running)
            rows += registering(running, api)
            rows += mailing(running, api, sink)
            rows.append(at_most("memory of web, worker and beat", running.memory() / 1024**2, "MB", most=600))
    finally:
        sink.stop()
    show(rows)
    return 0 if all(row.met for row in rows) else 1


def importing(running: Instance) -> list[Row]:
    rows = []
    for talks, slug, most in ((LARGE, "large", 10.0), (TALKS, "bench", 5.0)):
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            Path(file.name).write_bytes(conference.schedule_json(talks, FIRST_DAY))
            began = time.perf_counter()
            running.manage("import_schedule", file.name, "--event", slug, "--organisation", "bench")
            rows.append(at_most(f"import of {talks:,} talks", time.perf_counter() - began, "s", most=most))
    return rows


def planning(running: Instance, api: Api) -> list[Row]:
    for slug in ("bench", "large"):
        api("PATCH", f"events/{slug}/", {"state": "live"})
    # Every process has answered once: what a first request costs is not what the work costs.
    for _ in range(8):
        api("GET", "events/bench/slots/?page_size=1")
    rows = []
    for slug, slots, most in (("bench", TALKS, 0.15), ("large", LARGE, 0.3)):
        times = [_timed(lambda: api("GET", f"events/{slug}/conflicts/")) for _ in range(5)]  # noqa: B023 (called at once)
        rows.append(at_most(f"conflicts of {slots:,} slots", statistics.median(times), "s", most=most))
    slots = api("GET", "events/bench/slots/?page_size=40")["results"]
    moves = [
        _timed(lambda: api("PATCH", f"events/bench/slots/{slot['id']}/", {"starts_at": slot["starts_at"]}))  # noqa: B023
        for slot in slots
    ]
    rows.append(at_most("move of one slot, 95th percentile", sorted(moves)[int(len(moves) * 0.95)], "s", most=0.05))
    releases = [_timed(lambda: api("POST", "events/bench/releases/", {"version": str(n)})) for n in (1, 2, 3)]  # noqa: B023
    rows.append(at_most(f"release of {TALKS} slots with every artifact", statistics.median(releases), "s", most=3))
    api("POST", "events/large/releases/", {"version": "1", "force": True})
    listed = [_timed(lambda: api("GET", "events/bench/submissions/?page_size=500")) for _ in range(3)]
    rows.append(at_most(f"all {TALKS} talks by API", statistics.median(listed), "s", most=0.5))
    return rows


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def pages(running: Instance) -> list[Row]:
    rows = []
    for slug, talks in (("bench", TALKS), ("large", LARGE)):
        schedule = _get(running, f"/{slug}/schedule/")[1].decode()
        match = re.search(rf"/{slug}/sessions/[0-9A-Z]{{6}}/", schedule)
        assert match, "the schedule page has no session"
        for name, path in (
            ("schedule page", f"/{slug}/schedule/"),
            ("session page", match[0]),
            *(
                (f"schedule.{kind}", f"/{slug}/schedule/export/schedule.{kind}")
                for kind in ("json", "xml", "xcal", "ics")
            ),
        ):
            ours = measure(f"{running.url}{path}", headers={"Accept-Encoding": "gzip"}, seconds=3)
            etag = _get(running, path)[0]["ETag"]
            known = {"Accept-Encoding": "gzip", "If-None-Match": etag or ""}
            unchanged = measure(f"{running.url}{path}", headers=known, seconds=3)
            with bare_django(ours.bytes_per_answer) as bare:
                limit = measure(bare, seconds=3).per_second
            with bare_django(0) as bare:
                empty = measure(bare, seconds=3).per_second
            assert set(ours.statuses) == {"200"}, ours.statuses
            assert set(unchanged.statuses) == {"304"}, unchanged.statuses
            work = f"{name} of {talks:,} talks"
            rows.append(at_least(work, ours.per_second, "/s", limit=limit, share=0.7))
            rows.append(at_least(f"{work}, not modified", unchanged.per_second, "/s", limit=empty, share=0.9))
    rows.append(at_most("peak memory of a web process", running.web_peak() / 1024**2, "MB", most=200))
    return rows


def phones(running: Instance) -> list[Row]:
    """Lighthouse's own score on its phone profile, for the longest real programmes, where they lie beside the clone."""
    rows = []
    for slug, name in (
        ("fosdem", "schedules/fosdem/fosdem-2026.pentabarf.xml"),
        ("congress", "schedules/ccc/36c3-everything.schedule.xml"),
    ):
        file = SHARED / name
        if not file.exists():
            continue
        running.manage("import_schedule", str(file), "--event", slug, "--organisation", "bench", "--publish", "1")
        for language in ("en", "zh-CN"):
            report = lighthouse.report(f"{running.url}/{slug}/schedule/", language=language)
            rows += [
                at_least(f"Lighthouse, {slug} in {language}: {category}", score * 100, "", limit=100, share=0.95)
                for category, score in report.scores.items()
            ]
    return rows


def _get(running: Instance, path: str) -> tuple[Any, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
    connection.request("GET", path, headers={"Accept-Encoding": "identity", "Accept-Language": "en"})
    response = connection.getresponse()
    return response.headers, response.read()


def registering(running: Instance, api: Api) -> list[Row]:
    clients, seats = 400, 200
    quota = api("POST", "events/bench/quotas/", {"name": "Seats", "size": seats})
    ticket = api(
        "POST",
        "events/bench/ticket-types/",
        {"name": {"en": "Ticket"}, "quotas": [quota["id"]], "waiting_list": True},
    )

    def register(number: int) -> tuple[str, float]:
        began = time.perf_counter()
        made = Api(running, "")  # one connection for each person
        made.headers = {"Content-Type": "application/json"}
        body = {"ticket_type": ticket["id"], "name": f"Guest {number}", "email": f"guest{number}@example.org"}
        return made("POST", "events/bench/registrations/", body)["state"], time.perf_counter() - began

    began = time.perf_counter()
    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(register, range(clients)))
    wall = time.perf_counter() - began
    states = [state for state, _ in answers]
    assert (states.count("confirmed"), states.count("waiting")) == (seats, clients - seats), states
    waits = sorted(wait for _, wait in answers)
    limit = _transactions_per_second(running)
    return [
        at_least("registrations by API, 64 clients, 400 for 200 seats", clients / wall, "/s", limit=limit, share=0.1),
        at_most("… 95th percentile", waits[int(clients * 0.95)], "s", most=1),
    ]


def _transactions_per_second(running: Instance) -> float:
    """The same three rows by hand: one hot counter, a row and a message, 16 connections, synchronous commit."""
    url = json.loads((Path(running.env["LIHU_HOME"]) / "run" / "services.json").read_text())["database_url"]
    with psycopg.connect(url, autocommit=True) as setup:
        setup.execute("CREATE TABLE bench_seat (taken int); INSERT INTO bench_seat VALUES (0)")
        setup.execute("CREATE TABLE bench_row (id bigserial PRIMARY KEY, body text)")

    def work(_: int) -> int:
        done = 0
        with psycopg.connect(url) as connection:
            while time.perf_counter() < until:
                connection.execute("UPDATE bench_seat SET taken = taken + 1 WHERE taken < 1000000")
                connection.execute("INSERT INTO bench_row (body) VALUES (%s)", ["x" * 300])
                connection.execute("INSERT INTO bench_row (body) VALUES (%s)", ["x" * 800])
                connection.commit()
                done += 1
        return done

    until = time.perf_counter() + 4
    with ThreadPoolExecutor(16) as pool:
        return sum(pool.map(work, range(16))) / 4


def mailing(running: Instance, api: Api, sink: SmtpSink) -> list[Row]:
    """How fast the ledger empties into the sink, against smtplib with messages of the same size over two connections."""
    mails = 2000
    quota = api("POST", "events/bench/quotas/", {"name": "Online", "size": 100_000})
    ticket = api("POST", "events/bench/ticket-types/", {"name": {"en": "Online"}, "quotas": [quota["id"]]})
    before = len(sink.messages)
    running.manage("shell", "-c", _QUEUE.format(mails=mails, ticket=ticket["id"]))
    # The first are on their way before the command has ended.
    already = len(sink.messages)
    began = time.perf_counter()
    while len(sink.messages) < before + mails:
        if time.perf_counter() - began > 120:
            raise RuntimeError(f"only {len(sink.messages) - before} of {mails} mails arrived")
        time.sleep(0.05)
    ours = (before + mails - already) / (time.perf_counter() - began)
    size = len(sink.messages[-1].message.as_bytes())
    return [at_least(f"{mails:,} mails of {size / 1024:.0f} KB", ours, "/s", limit=_smtplib(sink, size), share=0.4)]


_QUEUE = """

from django.utils import timezone
from notifications.models import Message
from notifications.notices import Notice, Recipient, kind_of
from notifications.services import ledger
old = Message.objects.filter(kind="registration_confirmed").first()
context = {{k: v for k, v in old.context.items() if k not in ("recipient_time_zone", "calendar")}}
ledger.notify_many(kind=kind_of(old.kind), now=timezone.now(), notices=[
    Notice(to=Recipient(email=f"mass{{n}}@example.org"), about=f"bench:{{n}}", context=context, event_id=old.event_id)
    for n in range({mails})])
"""


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


if __name__ == "__main__":
    sys.exit(main())
