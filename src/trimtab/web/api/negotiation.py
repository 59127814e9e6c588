"""The headers of a request: its token, its key, the type of its body, and the types it accepts."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import Headers, QueryParams

from trimtab.errors import InputError, nearest
from trimtab.web.api import arrow_bodies
from trimtab.web.api.json_text import json_of
from trimtab.web.api.operations import Operation
from trimtab.web.api.problems import ApiError, Problem, fault_list, refusal
from trimtab.web.service import Bounds, Service

JSON = "application/json"
ARROW = arrow_bodies.MEDIA_TYPE
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def check_token(headers: Headers, service: Service) -> None:
    """Refuse a request without the token.

    Raises
    ------
    ApiError
        It is missing or wrong.
    """
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secrets.compare_digest(token.encode(), service.key.encode()):
        advice = "send the header Authorization: Bearer TOKEN, with the key that trimtab serve prints or --token gives"
        raise ApiError(refusal(401, "the token is missing or wrong", advice, WWW_Authenticate="Bearer"))


def key_of(headers: Headers, operation: Operation) -> str | None:
    """The idempotency key, None without one.

    Raises
    ------
    ApiError
        Several, one that is too long, or one for an operation that takes none.
    """
    keys = headers.getlist("idempotency-key")
    if not keys:
        return None
    if not operation.takes_key or len(keys) > 1 or not _KEY.fullmatch(keys[0]):
        advice = "send one with up to 255 visible characters, and only to plan and apply"
        raise ApiError(refusal(400, "the Idempotency-Key cannot be used", advice))
    return keys[0]


def query_of(query: QueryParams, operation: Operation) -> dict[str, str]:
    """The parameters of a query.

    Raises
    ------
    ApiError
        One that is unknown, or given twice.
    """
    known = [parameter.name for parameter in operation.parameters if parameter.place == "query"]
    values: dict[str, str] = {}
    for name, value in query.multi_items():
        if name not in known:
            raise ApiError(
                refusal(400, f"the parameter {name!r} is unknown", nearest(name, known) if known else "drop it")
            )
        if name in values:
            raise ApiError(refusal(400, f"the parameter {name!r} is given twice", "give it once"))
        values[name] = value
    return values


def check_type(headers: Headers) -> str:
    """The media type of a body.

    Raises
    ------
    ApiError
        One that is not read, or a body that is compressed.
    """
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in (JSON, ARROW):
        raise ApiError(refusal(415, "the body has a type that is not read", f"send {JSON} or {ARROW}"))
    if headers.get("content-encoding", "identity") != "identity":
        raise ApiError(refusal(415, "the body is compressed", "send it without Content-Encoding"))
    return media_type


def wants_arrow(headers: Headers, operation: Operation) -> bool:
    """Whether the answer is to be an Arrow stream.

    Raises
    ------
    ApiError
        The request takes neither that nor JSON.
    """
    if operation.name == "metrics":
        return False
    weights = _accepted(headers.get("accept", "*/*"))
    json_weight = max(weights.get(name, 0.0) for name in (JSON, "application/*", "*/*"))
    arrow_weight = weights.get(ARROW, 0.0) if operation.has_table else 0.0
    if not (json_weight or arrow_weight):
        known = f"{JSON} or {ARROW}" if operation.has_table else JSON
        raise ApiError(refusal(406, "the answer has no such format", f"accept {known}"))
    return arrow_weight > 0 and arrow_weight >= weights.get(JSON, 0.0)


def _accepted(text: str) -> dict[str, float]:
    """The media ranges of an Accept header with their weights; 0 for a weight that cannot be read."""
    weights = {}
    for part in text.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = next((value[2:] for value in parameters if value.startswith("q=")), "1")
        weights[name] = float(quality) if re.fullmatch(r"[01](\.[0-9]{0,3})?", quality) else 0.0
    return weights


def values_of(data: bytes, media_type: str, bounds: Bounds) -> Mapping[str, Any]:
    """The members of a body as they came; an Arrow stream has the candidates as rows, all else in its metadata.

    Raises
    ------
    ApiError
        The body cannot be read, or holds something other than an object.
    """
    try:
        return _values(data, media_type, bounds)
    except InputError as error:
        problem = Problem(400, "malformed", str(error), tuple(fault_list(error.faults)))
        raise ApiError(problem) from None


def _values(data: bytes, media_type: str, bounds: Bounds) -> Mapping[str, Any]:
    if media_type == ARROW:
        table, members = arrow_bodies.table_of_stream(data, bounds)
        if "candidates" in members:
            raise ApiError(refusal(400, "candidates are given twice", "send them as the rows of the stream"))
        return {**members, "candidates": table}
    values = json_of(data)
    if not isinstance(values, dict):
        raise ApiError(refusal(400, "the body is not an object", "send a JSON object"))
    return values
