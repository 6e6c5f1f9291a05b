"""Slots that move and go while their reminders and news fall due, planners and workers that run at once, clocks that disagree:
what is received is what the ledger says, once, and nobody is reminded of what no longer holds."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from pytest_django import Settings

from events.models import Event
from notifications.models import Message, MessageState
from notifications.services import delivery, ledger, reminders
from scheduling.models import Schedule, Slot
from scheduling.services import releases, serving, telling
from tests.concurrency.test_delivery import in_threads
from tests.factories import scheduling as make
from tests.factories.scheduling import NOW
from tests.smtp import SmtpSink

pytestmark = [pytest.mark.django_db(transaction=True)]

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _fresh_process() -> Iterator[None]:
    serving.forget_all()
    yield
    serving.forget_all()


@pytest.fixture
def sink(smtp: SmtpSink, settings: Settings) -> SmtpSink:
    settings.SMTP_URL = smtp.url
    settings.SMTP_TIMEOUT = 5
    return smtp


def received(sink: SmtpSink) -> Counter[str]:
    return Counter(str(mail.message["Message-ID"]) for mail in sink.messages)


def in_the_ledger() -> Counter[str]:
    return Counter(Message.objects.filter(state=MessageState.SENT).values_list("message_id", flat=True))


def publish(event: Event, version: str, now: datetime) -> None:
    releases.release(event=event, version=version, force=True, actor=None, now=now)


def move(slot: Slot, starts_at: datetime) -> None:
    Slot.objects.filter(pk=slot.pk).update(starts_at=starts_at, ends_at=starts_at + 30 * MINUTE)


# -- A worker takes the mail that a release takes back ------------------------------------------------------------------


def race_for_one_mail(monkeypatch: pytest.MonkeyPatch, *, lock: bool) -> None:
    """The release has just read what is queued when a worker comes for it."""
    event = make.make_event(quiet_minutes=0)
    slot = make.make_talk(event, "Kefir", "09:00")
    publish(event, "1", NOW)
    move(slot, slot.starts_at + 60 * MINUTE)
    has_read, may_write = threading.Event(), threading.Event()
    real = telling._earlier

    def slowly(event: Event, **_how: bool) -> list[Message]:
        found = real(event, lock=lock)
        has_read.set()
        assert may_write.wait(30)
        return found

    monkeypatch.setattr(telling, "_earlier", slowly)

    def work() -> None:
        assert has_read.wait(10)
        delivery.deliver_due(now=NOW)
        may_write.set()

    in_threads(lambda: publish(event, "2", NOW), work)
    delivery.deliver_due(now=NOW)


def test_a_mail_that_a_release_takes_back_is_not_sent_by_a_worker_that_comes_in_between(
    sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    race_for_one_mail(monkeypatch, lock=True)
    assert received(sink) == in_the_ledger()
    assert sorted(Message.objects.values_list("kind", "state")) == [
        ("slot_published", "cancelled"),
        ("slot_published", "sent"),
    ]


def test_control_without_the_lock_what_was_sent_is_taken_back(sink: SmtpSink, monkeypatch: pytest.MonkeyPatch) -> None:
    race_for_one_mail(monkeypatch, lock=False)
    assert received(sink) != in_the_ledger()


# -- A storm ------------------------------------------------------------------------------------------------------------

#: Of the organizer, who moves, cancels and puts back.
ROUNDS = 8


class Storm:
    """A day on which everything happens at once; a second of it is a minute of the programme."""

    def __init__(self) -> None:
        self.event = make.make_event("storm", quiet_minutes=2)
        self.dice = random.Random(20270607)
        self.began = time.monotonic()
        self.over = threading.Event()
        self.stale: list[str] = []
        for _ in range(6):
            make.make_talk(self.event)
        for slot in self.draft():
            move(slot, self.soon())
        reminders.create_rule(
            event_id=self.event.pk, anchor="slot", audience="speakers", offset_minutes=60, actor=None, now=NOW
        )
        publish(self.event, "0", self.now())

    def now(self) -> datetime:
        return NOW + (time.monotonic() - self.began) * MINUTE

    def soon(self) -> datetime:
        """A time whose reminder falls due in a moment."""
        begins = self.now() + timedelta(minutes=self.dice.randint(61, 72))
        return begins.replace(second=0, microsecond=0)

    def draft(self) -> list[Slot]:
        return list(Schedule.objects.draft_of(self.event).slots.order_by("pk"))

    def organize(self) -> None:
        for version in range(1, ROUNDS + 1):
            slots = self.draft()
            for slot in self.dice.sample(slots, 2):
                move(slot, self.soon())
            if version % 3 == 1:
                gone = self.dice.choice(slots)
                room, submission = gone.room, gone.submission
                gone.delete()
            elif version % 3 == 2:
                back = make.make_slot(self.event, room=room, submission=submission)
                move(back, self.soon())
            publish(self.event, str(version), self.now())
            time.sleep(0.3)
        time.sleep(1)
        self.over.set()

    def every(self, action: Callable[[], Any]) -> Callable[[], None]:
        def run() -> None:
            while not self.over.is_set():
                action()
                time.sleep(0.02)

        return run

    def watch(self) -> None:
        """At every commit: a reminder that is queued is of a session that is live at that time."""
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            live = {
                f"slot:{uid}": starts_at.isoformat()
                for uid, starts_at in Slot.objects.filter(is_live=True).values_list("uid", "starts_at")
            }
            for row in Message.objects.filter(kind="slot_reminder", state=MessageState.QUEUED):
                if datetime.fromisoformat(row.context["starts"]).isoformat() != live.get(row.about):
                    self.stale.append(f"{row.about} at {row.context['starts']}")

    def rage(self) -> None:
        in_threads(
            self.organize,
            self.every(lambda: reminders.plan_reminders(now=self.now())),
            # On a machine whose clock is an hour behind.
            self.every(lambda: reminders.plan_reminders(now=self.now() - 60 * MINUTE)),
            self.every(lambda: delivery.deliver_due(now=self.now())),
            self.every(lambda: delivery.deliver_due(now=self.now())),
            self.every(self.watch),
        )
        end = self.now() + 5 * MINUTE
        reminders.plan_reminders(now=end)
        delivery.deliver_due(now=end, until_empty=True)


@pytest.mark.slow
def test_in_a_storm_what_is_received_is_what_the_ledger_says_and_nothing_that_no_longer_holds(sink: SmtpSink) -> None:
    storm = Storm()
    storm.rage()

    assert storm.stale == []
    assert received(sink) == in_the_ledger()
    assert max(received(sink).values()) == 1
    assert Message.objects.filter(kind="slot_reminder", state=MessageState.SENT).exists()
    # Nobody is reminded twice of one session at one time.
    reminded = Message.objects.filter(kind="slot_reminder", state=MessageState.SENT)
    tellings = [(row.about, row.recipient_key, row.context["starts"]) for row in reminded]
    assert len(tellings) == len(set(tellings))
    # What each speaker was told last of their session is what holds.
    live = {str(slot.uid): slot for slot in Slot.objects.filter(is_live=True)}
    known: dict[str, Any] = {}
    for row in Message.objects.filter(kind__in=telling.KINDS, state=MessageState.SENT).order_by("pk"):
        known |= row.context["told"]
    standing = {uid: datetime.fromisoformat(told["starts"]) for uid, told in known.items() if not told["gone"]}
    assert standing == {uid: slot.starts_at for uid, slot in live.items()}


@pytest.mark.slow
def test_control_without_withdrawal_reminders_of_old_times_stay_queued(
    sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "withdraw", lambda **_what: 0)
    storm = Storm()
    storm.rage()
    assert storm.stale
