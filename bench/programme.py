"""Programmes: imported, checked, moved, published, read."""

from __future__ import annotations

import http.client
import re
import statistics
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

from bench import conference
from bench.api import Api, timed
from bench.instance import ROOT, Instance, bare_django
from bench.load import measure
from bench.table import Row, at_least, at_most
from tests import lighthouse

TALKS = 500
LARGE = 1351
SHARED = ROOT.parent / "shared" / "data"
FIRST_DAY = date(2032, 6, 7)


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
        times = [timed(lambda: api("GET", f"events/{slug}/conflicts/")) for _ in range(5)]  # noqa: B023 (called at once)
        rows.append(at_most(f"conflicts of {slots:,} slots", statistics.median(times), "s", most=most))
    slots = api("GET", "events/bench/slots/?page_size=40")["results"]
    moves = [
        timed(lambda: api("PATCH", f"events/bench/slots/{slot['id']}/", {"starts_at": slot["starts_at"]}))  # noqa: B023
        for slot in slots
    ]
    rows.append(at_most("move of one slot, 95th percentile", sorted(moves)[int(len(moves) * 0.95)], "s", most=0.05))
    releases = [timed(lambda: api("POST", "events/bench/releases/", {"version": str(n)})) for n in (1, 2, 3)]  # noqa: B023
    rows.append(at_most(f"release of {TALKS} slots with every artifact", statistics.median(releases), "s", most=3))
    api("POST", "events/large/releases/", {"version": "1", "force": True})
    listed = [timed(lambda: api("GET", "events/bench/submissions/?page_size=500")) for _ in range(3)]
    rows.append(at_most(f"all {TALKS} talks by API", statistics.median(listed), "s", most=0.5))
    return rows


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
    rows.append(at_most("peak memory of a web process", running.web_peak / 1024**2, "MB", most=200))
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
