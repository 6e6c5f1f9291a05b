"""The API as an organizer's program asks it."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from typing import Any

from bench.instance import Instance


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


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
