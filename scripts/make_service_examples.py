"""The examples of answers in the OpenAPI document, made by sending the examples of requests, and wrong ones.

Writes src/trimtab/web/api/answers.json. A test makes them again and compares.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from rest_clients import EXAMPLES, TOKEN, Client, serving  # noqa: E402 - the tests' client of the service

from trimtab.web.api import deciding  # noqa: E402
from trimtab.web.api.operations import OPERATIONS  # noqa: E402
from trimtab.web.service import Bounds  # noqa: E402

FILE = ROOT / "src" / "trimtab" / "web" / "api" / "answers.json"
_COMPUTED = ("limits-schema", "metrics")  # the document makes the first; the second counts requests and seconds
_CHANGING = re.compile(r"\b[0-9a-f]{8,64}\b|\d{4}-\d\d-\d\dT[0-9:.]+(?:\+00:00|Z)?|TT-[0-9A-Za-z-]+")


def made() -> dict[str, Any]:
    """The answers of the operations by name, and the problems by status."""
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder) / "runs.db") as client:
        answers = {
            operation.name: _answered(client, operation).json()
            for operation in OPERATIONS
            if operation.name not in _COMPUTED
        }
        return {"answers": answers, "problems": {**_refused(client), **_overtaxed()}}


def _answered(client: Client, operation: Any) -> Any:
    path = operation.path.replace("{run}", "latest")
    answer = client.get(path) if operation.method == "GET" else client.post(path, operation.example)
    if answer.status_code != operation.status:
        raise SystemExit(f"{operation.name}: {answer.text}")
    return answer


def _refused(client: Client) -> dict[str, Any]:
    """A problem of each status that a request can cause."""
    body = EXAMPLES["rebalance"]
    wrong = {**body, "candidates": [*body["candidates"][:2], {**body["candidates"][2], "score": 42}]}
    answers = [
        client.post("/rebalance", b'{"candidates": '),
        client.http.post("/api/v1/rebalance", json=body, headers={"Authorization": "Bearer of-an-earlier-start"}),
        client.post("/rebalance", body, Origin="http://elsewhere.example"),
        client.get("/runs/0123456789ab"),
        client.http.delete("/api/v1/rebalance", headers=TOKEN),
        client.post("/rebalance", body, Accept="text/html"),
        client.post("/apply", EXAMPLES["apply"]),  # a second time
        client.post("/rebalance", body, Content_Type="text/csv"),
        client.post("/rebalance", body, Host="elsewhere.example"),
        client.post("/rebalance", wrong),
    ]
    with mock.patch.object(deciding, "limits_schema", side_effect=ZeroDivisionError):
        answers.append(client.get("/limits/schema"))
    return {str(answer.status_code): answer.json() for answer in answers}


def _overtaxed() -> dict[str, Any]:
    """The problems of bodies that are late or too large, and of work that takes too long."""
    body, answers = EXAMPLES["rebalance"], {}
    for bounds in (Bounds(body_seconds=0), Bounds(body=100), Bounds(seconds=0)):
        with serving(bounds=bounds) as client:
            answer = client.post("/rebalance", body)
            answers[str(answer.status_code)] = answer.json()
    return answers


def lasting(examples: Any) -> Any:
    """The examples without hashes, ids and times, which differ each time."""
    if isinstance(examples, dict):
        return {name: lasting(value) for name, value in examples.items()}
    if isinstance(examples, list):
        return [lasting(value) for value in examples]
    return _CHANGING.sub("…", examples) if isinstance(examples, str) else examples


if __name__ == "__main__":
    FILE.write_text(json.dumps(made(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
