"""Celery's own workers and beats, with a Valkey that is emptied, held and killed under them: what was received is what the ledger
says, one mail per row. LIHU_FULL=1 runs it with 2,000 mails."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
import redis
from django.db import connection
from django.utils import timezone

from config.celery import app
from config.embedded import Valkey, end_group, tail
from notifications.models import CancelReason, Message, MessageState
from notifications.services import ledger, reminders
from scheduling.models import Schedule, Slot
from scheduling.services import releases, serving
from tests.concurrency.test_delivery import ROOT, _sample_kinds, received  # noqa: F401 (a fixture)
from tests.factories import scheduling as make
from tests.notifications.samples import queue
from tests.smtp import SmtpSink

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.timeout(300)]

MAILS: Final = 2000 if os.environ.get("LIHU_FULL") == "1" else 200
#: Releases while reminders fall due.
ROUNDS: Final = 40 if os.environ.get("LIHU_FULL") == "1" else 8
_numbers = itertools.count(1)


class Engine:
    """Workers, beats and the Valkey between them, against the database of the test."""

    def __init__(self, home: Path, smtp_url: str) -> None:
        self._home, self._smtp_url, self._running = home, smtp_url, ExitStack()
        self._starting: list[tuple[subprocess.Popen[bytes], Path]] = []
        self.valkey = Valkey(home)
        self.valkey.start()
        self._running.callback(self.valkey.stop)
        self._client = redis.Redis.from_url(self.valkey.url)
        self._running.callback(self._client.close)

    def stop(self) -> None:
        self._running.close()

    # -- Processes -------------------------------------------------------------------------------------------------------

    def worker(self, *, without: str = "") -> subprocess.Popen[bytes]:
        return self._start("worker", "one@tests", *filter(None, [without]))

    def beat(self, name: str = "one", *, hours_ahead: int = 0) -> subprocess.Popen[bytes]:
        """Not to be confused with another of that name: each keeps in a file when it did what."""
        return self._start("beat", str(self._home / f"beat-{name}"), str(hours_ahead))

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + 60
        for process, log in self._starting:
            while b"ready\n" not in log.read_bytes().splitlines(keepends=True):
                assert process.poll() is None, tail(log)
                assert time.monotonic() < deadline, tail(log)
                time.sleep(0.05)
        self._starting.clear()

    def _start(self, role: str, *arguments: str) -> subprocess.Popen[bytes]:
        address = urlsplit(os.environ["DATABASE_URL"])
        log = self._home / f"{role}-{next(_numbers)}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.concurrency.engine", role, *arguments],
                cwd=ROOT,
                env={
                    **os.environ,
                    "DATABASE_URL": address._replace(path=f"/{connection.settings_dict['NAME']}").geturl(),
                    "REDIS_URL": self.valkey.url,
                    "SMTP_URL": self._smtp_url,
                    "DJANGO_SETTINGS_MODULE": "config.settings",
                },
                stdout=file,
                stderr=subprocess.STDOUT,
                # A worker's children are killed with it.
                start_new_session=True,
            )
        self._running.callback(end_group, process)
        self._starting.append((process, log))
        return process

    # -- Redis -----------------------------------------------------------------------------------------------------------

    def wake(self, task: str = "notifications.deliver_due") -> None:
        with app.connection_for_write(url=self.valkey.url) as broker:
            app.send_task(task, connection=broker)

    def waiting(self) -> int:
        """Wake-ups that no worker has taken yet."""
        return sum(int(self._client.llen(key)) for key in self._client.scan_iter("*:celery:mail"))  # type: ignore[arg-type]

    def empty(self) -> None:
        self._client.flushall()

    def hold(self) -> None:
        assert self.valkey.process
        self.valkey.process.send_signal(signal.SIGSTOP)

    def let_go(self) -> None:
        assert self.valkey.process
        self.valkey.process.send_signal(signal.SIGCONT)

    def kill_redis(self) -> None:
        assert self.valkey.process
        self.valkey.process.kill()
        self.valkey.process.wait()


@pytest.fixture(autouse=True)
def _fresh_process() -> Iterator[None]:
    serving.forget_all()
    yield
    serving.forget_all()


@pytest.fixture
def engine(tmp_path: Path, smtp: SmtpSink) -> Iterator[Engine]:
    engine = Engine(tmp_path, smtp.url)
    yield engine
    engine.stop()


def wait_until(is_so: Callable[[], bool], *, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, dict(Message.objects.values_list("recipient_key", "state"))
        time.sleep(0.05)


def is_at_rest() -> bool:
    return not Message.objects.filter(state__in=[MessageState.QUEUED, MessageState.SENDING]).exists()


def ids(sink: SmtpSink) -> list[str]:
    return sorted(str(mail.message["Message-ID"]) for mail in sink.messages)


def in_the_ledger() -> list[str]:
    return sorted(Message.objects.filter(state=MessageState.SENT).values_list("message_id", flat=True))


# -- Redis -----------------------------------------------------------------------------------------------------------------


def test_redis_emptied_held_and_killed_and_a_clock_set_back_under_two_beats_lose_and_repeat_nothing(
    engine: Engine, smtp: SmtpSink
) -> None:
    engine.worker()
    right, ahead = engine.beat("right"), engine.beat("ahead", hours_ahead=1)
    engine.wait_until_ready()
    queue(MAILS, event_id=None, now=timezone.now())
    engine.wake()

    smtp.wait_for(MAILS // 10)
    engine.empty()
    smtp.wait_for(MAILS * 2 // 10)
    engine.hold()
    # Who sends goes on without it.
    smtp.wait_for(MAILS * 4 // 10)
    engine.let_go()
    smtp.wait_for(MAILS * 5 // 10)
    engine.kill_redis()
    assert len(smtp.messages) < MAILS
    # Nobody can be woken for these, and the one beat that is left has just been set back an hour.
    queue(20, prefix="late", event_id=None, now=timezone.now())
    end_group(right)
    ahead.send_signal(signal.SIGUSR1)
    engine.valkey.start()
    wait_until(is_at_rest)

    assert ids(smtp) == in_the_ledger()
    assert len(set(ids(smtp))) == MAILS + 20


def test_control_without_beat_a_wake_up_that_was_lost_is_missed(engine: Engine, smtp: SmtpSink) -> None:
    queue(5, event_id=None, now=timezone.now())
    engine.wake()
    assert engine.waiting() == 1
    engine.empty()
    engine.worker()
    engine.wait_until_ready()
    # Taken in turn, and so after whatever had been left of the other.
    engine.wake("notifications.sweep_stuck")
    wait_until(lambda: engine.waiting() == 0)

    assert received(smtp) == {}
    assert Message.objects.due(timezone.now()).count() == 5


def test_control_without_the_claim_two_wake_ups_double_mails(engine: Engine, smtp: SmtpSink) -> None:
    queue(50, event_id=None, now=timezone.now())
    engine.wake()
    engine.wake()
    engine.worker(without="claim")

    wait_until(is_at_rest)

    assert len(ids(smtp)) > len(in_the_ledger())


# -- The programme -----------------------------------------------------------------------------------------------------------


class Conference:
    """Talks that begin in an hour and some seconds, and what of them was published from when to when."""

    def __init__(self, talks: int) -> None:
        today = timezone.now().astimezone(ZoneInfo("Asia/Shanghai")).date()
        self.event = make.make_event("storm", starts_on=today, days=3, quiet_minutes=0)
        for _ in range(talks):
            make.make_talk(self.event)
        reminders.create_rule(
            event_id=self.event.pk,
            anchor="slot",
            audience="speakers",
            offset_minutes=60,
            actor=None,
            now=timezone.now(),
        )
        #: (what begins when, when that was replaced).
        self.published: list[tuple[dict[str, datetime], datetime | None]] = []

    def draft(self) -> list[Slot]:
        return list(Schedule.objects.draft_of(self.event).slots.order_by("pk"))

    def move(self, slot: Slot, *, seconds: float) -> None:
        """So that its reminder falls due in so many seconds."""
        begins = (timezone.now() + timedelta(hours=1, seconds=seconds)).replace(microsecond=0)
        Slot.objects.filter(pk=slot.pk).update(starts_at=begins, ends_at=begins + timedelta(minutes=30))

    def publish(self) -> None:
        version = str(len(self.published) + 1)
        releases.release(event=self.event, version=version, force=True, actor=None, now=timezone.now())
        if self.published:
            self.published[-1] = (self.published[-1][0], timezone.now())
        self.published.append((live(), None))

    def is_stale(self, reminder: Message) -> bool:
        """Whether what it tells had been replaced before the reminder fell due."""
        begins = datetime.fromisoformat(reminder.context["starts"])
        return not any(
            programme.get(reminder.about) == begins and (replaced is None or replaced >= reminder.send_at)
            for programme, replaced in self.published
        )


def live() -> dict[str, datetime]:
    return {f"slot:{uid}": begins for uid, begins in Slot.objects.filter(is_live=True).values_list("uid", "starts_at")}


def reminded() -> list[Message]:
    return list(Message.objects.filter(kind="slot_reminder", state=MessageState.SENT))


def test_slots_moved_and_cancelled_while_reminders_fall_due_are_reminded_of_as_they_are(
    engine: Engine, smtp: SmtpSink
) -> None:
    engine.worker()
    engine.beat("one")
    engine.beat("two")
    conference, dice = Conference(10), random.Random(7)
    engine.wait_until_ready()
    for slot in conference.draft():
        conference.move(slot, seconds=dice.uniform(2, 6))
    conference.publish()

    cancelled: list[Slot] = []
    for _round in range(ROUNDS):
        *moved, gone = dice.sample(conference.draft(), 3)
        for slot in moved:
            conference.move(slot, seconds=dice.uniform(1, 4))
        gone.delete()
        cancelled.append(gone)
        # Two are out at a time.
        if len(cancelled) > 2:
            back = cancelled.pop(0)
            conference.move(make.make_slot(conference.event, room=back.room, submission=back.submission), seconds=2)
        conference.publish()
        time.sleep(0.4)

    def knows_everybody() -> bool:
        told = {(row.about, datetime.fromisoformat(row.context["starts"])) for row in reminded()}
        return told >= set(live().items())

    wait_until(knows_everybody)
    wait_until(is_at_rest)

    assert ids(smtp) == in_the_ledger()
    assert len(set(ids(smtp))) == len(ids(smtp))
    assert not [row for row in reminded() if conference.is_stale(row)]
    tellings = [(row.about, row.recipient_key, row.context["starts"]) for row in reminded()]
    assert len(tellings) == len(set(tellings))
    assert Message.objects.filter(kind="slot_reminder", reason=CancelReason.WITHDRAWN).exists()


def test_control_without_withdrawal_a_cancelled_slot_is_reminded_of(
    engine: Engine, smtp: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "withdraw", lambda **_what: 0)
    conference = Conference(2)
    for slot in conference.draft():
        conference.move(slot, seconds=10)
    conference.publish()
    reminders.plan_reminders(now=timezone.now())
    conference.draft()[0].delete()
    conference.publish()
    # Nobody sends before all of that is done.
    engine.worker()
    engine.wait_until_ready()

    wait_until(lambda: not Message.objects.filter(due_at__gt=timezone.now()).exists())
    engine.wake()
    wait_until(is_at_rest)

    assert [row for row in reminded() if conference.is_stale(row)]
