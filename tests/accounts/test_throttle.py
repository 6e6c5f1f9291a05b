from __future__ import annotations

from http import HTTPStatus
from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from tests.factories.accounts import PASSWORD, make_user

pytestmark = pytest.mark.django_db


def fail(client: Client, login: str = "ada@example.org") -> str:
    return client.post("/accounts/login/", {"login": login, "password": "not-the-password"}).content.decode()


def sign_in(client: Client, login: str) -> Any:
    return client.post("/accounts/login/", {"login": login, "password": PASSWORD})


@pytest.fixture
def redis_down(settings: Settings) -> None:
    """Nothing listens on port 1."""
    settings.CACHES = {
        **settings.CACHES,
        "default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"},
    }


@pytest.mark.parametrize("redis", ["up", "down"])
def test_guessing_one_password_is_stopped_and_others_still_sign_in(request: pytest.FixtureRequest, redis: str) -> None:
    if redis == "down":
        request.getfixturevalue("redis_down")
    # A fresh address per case: what a process counts by itself outlives the test.
    login = f"ada-{redis}@example.org"
    make_user(login, password=PASSWORD)
    make_user(f"grace-{redis}@example.org", password=PASSWORD)
    client = Client()
    for _ in range(5):
        assert "not correct" in fail(client, login)
    assert "Too many failed login attempts" in fail(client, login)
    # The right password does not help any more either: whoever guesses must not learn that it was right.
    assert sign_in(client, login).status_code == HTTPStatus.OK
    assert sign_in(Client(), f"grace-{redis}@example.org").status_code == HTTPStatus.FOUND


def test_sign_in_works_without_redis(redis_down: None) -> None:
    make_user("ada@example.org", password=PASSWORD)
    cache.set("anything", 1)
    assert sign_in(Client(), "ada@example.org")["Location"] == "/me/"


@pytest.mark.parametrize("known", [True, False])
def test_one_address_is_not_flooded_with_codes(known: bool) -> None:
    if known:
        make_user("ada@example.org")
    answers = [Client().post("/accounts/login/code/", {"email": "ada@example.org"}).status_code for _ in range(4)]
    assert answers[:3] == [HTTPStatus.FOUND] * 3
    assert len(mail.outbox) == 3
