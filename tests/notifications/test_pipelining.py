"""Servers that take commands together (RFC 2920) hear of the next mail with the end of the one before."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from pytest_django import Settings

from notifications.models import Message
from notifications.services import delivery, transport
from tests.notifications.samples import NOW, queue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("origin")]

ACCEPTED = "250 2.0.0 OK"


class ScriptedServer:
    """Takes one connection after the other, and answers each mail's text with the next of `texts`, after it has looked whether more
    has come. An answer that is empty hangs up instead."""

    def __init__(self, texts: list[str], refused: tuple[str, ...] = ()) -> None:
        self.texts, self.refused = texts, refused
        # What came in order, and of each mail the command that had come by the time its text was answered.
        self.commands: list[str] = []
        self.already: list[str] = []
        self.connections = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"smtp://127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                connection, _address = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        come = b""

        def hear() -> str:
            nonlocal come
            while b"\r\n" not in come:
                if not (more := connection.recv(65536)):
                    return ""
                come += more
            line, _, come = come.partition(b"\r\n")
            return line.decode("latin-1") or " "

        def say(answer: str) -> None:
            connection.sendall(f"{answer}\r\n".encode())

        say("220 here")
        has_recipient = False
        while line := hear():
            command = line.split(" ")[0].upper()
            self.commands.append(command)
            match command:
                case "EHLO":
                    say("250-here\r\n250 PIPELINING")
                case "RCPT":
                    has_recipient = not any(address in line for address in self.refused)
                    say(ACCEPTED if has_recipient else "550 5.1.1 Nobody of that name")
                case "DATA" if not has_recipient:
                    say("503 5.5.1 For whom?")
                case "DATA":
                    say("354 Go on")
                    while hear() != ".":
                        pass
                    if not come and select.select([connection], [], [], 0.5)[0]:
                        come = connection.recv(65536)
                    self.already.append(come.partition(b" ")[0].decode())
                    if not (answer := self.texts.pop(0)):
                        return
                    say(answer)
                case _:
                    say(ACCEPTED)


@pytest.fixture
def scripted(settings: Settings) -> Iterator[Callable[..., ScriptedServer]]:
    started: list[ScriptedServer] = []

    def start(*texts: str, refused: tuple[str, ...] = ()) -> ScriptedServer:
        started.append(server := ScriptedServer(list(texts), refused))
        settings.SMTP_URL, settings.SMTP_TIMEOUT = server.url, 5
        return server

    yield start
    for server in started:
        server.stop()


def states() -> list[str]:
    return list(Message.objects.order_by("pk").values_list("state", flat=True))


def test_the_next_is_announced_with_the_end_of_the_one_before(scripted: Callable[..., ScriptedServer]) -> None:
    server = scripted(*[ACCEPTED] * 3)
    queue(3)
    assert delivery.deliver_due(now=NOW).sent == 3
    assert server.already == ["MAIL", "MAIL", ""]
    assert server.commands == ["EHLO", *["MAIL", "RCPT", "DATA"] * 3, "QUIT"]


def test_a_text_that_is_refused_is_nothing_to_the_next(scripted: Callable[..., ScriptedServer]) -> None:
    server = scripted("554 5.7.1 Not this one", ACCEPTED, "452 4.2.2 Full", ACCEPTED)
    queue(4)
    assert delivery.deliver_due(now=NOW).sent == 2
    assert states() == ["failed", "sent", "queued", "sent"]
    # The dialogue of the next had begun, and RSET would have ended it.
    assert server.commands.count("RSET") == 0
    assert server.connections == 1


def test_a_recipient_who_is_refused_is_nothing_to_the_others(scripted: Callable[..., ScriptedServer]) -> None:
    server = scripted(ACCEPTED, ACCEPTED, refused=("p1@example.org",))
    queue(3)
    assert delivery.deliver_due(now=NOW).sent == 2
    assert states() == ["sent", "failed", "sent"]
    assert server.already == ["MAIL", ""]
    assert server.connections == 1


def test_whoever_was_announced_when_the_server_broke_off_waits_as_before(
    scripted: Callable[..., ScriptedServer],
) -> None:
    server = scripted("", ACCEPTED, ACCEPTED)
    first, second, third = queue(3)
    assert delivery.deliver_due(now=NOW).trouble
    assert server.already == ["MAIL"]
    for message in (first, second, third):
        message.refresh_from_db()
    # The first may have arrived; of the second the server had nothing but its address.
    assert [(message.state, message.attempts) for message in (first, second, third)] == [
        ("queued", 1),
        ("queued", 0),
        ("queued", 0),
    ]


def test_a_connection_ends_with_a_whole_mail(
    scripted: Callable[..., ScriptedServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MAILS_PER_CONNECTION", 2)
    server = scripted(*[ACCEPTED] * 3)
    queue(3)
    assert delivery.deliver_due(now=NOW).sent == 3
    assert server.already == ["MAIL", "", ""]
    assert server.connections == 2
    assert server.commands == [
        "EHLO",
        *["MAIL", "RCPT", "DATA"] * 2,
        "QUIT",
        "EHLO",
        *["MAIL", "RCPT", "DATA"],
        "QUIT",
    ]
