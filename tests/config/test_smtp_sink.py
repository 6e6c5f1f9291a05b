from __future__ import annotations

import smtplib
from email.message import EmailMessage

import pytest

from tests.smtp import SmtpSink


def _send(sink: SmtpSink, to: str = "mei@example.org") -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.org", to, "蠡湖"
    message.set_content("Hello")
    with smtplib.SMTP("127.0.0.1", sink.port, timeout=2) as client:
        client.send_message(message)


def test_sink_keeps_what_it_receives(smtp: SmtpSink) -> None:
    _send(smtp)

    (received,) = smtp.wait_for(1)
    assert received.recipients == ["mei@example.org"]
    assert received.message["Subject"] == "蠡湖"
    assert received.part("text/plain").strip() == "Hello"


def test_sink_fails_as_told_and_recovers(smtp: SmtpSink) -> None:
    smtp.refuse("451 4.3.0 later")
    with pytest.raises(smtplib.SMTPDataError):
        _send(smtp)
    smtp.refused_recipients["gone@example.org"] = "550 5.1.1 no such user"
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        _send(smtp, "gone@example.org")
    smtp.accept()
    smtp.stop()
    with pytest.raises(ConnectionRefusedError):
        _send(smtp)
    smtp.start()
    _send(smtp)

    assert len(smtp.messages) == 1
