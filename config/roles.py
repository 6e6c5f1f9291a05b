"""How each role is started and asked for its health: `python -m config.roles web|worker|beat|prepare|check`.

One image runs every role; `make run` starts the same commands on one machine.
"""

from __future__ import annotations

import http.client
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
QUEUES = "mail,default,slow"
# Beat writes its schedule down every three minutes.
BEAT_SILENCE_SECONDS = 600


def web(*, host: str, port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "config.web", "--interface", "wsgi", "--host", host, "--port", str(port)),
        *("--workers", os.environ.get("WEB_PROCESSES") or str(min(os.cpu_count() or 1, 4))),
        *("--blocking-threads", os.environ.get("WEB_THREADS") or "4"),
        *("--no-ws", "--respawn-failed-workers", "--workers-kill-timeout", "3"),
        "config.wsgi:application",
    ]


def worker(*, name: str) -> list[str]:
    return [
        *(sys.executable, "-m", "celery", "--app", "config", "worker", "--hostname", name, "--queues", QUEUES),
        *("--concurrency", os.environ.get("WORKER_PROCESSES") or "2"),
        # Workers need not know of each other: what they share is in the database.
        *("--loglevel", "INFO", "--without-gossip", "--without-mingle"),
    ]


def beat(*, schedule: Path) -> list[str]:
    return [sys.executable, "-m", "config.beat", str(schedule)]


def prepare() -> list[str]:
    demo = os.environ.get("DEMO", "1").strip().lower() not in {"0", "false", "no", "off", ""}
    return [sys.executable, str(ROOT / "manage.py"), "prepare", *(["--demo"] if demo else [])]


# -- In a container --------------------------------------------------------------------------------------------------


def _port() -> int:
    return int(os.environ.get("PORT") or 8000)


def _worker_name() -> str:
    return f"lihu@{socket.gethostname()}"


def _schedule() -> Path:
    schedule = Path(os.environ.get("LIHU_HOME") or ROOT / "var") / "run" / "beat-schedule"
    schedule.parent.mkdir(parents=True, exist_ok=True)
    return schedule


COMMANDS: dict[str, Callable[[], list[str]]] = {
    # A container is reached from outside itself.
    "web": lambda: web(host="0.0.0.0", port=_port()),  # noqa: S104
    "worker": lambda: worker(name=_worker_name()),
    "beat": lambda: beat(schedule=_schedule()),
    "prepare": prepare,
}


def status_of(port: int, path: str) -> int:
    """The answer of the web process on this machine; 0 for none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def worker_answers(name: str) -> bool:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # Settings read the addresses of services, which may have become known just now.
    from config.celery import app  # noqa: PLC0415

    unreachable: tuple[type[BaseException], ...] = (OSError, *app.connection_for_write().connection_errors)
    try:
        return bool(app.control.ping(destination=[name], timeout=2))
    except unreachable:
        return False


def beat_is_alive(schedule: Path) -> bool:
    files = list(schedule.parent.glob(f"{schedule.name}*"))
    return any(time.time() - file.stat().st_mtime < BEAT_SILENCE_SECONDS for file in files)


CHECKS: dict[str, Callable[[], bool]] = {
    "web": lambda: status_of(_port(), "/readyz") == 200,
    "worker": lambda: worker_answers(_worker_name()),
    "beat": lambda: beat_is_alive(_schedule()),
}


def role_of(command_line: str) -> str:
    """Which role the container's first process plays: what it became, or what it is about to become."""
    words = command_line.split()
    return next((role for role in CHECKS if role in words or f"config.{role}" in words), "")


def check() -> int:
    role = role_of(Path("/proc/1/cmdline").read_text().replace("\0", " "))
    return 0 if role and CHECKS[role]() else 1


def main(arguments: list[str]) -> int:
    match arguments:
        case ["check"]:
            return check()
        case [role] if role in COMMANDS:
            command = COMMANDS[role]()
            if role == "web":
                os.environ.setdefault("DATABASE_POOL", "1")
            os.chdir(ROOT)
            os.execv(command[0], command)  # noqa: S606 (the role takes this process's place and gets its signals)
    print(f"usage: python -m config.roles {'|'.join(COMMANDS)}|check", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
