"""A fresh instance of the whole system, as `make run` starts it, and the processes it is compared with."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import psutil
import psycopg

from config import roles

#: So that looking costs little and no release is missed.
LOOK_EVERY_SECONDS = 1
ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Instance:
    process: subprocess.Popen[str]
    port: int
    env: dict[str, str]
    seconds_to_ready: float
    # The most that one web process held, and web and workers together, in bytes; what processes share is divided among them.
    web_peak: int = 0
    peak: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def database_url(self) -> str:
        services = Path(self.env["LIHU_HOME"]) / "run" / "services.json"
        return str(json.loads(services.read_text())["database_url"])

    def count(self, query: LiteralString) -> int:
        with psycopg.connect(self.database_url) as connection:
            row = connection.execute(query).fetchone()
        return int(row[0]) if row else 0

    def manage(self, *arguments: str) -> str:
        return self.python("manage.py", *arguments)

    def python(self, *arguments: str) -> str:
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def watch(self, done: threading.Event) -> None:
        """Look at the memory of web and workers (PSS) again and again, until `done`."""
        while not done.wait(LOOK_EVERY_SECONDS):
            with contextlib.suppress(psutil.Error):
                web, workers = self._held("config.web"), self._held("worker")
                self.web_peak = max([self.web_peak, *web])
                self.peak = max(self.peak, sum(web) + sum(workers))

    def _held(self, role: str) -> list[int]:
        """Bytes of each process of one role and of those that they have started."""
        roots = [p for p in psutil.Process(self.process.pid).children() if role in p.cmdline()]
        family = [p for root in roots for p in (root, *root.children(recursive=True))]
        return [p.memory_full_info().pss for p in family]


@contextlib.contextmanager
def instance(*, smtp_url: str) -> Iterator[Instance]:
    with tempfile.TemporaryDirectory(prefix="lihu-bench-") as home:
        for _ in range(2):  # the second start is the one that people wait for each day
            port = free_port()
            env = {**os.environ, "LIHU_HOME": home, "PORT": str(port), "DEMO": "0", "SMTP_URL": smtp_url}
            began = time.monotonic()
            process = subprocess.Popen(
                [sys.executable, "-m", "config.run"], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True
            )
            assert process.stdout is not None
            if not any(line.startswith("Ready:") for line in process.stdout):
                raise RuntimeError("the instance did not become ready")
            running = Instance(process, port, env, time.monotonic() - began)
            if _ == 0:
                stop(process)
        done = threading.Event()
        watcher = threading.Thread(target=running.watch, args=(done,))
        watcher.start()
        try:
            yield running
        finally:
            done.set()
            watcher.join()
            stop(process)


def stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    process.wait(30)


@contextlib.contextmanager
def bare_django(size: int) -> Iterator[str]:
    port = free_port()
    command = [part.replace("config.wsgi", "bench.bare") for part in roles.web(host="127.0.0.1", port=port)]
    env = {**os.environ, "BARE_BYTES": str(size)}
    process = subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True
    )
    try:
        deadline = time.monotonic() + 20
        while roles.status_of(port, "/") != 200:
            if time.monotonic() > deadline:
                raise RuntimeError("the bare server did not start")
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/"
    finally:
        stop(process)
