"""Ctrl-C comes twice where make passes on what its whole group has got: the second must not find the first one's lock taken."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from config import run
from config.run import Wish, listening_for_stop
from tests.config.processes import ROOT

WAITING = """
from config.run import Wish, listening_for_stop
wish = Wish()
with listening_for_stop(wish):
    print("ready", flush=True)
    while not wish.wait(0.0001):
        pass
"""


def test_a_second_signal_while_the_first_is_heard_is_heard_too(monkeypatch: pytest.MonkeyPatch) -> None:
    wish, write = Wish(), os.write
    sent: list[int] = []

    def interrupted(number: int, said: bytes) -> int:
        if not sent:
            sent.append(number)
            signal.raise_signal(signal.SIGINT)
        return write(number, said)

    monkeypatch.setattr(run.os, "write", interrupted)
    with listening_for_stop(wish):
        signal.raise_signal(signal.SIGTERM)
        assert wish.wait(10)
    assert wish.is_said()


def test_with_an_event_it_would_wait_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `threading.Event` holds while it is set, the handler of a second signal finds taken."""
    event, second = threading.Event(), []
    notify_all = event._cond.notify_all  # type: ignore[attr-defined]

    def interrupted() -> None:
        second.append(event._cond.acquire(blocking=False))  # type: ignore[attr-defined]
        notify_all()

    monkeypatch.setattr(event._cond, "notify_all", interrupted)  # type: ignore[attr-defined]
    event.set()
    assert second == [False]


def test_as_many_signals_as_there_can_be_end_it() -> None:
    with subprocess.Popen([sys.executable, "-c", WAITING], cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        assert child.stdout.readline() == "ready\n"
        until = time.monotonic() + 10
        while child.poll() is None and time.monotonic() < until:
            for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                child.send_signal(sign)
        assert child.wait(10) == 0
