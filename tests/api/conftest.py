from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from knox.models import AuthToken

from accounts.models import User


class Caller:
    """A client of the API: `api.post("events/", {…})` answers the response."""

    def __init__(self, user: User | None = None, **headers: str) -> None:
        self.client = Client()
        self.headers = {"accept-language": "en", **headers}
        if user is not None:
            self.headers["authorization"] = f"Token {AuthToken.objects.create(user)[1]}"

    def _send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        address = path if path.startswith("/") else f"/api/v1/{path}"
        data = body if isinstance(body, str) else json.dumps(body)
        return self.client.generic(
            method,
            address,
            "" if body is None else data,
            content_type="application/json",
            headers={**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}},
        )

    def get(self, path: str, **headers: str) -> Any:
        return self._send("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self._send("POST", path, {} if body is None else body, **headers)

    def patch(self, path: str, body: Any) -> Any:
        return self._send("PATCH", path, body)

    def delete(self, path: str) -> Any:
        return self._send("DELETE", path)


@pytest.fixture
def call() -> Callable[..., Caller]:
    return Caller


@pytest.fixture
def api(organizer: User) -> Caller:
    return Caller(organizer)


@pytest.fixture
def anybody(db: None) -> Caller:
    return Caller()
