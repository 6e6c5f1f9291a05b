"""Real programmes in pretalx's shapes, every answer held against pretalx's own description of its API."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from io import StringIO
from typing import Any
from urllib.parse import urlsplit

import pytest
import schemathesis
import yaml
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from requests import Request
from schemathesis.schemas import BaseSchema

from events.models import Event
from scheduling.models import Slot
from tests.data import shared

pytestmark = pytest.mark.django_db

REAL = [
    "schedules/fosdem/fosdem-2026.pentabarf.xml",
    "schedules/python/pyconfr-2024.pretalx.json",
    "schedules/ccc/36c3-everything.schedule.xml",
]
EVENT = "/api/events/{event}/"
#: Address by pretalx's description → the key of one row, and what of it may come along.
TABLES = {
    "submissions/": ("{code__iexact}/", "code", "speakers,slots,slots.room,track,submission_type"),
    "speakers/": ("{code__iexact}/", "code", "submissions"),
    "rooms/": ("{id}/", "id", ""),
    "tracks/": ("{id}/", "id", ""),
    "submission-types/": ("{id}/", "id", ""),
    "slots/": ("{id}/", "id", "room,submission,submission.speakers,submission.track"),
    "schedules/": ("{id}/", "id", "slots,slots.room,slots.submission"),
}


@cache
def theirs() -> BaseSchema:
    document = yaml.safe_load(shared("schemas/pretalx/openapi.yml").read_text())
    # Of time zones it lists none.
    del document["components"]["schemas"]["TimezoneEnum"]["enum"]
    return schemathesis.openapi.from_dict(document)


class Reader:
    """A client of pretalx that believes nothing: `get` answers the body of what its description allows."""

    def __init__(self) -> None:
        self.client = Client()

    def get(self, described: str, path: str) -> Any:
        answer = self.client.get(path)
        assert answer.status_code == 200, (path, answer.content[:200])
        operation = theirs()[described]["GET"]
        operation.validate_response(
            schemathesis.Response(
                status_code=answer.status_code,
                headers={name.lower(): [value] for name, value in answer.headers.items()},
                content=answer.content,
                request=_prepared(path),
                elapsed=0.0,
                verify=False,
                message="OK",
            )
        )
        return answer.json()

    def walk(self, described: str, path: str) -> Iterator[Any]:
        """The rows of every page."""
        address: str | None = path
        while address:
            body = self.get(described, address)
            yield from body["results"]
            parts = urlsplit(body["next"] or "")
            address = f"{parts.path}?{parts.query}" if body["next"] else None


def _prepared(path: str) -> Any:
    return Request("GET", f"http://testserver{path}").prepare()


def folded(row: dict[str, Any]) -> dict[str, Any]:
    """With keys instead of the rows that came along."""
    return {name: _key(value) if name not in OWN else value for name, value in row.items()}


#: Texts in several languages are objects of their own.
OWN = {"name", "description", "comment"}


def _key(value: Any) -> Any:
    if isinstance(value, list):
        return [_key(part) for part in value]
    return value.get("code", value.get("id")) if isinstance(value, dict) else value


def whole_rows(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name, value in row.items():
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, dict) and name not in OWN:
                yield part
                yield from whole_rows(part)


def table_of(row: dict[str, Any]) -> str:
    marks = {
        "submission_type": "submissions/",
        "biography": "speakers/",
        "capacity": "rooms/",
        "color": "tracks/",
        "default_duration": "submission-types/",
        "start": "slots/",
    }
    return next(table for mark, table in marks.items() if mark in row)


@pytest.mark.parametrize("file", REAL)
def test_every_answer_about_a_real_programme_is_as_pretalx_describes_it(file: str) -> None:
    call_command("import_schedule", str(shared(file)), "--event", "real", "--publish", "1", stdout=StringIO())
    event = Event.objects.get(slug="real")
    reader = Reader()
    base = "/api/events/real/"
    reader.get("/api/events/", "/api/events/")
    assert reader.get(EVENT, base)["timezone"] == event.time_zone
    found: dict[str, list[Any]] = {}
    for table, (one, key, _expand) in TABLES.items():
        rows = found[table] = list(reader.walk(EVENT + table, f"{base}{table}?page_size=200"))
        assert len({row[key] for row in rows}) == len(rows)
        for row in [*rows[:2], *rows[-1:]]:
            whole = reader.get(EVENT + table + one, f"{base}{table}{row[key]}/")
            assert whole.items() >= row.items()
            # With a language, texts are that one: their description has no shape for it.
            told = reader.client.get(f"{base}{table}{row[key]}/?lang=en").json()
            assert told == {
                name: value.get("en") or next(iter(value.values()), "")
                if name in OWN and isinstance(value, dict)
                else value
                for name, value in whole.items()
            }
    known = {table: {row[TABLES[table][1]]: row for row in rows} for table, rows in found.items()}
    for table, (_one, key, expand) in TABLES.items():
        for path in [expand, *expand.split(",")] if expand else []:
            # What comes along has no shape in their description: it is the row itself, in the place of its key.
            for row in reader.client.get(f"{base}{table}?expand={path}&page_size=50").json()["results"]:
                assert folded(row) == known[table][row[key]]
                for nested in whole_rows(row):
                    assert folded(nested) == known[table_of(nested)][_key(nested)]
    live = Slot.objects.filter(schedule__event=event, schedule__is_current=True, submission__isnull=False)
    assert {row["id"] for row in found["slots/"]} == set(live.values_list("pk", flat=True))
    assert {row["code"] for row in found["submissions/"]} == set(live.values_list("submission__code", flat=True))
    assert {pk for row in found["submissions/"] for pk in row["slots"]} == {row["id"] for row in found["slots/"]}
    assert {code for row in found["submissions/"] for code in row["speakers"]} == {
        row["code"] for row in found["speakers/"]
    }
    with CaptureQueriesContext(connection) as queries:
        for page in range(1, 5):
            reader.client.get(f"{base}submissions/?page_size=50&page={page}&expand=speakers,slots.room")
    assert not queries.captured_queries
