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
from jsonschema import Draft202012Validator
from knox.models import AuthToken
from schemathesis import GenerationMode
from schemathesis.checks import negative_data_rejection, positive_data_acceptance

from accounts.models import User
from events.models import Organisation
from tests.api.conftest import Caller
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


# -- Examples ----------------------------------------------------------------------------------------------------------


def contents() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every body of a request or an answer, but files: of those there is nothing to read."""
    for path, operations in description()["paths"].items():
        for method, operation in operations.items():
            for media in operation.get("requestBody", {}).get("content", {}).values():
                yield f"{method} {path}", media
            for status, answer in operation["responses"].items():
                for media in answer.get("content", {}).values():
                    if media["schema"].get("format") != "binary":
                        yield f"{method} {path} {status}", media


def test_every_body_has_an_example_that_is_valid_and_an_answers_is_whole() -> None:
    components = plain(description()["components"])
    for name, media in contents():
        (example,) = [example["value"] for example in media["examples"].values()]
        schema = {**plain(media["schema"]), "components": components}
        errors = [
            f"{'/'.join(map(str, e.path))}: {e.message}" for e in Draft202012Validator(schema).iter_errors(example)
        ]
        assert not errors, (name, errors)


#: Made by us, or of the moment.
OF_THE_MOMENT = {
    *("id", "code", "secret", "links", "about", "group", "taken"),
    *("registered_at", "released_at", "recorded_at", "received_at", "available_from", "payment_due_at"),
}

#: From an event to a message; `{code}` is the registration's, `{id}` that of what was made last.
STORY = [
    "",
    *("rooms", "tracks", "speakers", "submissions", "slots", "releases"),
    *("quotas", "ticket-types", "products", "question-sections", "questions"),
    *("registrations", "registrations/{code}/payments", "registrations/group", "check-ins"),
    *("reminder-rules", "messages", "messages/{id}/cancel", "campaigns"),
    *("campaigns/{id}/send", "campaigns/{id}/cancel"),
    "registrations/{code}/cancel",
]


def test_the_examples_tell_what_happens(organizer: User, api: Caller) -> None:
    """Each example is sent, with the ids that the ones before it got, and answered as written."""
    paths = description()["paths"]
    known: dict[object, object] = {}
    here = {"event": "tea-2027", "code": "", "id": ""}
    for name in STORY:
        path = "/api/v1/events/" if not name else f"/api/v1/events/{{event}}/{name}/"
        post = paths[path]["post"]
        asked = (
            post["requestBody"]["content"]["application/json"]["examples"]["Example"]["value"]
            if "requestBody" in post
            else {}
        )
        (status,) = {"200", "201"} & post["responses"].keys()
        shown = post["responses"][status]["content"]["application/json"]["examples"]["Example"]["value"]
        if name == "ticket-types":
            api.patch("events/tea-2027/", {"state": "live"})
            # Dinner takes no seats.
            known["quotas", 2] = api.post("events/tea-2027/quotas/", {"name": "Dinner", "size": 120}).json()["id"]
        answer = api.post(path.format(**here), renamed(asked, known))
        assert answer.status_code == int(status), (name, answer.content)
        told = answer.json()
        for key in ("id", "code", "secret"):
            if key in shown:
                known["secret" if key == "secret" else REFERENCES.get(name, name), shown[key]] = told[key]
        here |= {"id": told.get("id", "")} | ({"code": told["code"]} if name == "registrations" else {})
        assert told.keys() == shown.keys(), name
        assert lasting(told) == lasting(renamed(shown, known)), name


#: Resource → the field by which others refer to it.
REFERENCES = {
    "rooms": "room",
    "tracks": "track",
    "speakers": "speakers",
    "submissions": "submission",
    "quotas": "quotas",
    "ticket-types": "ticket_type",
    "products": "product",
    "question-sections": "section",
    "registrations": "registration",
}


def renamed(example: Any, known: dict[object, object], key: str = "") -> Any:
    """The example with the ids that things have here."""
    if isinstance(example, dict):
        return {name: renamed(value, known, name) for name, value in example.items()}
    if isinstance(example, list):
        return [renamed(part, known, key) for part in example]
    return known.get((key, example), example)


def lasting(told: Any) -> Any:
    """Without what is of the moment."""
    if isinstance(told, dict):
        return {name: lasting(value) for name, value in told.items() if name not in OF_THE_MOMENT}
    return [lasting(part) for part in told] if isinstance(told, list) else told


def plain(node: Any) -> Any:
    """OpenAPI 3.0 as JSON Schema, which writes `nullable` otherwise."""
    if isinstance(node, list):
        return [plain(part) for part in node]
    if not isinstance(node, dict):
        return node
    found = {key: plain(value) for key, value in node.items() if key != "nullable"}
    return {"anyOf": [found, {"type": "null"}]} if node.get("nullable") is True else found


# -- Fuzzing -----------------------------------------------------------------------------------------------------------

OPERATIONS = [
    (path, method, mode)
    for path, operations in description()["paths"].items()
    for method, operation in operations.items()
    for mode in GenerationMode
    # Where nothing is asked with, nothing can be wrong.
    if mode is GenerationMode.POSITIVE
    or "requestBody" in operation
    or any(parameter["in"] == "query" for parameter in operation["parameters"])
]


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


@pytest.mark.parametrize(("path", "method", "mode"), OPERATIONS, ids=lambda part: str(part).removeprefix("/api/v1/"))
def test_whatever_is_asked_is_answered_as_described(
    world: World, organizer: User, application: WSGIHandler, path: str, method: str, mode: GenerationMode
) -> None:
    """What the description allows, and what it does not: the latter is refused."""
    token = AuthToken.objects.create(organizer)[1]
    schema = schemathesis.openapi.from_wsgi("/api/v1/schema/?format=json", application)
    # Strange values go into bodies and queries; the path leads to something, so that they get that far.
    values = path_values(world, path)
    # That a well-formed request may still be refused, for what it refers to, no description can say. Words in the query that
    # mean nothing here do no harm.
    no_promise = [positive_data_acceptance, *([] if method in {"post", "patch"} else [negative_data_rejection])]

    @given(case=schema[path][method.upper()].as_strategy(mode))
    @settings(
        max_examples=12 if mode is GenerationMode.POSITIVE else 6,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def fuzz(case: schemathesis.Case) -> None:
        case.path_parameters = values
        case.call_and_validate(headers={"Authorization": f"Token {token}"}, excluded_checks=no_promise)

    fuzz()


def path_values(world: World, path: str) -> dict[str, object]:
    found = {}
    for match in re.finditer(r"(\w[\w-]*)/\{(\w+)\}", path):
        word, name = match.groups()
        found[name] = world.values[f"{word} {'pk' if name == 'id' else name}"]
    return found
