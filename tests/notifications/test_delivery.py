from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DataError, OperationalError
from pytest_django import Settings

from common.underway import Underway
from notifications.models import CancelReason, CaughtMail, Delivery, Message, MessageState
from notifications.services import delivery
from notifications.services.messages import cancel_message, retry_message
from tests.notifications.samples import CALENDAR, NOW, REMINDER, TICKET, queue
from tests.smtp import SmtpSink

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("origin")]


@pytest.fixture
def sink(smtp: SmtpSink, settings: Settings) -> SmtpSink:
    settings.SMTP_URL = smtp.url
    settings.SMTP_TIMEOUT = 1
    return smtp


@pytest.fixture(autouse=True, params=[False, True], ids=["one-by-one", "pipelining"])
def takes_commands_together(request: pytest.FixtureRequest, smtp: SmtpSink) -> None:
    """Servers of both kinds."""
    smtp.pipelining = request.param


def deliver(**more: Any) -> delivery.Delivered:
    return delivery.deliver_due(now=more.pop("now", NOW), **more)


def states() -> list[str]:
    return list(Message.objects.order_by("pk").values_list("state", flat=True))


def test_due_messages_are_sent_once_and_what_happened_is_kept(sink: SmtpSink) -> None:
    queue(3)

    first, second = deliver(), deliver()

    assert (first.sent, second.sent) == (3, 0)
    assert sorted(received.recipients[0] for received in sink.messages) == [f"p{n}@example.org" for n in range(3)]
    message = Message.objects.earliest("pk")
    assert (message.state, message.attempts, message.claim, message.error) == ("sent", 1, None, "")
    assert message.rendered["subject"] == message.subject == "Your ticket, Person 0"
    answer = Delivery.objects.get(message=message)
    assert (answer.accepted, answer.code) == (True, 250)
    assert sink.connections == 1


def test_message_has_the_headers_that_we_promise(sink: SmtpSink) -> None:
    (message,) = queue(1, calendar=CALENDAR)
    deliver()

    mail = sink.messages[0].message
    assert mail["Message-ID"] == message.message_id
    assert mail["From"] == "Food Science Days via Lihu <noreply@127.0.0.1>"
    assert mail["To"] == "Person 0 <p0@example.org>"
    assert mail["Reply-To"] == "office@conf.example"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "en"
    assert mail["List-Unsubscribe"] is None
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "text/calendar",
        "application/ics",
    ]
    invitation = next(part for part in mail.walk() if part.get_content_type() == "text/calendar")
    assert invitation.get_param("method") == "REQUEST"


def test_what_is_not_due_yet_waits(sink: SmtpSink) -> None:
    queue(1, send_at=NOW + timedelta(minutes=5))

    assert deliver().sent == 0
    assert deliver(now=NOW + timedelta(minutes=5)).sent == 1


def test_tickets_overtake_reminders(sink: SmtpSink) -> None:
    queue(2, kind=REMINDER, prefix="r")
    queue(2, kind=TICKET, prefix="t")
    deliver()

    assert [received.recipients[0][0] for received in sink.messages] == ["t", "t", "r", "r"]


def test_refused_for_good_fails_that_recipient_only(sink: SmtpSink) -> None:
    sink.refused_recipients["p1@example.org"] = "550 5.1.1 no such user"
    queue(3)

    done = deliver()

    assert (done.sent, done.failed) == (2, 1)
    failed = Message.objects.get(state=MessageState.FAILED)
    assert (failed.recipient_email, failed.error) == ("p1@example.org", "5.1.1 no such user")
    assert Delivery.objects.get(message=failed).code == 550


@pytest.mark.parametrize("answer", ["451 4.3.0 Try again later", "421 4.3.2 Closing", "450 4.2.1 Greylisted"])
def test_refused_for_now_is_tried_again_with_growing_pauses(sink: SmtpSink, answer: str) -> None:
    sink.refuse(answer)
    (message,) = queue(1)
    now, pauses = NOW, []
    for _attempt in range(9):
        assert deliver(now=now).put_off == 1
        message.refresh_from_db()
        pauses.append(message.due_at - now)
        now = message.due_at
    sink.accept()
    deliver(now=now)

    message.refresh_from_db()
    assert (message.state, message.attempts) == ("sent", 10)
    minutes = [pause.total_seconds() / 60 for pause in pauses]
    assert minutes[0] == pytest.approx(1, abs=0.1)
    assert all(1 <= pause <= 60.1 for pause in minutes)
    assert minutes[-1] > 40
    assert len(sink.messages) == 1


def test_given_up_only_after_three_days(sink: SmtpSink) -> None:
    sink.refuse("451 4.3.0 later")
    (message,) = queue(1)
    deliver(now=NOW + timedelta(hours=71))
    message.refresh_from_db()
    assert message.state == "queued"

    deliver(now=NOW + timedelta(hours=73))
    message.refresh_from_db()
    assert message.state == "failed"


def test_server_down_for_a_day_then_all_goes_out(sink: SmtpSink) -> None:
    sink.stop()
    queue(30)
    for hours in range(24):
        done = deliver(now=NOW + timedelta(hours=hours), until_empty=True)
        assert (done.sent, done.failed) == (0, 0)
        assert "cannot be reached" in done.trouble
    assert set(Message.objects.values_list("state", "attempts")) == {("queued", 0)}
    assert Message.objects.filter(error__contains="cannot be reached").exists()

    sink.start()
    assert deliver(now=NOW + timedelta(hours=24), until_empty=True).sent == 30
    assert len(sink.messages) == 30


