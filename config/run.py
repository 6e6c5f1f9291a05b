"""`make run`: one process that starts everything on this machine, keeps it running and stops it again.

In the order of starting: PostgreSQL and Valkey (unless the environment names others), migrations and static files,
the demo conference into an empty instance, then web, worker and beat. In production each of these is a service of its
own (docker-compose.yml); this is the same code on one machine.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from config import embedded, messages, roles
from config.embedded import ServiceError

ROOT = Path(__file__).resolve().parent.parent
READY_SECONDS = 120
LARGEST_LOG = 10 * 1024 * 1024
# A database, static files and logs of a demo take about a tenth of it.
SMALLEST_DISK = 500 * 1024 * 1024


class Stop(Exception):
    """The person at the keyboard, or the system, wants this to end."""


@dataclass
class Child:
    """One of web, worker, beat. `niceness`: how far it stands back where all want the processor."""

    name: str
    command: list[str]
    extra_env: dict[str, str] = field(default_factory=dict)
    niceness: int = 0
    process: subprocess.Popen[bytes] | None = None
    started: float = 0
    failures: int = 0
    restart_at: float = 0


class Supervisor:
    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.port = port
        self.wish_to_stop = Wish()
        self.env = {
            **os.environ,
            "LIHU_HOME": str(home),
            "PORT": str(port),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONUNBUFFERED": "1",
        }
        self.embedded = embedded.Embedded(
            home, database=not os.environ.get("DATABASE_URL"), redis=not os.environ.get("REDIS_URL")
        )
        self.children = self._children()

    def _children(self) -> list[Child]:
        return [
            Child(
                "web",
                roles.web(host="127.0.0.1", port=self.port),
                {"DATABASE_POOL": os.environ.get("DATABASE_POOL", "1")},
            ),
            # Somebody waits for a page; a mail can be a second later.
            Child("worker", roles.worker(name=self.worker_name), niceness=10),
            Child("beat", roles.beat(schedule=self.home / "run" / "beat-schedule")),
        ]

    @property
    def worker_name(self) -> str:
        return f"lihu-{self.port}@{socket.gethostname()}"

    def log(self, name: str) -> Path:
        return self.home / "log" / f"{name}.log"

    # -- Starting ----------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Everything from start to stop. Returns when asked to stop; raises ServiceError when it cannot go on."""
        with embedded.hold(self.home):
            # After the leftovers of an earlier run are gone, a taken port is someone else's.
            check_port(self.port)
            try:
                self._start()
                self._announce()
                self._watch()
            except Stop:
                pass
            finally:
                self._stop()

    def _start(self) -> None:
        (self.home / "log").mkdir(parents=True, exist_ok=True)
        for path in (self.home / "log").glob("*.log"):
            if path.stat().st_size > LARGEST_LOG:
                path.replace(path.with_suffix(".log.1"))
        embedded.secret_key(self.home)
        messages.compile_all()
        say(f"Starting in {self.home} …")
        self.embedded.start()
        self._check_wish()
        self._prepare()
        for child in self.children:
            self._launch(child)
        self._wait_until_ready()

    def _prepare(self) -> None:
        say("Making the database ready …")
        log = self.log("prepare")
        log.unlink(missing_ok=True)
        with log.open("wb") as file:
            process = embedded.spawn(
                roles.prepare(),
                home=self.home,
                log=file,
                cwd=ROOT,
                env=self.env,
            )
        while process.poll() is None:
            if self.wish_to_stop.wait(0.05):
                embedded.stop_process(process, (signal.SIGTERM, 3))
                raise Stop
        if process.returncode:
            raise ServiceError(f"The database could not be made ready; {log} ends:\n{embedded.tail(log)}")

    def _launch(self, child: Child) -> None:
        with self.log(child.name).open("ab") as log:
            child.process = embedded.spawn(
                child.command, home=self.home, log=log, cwd=ROOT, env={**self.env, **child.extra_env}
            )
        # Before it starts others, which are as it is.
        os.setpriority(os.PRIO_PROCESS, child.process.pid, child.niceness)
        child.started = time.monotonic()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        asked = [("/readyz", "web"), ("/", "web")]
        while asked:
            self._check_start(deadline, asked[0][1], f"http://127.0.0.1:{self.port}{asked[0][0]} does not answer 200")
            if roles.status_of(self.port, asked[0][0]) == 200:
                asked.pop(0)
            else:
                self.wish_to_stop.wait(0.1)
        os.environ.update(LIHU_HOME=str(self.home), PORT=str(self.port))
        while not roles.worker_answers(self.worker_name):
            self._check_start(deadline, "worker", "the worker does not answer")
            self.wish_to_stop.wait(0.1)

    def _check_start(self, deadline: float, name: str, complaint: str) -> None:
        self._check_wish()
        for child in self.children:
            if child.process and child.process.poll() is not None:
                log = self.log(child.name)
                raise ServiceError(f"The {child.name} process ended at its start; {log} ends:\n{embedded.tail(log)}")
        if time.monotonic() > deadline:
            log = self.log(name)
            raise ServiceError(f"After {READY_SECONDS} s {complaint}; {log} ends:\n{embedded.tail(log)}")

    def _check_wish(self) -> None:
        if self.wish_to_stop.is_said():
            raise Stop

    def _announce(self) -> None:
        address = os.environ.get("PUBLIC_URL", "").rstrip("/") or f"http://127.0.0.1:{self.port}"
        say(f"Ready: {address}/")
        accounts = self.home / "demo-accounts.txt"
        if accounts.exists():
            say(accounts.read_text().rstrip())
        if smtp := os.environ.get("SMTP_URL"):
            say(f"Mail goes out through {smtp.rpartition('@')[2].rpartition('//')[2]}.")
        else:
            say(f"Mail stays here: {address}/mail/")
        say(f"Logs: {self.home / 'log'}. Ctrl-C stops everything; the data stay.")

    # -- Watching ----------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        while not self.wish_to_stop.wait(0.5):
            try:
                for name in self.embedded.revive():
                    warn(f"{name} had ended and was started again.")
            except ServiceError as error:
                warn(f"{error}; trying again.")
                self.wish_to_stop.wait(5)
            for child in self.children:
                self._keep_up(child)

    def _keep_up(self, child: Child) -> None:
        now = time.monotonic()
        if child.process and child.process.poll() is not None:
            # A process that ran well for a minute starts again at once; one that fails at its start waits longer and longer.
            child.failures = child.failures + 1 if now - child.started < 60 else 1
            pause = min(2 ** (child.failures - 1), 30) if child.failures > 1 else 0
            warn(
                f"{child.name} ended ({how(child.process.returncode)}) and starts again in {pause} s;"
                f" see {self.log(child.name)}"
            )
            embedded.end_group(child.process)
            child.process = None
            child.restart_at = now + pause
        if child.process is None and now >= child.restart_at:
            self._launch(child)

    # -- Stopping ----------------------------------------------------------------------------------------------------

    def _stop(self) -> None:
        """Everything that was started, within ten seconds: first whoever uses the services, then the services."""
        running = [child.process for child in self.children if child.process]
        for process in running:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + 4
        for process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            embedded.end_group(process)
        self.embedded.stop()


