"""Workers that race, and workers that are killed: every message arrives, and once."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection, connections, transaction
from pytest_django import Settings

from notifications import notices, sources
from notifications.models import Anchor, Audience, CaughtMail, Message, MessageState
from notifications.services import delivery, ledger, limits, reminders
from notifications.sources import Occasion
from tests.notifications.conftest import Programme, programme  # noqa: F401 (a fixture)
from tests.notifications.samples import NOW, REMINDER, TICKET, occasion, queue
from tests.smtp import SmtpSink

pytestmark = [pytest.mark.django_db(transaction=True)]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _sample_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (TICKET, REMINDER):
        monkeypatch.setitem(notices._kinds, kind.code, kind)


@pytest.fixture
def sink(smtp: SmtpSink, settings: Settings) -> SmtpSink:
    settings.SMTP_URL = smtp.url
    settings.SMTP_TIMEOUT = 5
    return smtp


def in_threads(*actions: Callable[[], Any]) -> None:
    """All at once, each with a database connection of its own; the first error is raised here."""
    barrier, errors = threading.Barrier(len(actions)), []

    def run(action: Callable[[], Any]) -> None:
        try:
            barrier.wait(10)
            action()
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if errors:
        raise errors[0]


def received(sink: SmtpSink) -> Counter[str]:
    return Counter(mail.recipients[0] for mail in sink.messages)


def deliver() -> None:
    delivery.deliver_due(now=NOW, until_empty=True)


def test_workers_at_once_send_each_message_once(sink: SmtpSink) -> None:
    queue(200, event_id=None)

    in_threads(deliver, deliver, deliver)

    assert received(sink) == {f"p{n}@example.org": 1 for n in range(200)}
    assert sink.connections > 1


def test_control_without_the_lock_they_send_twice(sink: SmtpSink, monkeypatch: pytest.MonkeyPatch) -> None:
    queue(200, event_id=None)

    all_have_looked, met = threading.Barrier(3), set[int]()

    def look_then_take(*, now: datetime, size: int) -> list[Message]:
        found = list(Message.objects.due(now).order_by("pk")[:size])
        if threading.get_ident() not in met:
            met.add(threading.get_ident())
            all_have_looked.wait(20)
        claim = uuid.uuid4()
        Message.objects.filter(pk__in=[message.pk for message in found]).update(
            state=MessageState.SENDING, claim=claim, claimed_at=now
        )
        for message in found:
            message.claim = claim
        return found

    monkeypatch.setattr(delivery, "_claim", look_then_take)
    in_threads(deliver, deliver, deliver)

    assert max(received(sink).values()) > 1


def taken_by_two_workers_with_a_limit_of_six(monkeypatch: pytest.MonkeyPatch, *, patience: float) -> int:
    """Each takes once it has read what is left, and both have read it before either writes if nothing keeps them apart.
    `patience`: seconds for which the first waits for the second."""
    both_read = threading.Barrier(2)
    real = limits.Allowances.take

    def take(self: limits.Allowances, messages: list[Message]) -> list[Message]:
        with contextlib.suppress(threading.BrokenBarrierError):
            both_read.wait(patience)
        return real(self, messages)

    monkeypatch.setattr(limits.Allowances, "take", take)
    queue(100, event_id=None)

    def claim() -> None:
        delivery.claim(now=NOW, size=delivery.BATCH)

    in_threads(claim, claim)
    return Message.objects.filter(state=MessageState.SENDING).count()


def test_workers_at_once_share_one_limit(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.MAIL_PER_MINUTE = 60
    assert taken_by_two_workers_with_a_limit_of_six(monkeypatch, patience=0.5) == 6


def test_control_without_turns_each_worker_takes_the_whole_limit(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MAIL_PER_MINUTE = 60
    monkeypatch.setattr(limits, "_wait_for_turn", lambda: None)
    assert taken_by_two_workers_with_a_limit_of_six(monkeypatch, patience=20) == 12


# -- Killed workers --------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def worker(sink: SmtpSink) -> Iterator[subprocess.Popen[bytes]]:
    database = connection.settings_dict
    address = urlsplit(os.environ["DATABASE_URL"])
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.concurrency.delivery_worker", NOW.isoformat()],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": address._replace(path=f"/{database['NAME']}").geturl(),
            "SMTP_URL": sink.url,
            "DJANGO_SETTINGS_MODULE": "config.settings",
        },
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"ready\n"
        yield process
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()


@pytest.mark.slow
def test_killed_workers_lose_nothing_and_repeat_at_most_what_was_on_the_wire(sink: SmtpSink) -> None:
    count, kills = 400, 4
    queue(count, event_id=None)
    for round_ in range(1, kills + 1):
        with worker(sink) as process:
            sink.wait_for(round_ * count // (kills + 2), seconds=30)
            assert process.poll() is None

    delivery.sweep_stuck(now=NOW + timedelta(minutes=11))
    delivery.deliver_due(now=NOW + timedelta(minutes=11), until_empty=True)

    assert not Message.objects.exclude(state=MessageState.SENT).exists()
    got = received(sink)
    assert set(got) == {f"p{n}@example.org" for n in range(count)}
    assert sum(got.values()) - count <= kills
    ids = {(mail.recipients[0], mail.message["Message-ID"]) for mail in sink.messages}
    assert len(ids) == count


def wait_until_alone() -> None:
    """PostgreSQL ends what a process that is no more had begun."""
    deadline = time.monotonic() + 30
    with connection.cursor() as cursor:
        while True:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            if cursor.fetchone() == (0,):
                return
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.mark.slow
def test_what_a_killed_worker_had_not_begun_waits_for_the_sweep_only(sink: SmtpSink) -> None:
    queue(400, event_id=None)
    with worker(sink):
        sink.wait_for(5)
        # So that the end does not come between two batches.
        sink.hang()
        sink.wait_until_hanging()
    sink.accept()
    wait_until_alone()
    stuck = Message.objects.filter(state=MessageState.SENDING).count()
    assert 0 < stuck <= delivery.BATCH

    delivery.deliver_due(now=NOW + timedelta(minutes=1), until_empty=True)
    assert Message.objects.filter(state=MessageState.SENT).count() == 400 - stuck
    assert delivery.sweep_stuck(now=NOW + timedelta(minutes=11)) == stuck


# -- Planners --------------------------------------------------------------------------------------------------------


def make_rule() -> None:
    reminders.create_rule(event_id=1, anchor="slot", audience="speakers", offset_minutes=60, actor=None, now=NOW)


def plan() -> None:
    reminders.plan_reminders(now=NOW)


def test_planners_at_once_write_each_reminder_once(programme: Programme) -> None:  # noqa: F811
    programme.occasions = [occasion(n) for n in range(100)]
    make_rule()

    in_threads(plan, plan, plan)

    assert Message.objects.count() == 100
    assert Message.objects.filter(state=MessageState.QUEUED).count() == 100


class ProgrammeInTheDatabase:
    """One session whose time is a row, so that a release can change it in a transaction; who reads it waits for the release to
    take back what is queued, or for `patience` seconds."""

    def __init__(self, release_at_read: int, patience: float) -> None:
        self.reads, self.release_at_read, self.patience = 0, release_at_read, patience
        self.may_release, self.has_withdrawn = threading.Event(), threading.Event()
        CaughtMail.objects.create(received_at=NOW + timedelta(hours=1), sender="", recipient="", subject="", raw=b"")

    def between(self, event_id: int, after: datetime, until: datetime) -> list[Occasion]:
        at = CaughtMail.objects.get().received_at
        self.reads += 1
        if self.reads == self.release_at_read:
            self.may_release.set()
            self.has_withdrawn.wait(self.patience)
        return [occasion(0, at=at)] if after < at <= until else []

    def release(self) -> None:
        """The session goes to another day."""
        assert self.may_release.wait(10)
        with transaction.atomic():
            CaughtMail.objects.update(received_at=NOW + timedelta(hours=24))
            ledger.withdraw(about=["slot:0"], now=NOW)
            self.has_withdrawn.set()
            time.sleep(0.2)


def stale_reminders_after_a_race(*, release_at_read: int, patience: float = 0.5) -> int:
    """The planner reads once to see whether there is anything to write, and once more before it writes."""
    database = ProgrammeInTheDatabase(release_at_read, patience)
    sources.register_source(Anchor.SLOT, Audience.SPEAKERS, sources.Source(kind=REMINDER, occasions=database.between))
    make_rule()
    in_threads(plan, database.release)
    return Message.objects.filter(state=MessageState.QUEUED).count()


@pytest.mark.usefixtures("programme")
@pytest.mark.parametrize("read", [1, 2])
def test_release_during_planning_leaves_no_reminder_of_the_old_time(read: int) -> None:
    assert stale_reminders_after_a_race(release_at_read=read) == 0


@pytest.mark.usefixtures("programme")
def test_control_without_the_lock_a_stale_reminder_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "keep_withdrawals_out", lambda: None)
    assert stale_reminders_after_a_race(release_at_read=2, patience=20) == 1
