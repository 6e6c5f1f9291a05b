"""What the log says of a request."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django.fixtures import Settings
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

pytestmark = pytest.mark.django_db


def line_of(client: Client, **headers: str) -> dict[str, object]:
    with capture_logs(processors=[merge_contextvars]) as lines:
        client.get("/", headers=headers)
    (line,) = [line for line in lines if str(line["event"]).startswith("request_")]
    return dict(line)


def test_there_is_one_line_at_its_end_with_an_id_of_its_own(client: Client) -> None:
    first, second = line_of(client), line_of(client)
    assert first["event"] == "request_finished"
    assert (first["code"], first["request"], first["user_id"]) == (200, "GET /", None)
    assert first["request_id"] != second["request_id"]


@pytest.mark.parametrize(
    ("proxies", "told", "address"),
    [
        (0, "", "127.0.0.1"),
        # Anybody can say so.
        (0, "10.1.1.1", "127.0.0.1"),
        (1, "", "127.0.0.1"),
        (1, "10.1.1.1", "10.1.1.1"),
        (1, "192.0.2.66, 10.1.1.1", "10.1.1.1"),
        (2, "192.0.2.66, 10.1.1.1, 10.2.2.2", "10.1.1.1"),
        (2, "10.2.2.2", "127.0.0.1"),
    ],
)
def test_the_address_is_told_by_trusted_proxies_only(
    client: Client, settings: Settings, proxies: int, told: str, address: str
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    assert line_of(client, **({"X-Forwarded-For": told} if told else {}))["ip"] == address
