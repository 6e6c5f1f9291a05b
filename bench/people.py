"""People: registering all at once, and an organizer who looks at ten thousand of them."""

from __future__ import annotations

import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg

from bench import flows
from bench.api import Api, timed
from bench.instance import Instance
from bench.table import Row, at_least, at_least_figure, at_most

SEATS, PEOPLE, MANY = 200, 400, 10_000
#: After one to warm up; the one in the middle counts.
RUNS = 3
#: pretix 2026.8.0 in the same kind of run, the better of two (registrations a second).
PRETIX = 1.3

#: Six questions, as many as conferences ask.
QUESTIONS: list[dict[str, Any]] = [
    {"identifier": "position", "label": {"en": "Position"}},
    {
        "identifier": "meals",
        "kind": "choice",
        "label": {"en": "What do you eat?"},
        "options": [{"identifier": name, "label": {"en": name}} for name in ("everything", "vegetarian", "halal")],
    },
    {"identifier": "visa", "kind": "yes_no", "label": {"en": "Do you need a letter?"}},
    {"identifier": "passport_country", "kind": "country", "label": {"en": "Country of your passport"}},
    {"identifier": "nights", "kind": "number", "label": {"en": "Nights"}},
    {"identifier": "arrival", "kind": "date", "label": {"en": "Day of arrival"}},
]
ANSWERS = {
    "position": "Professor",
    "meals": "halal",
    "visa": True,
    "passport_country": "CN",
    "nights": 3,
    "arrival": "2032-06-06",
}


def registering(running: Instance, api: Api) -> list[Row]:
    for question in QUESTIONS:
        api("POST", "events/bench/questions/", question)
    rows = []
    for how, path in (("API", "/api/v1/events/bench/registrations/"), ("form", "/bench/register/")):
        limit = _transactions_per_second(running)
        _warm_up, *runs = [_run(running, api, how, path) for _ in range(1 + RUNS)]
        done = sorted(runs, key=lambda run: run.per_second)[RUNS // 2]
        work = f"registrations by {how}, {flows.CLIENTS} clients, {PEOPLE} for {SEATS} seats"
        rows += [
            at_least(work, done.per_second, "/s", limit=limit, share=0.1),
            at_least_figure(f"… by {how}, a hundred times pretix", done.per_second, "/s", least=100 * PRETIX),
            at_most(f"… by {how}, 95th percentile of a request", done.request_p95, "s", most=1),
        ]
        if done.requests_each > 1:
            whole = f"… by {how}, 95th percentile of all {done.requests_each} requests of a person"
            rows.append(at_most(whole, done.p95, "s", most=1))
    return rows


def _run(running: Instance, api: Api, how: str, path: str) -> flows.Registered:
    """Everybody for a ticket that is this run's own."""
    ticket = _ticket(api, "bench", SEATS)
    body: dict[str, Any] = {"ticket_type": ticket, "country": "CN", "affiliation": "Jiangnan University"}
    if how == "API":
        body |= {"answers": ANSWERS}
    else:
        body = {
            **flows.form_of(_page(running, path)),
            **body,
            **{f"answer_{k}": _typed(v) for k, v in ANSWERS.items()},
        }
    done = flows.register(how.lower(), f"{running.url}{path}", people=PEOPLE, body=body)
    states = _states(running, ticket)
    assert states == {"confirmed": SEATS, "waiting": PEOPLE - SEATS}, (states, done.outcomes)
    return done


def _typed(value: object) -> str:
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _ticket(api: Api, event: str, seats: int) -> int:
    quota = api("POST", f"events/{event}/quotas/", {"name": "Seats", "size": seats})
    asked = {"name": {"en": "Ticket"}, "quotas": [quota["id"]], "waiting_list": True}
    ticket: int = api("POST", f"events/{event}/ticket-types/", asked)["id"]
    return ticket


def _page(running: Instance, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
    connection.request("GET", path, headers={"Accept-Language": "en"})
    return connection.getresponse().read().decode()


def _states(running: Instance, ticket: int) -> dict[str, int]:
    with psycopg.connect(running.database_url) as connection:
        counted = connection.execute(
            "SELECT state, count(*) FROM registrations_registration WHERE ticket_type_id = %s GROUP BY state", [ticket]
        )
        return dict(counted.fetchall())


def _transactions_per_second(running: Instance) -> float:
    """The same rows by hand: one hot counter, a registration, six answers and a message, 16 connections, synchronous commit."""
    with psycopg.connect(running.database_url, autocommit=True) as setup:
        setup.execute("DROP TABLE IF EXISTS bench_seat, bench_row")
        setup.execute("CREATE TABLE bench_seat (taken int); INSERT INTO bench_seat VALUES (0)")
        setup.execute("CREATE TABLE bench_row (id bigserial PRIMARY KEY, body text)")

    def work(_: int) -> int:
        done = 0
        with psycopg.connect(running.database_url) as connection:
            while time.perf_counter() < until:
                connection.execute("UPDATE bench_seat SET taken = taken + 1 WHERE taken < 1000000")
                connection.execute("INSERT INTO bench_row (body) VALUES (%s)", ["x" * 300])
                connection.execute(f"INSERT INTO bench_row (body) VALUES {', '.join(['(%s)'] * 6)}", ["x" * 60] * 6)
                connection.execute("INSERT INTO bench_row (body) VALUES (%s)", ["x" * 800])
                connection.commit()
                done += 1
        return done

    until = time.perf_counter() + 4
    with ThreadPoolExecutor(16) as pool:
        return sum(pool.map(work, range(16))) / 4


# -- An organizer's working day ------------------------------------------------------------------------------------------


def managing(running: Instance, api: Api) -> list[Row]:
    """Ten thousand people of one event: the list and its searches, and the whole as a workbook."""
    for question in QUESTIONS:
        api("POST", "events/large/questions/", question)
    ticket = _ticket(api, "large", 2 * MANY)
    running.python("-m", "bench.fill", "people", "large", str(ticket), str(MANY))
    cookie = running.python("-m", "bench.fill", "session", "bench@example.org").strip()
    address = "/organize/large/registrations/"
    looks = [
        "",
        "?page=2",
        "?page=150",
        "?q=guest+77",
        "?q=jiangnan",
        "?state=confirmed",
        "?country=CN",
        "?q=77@example",
    ]

    def look(query: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
        connection.request("GET", address + query, headers={"Cookie": cookie, "Accept-Language": "en"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, (query, answer.status)

    for query in looks:
        look(query)
    waits = sorted(timed(lambda: look(query)) for _ in range(5) for query in looks)  # noqa: B023 (called at once)
    before = running.web_peak
    whole = timed(lambda: look("export.xlsx"))
    grown = (running.web_peak - before) / 1024**2
    return [
        at_most(
            f"organizer's list of {MANY:,} registrations, 95th percentile",
            waits[int(len(waits) * 0.95)],
            "s",
            most=0.15,
        ),
        at_most(f"XLSX of {MANY:,} registrations", whole, "s", most=5),
        at_most("… and what it adds to the peak of a web process", grown, "MB", most=30),
    ]
