"""The description of the API is valid, and says what it does."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from config import api_urls


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return found


def test_it_is_valid(schema: dict[str, Any]) -> None:
    validate_schema(schema)


def test_it_has_every_address(schema: dict[str, Any]) -> None:
    described = {path.replace("{", "<").replace("}", ">") for path in schema["paths"]}
    for entry in api_urls.urlpatterns:
        if isinstance(entry, URLPattern) and str(entry.pattern).startswith("events/"):
            plain = "/api/v1/" + str(entry.pattern).replace("<str:", "<").replace("<int:pk>", "<id>")
            assert plain in described, plain


def test_requests_are_bodies_and_answers_are_rows(schema: dict[str, Any]) -> None:
    post = schema["paths"]["/api/v1/events/{event}/slots/"]["post"]
    asked = post["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    shown = post["responses"]["201"]["content"]["application/json"]["schema"]["$ref"]
    assert asked.rpartition("/")[2] != shown.rpartition("/")[2]
    assert "id" in schema["components"]["schemas"][shown.rpartition("/")[2]]["properties"]
    assert "application/problem+json" in post["responses"]["4XX"]["content"]


def test_everybody_may_read_it(client: Client) -> None:
    for address in ("/api/v1/schema/", "/api/v1/docs/"):
        assert client.get(address).status_code == 200
