"""How mail leaves: an SMTP server, a provider's API, or the built-in mailbox where none is set.

A transport answers for each mail on its own: accepted, later, much later, never (`replies` has the rules for SMTP). Trouble
with the server itself, or with us, is an exception, and says what became of the mail in hand.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import formataddr
from typing import Any, Final, Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from anymail.exceptions import AnymailAPIError, AnymailError, AnymailRecipientsRefused
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend

from notifications.mime import one_line
from notifications.models import CaughtMail, Message
from notifications.services.rendering import Rendered
from notifications.services.replies import Trouble, Verdict, meaning_of

#: Some servers close a connection after so many.
MAILS_PER_CONNECTION: Final = 200
#: A server that has all of a mail may take its time to look at it, and giving up then risks a second copy (RFC 5321
#: §4.5.3.2.6 allows ten minutes): so many times SMTP_TIMEOUT. Stays well below `delivery.STUCK_AFTER`.
PATIENCE_AFTER_DATA: Final = 6
#: A server that is away is asked again after so long; one that sent us away (421) is left alone for longer.
REST: Final = timedelta(seconds=15)
LONG_REST: Final = timedelta(minutes=1)
_PORTS: Final = {"smtp": 25, "smtp+tls": 587, "smtp+ssl": 465}


@dataclass(frozen=True, kw_only=True)
class Answer:
    verdict: Verdict
    # SMTP reply code; None where no server spoke.
    code: int | None = None
    text: str = ""
    # What a provider calls the mail that it took.
    provider_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A mail as it goes over the wire, and what it was made of, for providers that put it together themselves."""

    recipient: str
    subject: str
    data: bytes
    at: datetime
    message: Message
    rendered: Rendered


class ServerTrouble(Exception):
    """The server is away, does not do its part or does not want us: other mails would fare no better now.

    `answer`: what became of the mail in hand, where the server had some of it; without it the mail is as before. `rest`: how
    long to leave the server alone.
    """

    def __init__(self, text: str, *, answer: Answer | None = None, rest: timedelta = REST) -> None:
        super().__init__(text)
        self.answer, self.rest = answer, rest


class Transport(Protocol):
    # Whether `send` asks the database for something.
    uses_database: bool

    def announce(self, mail: Mail) -> Answer | None:
        """Go as far as it goes without giving the mail away, and while another one is recorded: without the database. What is
        answered is a refusal."""

    def send(self, mail: Mail, *, then: Mail | None = None, meanwhile: Callable[[], object] | None = None) -> Answer:
        """Give it away. `then`: what will be announced after it, which may begin at once. `meanwhile` is called once, where it can
        be while the server is busy with the mail."""

    def close(self) -> None: ...


def open_transport() -> Transport:
    """What MAIL_PROVIDER or SMTP_URL asks for; nothing is connected before the first mail."""
    if settings.MAIL_PROVIDER:
        return ProviderTransport(settings.MAIL_PROVIDER)
    return SmtpTransport(settings.SMTP_URL) if settings.SMTP_URL else MailboxTransport()


class MailboxTransport:
    """Keeps mail in the database, for trying things out: /mail/ shows it."""

    uses_database = True

    def announce(self, mail: Mail) -> Answer | None:
        return None

    def send(self, mail: Mail, *, then: Mail | None = None, meanwhile: Callable[[], object] | None = None) -> Answer:
        if meanwhile:
            meanwhile()
        CaughtMail.objects.create(
            received_at=mail.at,
            sender=settings.MAIL_FROM,
            recipient=mail.recipient,
            subject=mail.subject,
            raw=mail.data,
        )
        return Answer(verdict=Verdict.ACCEPTED, text="Kept in the built-in mailbox.")

    def close(self) -> None:
        pass