def test_server_that_hangs_after_the_data_holds_up_one_message_only(sink: SmtpSink) -> None:
    queue(3)
    sink.hang()
    done = deliver()
    assert (done.sent, done.put_off) == (0, 1)
    assert "did not answer" in done.trouble

    sink.accept()
    assert deliver(now=NOW + timedelta(seconds=10)).sent == 2
    assert deliver(now=NOW + timedelta(minutes=2)).sent == 1
    assert states() == ["sent"] * 3


def test_idle_connection_that_the_server_closed_is_opened_again(
    sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(2)
    original = delivery.claim
    monkeypatch.setattr(delivery, "BATCH", 1)

    def restart_and_claim(**arguments: Any) -> Any:
        sink.stop()
        sink.start()
        return original(**arguments)

    monkeypatch.setattr(delivery, "claim", restart_and_claim)

    assert deliver().sent == 2


def test_next_mail_is_not_given_away_before_the_last_is_written_down(
    sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is made ready and announced meanwhile; what is only announced is no mail."""
    queue(2)

    def fail(*_arguments: Any) -> None:
        raise OperationalError("the database is away")

    monkeypatch.setattr(delivery, "_write", fail)

    with pytest.raises(OperationalError):
        deliver()

    assert len(sink.messages) == 1
    assert states() == ["sending", "queued"]


@pytest.mark.django_db(transaction=True)
def test_a_record_that_the_database_refuses_takes_the_next_with_it_only_to_the_ledger(
    sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next is given away by then, so it is written down before anything else; nothing follows."""
    queue(3)
    original = delivery._write
    refused: list[Any] = []

    def refuse_first(*arguments: Any) -> Underway:
        if refused:
            return original(*arguments)
        refused.append(arguments)
        return Underway("SELECT pg_sleep(0.1); SELECT 1 / 0", [])

    monkeypatch.setattr(delivery, "_write", refuse_first)

    with pytest.raises(DataError):
        deliver()

    assert len(sink.messages) == 2
    assert states() == ["sending", "sent", "queued"]


def test_expired_is_cancelled_with_the_reason(sink: SmtpSink) -> None:
    queue(1, expires_at=NOW + timedelta(minutes=30))

    assert deliver(now=NOW + timedelta(minutes=30)).cancelled == 1
    assert Message.objects.get().reason == CancelReason.EXPIRED
    assert sink.messages == []


def test_row_that_cannot_become_a_mail_fails_and_the_others_go_out(sink: SmtpSink) -> None:
    first, _second = queue(2)
    Message.objects.filter(pk=first.pk).update(context={"calendar": {"nonsense": 1}})

    done = deliver()

    assert (done.sent, done.failed) == (1, 1)
    first.refresh_from_db()
    assert "could not be written" in first.error


def test_unknown_kind_fails_and_the_others_go_out(sink: SmtpSink) -> None:
    first, _second = queue(2)
    Message.objects.filter(pk=first.pk).update(kind="of_an_older_version")

    assert deliver().sent == 1


def test_stuck_messages_are_queued_again(sink: SmtpSink) -> None:
    queue(2)
    claimed = delivery._claim(now=NOW, size=25)
    assert len(claimed) == 2

    assert delivery.sweep_stuck(now=NOW + timedelta(minutes=9)) == 0
    assert delivery.sweep_stuck(now=NOW + timedelta(minutes=11)) == 2
    assert deliver(now=NOW + timedelta(minutes=11)).sent == 2


def test_answer_that_comes_after_the_sweep_is_still_kept(sink: SmtpSink, monkeypatch: pytest.MonkeyPatch) -> None:
    (message,) = queue(1)
    original = delivery._write

    def write_late(*arguments: Any) -> Underway:
        delivery.sweep_stuck(now=NOW + timedelta(minutes=11))
        return original(*arguments)

    monkeypatch.setattr(delivery, "_write", write_late)
    deliver()
    monkeypatch.undo()

    message.refresh_from_db()
    assert message.state == "sent"
    assert deliver(now=NOW + timedelta(minutes=12)).sent == 0


def test_without_a_server_mail_goes_into_the_built_in_mailbox() -> None:
    queue(1)
    deliver()

    caught = CaughtMail.objects.get()
    assert (caught.recipient, caught.subject) == ("p0@example.org", "Your ticket, Person 0")
    assert Message.objects.get().state == "sent"


def test_cancelled_by_hand_stays_and_may_be_tried_again(sink: SmtpSink) -> None:
    (message,) = queue(1)
    cancel_message(message=message, actor=None, now=NOW)
    assert deliver().sent == 0
    retry_message(message=message, actor=None, now=NOW)
    assert deliver().sent == 1


def test_queries_do_not_grow_with_the_batch(sink: SmtpSink, django_assert_num_queries: Any) -> None:
    queue(1)
    # Claim, the event's words, claim of nothing; answers are written beside.
    with django_assert_num_queries(3):
        deliver()
    queue(3, prefix="q")
    with django_assert_num_queries(3):
        deliver()
