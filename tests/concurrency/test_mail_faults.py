"""Workers that die at every step, servers that misbehave, clocks and buttons at the wrong moment: what was received is what the
ledger says, one mail per row. The full size is for LIHU_FULL=1; every run has the same faults on fewer mails."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.db.models import QuerySet
from pytest_django import Settings

from notifications import audiences
from notifications.models import Campaign, CampaignState, Message, MessageState
from notifications.services import campaigns, delivery, ledger, rendering
from notifications.services.messages import CannotChangeMessage, cancel_message, retry_message
from tests.concurrency.test_delivery import _sample_kinds, deliver, in_threads, received, sink  # noqa: F401 (fixtures)
from tests.notifications.samples import NOW, crowd_of, queue
from tests.smtp import SmtpSink

pytestmark = [pytest.mark.django_db(transaction=True)]

ROOT: Final = Path(__file__).resolve().parents[2]
IS_FULL: Final = os.environ.get("LIHU_FULL") == "1"
MAILS: Final = 2000 if IS_FULL else 200
#: The server has the mail and nobody has written so: the one moment at which a death can double a mail.
UNSURE: Final = ("taken by the server", "about to write it down")
#: Of a campaign, in one transaction.
CHUNK: Final = MAILS // 8
#: The next mail is announced by another thread while the last is written down: it may be before or after that.
EITHER: Final = ("about to connect",)
STEPS: Final = ("claimed", *EITHER, "about to hand over", *UNSURE, "written down")


def work(sink: SmtpSink, *, now: datetime = NOW, step: str = "", after: int = 1) -> int:  # noqa: F811
    """A worker in a process of its own, killed at this step if any; its exit code."""
    address = urlsplit(os.environ["DATABASE_URL"])
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.concurrency.delivery_worker",
            now.isoformat(),
            *([step, str(after)] if step else []),
        ],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": address._replace(path=f"/{connection.settings_dict['NAME']}").geturl(),
            "SMTP_URL": sink.url,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "CROWD": str(MAILS),
            "CHUNK": str(CHUNK),
        },
        stdout=subprocess.PIPE,
        timeout=120,
        check=False,
    )
    return done.returncode


def die(sink: SmtpSink, step: str, after: int, *, now: datetime = NOW) -> None:  # noqa: F811
    """A worker that is killed at this step. What it had given to the database by then is carried out, at once though not in the same
    moment; those who miss it come minutes later, and here when that is done."""
    ours = backends()
    assert work(sink, now=now, step=step, after=after) == -signal.SIGKILL, step
    for _ in range(1000):
        if backends() <= ours:
            return
        time.sleep(0.01)
    pytest.fail("the database still works for a worker that is dead")


def backends() -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        return {pid for (pid,) in cursor.fetchall()}


def finish(*, minutes: int = 11) -> None:
    """What the next worker does, once the dead one's rows have been missed."""
    now = NOW + timedelta(minutes=minutes)
    delivery.sweep_stuck(now=now)
    delivery.deliver_due(now=now, until_empty=True)


def doubled(sink: SmtpSink) -> int:  # noqa: F811
    """How many came twice; every mail of a row has the row's Message-ID."""
    got = received(sink)
    sent = Message.objects.filter(state=MessageState.SENT)
    assert set(got) == set(sent.values_list("recipient_email", flat=True))
    ids = {(mail.recipients[0], mail.message["Message-ID"]) for mail in sink.messages}
    assert ids == set(sent.values_list("recipient_email", "message_id"))
    return sum(got.values()) - len(got)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_workers_killed_at_every_step_lose_nothing(sink: SmtpSink) -> None:  # noqa: F811
    queue(MAILS, event_id=None)
    for step in STEPS:
        die(sink, step, 1 if step == "claimed" else 7)

    finish()

    assert not Message.objects.exclude(state=MessageState.SENT).exists()
    assert len(received(sink)) == MAILS
    # The server had the mail when two of them died, and may have had that of a third: one mail each, and no more.
    assert len(UNSURE) <= doubled(sink) <= len(UNSURE) + len(EITHER)