class ProviderTransport:
    """A provider's own API through django-anymail; its connection is kept open.

    The provider writes headers and boundaries itself. It is told our Message-ID as metadata, which its reports bring back.
    """

    uses_database = False

    def __init__(self, name: str) -> None:
        self._path = f"anymail.backends.{name}.EmailBackend"
        self._backend: BaseEmailBackend | None = None

    def announce(self, mail: Mail) -> Answer | None:
        return None

    def send(self, mail: Mail, *, then: Mail | None = None, meanwhile: Callable[[], object] | None = None) -> Answer:
        if meanwhile:
            meanwhile()
        if self._backend is None:
            self._backend = get_connection(self._path)
            self._backend.open()
        email = _for_provider(mail)
        try:
            self._backend.send_messages([email])
        except AnymailRecipientsRefused:
            pass  # its status says so, too
        except AnymailAPIError as error:
            return self._failed(error)
        except (AnymailError, ValueError) as error:
            return Answer(verdict=Verdict.NEVER, text=f"The mail provider cannot send this: {_first_line(error)}")
        return _status_of(email, mail.recipient)

    def close(self) -> None:
        backend, self._backend = self._backend, None
        if backend:
            backend.close()

    def _failed(self, error: AnymailAPIError) -> Answer:
        code, text = error.status_code, _first_line(error)
        if code is None or code >= 500:
            # It may have taken the mail: this one waits by itself.
            self.close()
            raise ServerTrouble(
                f"The mail provider cannot be used: {text}", answer=Answer(verdict=Verdict.LATER, code=code, text=text)
            ) from error
        if code in {401, 402, 403, 407, 408, 429}:
            rest = LONG_REST if code == 429 else REST
            raise ServerTrouble(f"The mail provider does not let us send: {code} {text}", rest=rest) from error
        return Answer(verdict=Verdict.NEVER, code=code, text=text)


def _for_provider(mail: Mail) -> Any:
    """Django's message, with attributes that django-anymail reads."""
    rendered, message = mail.rendered, mail.message
    headers = {
        "Message-ID": message.message_id,
        "Auto-Submitted": "auto-generated",
        "Content-Language": rendered.language,
    }
    if rendered.unsubscribe_url:
        headers["List-Unsubscribe"] = f"<{rendered.unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    email: Any = EmailMultiAlternatives(
        subject=rendered.subject,
        body=rendered.text,
        from_email=formataddr((one_line(rendered.sender_name), settings.MAIL_FROM)),
        to=[formataddr((one_line(message.recipient_name), mail.recipient))],
        reply_to=[rendered.reply_to] if rendered.reply_to else [],
        headers=headers,
    )
    email.attach_alternative(rendered.html, "text/html")
    for number, invited in enumerate(rendered.calendars, start=1):
        name = f"invite-{number}.ics" if len(rendered.calendars) > 1 else "invite.ics"
        email.attach(name, invited.text, f"text/calendar; charset=utf-8; method={invited.method}")
    email.metadata = {"message": message.message_id}
    email.track_opens = email.track_clicks = False
    return email


def _status_of(email: Any, recipient: str) -> Answer:
    found = email.anymail_status.recipients.get(recipient)
    status, provider_id = (
        (found.status, "" if found.message_id is None else str(found.message_id)) if found else ("unknown", "")
    )
    # `unknown` and none at all: the call succeeded, and what becomes of it will be reported.
    is_refused = status in {"invalid", "rejected", "failed"}
    return Answer(
        verdict=Verdict.NEVER if is_refused else Verdict.ACCEPTED,
        text=f"The mail provider says: {status}",
        provider_id=provider_id[:200],
    )


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:500]


