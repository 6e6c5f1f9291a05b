"""Readers who ask while a release is made get the old programme or the new one, whole, and never neither."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from events.models import Event
from scheduling.models import Schedule, Slot
from scheduling.services import artifacts, releases, serving, slots
from tests.factories import scheduling as make
from tests.factories.scheduling import NOW, at

pytestmark = pytest.mark.django_db(transaction=True)

READERS = 3
#: What an address said: its status, and which version it told of.
Seen = list[tuple[int, str]]


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.CRITICAL)
    serving.forget_all()
    yield
    serving.forget_all()


@pytest.fixture
def talk() -> Slot:
    event = make.make_event("food")
    for hour in range(10, 18):
        make.make_talk(event, clock=f"{hour}:30", room=make.make_room(event))
    talk = make.make_talk(event, "Kefir", "09:00")
    releases.release(event=event, version="1.0", actor=None, now=NOW)
    slots.move_slot(
        slot=talk, changes={"starts_at": at(event, "08:00"), "ends_at": at(event, "08:30")}, actor=None, now=NOW
    )
    return talk


def version_of(address: str, answer: Any) -> str:
    """By what it says of the talk, which moved from 09:00 to 08:00 in China."""
    said = answer.content.decode(errors="replace")
    if answer.status_code != 200:
        return "none"
    if address.endswith(".json"):
        return str(json.loads(said)["schedule"]["version"])
    if address.endswith(".ics"):
        old, new = (f"DTSTART;TZID=Asia/Shanghai:20270607T{clock}0000" in said for clock in ("09", "08"))
    else:
        old, new = (f"2027-06-07T0{hour}:00:00Z" in said for hour in (1, 0))
    return {(True, False): "1.0", (False, True): "2.0"}.get((old, new), "mixed")


@contextmanager
def readers(talk: Slot) -> Iterator[list[Seen]]:
    """They ask one address after the other, as fast as they can, until the block has ended and each has asked once more."""
    assert talk.submission
    code = talk.submission.code
    addresses = [
        "/food/schedule/",
        "/food/schedule/export/schedule.json",
        f"/food/sessions/{code}/",
        f"/food/sessions/{code}.ics",
        "/food/schedule/export/schedule.ics",
    ]
    over, started = threading.Event(), threading.Barrier(READERS + 1)
    seen: list[Seen] = [[] for _ in range(READERS)]

    def read(mine: Seen) -> None:
        client = Client(raise_request_exception=False)
        try:
            last = False
            for round_ in range(10_000):
                for address in addresses:
                    answer = client.get(address)
                    mine.append((answer.status_code, version_of(address, answer)))
                if round_ == 0:
                    started.wait(30)
                if last:
                    break
                last = over.is_set()
        finally:
            connection.close()

    threads = [threading.Thread(target=read, args=[mine]) for mine in seen]
    for thread in threads:
        thread.start()
    try:
        started.wait(30)
        yield seen
    finally:
        over.set()
        for thread in threads:
            thread.join(60)


def is_whole(seen: Seen) -> bool:
    """Old until some moment, and new from then on."""
    versions = [version for _status, version in seen]
    return {status for status, _version in seen} == {200} and versions == sorted(versions) and versions[-1] == "2.0"


def test_a_release_is_seen_whole_or_not_at_all(talk: Slot) -> None:
    event = talk.schedule.event
    with readers(talk) as seen:
        releases.release(event=event, version="2.0", actor=None, now=NOW)
    for mine in seen:
        assert mine[0] == (200, "1.0")
        assert is_whole(mine), list(dict.fromkeys(mine))


def test_control_a_release_in_steps_is_seen_half(talk: Slot) -> None:
    """Current first and rendered afterwards, without the transaction around the two: readers find nothing."""
    event = Event.objects.get(pk=talk.schedule.event_id)
    with readers(talk) as seen:
        Schedule.objects.filter(event=event, is_current=True).update(is_current=False)
        half = Schedule.objects.create(event=event, version="2.0", number=2, released_at=NOW, is_current=True)
        serving.refresh(event)
        # For as long as a reader needs to come by.
        while not any(status == 404 for mine in list(seen) for status, _version in mine[-50:]):
            pass
        artifacts.render(schedule=half, changes=releases.changes_as_data(half, releases.Changes(), is_first=False))
    assert not all(is_whole(mine) for mine in seen)