@pytest.mark.slow
def test_control_without_the_record_after_each_mail_a_death_doubles_a_batch(
    sink: SmtpSink,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Answers kept for the end of the batch: the death of a worker then repeats all that it had sent."""
    queue(20, event_id=None)
    with monkeypatch.context() as patch:
        patch.setattr(delivery, "_write", lambda *_arguments: None)
        patch.setattr(delivery._Batch, "_put_back", lambda self: None)
        delivery.deliver_due(now=NOW, limit=20)

    finish()

    assert doubled(sink) == 20


# -- Servers that misbehave --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_server_that_does_everything_wrong_in_turn_gets_each_mail_once(
    sink: SmtpSink,  # noqa: F811
    settings: Settings,
) -> None:
    settings.SMTP_TIMEOUT = 0.2
    queue(40, event_id=None)
    now, unsure = NOW, 0
    faults: list[Callable[[], None]] = [
        lambda: sink.refuse("451 4.3.0 Try again later"),
        sink.hang,
        lambda: sink.break_off(keeping=False),
        lambda: sink.break_off(keeping=True),
        lambda: sink.answers.update(MAIL="421 4.7.0 Too many"),
        sink.stop,
    ]
    for fault in faults:
        before = len(sink.messages)
        fault()
        delivery.deliver_due(now=now, limit=5)
        unsure += len(sink.messages) - before
        if sink._controller is None:
            sink.start()
        sink.answers.clear()
        sink.accept()
        now += timedelta(minutes=2)
    for _hour in range(5):
        now += timedelta(hours=1)
        delivery.deliver_due(now=now, until_empty=True)

    assert not Message.objects.exclude(state=MessageState.SENT).exists()
    # The mail that the server took and did not answer for is the only one that it has twice.
    assert doubled(sink) == unsure == 1


# -- Buttons and clocks at the wrong moment -----------------------------------------------------------------------------


def cancel_all(cancelled: set[str]) -> None:
    for message in Message.objects.order_by("-pk"):
        try:
            cancel_message(message=message, actor=None, now=NOW)
        except CannotChangeMessage:
            continue
        cancelled.add(message.recipient_email)


def test_mail_cancelled_while_it_falls_due_is_either_sent_or_cancelled(sink: SmtpSink) -> None:  # noqa: F811
    queue(150, event_id=None)
    cancelled: set[str] = set()

    in_threads(deliver, deliver, lambda: cancel_all(cancelled))

    got = received(sink)
    assert cancelled
    assert cancelled.isdisjoint(got)
    assert len(got) + len(cancelled) == 150
    assert doubled(sink) == 0


def test_control_without_looking_at_the_state_cancelled_mails_go_out(sink: SmtpSink) -> None:  # noqa: F811
    queue(150, event_id=None)
    cancelled: set[str] = set()

    def cancel_blindly() -> None:
        for pk, address in list(Message.objects.order_by("-pk").values_list("pk", "recipient_email")):
            Message.objects.filter(pk=pk).update(state="cancelled", claim=None, claimed_at=None)
            cancelled.add(address)

    in_threads(deliver, deliver, cancel_blindly)

    assert not cancelled.isdisjoint(received(sink))


def test_retry_pressed_twice_at_once_sends_once(sink: SmtpSink) -> None:  # noqa: F811
    (message,) = queue(1, event_id=None)
    Message.objects.update(state=MessageState.FAILED)

    def press() -> None:
        with contextlib.suppress(CannotChangeMessage):  # the other was faster
            retry_message(message=message, actor=None, now=NOW)

    in_threads(press, press)
    in_threads(deliver, deliver)

    assert received(sink) == {"p0@example.org": 1}


def test_clock_set_back_an_hour_repeats_nothing_and_loses_nothing(sink: SmtpSink) -> None:  # noqa: F811
    queue(30, event_id=None)
    delivery.deliver_due(now=NOW, limit=10)
    delivery.claim(now=NOW, size=5)
    an_hour_ago = NOW - timedelta(hours=1)

    # What was written by the old clock waits for its time; what is new goes at once; nobody is taken for dead.
    queue(3, prefix="new", event_id=None, now=an_hour_ago)
    assert delivery.sweep_stuck(now=an_hour_ago) == 0
    delivery.deliver_due(now=an_hour_ago, until_empty=True)
    assert len(received(sink)) == 13
    finish()

    assert len(received(sink)) == 33
    assert doubled(sink) == 0


@pytest.mark.slow
def test_workers_killed_before_and_after_the_clock_is_set_back_repeat_nothing_and_lose_nothing(sink: SmtpSink) -> None:  # noqa: F811
    queue(40, event_id=None, now=NOW - timedelta(hours=2))
    an_hour_ago = NOW - timedelta(hours=1)
    die(sink, "about to hand over", 7)
    die(sink, "taken by the server", 7, now=an_hour_ago)
    assert work(sink, now=an_hour_ago) == 0
    finish(minutes=0)
    # What the first has in hand is missed when that clock would have missed it.
    assert Message.objects.filter(state=MessageState.SENDING).count() == 19
    finish()

    assert not Message.objects.exclude(state=MessageState.SENT).exists()
    assert len(received(sink)) == 40
    assert doubled(sink) == 1


def test_control_where_claims_of_a_later_clock_count_as_stuck_a_living_worker_is_repeated(sink: SmtpSink) -> None:  # noqa: F811
    queue(5, event_id=None, now=NOW - timedelta(hours=2))
    an_hour_ago = NOW - timedelta(hours=1)
    batch, _wait = delivery.claim(now=NOW, size=5)

    Message.objects.filter(state=MessageState.SENDING, claimed_at__gt=an_hour_ago).update(
        state=MessageState.QUEUED, claim=None, claimed_at=None
    )
    delivery.deliver_due(now=an_hour_ago, until_empty=True)
    transport = delivery.open_transport()
    delivery._Batch(batch, delivery._Clock(NOW), transport, rendering.Renderer(), delivery.Delivered()).send()
    transport.close()

    assert doubled(sink) == 5


# -- Campaigns -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setitem(audiences._audiences, "crowd", crowd_of(MAILS))
    monkeypatch.setattr(campaigns, "CHUNK", CHUNK)
    return MAILS


def begin() -> Campaign:
    campaign = campaigns.create_campaign(
        event_id=1, subject="News", body="Hello {name}", audiences={"crowd": {}}, actor=None, now=NOW
    )
    return campaigns.send_campaign(campaign=campaign, actor=None, now=NOW)


def advance() -> None:
    campaigns.advance_campaigns(now=NOW)


def test_workers_at_once_write_each_recipient_once(crowd: int) -> None:
    campaign = begin()

    in_threads(advance, advance, advance)
    advance()

    campaign.refresh_from_db()
    assert (campaign.total, campaign.written) == (crowd, crowd)
    assert Message.objects.about(campaign.about).count() == crowd


class _Died(BaseException):
    """Stands for the end of the process between two statements: nothing after it runs, and the transaction is not committed."""


def rows_written_by_three(monkeypatch: pytest.MonkeyPatch, *, lock: bool, key: bool) -> int:
    """All of them are about to write the same chunk, if nothing keeps them apart."""
    at_once, met = threading.Barrier(3), set[int]()
    read, make_row = campaigns._slice, ledger._row

    def read_together(pk: int, start: int) -> list[str]:
        is_first = threading.get_ident() not in met
        met.add(threading.get_ident())
        with contextlib.suppress(threading.BrokenBarrierError):
            at_once.wait(20 if is_first and not lock else 0.5)
        return read(pk, start)

    def row_of_its_own(*asked: Any) -> Message:
        row = make_row(*asked)
        row.revision = uuid.uuid4().hex
        return row

    campaign = begin()
    # The list of people is made by one, before the race.
    campaigns._write_chunk(campaign.pk, now=NOW)
    monkeypatch.setattr(campaigns, "_slice", read_together)
    if not lock:
        monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_how: self)
    if not key:
        monkeypatch.setattr(ledger, "_row", row_of_its_own)
    in_threads(advance, advance, advance)
    monkeypatch.undo()
    return Message.objects.about(campaign.about).count()


@pytest.mark.parametrize("guard", ["lock", "key"])
def test_either_guard_alone_keeps_workers_from_writing_people_twice(
    crowd: int, monkeypatch: pytest.MonkeyPatch, guard: str
) -> None:
    assert rows_written_by_three(monkeypatch, lock=guard == "lock", key=guard == "key") == crowd


def test_control_without_either_workers_write_people_twice(crowd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rows_written_by_three(monkeypatch, lock=False, key=False) > crowd


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_workers_killed_while_they_write_and_send_a_campaign_leave_nobody_out(sink: SmtpSink, crowd: int) -> None:  # noqa: F811
    campaign = begin()
    for step in ("about to write a chunk", "chunk in the ledger", "chunk committed"):
        die(sink, step, 3)
    campaign.refresh_from_db()
    # The list and one, two of three, all three: each worker finds what those before it have committed, whole.
    assert campaign.written == Message.objects.count() == 6 * CHUNK
    die(sink, "taken by the server", 7)

    assert work(sink) == 0
    finish()
    campaigns.advance_campaigns(now=NOW)

    campaign.refresh_from_db()
    assert (campaign.state, campaign.written) == (CampaignState.DONE, crowd)
    assert set(received(sink)) == {f"p{n}@example.org" for n in range(crowd)}
    assert Message.objects.about(campaign.about).count() == crowd
    assert doubled(sink) == 1


@pytest.mark.slow
def test_control_with_the_place_committed_apart_a_killed_worker_leaves_people_out(sink: SmtpSink, crowd: int) -> None:  # noqa: F811
    begin()
    die(sink, "place committed apart", 2)

    assert work(sink) == 0

    assert len(received(sink)) == crowd - CHUNK


@pytest.mark.parametrize("in_ledger", [False, True])
def test_worker_that_dies_within_a_chunk_leaves_it_whole_to_the_next(
    crowd: int, monkeypatch: pytest.MonkeyPatch, *, in_ledger: bool
) -> None:
    campaign = begin()
    original = ledger.notify_many

    def die_at_third(**asked: Any) -> None:
        if Message.objects.count() >= 2 * CHUNK:
            if in_ledger:
                original(**asked)
            raise _Died
        original(**asked)

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "notify_many", die_at_third)
        with pytest.raises(_Died):
            advance()
    campaign.refresh_from_db()
    assert campaign.written == Message.objects.count() == 2 * CHUNK
    advance()

    assert Message.objects.about(campaign.about).count() == crowd


def test_control_with_the_place_kept_apart_a_death_leaves_people_out(
    crowd: int,
) -> None:
    """How far it is, committed before the rows: the chunk of the dead worker is then nobody's."""
    campaign = begin()
    campaigns._write_chunk(campaign.pk, now=NOW)

    Campaign.objects.filter(pk=campaign.pk).update(written=CHUNK)
    advance()

    assert Message.objects.about(campaign.about).count() == crowd - CHUNK


def test_pause_during_the_sending_holds_the_rest(sink: SmtpSink, crowd: int) -> None:  # noqa: F811
    campaign = begin()
    advance()
    may_pause = threading.Event()

    def pause() -> None:
        assert may_pause.wait(20)
        campaigns.pause_campaign(campaign=campaign, actor=None, now=NOW)

    def send() -> None:
        delivery.deliver_due(now=NOW, limit=25)
        may_pause.set()
        deliver()

    in_threads(send, pause)
    held = Message.objects.filter(state=MessageState.DRAFT).count()
    assert held + len(received(sink)) == crowd
    campaigns.resume_campaign(campaign=campaign, actor=None, now=NOW)
    deliver()

    assert len(received(sink)) == crowd
    assert doubled(sink) == 0


def test_buttons_pressed_twice_at_once_have_one_effect(sink: SmtpSink, crowd: int) -> None:  # noqa: F811
    campaign = campaigns.create_campaign(
        event_id=1, subject="News", body="Hello", audiences={"crowd": {}}, actor=None, now=NOW
    )

    def press() -> None:
        campaigns.send_campaign(campaign=campaign, actor=None, now=NOW)

    in_threads(press, press, press)
    in_threads(advance, advance)
    in_threads(deliver, deliver)

    assert received(sink) == {f"p{n}@example.org": 1 for n in range(crowd)}
