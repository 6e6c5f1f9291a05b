"""What replies of mail servers mean: the table of docs/explanation/mail-and-reminders.md, row by row."""

from __future__ import annotations

from datetime import timedelta

import pytest

from notifications.models import Message
from notifications.services import delivery
from notifications.services.replies import Trouble, Verdict, meaning_of
from notifications.services.transport import LONG_REST
from tests.notifications.samples import NOW, queue
from tests.notifications.test_delivery import deliver, sink, takes_commands_together  # noqa: F401 (fixtures)
from tests.smtp import SmtpSink


@pytest.mark.parametrize(
    ("reply", "to", "meaning"),
    [
        # greylisting and busy servers
        ("450 4.2.0 Greylisted, come back in 300 seconds", "RCPT", Verdict.LATER),
        ("451 4.7.1 Try again later", "RCPT", Verdict.LATER),
        ("451 4.3.0 Local error", "", Verdict.LATER),
        # full mailboxes
        ("452 4.2.2 Mailbox full", "RCPT", Verdict.MUCH_LATER),
        ("450 4.2.2 Over quota", "RCPT", Verdict.MUCH_LATER),
        ("452 4.3.1 Insufficient system storage", "", Verdict.MUCH_LATER),
        # the recipient, for good
        ("550 5.1.1 No such user", "RCPT", Verdict.NEVER),
        ("550 No such user here", "RCPT", Verdict.NEVER),
        ("552 5.2.2 Mailbox full", "RCPT", Verdict.NEVER),
        ("553 5.1.3 Bad address", "RCPT", Verdict.NEVER),
        ("554 5.6.0 Content rejected", "", Verdict.NEVER),
        ("501 5.1.3 Bad recipient address syntax", "RCPT", Verdict.NEVER),
        ("550 5.2.1 Mailbox disabled, see your relay", "RCPT", Verdict.NEVER),
        ("552 5.3.4 Message too big", "MAIL", Verdict.NEVER),
        # sent away
        ("421 4.7.0 Too many connections", "MAIL", Trouble.SENT_AWAY),
        ("421 4.3.2 Closing", "", Trouble.SENT_AWAY),
        # us
        ("530 5.7.0 Authentication required", "MAIL", Trouble.ABOUT_US),
        ("550 5.7.1 Sender not authorised", "MAIL", Trouble.ABOUT_US),
        ("451 4.7.1 Sender rate exceeded", "MAIL", Trouble.ABOUT_US),
        ("454 4.7.1 Relay access denied", "RCPT", Trouble.ABOUT_US),
        ("554 5.7.1 <p0@example.org>: Relay access denied", "RCPT", Trouble.ABOUT_US),
        ("550 relay not permitted", "RCPT", Trouble.ABOUT_US),
        (
            "554 5.7.1 Service unavailable; Client host [203.0.113.5] blocked using zen.example",
            "RCPT",
            Trouble.ABOUT_US,
        ),
        ("550 5.7.26 Mail does not pass DMARC", "", Trouble.ABOUT_US),
        ("503 5.5.1 Bad sequence of commands", "DATA", Trouble.ABOUT_US),
    ],
)
def test_replies_mean(reply: str, to: str, meaning: Verdict | Trouble) -> None:
    code, text = reply.split(" ", 1)
    assert meaning_of(int(code), text, to=to) is meaning


def hours(pause: timedelta) -> float:
    return pause / timedelta(hours=1)


@pytest.mark.django_db
def test_full_mailbox_is_tried_again_after_hours(sink: SmtpSink) -> None:  # noqa: F811
    sink.refused_recipients["p0@example.org"] = "452 4.2.2 Mailbox full"
    (message,) = queue(1)
    now, pauses = NOW, []
    for _attempt in range(5):
        deliver(now=now)
        message.refresh_from_db()
        pauses.append(hours(message.due_at - now))
        now = message.due_at

    assert 1 <= pauses[0] <= 1.01
    assert all(1 <= pause <= 6.01 for pause in pauses)
    assert pauses[-1] > 4


@pytest.mark.django_db
def test_server_that_sends_us_away_is_left_alone_and_nothing_counts_as_tried(sink: SmtpSink) -> None:  # noqa: F811
    sink.answers["MAIL"] = "421 4.7.0 Too many connections"
    queue(3)

    done = deliver()

    assert (done.sent, done.failed, done.put_off) == (0, 0, 0)
    assert "sends us away: 421" in done.trouble
    assert done.rest == LONG_REST
    assert set(Message.objects.values_list("state", "attempts")) == {("queued", 0)}
    sink.answers.clear()
    assert deliver().sent == 3


@pytest.mark.django_db
def test_refusal_of_our_address_fails_nobody(sink: SmtpSink) -> None:  # noqa: F811
    sink.answers["MAIL"] = "550 5.7.1 Sender not authorised"
    queue(3)

    assert "does not let us send: 550" in deliver().trouble

    assert set(Message.objects.values_list("state", "attempts")) == {("queued", 0)}
    assert Message.objects.filter(error__contains="Sender not authorised").count() == 3


@pytest.mark.django_db
def test_mail_that_makes_the_server_refuse_us_steps_aside_for_the_others(sink: SmtpSink) -> None:  # noqa: F811
    sink.refused_recipients["p0@example.org"] = "554 5.7.1 Relay access denied"
    queue(3)

    assert deliver().put_off == 1
    assert deliver().sent == 2
    first = Message.objects.earliest("pk")
    assert (first.state, first.attempts) == ("queued", 1)
    assert first.due_at > NOW
    assert first.error == "5.7.1 Relay access denied"
    assert first.due_at - NOW < delivery.GIVE_UP_AFTER


@pytest.mark.django_db
@pytest.mark.parametrize("with_the_mail", [True, False])
def test_server_that_breaks_off_after_the_data_gets_the_mail_again(sink: SmtpSink, *, with_the_mail: bool) -> None:  # noqa: F811
    """Whether it had kept the mail is known to it alone; the Message-ID tells the reader."""
    sink.break_off(keeping=with_the_mail)
    (message,) = queue(1)

    done = deliver()
    assert (done.sent, done.put_off) == (0, 1)
    assert "did not answer for the mail" in done.trouble

    sink.accept()
    assert deliver(now=NOW + timedelta(minutes=2)).sent == 1
    assert len(sink.messages) == (2 if with_the_mail else 1)
    assert {mail.message["Message-ID"] for mail in sink.messages} == {message.message_id}
