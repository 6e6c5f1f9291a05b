"""The description is right: it is valid, names every address, and what the API answers is what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core import signals
from django.core.handlers.wsgi import WSGIHandler
from django.db import close_old_connections
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from hypothesis import HealthCheck, Phase, given, settings
from knox.models import AuthToken
from schemathesis.checks import positive_data_acceptance

from accounts.models import User
from events.models import Organisation
from tests.contracts.addresses import API, World, make_world

#: Addresses that say something about the API, or that there is nothing.
ABOUT = {"api:schema", "api:docs", "api:nothing"}


def description() -> dict[str, Any]:
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return document


def test_the_description_is_valid_and_made_without_a_doubt() -> None:
    GENERATOR_STATS.reset()  # type: ignore[no-untyped-call]
    validate_schema(description())
    assert not GENERATOR_STATS, "run manage.py spectacular to see what it warns of"


def test_the_description_names_every_address() -> None:
    described = set(description()["paths"])
    ours = {
        "/" + address.route.replace("<int:", "{").replace("<str:", "{").replace(">", "}")
        for address in API
        if address.route.startswith("api/v1/") and address.name not in ABOUT
    }
    by_shape = {path.replace("{id}", "{pk}") for path in described}
    assert by_shape == ours


def test_requests_are_bodies_and_answers_are_rows() -> None:
    post = description()["paths"]["/api/v1/events/{event}/slots/"]["post"]
    asked = post["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    shown = post["responses"]["201"]["content"]["application/json"]["schema"]["$ref"]
    schemas = description()["components"]["schemas"]
    assert "id" in schemas[shown.rpartition("/")[2]]["properties"]
    assert "id" not in schemas[asked.rpartition("/")[2]]["properties"]
    assert schemas[asked.rpartition("/")[2]]["additionalProperties"] is False


def test_every_refusal_is_described_as_a_problem() -> None:
    for path, operations in description()["paths"].items():
        for method, operation in operations.items():
            assert "application/problem+json" in operation["responses"]["4XX"]["content"], f"{method} {path}"


def test_every_post_takes_an_idempotency_key() -> None:
    for path, operations in description()["paths"].items():
        if "post" in operations:
            names = {parameter["name"] for parameter in operations["post"]["parameters"]}
            assert "Idempotency-Key" in names, path


# -- Fuzzing -----------------------------------------------------------------------------------------------------------

OPERATIONS = [(path, method) for path, operations in description()["paths"].items() for method in operations]


@pytest.fixture
def world(organisation: Organisation) -> World:
    return make_world("food-2027", organisation)


@pytest.fixture
def application() -> Iterator[WSGIHandler]:
    """As a server runs it, but for the end of a request: the connection is the test's, with its transaction."""
    signals.request_started.disconnect(close_old_connections)
    signals.request_finished.disconnect(close_old_connections)
    yield WSGIHandler()
    signals.request_started.connect(close_old_connections)
    signals.request_finished.connect(close_old_connections)


@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=lambda part: part.removeprefix("/api/v1/"))
def test_whatever_is_asked_is_answered_as_described(
    world: World, organizer: User, application: WSGIHandler, path: str, method: str
) -> None:
    token = AuthToken.objects.create(organizer)[1]
    schema = schemathesis.openapi.from_wsgi("/api/v1/schema/?format=json", application)
    # Strange values go into bodies and queries; the path leads to something, so that they get that far.
    values = path_values(world, path)

    @given(case=schema[path][method.upper()].as_strategy())
    @settings(
        max_examples=12,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def fuzz(case: schemathesis.Case) -> None:
        case.path_parameters = values
        # That a well-formed request may still be refused, for what it refers to, no description can say.
        case.call_and_validate(headers={"Authorization": f"Token {token}"}, excluded_checks=[positive_data_acceptance])

    fuzz()


def path_values(world: World, path: str) -> dict[str, object]:
    found = {}
    for match in re.finditer(r"(\w[\w-]*)/\{(\w+)\}", path):
        word, name = match.groups()
        found[name] = world.values[f"{word} {'pk' if name == 'id' else name}"]
    return found
