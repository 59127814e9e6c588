"""Values made to break readers, in every place of the body of every operation: refused or used, never a server error."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from rest_clients import EXAMPLES, Client, serving
from thorough import mostly_thorough

from trimtab.web.api.operations import OPERATIONS, Operation

VALUES: list[Any] = [
    float("inf"), -0.0, 1e-320, 1e308, 10**30, -(10**30), 2**63, -1, 0, "", " ", "\u202e", "a\0b", "x" * 100_000, True, False,
    None, [], {}, [1], {"a": 1}, "NaN", "1e999", "../../etc/passwd", "=1+1", "\ud7ff", "\U0010ffff", "0x10", "\uff19",
]  # fmt: skip
MORE = {"note": "n", "currency": "USD", "price_date": "2026-01-01", "group": "g"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with serving(tmp_path_factory.mktemp("values") / "runs.db") as opened:
        assert opened.post("/plan", EXAMPLES["plan"]).status_code == 201
        yield opened


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document; of a list the first and the last element."""
    yield place
    if isinstance(value, dict):
        for name in value:
            yield from places(value[name], (*place, name))
    elif isinstance(value, list):
        for index in sorted({0, len(value) - 1}):
            yield from places(value[index], (*place, index))


def with_value(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    """The document with another value at a place."""
    if not place:
        return value
    changed = copy.deepcopy(document)
    target = changed
    for step in place[:-1]:
        target = target[step]
    target[place[-1]] = value
    return changed


@pytest.mark.parametrize(
    "operation",
    mostly_thorough([each for each in reversed(OPERATIONS) if each.method == "POST"], 1),
    ids=lambda operation: operation.name,
)
def test_no_value_breaks_the_service(client: Client, operation: Operation) -> None:
    body = json.loads(json.dumps(operation.example))
    for row in body.get("candidates", [])[:1]:
        row.update(MORE)
    for place in places(body):
        for value in VALUES:
            sent = json.dumps(with_value(body, place, value)).replace("Infinity", "1e999").encode()
            answer = client.post(operation.path, sent)
            assert answer.status_code < 500, (place, value, answer.text)
            assert "/tmp" not in answer.text and ".py" not in answer.text, (place, value)
            json.loads(answer.content, parse_constant=lambda name: pytest.fail(f"{name} in an answer"))
