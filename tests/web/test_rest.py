"""The REST service: every operation, in JSON and as Arrow streams, and requests that are safe to repeat."""

from __future__ import annotations

import base64
import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow as pa
import pytest
from rest_clients import EXAMPLES, Client, serving, table_in
from starlette.testclient import TestClient

import trimtab
from trimtab.store.execution import record_execution
from trimtab.store.plan_runs import find_plan
from trimtab.store.record import Kind
from trimtab.store.run_store import Filter
from trimtab.store.sql_store import SqlStore
from trimtab.web.api.arrow_bodies import MEDIA_TYPE
from trimtab.web.api.operations import OPERATIONS, Operation
from trimtab.web.api.rows import table_of_rows

PLAN, DECIDE = EXAMPLES["plan"], EXAMPLES["rebalance"]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A service that stores runs; one plan is in it."""
    with serving(tmp_path_factory.mktemp("rest") / "runs.db") as opened:
        assert opened.post("/plan", PLAN).status_code == 201
        yield opened


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Client]:
    """A service whose store is new."""
    with serving(tmp_path / "runs.db") as opened:
        yield opened


@pytest.fixture(scope="module")
def document(client: Client) -> Any:
    return client.http.get("/api/v1/openapi.json").json()


def apply_body(run: str, **changes: Any) -> dict[str, Any]:
    return {**EXAMPLES["apply"], "run": run, **changes}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_example_is_answered_as_its_schema_says(client: Client, document: Any, operation: Operation) -> None:
    path = operation.path.replace("{run}", "latest")
    answer = client.get(path) if operation.method == "GET" else client.post(path, operation.example)
    assert answer.status_code == operation.status, answer.text
    described = document["paths"][operation.path][operation.method.lower()]
    media_type = answer.headers["content-type"].partition(";")[0]
    schema = described["responses"][str(operation.status)]["content"][media_type]["schema"]
    if media_type == "application/json":
        validator = jsonschema.Draft202012Validator({**schema, "components": document["components"]})
        assert [error.message for error in validator.iter_errors(answer.json())] == []


def test_every_answer_of_the_document_has_an_example_that_fits(document: Any) -> None:
    for path, described in document["paths"].items():
        for answers in (operation["responses"] for operation in described.values()):
            for status, answer in answers.items():
                (first, *_) = answer["content"].values()
                example = first.get("example")
                if "examples" in first:
                    example = document["components"]["examples"][
                        first["examples"]["example"]["$ref"].rpartition("/")[2]
                    ]
                    example = example["value"]
                    assert example["status"] == int(status)
                if path == "/openapi.json" and status == "200":
                    continue  # this document
                validator = jsonschema.Draft202012Validator({**first["schema"], "components": document["components"]})
                assert [error.message for error in validator.iter_errors(example)] == [], (path, status)


def test_the_examples_are_what_the_service_answers() -> None:
    """If not: python scripts/make_service_examples.py."""
    script = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "make_service_examples.py"))
    stored = json.loads(script["FILE"].read_text(encoding="utf-8"))
    assert script["lasting"](script["made"]()) == script["lasting"](stored)


def test_a_rebalance_is_that_of_the_library(client: Client) -> None:
    limits = trimtab.RebalancingLimits(**DECIDE["limits"])
    result = trimtab.rebalance(DECIDE["candidates"], limits)
    assert client.post("/rebalance", DECIDE).json() == json.loads(result.to_json())
    table = pa.Table.from_pylist([{"current_weight": 0.0, **row} for row in DECIDE["candidates"]])
    answer = client.post_table("/rebalance", table, {"limits": DECIDE["limits"]}, Accept=MEDIA_TYPE)
    targets, rest = table_in(answer)
    assert targets.column("target_weight").to_pylist() == [row["target_weight"] for row in result.targets]
    assert "targets" not in json.loads(rest) and json.loads(rest)["status"] == result.status
    rows, _ = table_in(client.post("/rebalance", DECIDE, Accept=MEDIA_TYPE))
    assert rows.column("target_weight") == targets.column("target_weight")


def test_a_bad_account_fails_alone(client: Client) -> None:
    body = EXAMPLES["rebalance-many"]
    rows = [{**row, "score": 7 if row["account"] == "A2" else row["score"]} for row in body["candidates"]]
    answer = client.post("/rebalance-many", {**body, "candidates": rows}).json()
    assert answer["counts"] == {"ok": 1, "failed": 1}
    fault = answer["accounts"][1]["faults"][0]
    assert (fault["column"], fault["row"], fault["value"], fault["account"]) == ("score", 6, 7, "A2")
    table, _ = table_in(client.post("/rebalance-many", body, Accept=MEDIA_TYPE))
    assert table.num_rows == len(rows)


EXPOSED = {**DECIDE["limits"], "exposures": {"country": {"max_exposure": 0.3}}}
EXPOSURES = [
    {"asset": "AAA", "scheme": "country", "bucket": "US", "fraction": 0.6},
    {"asset": "DDD", "scheme": "country", "bucket": "Asia/Japan", "fraction": 1.0},
]


def test_exposures_are_those_of_the_library(client: Client) -> None:
    limits = trimtab.RebalancingLimits(**EXPOSED)
    body = {**DECIDE, "limits": EXPOSED, "exposures": EXPOSURES}
    result = trimtab.rebalance(DECIDE["candidates"], limits, exposures=EXPOSURES)
    assert client.post("/rebalance", body).json() == json.loads(result.to_json())
    assert (
        result.targets != trimtab.rebalance(DECIDE["candidates"], trimtab.RebalancingLimits(**DECIDE["limits"])).targets
    )
    check = client.post("/check", body).json()
    findings = trimtab.check(DECIDE["candidates"], limits, exposures=EXPOSURES).findings
    assert [each["text"] for each in check["findings"]] == [each.text for each in findings]
    explained = client.post("/explain", {**body, "assets": ["AAA"]}).json()
    assert explained == json.loads(trimtab.explanations_json([result.explain("AAA")]))
    many = client.post("/rebalance-many", {**body, "candidates": EXAMPLES["rebalance-many"]["candidates"]}).json()
    weights = [row["target_weight"] for row in many["targets"]]
    assert weights == 2 * [row["target_weight"] for row in result.targets]


@pytest.mark.thorough
def test_a_plan_with_exposures_is_that_of_the_library(fresh: Client) -> None:
    client, limits = fresh, {**PLAN["limits"], "exposures": EXPOSED["exposures"]}
    body = {**PLAN, "limits": limits, "exposures": EXPOSURES}
    inputs = {name: value for name, value in body.items() if name != "purpose"}
    made = trimtab.plan(
        PLAN["candidates"], trimtab.RebalancingLimits.from_dict(limits), cash=PLAN["cash"], exposures=EXPOSURES
    )
    answer = client.post("/plan", body).json()
    assert answer["plan_id"] == made.plan_id != client.post("/plan", PLAN).json()["plan_id"]
    streamed = client.post_table("/plan", table_of_rows(PLAN["candidates"], "candidates"),
                                 {name: body[name] for name in ("cash", "limits", "exposures")}).json()  # fmt: skip
    assert streamed["plan_id"] == made.plan_id
    explained = client.post("/explain", {**inputs, "assets": ["AAA"]}).json()
    assert explained == json.loads(trimtab.explanations_json([made.result.explain("AAA")], [made.explain("AAA")]))
    changed = [{**EXPOSURES[0], "fraction": 0.7}, EXPOSURES[1]]
    stale = client.post("/apply", apply_body(answer["run_id"], inputs={**inputs, "exposures": changed}))
    assert stale.status_code == 409
    assert stale.json()["faults"][0]["problem"] == "fraction of AAA country US: 0.6 -> 0.7"
    assert client.post("/apply", apply_body(answer["run_id"], inputs=inputs)).status_code == 201


@pytest.mark.parametrize("operation", ["rebalance", "rebalance-many", "check", "explain"])
def test_a_fault_of_exposures_has_its_place(client: Client, operation: str) -> None:
    body = {**EXAMPLES[operation], "limits": EXPOSED}
    path = f"/{operation}"
    if operation != "check":  # it reports faults of limits as findings
        assert client.post(path, body).json()["type"] == "urn:trimtab:problem:limits"
    for change, column in (
        ({"fraction": 2}, "fraction"),
        ({"bucket": "US//x"}, "bucket"),
        ({"nation": "US"}, "nation"),
    ):
        answer = client.post(path, {**body, "exposures": [EXPOSURES[1], {**EXPOSURES[0], **change}]})
        if operation == "check" and answer.status_code == 200:
            assert not answer.json()["ok"]
            continue
        fault = answer.json()["faults"][0]
        assert (fault["file"], fault["column"]) == ("exposures", column)
        assert fault["row"] == (None if column == "nation" else 2)


def test_orders_are_explained_where_cash_is_known(client: Client) -> None:
    body = {"candidates": PLAN["candidates"], "limits": DECIDE["limits"], "cash": PLAN["cash"], "assets": ["AAA"]}
    assert client.post("/explain", body).json()["orders"][0]["asset"] == "AAA"


def test_a_repeated_plan_is_answered_the_same_and_stored_once(tmp_path: Path) -> None:
    place = tmp_path / "runs.db"
    with serving(place) as first:
        answer = first.post("/plan", PLAN, Idempotency_Key="k1")
        again = first.post("/plan", PLAN, Idempotency_Key="k1")
        other = first.post("/plan", {**PLAN, "cash": "1"}, Idempotency_Key="k1")
    with serving(place) as second:  # after a restart
        later = second.post("/plan", PLAN, Idempotency_Key="k1")
        run_id = answer.json()["run_id"]
        applied = second.post("/apply", apply_body(run_id), Idempotency_Key="k2")
        assert second.post("/apply", apply_body(run_id), Idempotency_Key="k2").content == applied.content
        assert second.post("/apply", apply_body(run_id, format="ibkr"), Idempotency_Key="k2").status_code == 422
        assert second.post("/apply", apply_body(run_id)).status_code == 409
        assert second.post("/apply", apply_body(run_id), Idempotency_Key="k1").status_code == 422
    assert answer.content == again.content == later.content and answer.headers["location"].endswith(run_id)
    assert other.status_code == 422 and other.json()["type"] == "urn:trimtab:problem:reused-key"
    assert applied.status_code == 201 and applied.json()["files"][0]["name"] == "orders.csv"
    store = SqlStore(str(place))
    kinds = [record.kind for record in store.records(Filter())]
    store.close()
    assert kinds == [Kind.REQUEST, Kind.PLAN, Kind.REQUEST, Kind.APPLY]


def test_a_plan_as_arrow_streams(client: Client) -> None:
    rows = [{name: str(value) for name, value in row.items() if name != "lot"} for row in PLAN["candidates"]]
    table = pa.Table.from_pylist([{**row, "score": float(row["score"])} for row in rows])
    orders, rest = table_in(client.post_table("/plan", table, {"cash": 2621}, Accept=MEDIA_TYPE))
    assert orders.column_names[:3] == ["asset", "side", "shares"]
    assert json.loads(rest)["run_id"] and "orders" not in json.loads(rest)


def test_orders_that_a_gate_holds_back_are_not_among_the_orders(fresh: Client) -> None:
    client = fresh
    held = {**PLAN, "limits": {**PLAN["limits"], "gates": {"max_order_share": 0.01}}, "purpose": "held"}
    answer = client.post("/plan", held).json()
    assert answer["orders"] == [] and answer["held_orders"] and not answer["is_granted"]
    orders, _ = table_in(client.post("/plan", held, Accept=MEDIA_TYPE))
    assert orders.num_rows == 0
    inputs = {name: value for name, value in held.items() if name != "purpose"}
    refused = client.post("/apply", apply_body(answer["run_id"], inputs=inputs))
    assert refused.status_code == 409 and refused.json()["type"] == "urn:trimtab:problem:held"
    passed = [{"gate": "order_share", "by": "A", "why": "a new account"}]
    body = apply_body(answer["run_id"], inputs=inputs, acknowledgements=passed, format="xlsx", by="B", purpose="why")
    applied = client.post("/apply", body).json()
    assert base64.b64decode(applied["files"][0]["content"])[:2] == b"PK" and applied["by"] == "B"
    shown = client.get(f"/runs/{answer['run_id']}").json()
    assert shown["about"][0]["files"][0]["name"] == "orders.xlsx"
    fills = pa.Table.from_pylist(
        [{name: order[name] for name in ("client_order_id", "shares", "price")} for order in answer["held_orders"]]
    )
    with fresh.service.opened_store() as store:
        record_execution(store, find_plan(store, answer["run_id"]), fills, fresh.service.stamp())
    event = client.get(f"/runs/{answer['run_id']}").json()["about"][1]
    assert event["kind"] == "execution" and event["outcomes"] and "files" not in event


def test_a_plan_that_is_out_of_date_is_not_applied(client: Client) -> None:
    run = client.post("/plan", {**PLAN, "purpose": "stale"}).json()["run_id"]
    changed = {**EXAMPLES["apply"]["inputs"], "cash": "2622.00"}
    answer = client.post("/apply", apply_body(run, inputs=changed))
    assert answer.status_code == 409 and answer.json()["faults"][0]["problem"] == "cash: 2621.00 -> 2622.00"
    assert client.post("/apply", apply_body(run, format="pdf")).status_code == 422


def test_a_service_without_store(client: Client) -> None:
    with serving() as bare:
        answer = bare.post("/plan", PLAN)
        assert answer.status_code == 200 and answer.json()["run_id"] is None
        assert bare.post("/plan", PLAN, Idempotency_Key="k").status_code == 409
        assert bare.get("/runs").status_code == 409
    with_run = client.post("/plan", PLAN).json()
    assert with_run["plan_id"] == answer.json()["plan_id"] and with_run["run_id"]


def test_health_needs_no_token_and_metrics_count(client: Client) -> None:
    http: TestClient = client.http
    assert http.get("/api/v1/health").json()["status"] == "ok"
    assert http.head("/api/v1/health").status_code == 200
    assert http.get("/api/v1/metrics").status_code == 401
    client.post("/rebalance", DECIDE)
    text = client.get("/metrics").text
    assert 'trimtab_requests_total{operation="rebalance",status="200"}' in text
    assert 'trimtab_request_seconds_bucket{operation="rebalance",le="+Inf"}' in text


def test_runs_are_listed_and_shown_without_places(client: Client) -> None:
    runs = client.get("/runs?newest=1").json()["runs"]
    assert len(runs) == 1 and client.get(f"/runs/{runs[0]['run_id']}").json()["kind"] == "plan"
    assert client.get("/runs?account=nobody").json()["runs"] == []
    table, _ = table_in(client.get("/runs", Accept=MEDIA_TYPE))
    assert table.num_rows == len(client.get("/runs").json()["runs"])
    for newest in ("0", "1001", "x", "\u0663"):
        assert client.get(f"/runs?newest={newest}").status_code == 422
    assert client.get("/runs/abcd").status_code == 404
