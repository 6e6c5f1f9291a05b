"""Running the project's own programs in tests, as a person would: with a home, and without the tests' environment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from config import embedded

ROOT = Path(__file__).resolve().parent.parent.parent
OF_THE_TESTS = {
    *("DATABASE_URL", "REDIS_URL", "REDIS_PREFIX", "SECRET_KEY", "DJANGO_SETTINGS_MODULE", "DJANGO_ALLOW_ASYNC_UNSAFE"),
    *("PYTEST_XDIST_WORKER", "PYTEST_CURRENT_TEST", "MAKELEVEL", "MAKEFLAGS", "PUBLIC_URL", "SMTP_URL"),
}


def environment(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in OF_THE_TESTS}
    return {**kept, "LIHU_HOME": str(home), "PYTHONPATH": str(ROOT), **more}


def of_home(home: Path) -> list[psutil.Process]:
    """Every process that belongs to the home, its database's included."""
    found = []
    folders = {str(home / "postgres"), str(home / "valkey")}
    for process in psutil.process_iter():
        try:
            if process.cwd() in folders or process.environ().get(embedded.SUPERVISED) == str(home):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def command_of(process: psutil.Process) -> list[str]:
    """The words of its command line; none where it has ended meanwhile, as a database's helpers do all the time."""
    try:
        return process.cmdline()
    except (psutil.Error, OSError):
        return []


def parent_of(process: psutil.Process) -> int | None:
    try:
        return process.ppid()
    except psutil.Error:
        return None


def account_of(process: psutil.Process) -> int | None:
    try:
        return process.uids().real
    except psutil.Error:
        return None


def valkey_of(home: Path) -> psutil.Process:
    (found,) = (process for process in of_home(home) if "valkey" in "".join(command_of(process)[:1]))
    return found


def kill_everything(home: Path, *supervisors: subprocess.Popen[str]) -> None:
    """What a power cut does: no process gets a chance to tidy up."""
    targets = [*of_home(home), *(psutil.Process(process.pid) for process in supervisors)]
    # Stopped first, so that none sees another one's end and acts on it.
    for sign in (signal.SIGSTOP, signal.SIGKILL):
        for process in targets:
            try:
                process.send_signal(sign)
            except psutil.NoSuchProcess:
                continue
    for supervisor in supervisors:
        supervisor.wait()
        for pipe in (supervisor.stdin, supervisor.stdout, supervisor.stderr):
            if pipe:
                pipe.close()
    psutil.wait_procs(targets, timeout=10)


def python_for_everyone() -> str | None:
    """A Python that an account without rights can run with this project's packages: the venv's may lie in /root."""
    for candidate in (sys.executable, "/usr/bin/python3.11", "/usr/bin/python3"):
        try:
            result = subprocess.run(
                [candidate, "-c", "import psycopg, psutil, config.embedded"],
                env=as_nobody(),
                user="nobody",
                group="nogroup",
                extra_groups=[],
                cwd="/",
                capture_output=True,
                check=False,
            )
        except (PermissionError, FileNotFoundError):
            continue
        if result.returncode == 0:
            return candidate
    return None


def as_nobody() -> dict[str, str]:
    packages = Path(psutil.__file__).parent.parent
    return {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{packages}", "PYTHONDONTWRITEBYTECODE": "1"}
