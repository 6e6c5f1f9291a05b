"""A load client in a process of its own: `python -m bench.load URL SECONDS CLIENTS [Header: value …]` prints one JSON line.

Keep-alive connections over plain sockets, one request under way on each. The same client measures us and the limit, so that
its own cost is in both.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Measured:
    per_second: float
    p95_ms: float
    statuses: dict[str, int]
    bytes_per_answer: int


def measure(url: str, *, seconds: float = 5, clients: int = 16, headers: dict[str, str] | None = None) -> Measured:
    lines = [f"{name}: {value}" for name, value in (headers or {}).items()]
    command = [sys.executable, "-m", "bench.load", url, str(seconds), str(clients), *lines]
    answer = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return Measured(**answer)


async def _client(host: str, port: int, request: bytes, until: float, seen: list[tuple[float, bytes, int]]) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        while time.perf_counter() < until:
            began = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = 0
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
                elif line.startswith(b"transfer-encoding:"):
                    raise ValueError("answers without Content-Length are not measured")
            if head[9:12] == b"304":
                length = 0
            if length:
                await reader.readexactly(length)
            seen.append((time.perf_counter() - began, head[9:12], length))
    finally:
        writer.close()


async def _run(url: str, seconds: float, clients: int, headers: list[str]) -> dict[str, object]:
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    request = "\r\n".join([f"GET {target} HTTP/1.1", f"Host: {parts.netloc}", *headers, "", ""]).encode()
    for warm_up, duration in ((True, 1.0), (False, seconds)):
        seen: list[tuple[float, bytes, int]] = []
        began = time.perf_counter()
        await asyncio.gather(*(_client(host, port, request, began + duration, seen) for _ in range(clients)))
        wall = time.perf_counter() - began
        if not warm_up:
            break
    statuses: dict[str, int] = {}
    for _, status, _ in seen:
        statuses[status.decode()] = statuses.get(status.decode(), 0) + 1
    waits = sorted(wait for wait, _, _ in seen)
    return {
        "per_second": len(seen) / wall,
        "p95_ms": waits[int(len(waits) * 0.95)] * 1000,
        "statuses": statuses,
        "bytes_per_answer": seen[-1][2],
    }


if __name__ == "__main__":
    url, seconds, clients, *headers = sys.argv[1:]
    print(json.dumps(asyncio.run(_run(url, float(seconds), int(clients), headers))))
