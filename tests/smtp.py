"""A real SMTP server on a loopback port that keeps what it receives and fails on request."""

from __future__ import annotations

import email
import email.policy
import logging
import socket
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import cached_property
from typing import Any

from aiosmtpd.controller import Controller

# Every line of every dialogue, which would drown a failing test's own words.
logging.getLogger("mail.log").setLevel(logging.WARNING)


@dataclass(frozen=True)
class Received:
    sender: str
    recipients: list[str]
    content: bytes
    at: datetime

    @cached_property
    def message(self) -> EmailMessage:
        """Read when somebody asks: a server that reads each mail is slower than who sends it."""
        message = email.message_from_bytes(self.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        return message

    def part(self, content_type: str) -> str:
        """The text of the first part of this type: text/plain, text/html, text/calendar."""
        for part in self.message.walk():
            if part.get_content_type() == content_type:
                assert isinstance(part, EmailMessage)
                return str(part.get_content())
        raise AssertionError(f"no {content_type} part in {self.message['Subject']!r}")


@dataclass
class SmtpSink:
    """Accepts everything at first. `refuse`, `hang`, `break_off` and `stop` make it fail; `accept` and `start` mend it."""

    messages: list[Received] = field(default_factory=list)
    # Answers to RCPT by address, for one refused recipient among many: {"gone@example.org": "550 5.1.1 no such user"}.
    refused_recipients: dict[str, str] = field(default_factory=dict)
    # Answers to every MAIL: {"MAIL": "421 4.7.0 Too many connections"}.
    answers: dict[str, str] = field(default_factory=dict)
    connections: int = 0
    # Takes commands together (RFC 2920), as Postfix and Exim do.
    pipelining: bool = False

    def __post_init__(self) -> None:
        self._answer: str | None = None
        self._is_breaking_off = self._is_keeping = False
        self._released, self._hangs = threading.Event(), threading.Event()
        self._released.set()
        self._arrived = threading.Condition()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._controller: Controller | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def start(self) -> None:
        assert self._controller is None
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, enable_SMTPUTF8=True)
        self._controller.start()

    def stop(self) -> None:
        """Down: connections are refused until `start`."""
        self._released.set()
        if self._controller:
            self._controller.stop()
            self._controller = None

    def accept(self) -> None:
        self._answer = None
        self._is_breaking_off = False
        self._released.set()

    def refuse(self, answer: str = "451 4.3.0 Try again later") -> None:
        """Answer every message so: 4xx for a while, 5xx for good."""
        self._answer = answer

    def hang(self) -> None:
        """Say nothing after the message's data until `accept` or `stop`."""
        self._released.clear()
        self._hangs.clear()

    def wait_until_hanging(self, *, seconds: float = 20) -> None:
        """Somebody waits in vain since the last `hang`."""
        assert self._hangs.wait(seconds), f"nobody sent anything for {seconds} s"

    def break_off(self, *, keeping: bool) -> None:
        """Close the connection instead of answering for a message, which is kept or lost, until `accept`."""
        self._is_breaking_off, self._is_keeping = True, keeping

    def to(self, address: str) -> list[Received]:
        return [received for received in self.messages if address in received.recipients]

    def wait_for(self, count: int = 1, *, seconds: float = 20) -> list[Received]:
        """The messages, once there are at least so many."""
        with self._arrived:
            reached = self._arrived.wait_for(lambda: len(self.messages) >= count, timeout=seconds)
        assert reached, f"{len(self.messages)} of {count} messages after {seconds} s"
        return self.messages

    # What aiosmtpd calls, in its own thread.

    async def handle_EHLO(
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", *responses[-1:]] if self.pipelining else responses

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if answer := self.answers.get("MAIL"):
            return answer
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if answer := self.refused_recipients.get(address):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if not self._released.is_set():
            self._hangs.set()
            await server.loop.run_in_executor(None, self._released.wait, 60)
            return "421 4.3.2 Closing"
        if self._answer:
            return self._answer
        if self._is_breaking_off and not self._is_keeping:
            return self._hang_up(server)
        received = Received(envelope.mail_from, list(envelope.rcpt_tos), bytes(envelope.content), datetime.now(UTC))
        with self._arrived:
            self.messages.append(received)
            self._arrived.notify_all()
        if self._is_breaking_off:
            return self._hang_up(server)
        return f"250 2.0.0 OK {time.monotonic_ns()}"

    def _hang_up(self, server: Any) -> str:
        server.transport.abort()
        return "421 4.3.2 Nobody hears this"
