from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from config import embedded
from config.embedded import Embedded, ServiceError, Services, hold, service_urls
from tests.config.processes import (
    ROOT,
    account_of,
    as_nobody,
    environment,
    kill_everything,
    of_home,
    parent_of,
    python_for_everyone,
)

pytestmark = pytest.mark.slow

# Starts the services, says so, and waits to be killed.
HOLDER = """
import sys
from pathlib import Path
from config.embedded import Embedded, hold
home = Path(sys.argv[1])
with hold(home), Embedded(home) as services:
    print(services.database_url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "home"
    yield path
    embedded.end_leftovers(path)


def _write(services: Services, text: str) -> None:
    with psycopg.connect(services.database_url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS note (text text)")
        connection.execute("INSERT INTO note VALUES (%s)", [text])


def _notes(services: Services) -> list[str]:
    with psycopg.connect(services.database_url) as connection:
        return [row[0] for row in connection.execute("SELECT text FROM note ORDER BY text")]


def _ping(services: Services) -> bool:
    with redis.Redis.from_url(services.redis_url) as client:
        return bool(client.ping())


def _hold_elsewhere(home: Path) -> subprocess.Popen[str]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home)],
        env=environment(home),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout
    assert holder.stdout.readline().startswith("postgresql://")
    return holder


def _end(holder: subprocess.Popen[str]) -> None:
    holder.communicate("")


def test_services_answer_while_held_and_leave_nothing_behind(home: Path) -> None:
    with hold(home), Embedded(home) as services:
        assert service_urls(home) == services
        assert _ping(services)
        _write(services, "kept")
    assert service_urls(home) is None
    assert of_home(home) == []

    with hold(home), Embedded(home) as services:
        assert _notes(services) == ["kept"]


def test_tests_begin_with_an_empty_database(home: Path) -> None:
    for _start in range(2):
        with hold(home), Embedded(home, redis=False, durable=False) as services:
            _write(services, "once")
            assert _notes(services) == ["once"]


def test_text_is_unicode_and_sorts_alike_everywhere(home: Path) -> None:
    with hold(home), Embedded(home, redis=False, durable=False) as services:
        assert services.redis_url == ""
        with psycopg.connect(services.database_url) as connection:
            row = connection.execute(
                "SELECT upper('é'), pg_encoding_to_char(encoding), datlocale, current_setting('TimeZone')"
                " FROM pg_database WHERE datname = 'lihu'"
            ).fetchone()
    assert row == ("É", "UTF8", "C.UTF-8", "UTC")


def test_a_home_on_disk_waits_for_the_disk(home: Path) -> None:
    with hold(home), Embedded(home, redis=False) as services, psycopg.connect(services.database_url) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)


def test_two_homes_run_side_by_side(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    with (
        hold(one),
        hold(two),
        Embedded(one, durable=False) as first,
        Embedded(two, durable=False) as second,
    ):
        _write(first, "in the first")
        _write(second, "in the second")
        assert (_notes(first), _notes(second)) == (["in the first"], ["in the second"])
        assert _ping(first)
        assert _ping(second)


def test_a_home_has_one_holder_at_a_time(home: Path) -> None:
    refused = pytest.raises(ServiceError, match=rf"is in use by another run \(process {os.getpid()}\)")
    with hold(home), refused, hold(home):
        pass


def test_data_survive_a_power_cut(home: Path) -> None:
    holder = _hold_elsewhere(home)
    services = service_urls(home)
    assert services
    _write(services, "committed")
    kill_everything(home, holder)
    assert service_urls(home) is None

    with hold(home), Embedded(home) as services:
        assert _notes(services) == ["committed"]
        assert _ping(services)


def test_services_end_with_a_killed_supervisor_and_start_anew(home: Path) -> None:
    holder = _hold_elsewhere(home)
    holder.kill()
    holder.communicate()

    with hold(home), Embedded(home) as services:
        assert _ping(services)
        _write(services, "new life")
        assert len([process for process in of_home(home) if parent_of(process) == os.getpid()]) == 2


def test_a_stale_process_id_of_a_living_stranger_is_no_obstacle(home: Path) -> None:
    with hold(home), Embedded(home, redis=False):
        pass
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        shutil.copy(home / "postgres" / "PG_VERSION", home / "postgres" / "postmaster.pid")
        (home / "postgres" / "postmaster.pid").write_text(f"{stranger.pid}\n{home}/postgres\n1\n5432\n{home}\n\n\n")
        with hold(home), Embedded(home, redis=False):
            assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_first_start_cut_short_is_begun_again(home: Path) -> None:
    (home / "postgres.new" / "base").mkdir(parents=True)

    with hold(home), Embedded(home, redis=False, durable=False) as services:
        _write(services, "works")


def test_a_long_path_and_one_with_spaces_work(tmp_path: Path) -> None:
    home = tmp_path / ("long " * 12) / "蠡湖" / ("deep" * 12)
    with hold(home), Embedded(home, durable=False) as services:
        _write(services, "works")
        assert _ping(services)
        sockets = services.database_url
    with hold(home), Embedded(home, durable=False) as services:
        assert services.database_url == sockets
    assert not list(Path(tempfile.gettempdir()).glob("lihu-*-" + sockets.rpartition("-")[2]))


def test_what_dies_is_revived_under_the_same_address(home: Path) -> None:
    with hold(home):
        services = Embedded(home, durable=False)
        addresses = services.start()
        try:
            assert services.revive() == []
            for service in (services.postgres, services.valkey):
                assert service
                assert service.process
                service.process.send_signal(signal.SIGKILL)
                service.process.wait()
            assert services.revive() == ["Postgres", "Valkey"]
            assert _ping(addresses)
            _write(addresses, "again")
        finally:
            services.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs an account for the servers")
def test_root_opens_a_closed_folder_to_the_servers_account_alone(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    home = closed / "home"
    with hold(home), Embedded(home, durable=False) as services:
        _write(services, "works")
        # A helper of the database may end while it is looked at; the two servers themselves do not.
        accounts = [account for process in of_home(home) if (account := account_of(process)) is not None]
        assert len(accounts) >= 2
        assert os.geteuid() not in accounts
    assert stat.S_IMODE(closed.stat().st_mode) & 0o007 == 0
    looked = subprocess.run(["ls", str(closed)], user="nobody", capture_output=True, check=False)
    assert looked.returncode != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="the whole run is an ordinary user's already")
def test_an_ordinary_user_needs_nothing_more() -> None:
    python = python_for_everyone()
    if python is None:
        pytest.skip("no Python here that an ordinary user may run: the interpreter lies in a closed folder")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        home = Path(folder) / "home"
        home.mkdir()
        shutil.chown(home, "nobody", "nogroup")
        result = subprocess.run(
            [python, "-c", HOLDER, str(home)],
            env=as_nobody(),
            user="nobody",
            group="nogroup",
            extra_groups=[],
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.startswith("postgresql://")
        assert of_home(home) == []


def test_the_secret_key_is_made_once_and_is_private(home: Path) -> None:
    made: list[str] = []
    threads = [threading.Thread(target=lambda: made.append(embedded.secret_key(home))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(made)) == 1
    assert len(made[0]) >= 50
    assert stat.S_IMODE((home / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in home.iterdir()] == ["secret_key"]


def test_the_list_of_addresses_is_private(home: Path) -> None:
    with hold(home), Embedded(home, durable=False):
        assert stat.S_IMODE((home / "run").stat().st_mode) == 0o700
        assert stat.S_IMODE((home / "run" / "services.json").stat().st_mode) == 0o600
