"""What goes out before Django is asked is what Django would have said, and never an older thing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from django.conf import settings
from django.core import signals
from django.core.handlers.wsgi import WSGIHandler
from django.db import close_old_connections, connection
from django.test.utils import CaptureQueriesContext
from redis import Redis

from events.models import Event
from events.services import events
from scheduling import listening
from scheduling.front import Front
from scheduling.models import Slot
from scheduling.services import releases, serving
from tests.factories import scheduling as make
from tests.factories.scheduling import NOW, at

pytestmark = pytest.mark.django_db

Answer = tuple[int, dict[str, str], bytes]


class Process:
    """A web process: Django with the front before it. Counts what reached Django."""

    def __init__(self) -> None:
        self.asked = 0
        self.front = Front(self._django, listen=lambda: None)
        self._handler = WSGIHandler()

    def _django(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        self.asked += 1
        return self._handler(environ, start_response)

    def get(self, address: str, **headers: str) -> Answer:
        path, _, query = address.partition("?")
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "HTTP_HOST": "localhost",
            "HTTP_ACCEPT_LANGUAGE": "en",
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(),
            **headers,
        }
        said: list[tuple[str, list[tuple[str, str]]]] = []
        chunks = self.front(environ, lambda status, headers, *_rest: said.append((status, headers)))
        body = b"".join(chunks)
        getattr(chunks, "close", lambda: None)()
        status, pairs = said[-1]
        return int(status[:3]), {name.lower(): value for name, value in pairs}, body


@pytest.fixture
def event() -> Event:
    return make.make_event("food")


@pytest.fixture
def slot(event: Event) -> Slot:
    slot = make.make_talk(event, "Kefir", "09:00")
    release(event)
    return slot


@pytest.fixture
def process() -> Iterator[Process]:
    serving.hear(True)
    # The test's transaction outlives a request.
    for signal in (signals.request_started, signals.request_finished):
        signal.disconnect(close_old_connections)
    yield Process()
    for signal in (signals.request_started, signals.request_finished):
        signal.connect(close_old_connections)


def release(event: Event, version: str = "1.0") -> None:
    releases.release(event=event, version=version, actor=None, now=NOW)


def addresses(event: Event, slot: Slot) -> list[str]:
    session, speaker = slot.submission, slot.submission.speakers.first()  # type: ignore[union-attr]
    assert session
    assert speaker
    return [
        *("/food/schedule/", "/food/schedule/grid.css?v=1", "/food/schedule/changes/", "/food/schedule/v/1.0/"),
        *(f"/food/schedule/export/schedule.{kind}" for kind in ("xml", "json", "xcal", "ics")),
        *("/food/speakers/", f"/food/sessions/{session.code}/", f"/food/speakers/{speaker.code}.ics"),
    ]


@pytest.mark.parametrize("encoding", ["", "gzip", "gzip, br"])
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_second_answer_equals_the_first_and_never_reaches_django(
    process: Process, event: Event, slot: Slot, encoding: str, language: str
) -> None:
    headers = {"HTTP_ACCEPT_ENCODING": encoding, "HTTP_ACCEPT_LANGUAGE": language}
    process.get("/food/schedule/", **headers)  # The pointer is known from now on.
    for address in addresses(event, slot):
        first = process.get(address, **headers)
        asked = process.asked
        with CaptureQueriesContext(
            connection,
        ) as queries:
            second = process.get(address, **headers)
        assert first[0] == 200, address
        assert second == first
        assert process.asked == asked
        assert not queries.captured_queries


def test_an_answer_that_is_known_is_not_sent_again(process: Process, slot: Slot) -> None:
    for _ in range(2):
        process.get("/food/schedule/")
    _status, headers, _body = process.get("/food/schedule/")
    asked = process.asked
    for condition in ({"HTTP_IF_NONE_MATCH": headers["etag"]}, {"HTTP_IF_MODIFIED_SINCE": headers["last-modified"]}):
        status, told, body = process.get("/food/schedule/", **condition)
        assert (status, body) == (304, b"")
        assert told["etag"] == headers["etag"]
        assert told["vary"] == headers["vary"]
        assert "content-length" not in told
    assert process.get("/food/schedule/", HTTP_IF_NONE_MATCH='"another"')[0] == 200
    assert process.asked == asked


def test_readers_get_their_language_by_cookie_as_well(process: Process, slot: Slot) -> None:
    for _ in range(2):
        english = process.get("/food/schedule/")[2].decode()
        chinese = process.get("/food/schedule/", HTTP_COOKIE="a=b; lihu_language=zh-hans")[2].decode()
        assert '<html lang="en"' in english
        assert '<html lang="zh-' in chinese


@pytest.mark.parametrize(
    "address", ["/food/schedule/?lang=zh-hans", "/food/schedule/?x=1", "/food/register/", "/livez"]
)
def test_everything_else_goes_to_django_each_time(process: Process, slot: Slot, address: str) -> None:
    for number in (1, 2, 3):
        process.get(address)
        assert process.asked == number


def test_a_host_that_is_not_ours_is_refused_whoever_asked_before(process: Process, slot: Slot) -> None:
    for _ in range(3):
        assert process.get("/food/schedule/")[0] == 200
    assert process.get("/food/schedule/", HTTP_HOST="evil.example")[0] == 400


def test_a_release_is_seen_at_once(
    process: Process, event: Event, slot: Slot, django_capture_on_commit_callbacks: Any
) -> None:
    for _ in range(3):
        assert b"09:00" in process.get("/food/schedule/")[2]
    slot.starts_at, slot.ends_at = at(event, "14:00"), at(event, "14:30")
    slot.save()
    with django_capture_on_commit_callbacks(execute=True):
        release(event, "2.0")
    for _ in range(3):
        assert b"14:00" in process.get("/food/schedule/")[2]


def test_an_event_that_is_a_draft_again_is_hidden_at_once(
    process: Process, event: Event, slot: Slot, django_capture_on_commit_callbacks: Any
) -> None:
    for _ in range(3):
        assert process.get("/food/schedule/")[0] == 200
    with django_capture_on_commit_callbacks(execute=True):
        events.update_event(event=event, changes={"state": "draft"}, actor=None, now=NOW)
    for address in addresses(event, slot):
        assert process.get(address)[0] == 404


def test_what_django_says_while_the_release_changes_is_given_once_and_not_kept(
    process: Process, event: Event, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    process.get("/food/schedule/")
    django = process._handler

    def changed_meanwhile(environ: Any, start_response: Any) -> Any:
        answer = django(environ, start_response)
        serving.forget("food")
        return answer

    monkeypatch.setattr(process, "_handler", changed_meanwhile)
    for number in (2, 3, 4):
        assert process.get("/food/schedule/")[0] == 200
        assert process.asked == number


def test_who_does_not_hear_of_changes_asks_each_time(process: Process, slot: Slot) -> None:
    process.get("/food/schedule/")
    process.get("/food/schedule/")
    serving.hear(False)
    for number in (3, 4):
        process.get("/food/schedule/")
        assert process.asked == number


def test_memory_has_an_end(process: Process, event: Event, slot: Slot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "MEMORY", 1)
    for address in addresses(event, slot) * 2:
        process.get(address)
    assert len(process.front._answers) == 1


def test_a_change_is_heard_through_redis_and_a_lost_connection_is_no_longer_trusted(event: Event, slot: Slot) -> None:
    ended: list[BaseException] = []

    def listen() -> None:
        try:
            listening._listen()
        except Exception as error:
            ended.append(error)
        finally:
            serving.hear(False)

    thread = threading.Thread(target=listen)
    thread.start()
    with Redis.from_url(settings.REDIS_URL) as client:
        until(lambda: serving.pointer_to("food") is serving.known_pointer("food") is not None)
        client.publish(serving.CHANNEL, "food")
        until(lambda: serving.known_pointer("food") is None)
        assert serving.pointer_to("food") is serving.known_pointer("food")
        client.execute_command("CLIENT", "KILL", "TYPE", "PUBSUB")
        thread.join(30)
    assert ended
    assert serving.known_pointer("food") is None
    serving.pointer_to("food")
    assert serving.known_pointer("food") is None


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