def check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError as error:
            raise ServiceError(f"Port {port} needs more rights than you have: set PORT to 1024 or more.") from error
        except OSError as error:
            raise ServiceError(f"Port {port} is taken by another program: set PORT to a free one.") from error


def how(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def say(line: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        print(line, flush=True)


def warn(line: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        print(line, file=sys.stderr, flush=True)


def read_environment() -> tuple[Path, int]:
    """LIHU_HOME, made and writable, and PORT. One clear line for what is wrong with them."""
    try:
        port = int(os.environ.get("PORT") or 8000)
    except ValueError:
        port = 0
    if not 0 < port < 65536:
        raise ServiceError(f"PORT is {os.environ['PORT']!r}: a number from 1 to 65535 is needed.")
    home = Path(os.environ.get("LIHU_HOME") or "var").expanduser()
    home = (home if home.is_absolute() else ROOT / home).resolve()
    try:
        home.mkdir(parents=True, exist_ok=True)
        probe = home / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ServiceError(f"LIHU_HOME {home} cannot be written: {error.strerror}.") from error
    if (free := shutil.disk_usage(home).free) < SMALLEST_DISK:
        raise ServiceError(f"The disk of {home} is nearly full: {free // 1024 // 1024} MB free, 500 MB needed.")
    return home, port


class Wish:
    """To stop. A signal's handler runs between any two steps of the main thread, and of a second one between any two of the first: a
    handler that takes a lock, as that of `threading.Event`, may wait for itself."""

    def __init__(self) -> None:
        self._said = False
        self._hears, self._tells = os.pipe()
        os.set_blocking(self._tells, False)

    def say(self) -> None:
        self._said = True
        with contextlib.suppress(BlockingIOError):
            os.write(self._tells, b".")

    def is_said(self) -> bool:
        return self._said

    def wait(self, seconds: float) -> bool:
        """Whether it is said by then."""
        select.select([self._hears], [], [], seconds)
        return self._said


@contextlib.contextmanager
def listening_for_stop(wish: Wish) -> Iterator[None]:
    def ask(_number: int, _frame: FrameType | None) -> None:
        wish.say()

    before = {sign: signal.signal(sign, ask) for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for sign, handler in before.items():
        # make passes on the signal that its whole group already got: a second one must not undo a clean exit.
        signal.signal(sign, signal.SIG_IGN if wish.is_said() else handler)


def end_with_make() -> None:
    """If make is killed, it cannot pass the signal on: have the kernel do it."""
    if "MAKELEVEL" in os.environ and sys.platform.startswith("linux"):
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM, 0, 0, 0)


def main() -> int:
    end_with_make()
    try:
        home, port = read_environment()
        supervisor = Supervisor(home, port)
        with listening_for_stop(supervisor.wish_to_stop):
            supervisor.run()
    except ServiceError as error:
        warn(str(error))
        return 1
    except OSError as error:
        warn(f"Cannot go on: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
