"""People who register, from a process of its own: `python -m bench.flows` reads one JSON object and prints one.

Each client is one person after the other on one connection. By the form: open the page, send it, see one's own page; by the
API: one POST. What a person waits is the time from the first byte asked to the last one read: for each request, and for all
of theirs together.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from lxml import html

CLIENTS = 64


@dataclass(frozen=True)
class Registered:
    per_second: float
    p50: float
    p95: float
    # Of single requests.
    request_p95: float
    requests_each: int
    # What became of them: states of the API, or the status of the last page.
    outcomes: dict[str, int]


def register(how: str, url: str, *, people: int, body: dict[str, Any]) -> Registered:
    """`how`: `form` or `api`. `body`: what everybody sends beside name and address."""
    asked = json.dumps({"how": how, "url": url, "people": people, "body": body})
    command = [sys.executable, "-m", "bench.flows"]
    done = subprocess.run(command, input=asked, check=True, stdout=subprocess.PIPE, text=True)
    return Registered(**json.loads(done.stdout))


def form_of(page: str) -> dict[str, str]:
    """The public form, filled in: the first of each choice, some words where words are asked."""
    form = next(form for form in html.fromstring(page).forms if "email" in form.fields)
    filled: dict[str, str] = {}
    for field in form.inputs:
        name, kind = field.name, field.get("type", "")
        if not name or name in {"csrfmiddlewaretoken", "website", "switch"} or kind in {"submit", "button", "file"}:
            continue
        if kind in {"radio", "checkbox"}:
            filled.setdefault(name, field.get("value", "on"))
        elif field.tag == "select":
            options = [value for value in field.value_options if value]
            filled.setdefault(name, options[0] if options else "")
        else:
            filled.setdefault(name, field.get("value") or ("text" if field.get("required") is not None else ""))
    return filled


class _Connection:
    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host, self.port, self.name = parts.hostname or "127.0.0.1", parts.port or 80, parts.netloc
        self.cookies: dict[str, str] = {}
        self.reader: Any = None
        self.waits: list[float] = []
        self.writer: Any = None

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], str]:
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.name}", "Accept-Language: en"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        if self.cookies:
            lines.append("Cookie: " + "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        if method == "POST":
            lines.append(f"Content-Length: {len(body)}")
        began = time.perf_counter()
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        answered: dict[str, str] = {}
        for line in head[1:]:
            name, _, value = line.partition(": ")
            if name.lower() == "set-cookie":
                cookie, _, content = value.partition(";")[0].partition("=")
                self.cookies[cookie] = content
            answered[name.lower()] = value
        content = await self.reader.readexactly(int(answered.get("content-length", "0")))
        self.waits.append(time.perf_counter() - began)
        if answered.get("connection") == "close":
            self.writer.close()
            self.writer = None
        return int(head[0].split()[1]), answered, content.decode()


async def _by_api(connection: _Connection, path: str, body: dict[str, Any], number: int) -> str:
    asked = {**body, "name": f"Guest {number}", "email": f"api-{body['ticket_type']}-{number}@example.org"}
    status, _head, answer = await connection.ask(
        "POST", path, json.dumps(asked).encode(), Content_Type="application/json"
    )
    return json.loads(answer)["state"] if status == 201 else str(status)


async def _by_form(connection: _Connection, path: str, body: dict[str, Any], number: int) -> str:
    status, _head, page = await connection.ask("GET", path)
    tokens = {
        name: found[1]
        for name in ("csrfmiddlewaretoken", "token")
        if (found := re.search(rf'name="{name}" value="([^"]*)"', page))
    }
    ticket = body.get("ticket_type", "")
    asked = {**body, **tokens, "name": f"Guest {number}", "email": f"form-{ticket}-{number}@example.org"}
    status, head, page = await connection.ask(
        "POST",
        path,
        urlencode(asked, doseq=True).encode(),
        Content_Type="application/x-www-form-urlencoded",
        Origin=f"http://{connection.name}",
    )
    if status != 302:
        return f"{status} after the form"
    status, _head, page = await connection.ask("GET", head["location"])
    state = re.search(r'class="badge[^"]*"[^>]*>(?:<svg.*?</svg>)?\s*([^<]+)', page, re.DOTALL)
    return state[1].strip() if status == 200 and state else str(status)


async def _run(how: str, url: str, people: int, body: dict[str, Any]) -> Registered:
    flow, each = (_by_api, 1) if how == "api" else (_by_form, 3)
    numbers = iter(range(people))
    waits: list[float] = []
    single: list[float] = []
    outcomes: Counter[str] = Counter()

    async def client() -> None:
        connection = _Connection(url)
        for number in numbers:
            began = time.perf_counter()
            outcomes[await flow(connection, urlsplit(url).path, body, number)] += 1
            waits.append(time.perf_counter() - began)
        single.extend(connection.waits)

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    wall = time.perf_counter() - began
    waits.sort()
    single.sort()
    return Registered(
        per_second=people / wall,
        p50=waits[len(waits) // 2],
        p95=waits[int(len(waits) * 0.95)],
        request_p95=single[int(len(single) * 0.95)],
        requests_each=each,
        outcomes=dict(outcomes),
    )


if __name__ == "__main__":
    print(json.dumps(vars(asyncio.run(_run(**json.load(sys.stdin))))))
