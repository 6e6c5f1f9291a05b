"""A whole instance of Lihu as `make run` starts it, with its own database, Redis, web, worker and beat, and mail that goes out."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config import embedded
from tests.config.processes import ROOT, environment


@contextmanager
def running(home: Path, *, smtp_url: str) -> Iterator[str]:
    """An empty instance; its address. Everything of it has ended when the block has."""
    port = _free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "config.run"],
        env=environment(home, PORT=str(port), DEMO="0", SMTP_URL=smtp_url, WEB_PROCESSES="1"),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("Logs: "):
                break
        else:
            raise AssertionError("it ended before it was ready:\n" + "".join(lines))
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=30)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
            embedded.end_leftovers(home)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