def parse_smtp_url(url: str) -> SplitResult:
    """Raises ValueError with one line for the operator."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("SMTP_URL must look like smtp://host:25, smtp+tls://user:password@host:587 or smtp+ssl://…")
    _port = parts.port  # raises ValueError where it is no number
    return parts


class SmtpTransport:
    """One connection to one server, opened at the first mail and kept open."""

    uses_database = False

    def __init__(self, url: str) -> None:
        self._url = parse_smtp_url(url)
        self._connection: smtplib.SMTP | None = None
        self._sent = 0
        # The mail that the server waits for.
        self._announced: Mail | None = None
        # The one whose announcement went out with the mail before it, and is not answered yet.
        self._being_announced: Mail | None = None

    def send(self, mail: Mail, *, then: Mail | None = None, meanwhile: Callable[[], object] | None = None) -> Answer:
        if self._announced is not mail and (refusal := self.announce(mail)):
            if meanwhile:
                meanwhile()
            return refusal
        self._announced = None
        return self._finish(mail, then, meanwhile)

    def announce(self, mail: Mail) -> Answer | None:
        if self._announced or self._being_announced not in {None, mail}:
            self._drop()
        if self._connection and self._sent >= MAILS_PER_CONNECTION:
            self.close()
        is_fresh = self._connection is None
        try:
            return self._dialogue(mail)
        except _BeforeData as lost:
            # An idle connection that the server closed: nothing of the mail was taken, so try once on a new one.
            if is_fresh:
                raise ServerTrouble(str(lost)) from lost
        try:
            return self._dialogue(mail)
        except _BeforeData as lost:
            raise ServerTrouble(str(lost)) from lost

    def close(self) -> None:
        if self._announced or self._being_announced:
            # Whatever else it is told would be that mail.
            self._drop()
        connection, self._connection, self._sent = self._connection, None, 0
        if connection:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                connection.quit()
            connection.close()

    def _drop(self) -> None:
        """Nothing that was announced has been sent: without its end a mail is none (RFC 5321 §4.1.1.4)."""
        self._announced = self._being_announced = None
        connection, self._connection, self._sent = self._connection, None, 0
        if connection:
            connection.close()

    # -- The dialogue of one mail ------------------------------------------------------------------------------------

    def _dialogue(self, mail: Mail) -> Answer | None:
        """Up to where the server waits for the mail itself."""
        smtp = self._connection or self._connect()
        if not mail.recipient.isascii() and not smtp.has_extn("smtputf8"):
            return Answer(
                verdict=Verdict.NEVER,
                text="The mail server cannot send to addresses with letters outside of ASCII (no SMTPUTF8).",
            )
        commands = _commands(smtp, mail)
        try:
            replies = self._say(smtp, commands, is_said=self._being_announced is mail)
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise _BeforeData(f"The mail server broke off: {_reason(error)}") from error
        self._being_announced = None
        for number, (code, reply) in enumerate(replies):
            if code // 100 != (3 if commands[number] == "DATA" else 2):
                return self._refused(code, reply, to=commands[number][:4])
        self._announced = mail
        return None

    def _finish(self, mail: Mail, then: Mail | None, meanwhile: Callable[[], object] | None) -> Answer:
        assert self._connection
        if then and not self._may_follow(self._connection, then):
            then = None
        code, reply = self._hand_over(self._connection, mail.data, then, meanwhile)
        self._sent += 1
        if code // 100 == 2:
            return Answer(verdict=Verdict.ACCEPTED, code=code, text=_words(reply))
        return self._refused(code, reply, to="")

    def _may_follow(self, smtp: smtplib.SMTP, then: Mail) -> bool:
        """Whether it may be announced together with the end of the mail before it (RFC 2920 §3.1)."""
        can_be_sent = then.recipient.isascii() or smtp.has_extn("smtputf8")
        return smtp.has_extn("pipelining") and can_be_sent and self._sent + 1 < MAILS_PER_CONNECTION

    def _say(self, smtp: smtplib.SMTP, commands: list[str], *, is_said: bool) -> list[tuple[int, bytes]]:
        """The replies, up to the first refusal; commands go out together where the server takes them so (RFC 2920). `is_said`: they
        have gone out already."""
        if is_said or smtp.has_extn("pipelining"):
            if not is_said:
                smtp.send(_lines(commands))
            replies = [smtp.getreply() for _command in commands]
            if replies[-1][0] == 354 and any(code // 100 != 2 for code, _reply in replies[:-1]):
                # It waits for a mail to nobody: end that one empty.
                smtp.send(b".\r\n")
                smtp.getreply()
            return replies
        replies = []
        for command in commands:
            smtp.send(_lines([command]))
            replies.append(smtp.getreply())
            if replies[-1][0] // 100 > 3:
                break
        return replies

    def _hand_over(
        self, smtp: smtplib.SMTP, data: bytes, then: Mail | None, meanwhile: Callable[[], object] | None
    ) -> tuple[int, bytes]:
        more = _lines(_commands(smtp, then)) if then else b""
        try:
            smtp.send(_LEADING_DOT.sub(b"..", data) + b".\r\n" + more)
            self._being_announced = then
            if meanwhile:
                meanwhile()
            assert isinstance(smtp.sock, socket.socket)
            smtp.sock.settimeout(settings.SMTP_TIMEOUT * PATIENCE_AFTER_DATA)
            answer = smtp.getreply()
            smtp.sock.settimeout(settings.SMTP_TIMEOUT)
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            # It may have arrived. Later by itself, so that a mail on which the server breaks off does not hold up the others.
            text = f"The mail server did not answer for the mail: {_reason(error)}"
            raise ServerTrouble(text, answer=Answer(verdict=Verdict.LATER, text=text)) from error
        return answer

    def _refused(self, code: int, reply: bytes, *, to: str) -> Answer:
        """Leaves the connection ready for the next mail, or drops it. `to`: MAIL, RCPT, DATA, or empty for the mail itself."""
        text = _words(reply)
        meaning = meaning_of(code, text, to=to)
        if isinstance(meaning, Trouble):
            self._drop()
            words = "sends us away" if meaning is Trouble.SENT_AWAY else "does not let us send"
            # MAIL names the sender, who is the same for all. What came after it may be this mail's alone: it steps aside.
            answer = Answer(verdict=Verdict.LATER, code=code, text=text) if to != "MAIL" else None
            raise ServerTrouble(
                f"The mail server {words}: {code} {text}",
                answer=answer,
                rest=LONG_REST if meaning is Trouble.SENT_AWAY else REST,
            )
        if self._being_announced:
            # It is clear already: the answer for a mail ends its dialogue, and the next has begun.
            return Answer(verdict=meaning, code=code if 100 <= code < 1000 else None, text=text)
        try:
            if not self._connection or self._connection.rset()[0] != 250:
                self._drop()
        except (OSError, smtplib.SMTPException):
            self._drop()
        return Answer(verdict=meaning, code=code if 100 <= code < 1000 else None, text=text)

    def _connect(self) -> smtplib.SMTP:
        url = self._url
        host, port = url.hostname or "", url.port or _PORTS[url.scheme]
        us = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
        # An address is named in brackets (RFC 5321 §4.1.3).
        us = us if any(letter.isalpha() for letter in us) and ":" not in us else f"[{us}]"
        try:
            if url.scheme == "smtp+ssl":
                smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                    host, port, local_hostname=us, timeout=settings.SMTP_TIMEOUT, context=ssl.create_default_context()
                )
            else:
                smtp = smtplib.SMTP(host, port, local_hostname=us, timeout=settings.SMTP_TIMEOUT)
        except (OSError, smtplib.SMTPException) as error:
            raise ServerTrouble(f"The mail server cannot be reached: {_reason(error)}", rest=_rest(error)) from error
        try:
            smtp.ehlo_or_helo_if_needed()
            if url.scheme == "smtp+tls":
                smtp.starttls(context=ssl.create_default_context())
                smtp.ehlo()
            if url.username:
                smtp.login(unquote(url.username), unquote(url.password or ""))
        except (OSError, smtplib.SMTPException, UnicodeError) as error:
            smtp.close()
            raise ServerTrouble(f"The mail server cannot be used: {_reason(error)}", rest=_rest(error)) from error
        self._connection = smtp
        return smtp


def _commands(smtp: smtplib.SMTP, mail: Mail) -> list[str]:
    options = f" SIZE={len(mail.data)}" if smtp.has_extn("size") else ""
    if not mail.recipient.isascii():
        options += " SMTPUTF8 BODY=8BITMIME"
    return [f"MAIL FROM:<{settings.MAIL_FROM}>{options}", f"RCPT TO:<{mail.recipient}>", "DATA"]


def _lines(commands: list[str]) -> bytes:
    return "".join(f"{command}\r\n" for command in commands).encode()


_LEADING_DOT: Final = re.compile(rb"^\.", re.MULTILINE)


class _BeforeData(Exception):
    """The connection was lost while the server had nothing of the mail yet."""


def _words(reply: bytes) -> str:
    return reply.decode("utf-8", "replace").replace("\n", " ").replace("\0", "")[:1000]


def _rest(error: Exception) -> timedelta:
    return LONG_REST if isinstance(error, smtplib.SMTPResponseException) and error.smtp_code == 421 else REST


def _reason(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        answer = error.smtp_error
        return f"{error.smtp_code} {_words(answer) if isinstance(answer, bytes) else answer}"
    return f"{type(error).__name__}: {error}"[:500]
