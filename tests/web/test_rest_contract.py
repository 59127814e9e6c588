"""The service against its own OpenAPI document, with requests that schemathesis makes of it; and the doors agree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from command_line import run
from hypothesis import HealthCheck, Phase, given, seed, settings, strategies as st
from naive_orders import NANO
from order_cases import MICRO, OrderCase, random_order_case, with_exposures
from rest_clients import EXAMPLES, TOKEN, Client, serving, stream
from thorough import mostly_thorough
from web_visits import BASE, Browser

import trimtab
from trimtab.decimals import decimal_text
from trimtab.files.candidate_file import read_candidate_file
from trimtab.files.encoded_table import encoded_table
from trimtab.web.api.arrow_bodies import MEDIA_TYPE
from trimtab.web.api.operations import OPERATIONS

_REQUESTS = 60  # of each operation and kind
# What the document cannot say: rows that add up, runs that exist; and checks of resources that are made and deleted.
_LEFT_OUT = ("positive_data_acceptance", "use_after_free", "ensure_resource_availability", "object_level_authorization")
_PATHS = sorted({operation.path for operation in OPERATIONS})


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with serving(tmp_path_factory.mktemp("contract") / "runs.db") as opened:
        assert opened.post("/plan", EXAMPLES["plan"]).status_code == 201
        yield opened


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore:.* is now called .*:DeprecationWarning")  # old names of limits are in the schema
@pytest.mark.parametrize(
    ("path", "mode"),
    [(path, mode) for path in _PATHS for mode in ("POSITIVE", "NEGATIVE") if (path, mode) != ("/health", "NEGATIVE")],
)
def test_every_answer_is_as_the_document_says(client: Client, path: str, mode: str) -> None:
    """No server error, no status, type or shape that is not documented, and invalid requests are refused."""
    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not here (pip install schemathesis)")
    from schemathesis import checks

    checks.load_all_checks()
    tables = st.just(stream(pa.table({"asset": ["A"], "score": [0.9]}), {}))
    schemathesis.openapi.media_type(MEDIA_TYPE, st.one_of(tables, st.binary(max_size=64)))
    schema = schemathesis.openapi.from_asgi(
        "/api/v1/openapi.json", client.http.app, headers={"Host": BASE.removeprefix("http://")}
    )
    names = (*_LEFT_OUT, "negative_data_rejection") if path == "/check" else _LEFT_OUT  # it reports faults as findings
    left_out = [check for check in checks.CHECKS.get_all() if check.__name__ in names]
    for operation in schema.include(path=path).get_all_operations():
        cases = operation.ok().as_strategy(generation_mode=schemathesis.GenerationMode[mode])

        @seed(18)
        @settings(max_examples=_REQUESTS, deadline=None, database=None, suppress_health_check=list(HealthCheck),
                  phases=(Phase.generate,))  # fmt: skip
        @given(case=cases)
        def answered(case: Any) -> None:
            case.call_and_validate(excluded_checks=left_out, headers={**TOKEN, "Host": BASE.removeprefix("http://")})

        answered()


def doors(number: int, folder: Path, client: Client) -> dict[str, bytes]:
    """The targets and orders of a random account, as bytes, from each door; all get the files that the page exports."""
    case = random_order_case(number)
    if number >= 4 and number % 2:  # not those of the quick block: compiling orders with exposures takes minutes
        case = with_exposures(case, number)
    cash = Decimal(max(case.cash + case.cash_flow, 0)) / MICRO
    browser = Browser()
    dropped = [("mine.csv", csv_of(case)), ("limits.toml", case.limits.to_toml().encode())]
    if case.exposures:
        dropped.append(("schemes.csv", encoded_table(pa.Table.from_pylist(case.exposures), "csv")))
    browser.upload(*dropped)
    assets = [row["asset"] for row in case.rows]
    browser.post("/review", {"cash": str(cash), "asset": assets, "buy": assets, "sell": assets})
    for name in ("candidates.csv", "limits.toml", *(["exposures.csv"] if case.exposures else [])):
        (folder / name).write_bytes(browser.get(f"/files/{name}").content)
    table = read_candidate_file(folder / "candidates.csv").table
    limits = trimtab.RebalancingLimits.from_toml(folder / "limits.toml")
    words = ["--limits", folder / "limits.toml", "--cash", cash, "--format", "json", "--no-store", "--quiet"]
    members, beside = {"limits": limits.to_dict(), "cash": str(cash)}, {}
    if case.exposures:
        words += ["--exposures", folder / "exposures.csv"]
        beside["exposures"] = read_candidate_file(folder / "exposures.csv").table
        members["exposures"] = beside["exposures"].to_pylist()
    streamed = client.post_table("/plan", table, members)
    return {
        "library": decided(trimtab.plan(table, limits, cash=cash, **beside).to_json()),
        "command line": decided(run("plan", folder / "candidates.csv", *words).stdout),
        "page": decided(browser.get("/files/plan.json").text),
        "REST, JSON": decided(client.post("/plan", {"candidates": table.to_pylist(), **members}).text),
        "REST, Arrow": decided(streamed.text),
    }


def csv_of(case: OrderCase) -> bytes:
    """The account as a person would have it in a file."""
    rows = [
        {
            **row,
            "shares": decimal_text(Decimal(case.instruments[row["asset"]].quantity) / NANO),
            "price": decimal_text(Decimal(case.instruments[row["asset"]].price) / MICRO),
            "lot": decimal_text(Decimal(case.instruments[row["asset"]].lot) / NANO),
        }
        for row in case.rows
    ]
    return encoded_table(pa.Table.from_pylist(rows), "csv")


def decided(text: str) -> bytes:
    """What a plan decides, of its JSON: its identity, the targets, and the orders, whether a gate holds them or not."""
    document = json.loads(text)
    orders = document["orders"] + document.get("held_orders", [])
    return json.dumps([document["plan_id"], document["rebalance"]["targets"], orders], sort_keys=True).encode()


@pytest.mark.parametrize("block", mostly_thorough(range(125), 1))
def test_the_doors_agree(block: int, tmp_path: Path, client: Client) -> None:
    for number in range(4 * block, 4 * block + 4):
        answers = doors(number, tmp_path, client)
        assert len(set(answers.values())) == 1, (number, {name: len(answer) for name, answer in answers.items()})
