"""The OpenAPI document, made from the table of operations, its examples carried out."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from trimtab.limits.json_schema import limits_schema
from trimtab.web.api import problems
from trimtab.web.api.arrow_bodies import MEDIA_TYPE as ARROW, METADATA
from trimtab.web.api.calls import Answer, Call
from trimtab.web.api.members import object_schema
from trimtab.web.api.metrics import MEDIA_TYPE as METRICS, Metrics
from trimtab.web.api.operations import OPERATIONS, Operation
from trimtab.web.api.schemas import component_schemas

_EVERYWHERE = (401, 405, 406, 421, 500, 503)  # whatever the operation
_WITH_BODY = (400, 403, 408, 413, 415, 422)
_WITH_QUERY = (400, 422)
_DOC = """Decide portfolios over HTTP: the same rules, bytes and reasons as the library and the command line.

Weights are fractions of an account's value; exact amounts and shares are text. A body is JSON, or an Arrow IPC stream whose
rows are the candidates and whose schema has all else as JSON under the metadata key `trimtab`. Nothing is sent anywhere."""


def describe_service(call: Call) -> Answer:
    """The document."""
    return Answer(document_of(call.service.version))


OPENAPI = Operation("openapi", "GET", "/openapi.json", "This document", describe_service, "Schema", is_open=True)


@cache
def document_of(version: str) -> dict[str, Any]:
    """The OpenAPI document of a version."""
    paths: dict[str, Any] = {}
    for operation in (*OPERATIONS, OPENAPI):
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "trimtab", "version": version, "description": _DOC, "license": {"name": "MIT"}},
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": component_schemas(),
            "examples": {status: {"value": value} for status, value in answer_examples()["problems"].items()},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [*map(_parameter, operation.parameters), *([_KEY] if operation.takes_key else [])],
        "responses": {str(operation.status): _answer(operation), **_problems(operation)},
    }
    if operation.is_open:
        described["security"] = []
    if operation.method == "POST":
        described["requestBody"] = _body(operation)
    return described


def _parameter(parameter: Any) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "description": parameter.doc,
        "schema": dict(parameter.schema),
        "example": parameter.example,
    }


_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes the request safe to repeat: the same key with the same body gets the same answer, also after a "
    "restart; with another body it is refused",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
    "example": "2026-03-02-account-17",
}


def _body(operation: Operation) -> dict[str, Any]:
    content: dict[str, Any] = {
        "application/json": {
            "schema": object_schema(operation.members),
            "examples": {"example": {"value": dict(operation.example)}},
        }
    }
    if any(member.name == "candidates" for member in operation.members):
        content[ARROW] = {"schema": _stream("the candidates, all else in the metadata")}
    return {"required": True, "content": content}


def _stream(what: str) -> dict[str, Any]:
    text = f"an Arrow IPC stream: {what} (JSON, under the key {METADATA.decode()})"
    return {"type": "string", "format": "binary", "description": text}


@cache
def answer_examples() -> dict[str, Any]:
    """Answers of the service: `answers` by operation, and `problems` by status."""
    text = resources.files("trimtab.web.api").joinpath("answers.json").read_text(encoding="utf-8")
    examples: dict[str, Any] = json.loads(text)
    return {**examples, "answers": {**examples["answers"], "limits-schema": limits_schema()}}


def _answer(operation: Operation) -> dict[str, Any]:
    if operation.answer == "Text":
        content = {METRICS.partition(";")[0]: {"schema": {"type": "string"}, "example": Metrics("0").text()}}
        return {"description": "The text", "content": content}
    answer: dict[str, Any] = {"schema": {"$ref": f"#/components/schemas/{operation.answer}"}}
    example = answer_examples()["answers"].get(operation.name)
    if example is not None:  # all but this document
        answer["example"] = example
    content = {"application/json": answer}
    if operation.has_table:
        content[ARROW] = {"schema": _stream("the rows of the answer, all else in the metadata")}
    return {"description": "The answer", "content": content}


def _problems(operation: Operation) -> dict[str, Any]:
    statuses = {*_EVERYWHERE, *operation.problems, *(_WITH_BODY if operation.method == "POST" else _WITH_QUERY)}
    return {
        str(status): {
            "description": problems.reason(status),
            "content": {
                problems.MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "examples": {"example": {"$ref": f"#/components/examples/{status}"}},
                }
            },
        }
        for status in sorted(statuses)
    }
