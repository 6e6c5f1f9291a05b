"""`python -m config.run` as a person meets it: real processes, one home, one port."""

from __future__ import annotations

import functools
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from config import embedded
from config.roles import status_of
from tests.config.processes import ROOT, command_of, environment, kill_everything, of_home, valkey_of

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("run"), pytest.mark.timeout(300)]

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "home"
    yield path
    embedded.end_leftovers(path)


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


@pytest.fixture
def start(home: Path, port: int) -> Iterator[Start]:
    """Runs the program; its output is one stream of lines."""
    started: list[subprocess.Popen[str]] = []

    def run(**more: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "config.run"],
            env={**environment(home, PORT=str(port), DEMO="0"), **more},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        if process.stdout and not process.stdout.closed:
            process.communicate()


def _lines_until_ready(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if line.startswith("Logs: "):
            return lines
    raise AssertionError("it ended before it was ready:\n" + "\n".join(lines))


def _eventually(what: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _child(home: Path, name: str) -> psutil.Process:
    """The first process of web, worker or beat: the child of the supervisor."""
    word = {"web": "config.web", "worker": "worker", "beat": "config.beat"}[name]
    (found,) = (
        process
        for process in of_home(home)
        if word in command_of(process) and "config.run" in command_of(process.parent() or process)
    )
    return found


def test_it_gets_ready_keeps_everything_up_and_stops_clean(start: Start, home: Path, port: int) -> None:
    process = start()
    lines = _lines_until_ready(process)
    assert f"Ready: http://127.0.0.1:{port}/" in lines
    assert f"Mail stays here: http://127.0.0.1:{port}/mail/" in lines
    assert [status_of(port, path) for path in ("/livez", "/readyz", "/")] == [200, 200, 200]

    # A second terminal with the same environment finds the services.
    shell = subprocess.run(
        [sys.executable, "manage.py", "migrate", "--check"], env=environment(home), cwd=ROOT, check=False
    )
    assert shell.returncode == 0

    second = start()
    output, _ = second.communicate(timeout=60)
    assert (second.returncode, output) == (
        1,
        f"{home} is in use by another run (process {process.pid}). Stop that one, or set another LIHU_HOME.\n",
    )

    # Without Redis it serves, and says what it lacks. Valkey is stopped, not killed: it would be started again.
    valkey = valkey_of(home)
    valkey.suspend()
    assert _get(port, "/readyz") == (503, "broker:")
    assert status_of(port, "/livez") == 200
    valkey.resume()

    services = embedded.service_urls(home)
    for name in ("web", "worker", "beat"):
        killed = _child(home, name)
        killed.kill()
        killed.wait(10)
        _eventually(functools.partial(_revived, home, name))
    valkey.kill()
    _eventually(lambda: status_of(port, "/readyz") == 200 and not valkey.is_running())
    assert embedded.service_urls(home) == services

    began = time.monotonic()
    process.terminate()
    rest, _ = process.communicate(timeout=30)
    assert (process.returncode, time.monotonic() - began < 10) == (0, True)
    assert "web ended (SIGKILL) and starts again" in rest
    assert "Valkey had ended and was started again." in rest
    assert of_home(home) == []
    assert embedded.service_urls(home) is None


def _get(port: int, path: str) -> tuple[int, str]:
    """Status and the first word of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode().split()[0]
    finally:
        connection.close()


def _revived(home: Path, name: str) -> bool:
    try:
        return _child(home, name).is_running()
    except (ValueError, psutil.Error):
        return False


def test_after_a_power_cut_it_starts_on_the_same_data(start: Start, home: Path, port: int) -> None:
    process = start()
    _lines_until_ready(process)
    key = (home / "secret_key").read_text()
    kill_everything(home, process)
    assert of_home(home) == []

    process = start()
    lines = _lines_until_ready(process)
    assert f"Ready: http://127.0.0.1:{port}/" in lines
    assert (home / "secret_key").read_text() == key

    # A Ctrl-C reaches the whole group, and some people press it twice.
    os.killpg(process.pid, signal.SIGINT)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=15)
    assert process.returncode == 0
    assert of_home(home) == []


def test_stopping_while_it_starts_is_clean_too(start: Start, home: Path) -> None:
    process = start()
    _eventually((home / "run" / "services.json").exists)
    process.terminate()
    process.communicate(timeout=15)

    assert process.returncode == 0
    assert of_home(home) == []


def test_a_taken_port_is_said_in_one_line(start: Start, home: Path, port: int) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        process = start()
        output, _ = process.communicate(timeout=60)

    assert (process.returncode, output) == (
        1,
        f"Port {port} is taken by another program: set PORT to a free one.\n",
    )
    assert of_home(home) == []


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({"PORT": "eighty"}, "PORT is 'eighty': a number from 1 to 65535 is needed."),
        ({"PORT": "70000"}, "PORT is '70000': a number from 1 to 65535 is needed."),
        ({"LIHU_HOME": "/dev/null/home"}, "LIHU_HOME /dev/null/home cannot be written: Not a directory."),
    ],
)
def test_a_wrong_environment_is_said_in_one_line(start: Start, environment: dict[str, str], line: str) -> None:
    process = start(**environment)
    output, _ = process.communicate(timeout=60)

    assert (process.returncode, output) == (1, f"{line}\n")


def test_a_database_that_cannot_be_made_ready_is_said_with_the_reason(start: Start, home: Path) -> None:
    process = start(DATABASE_URL="postgresql://lihu@127.0.0.1:1/lihu")
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "The database could not be made ready" in output
    assert "127.0.0.1" in output
    assert "port 1" in output
    assert of_home(home) == []
