"""`/api/v1/docs/`: the OpenAPI document as a page that can be read without scripts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.generators import SchemaGenerator

#: The same for every operation, so said once.
REFUSED = "4XX"
METHODS = ("get", "post", "patch", "delete")


@dataclass(frozen=True)
class Field:
    name: str
    type: str
    required: bool
    description: str


@dataclass(frozen=True)
class Answer:
    status: str
    fields: list[Field]
    example: str


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    description: str
    parameters: list[Field]
    body: list[Field]
    asked: str
    answers: list[Answer]


@dataclass(frozen=True)
class Group:
    name: str
    operations: list[Operation] = field(default_factory=list)


@login_not_required
def documentation(request: HttpRequest) -> HttpResponse:
    return render(request, "api_docs.html", {"groups": groups()})


@cache
def groups() -> list[Group]:
    """One group per resource, in the order of the URLs."""
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    found: dict[str, Group] = {}
    for path, operations in document["paths"].items():
        parts = [part for part in path.removeprefix("/api/v1/").split("/") if part and not part.startswith("{")]
        name = parts[1] if len(parts) > 1 else parts[0]
        group = found.setdefault(name, Group(name))
        group.operations.extend(
            _operation(document, method, path, operations[method]) for method in METHODS if method in operations
        )
    return list(found.values())


def _operation(document: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> Operation:
    body: dict[str, Any] = next(iter(operation.get("requestBody", {}).get("content", {}).values()), {})
    return Operation(
        method=method.upper(),
        path=path,
        description=operation.get("description", ""),
        parameters=[
            Field(p["name"], _type(document, p["schema"]), p.get("required", False), p.get("description", ""))
            for p in operation.get("parameters", [])
            if p["in"] == "query"
        ],
        body=_fields(document, body.get("schema", {})),
        asked=_example(body),
        answers=[
            Answer(status, _fields(document, shown.get("schema", {})), _example(shown))
            for status, answer in operation["responses"].items()
            if status != REFUSED
            for shown in list(answer.get("content", {}).values()) or [{}]
        ],
    )


def _example(shown: dict[str, Any]) -> str:
    """As it is sent, to be read."""
    values = [example["value"] for example in shown.get("examples", {}).values()]
    return json.dumps(values[0], ensure_ascii=False, indent=2) if values else ""


def _resolve(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema or len(schema.get("allOf", [])) == 1:
        if "allOf" in schema:
            schema = schema["allOf"][0]
        else:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "results" in schema.get("properties", {}):
        return _resolve(document, schema["properties"]["results"]["items"])
    return schema


def _fields(document: dict[str, Any], schema: dict[str, Any]) -> list[Field]:
    schema = _resolve(document, schema)
    if "oneOf" in schema:
        # One, or many of the same.
        schema = _resolve(document, schema["oneOf"][0])
    if schema.get("type") == "array":
        schema = _resolve(document, schema["items"])
    required = schema.get("required", [])
    return [
        Field(name, _type(document, part), name in required, part.get("description", ""))
        for name, part in schema.get("properties", {}).items()
    ]


def _type(document: dict[str, Any], schema: dict[str, Any]) -> str:
    schema = _resolve(document, schema)
    if "enum" in schema:
        values = [str(value) for value in schema["enum"] if value not in ("", None)]
        return " | ".join(values[:8]) + (" | …" if len(values) > 8 else "")
    if "oneOf" in schema:
        return " | ".join(dict.fromkeys(_type(document, part) for part in schema["oneOf"]))
    if schema.get("type") == "array":
        return f"list of {_type(document, schema['items'])}"
    return str(schema.get("format") or schema.get("type", "object"))
