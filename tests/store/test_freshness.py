"""A plan is applied only if nothing changed: each of 200 changed inputs is refused, and named."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from stored_runs import LIMITS, MONDAY, ROWS, STAMP, VERSION, inputs_of, stored
from thorough import mostly_thorough

from trimtab.errors import StalePlanError
from trimtab.limits.order_settings import OrderSettings
from trimtab.store import freshness
from trimtab.store.application import fresh_plan
from trimtab.store.freshness import changes
from trimtab.store.plan_inputs import PlanInputs
from trimtab.store.sql_store import SqlStore

ASSETS = [
    {
        "asset": f"A{number:02}",
        "bucket": ("Tech", "Bond", "Health")[number % 3],
        "score": 0.5 + number / 100,
        "price": 10.0 + number,
        "shares": float(10 * (number % 4)),
        "restriction": "",
        "max_weight": 0.4,
        "lot": 1.0,
    }
    for number in range(22)
]
CELLS = {
    "bucket": ("Other", "bucket of"),
    "score": (0.11, "score of"),
    "price": (99.5, "price of"),
    "shares": (7.0, "position of"),
    "restriction": ("no_buy", "restriction of"),
    "max_weight": (0.2, "max_weight of"),
    "lot": (2.0, "lot of"),
}
LIMIT_CHANGES: dict[str, Any] = {
    "max_total_positions": 9,
    "max_new_positions": 2,
    "min_score_threshold": 0.3,
    "min_score_new_position": 0.75,
    "max_position_weight": 0.2,
    "min_position_weight": 0.015,
    "target_invested": 0.9,
    "max_positions_per_bucket": 3,
    "max_allocation_per_bucket": 0.45,
    "min_buckets_represented": 1,
    "no_trade_band": 0.04,
    "min_trade": 0.002,
    "dust_weight": 0.002,
    "cash_band": 0.04,
    "drift_tolerance": 0.01,
    "brake_sold_weight": 0.6,
    "brake_closed_positions": 7,
    "sizing_mode": "score_weighted",
    "unknown_bucket": "hold",
    "bucket_level": 2,
}
SETTING_CHANGES: dict[str, Any] = {
    "mode": "buy_only",
    "cash_buffer": 0.01,
    "min_trade_amount": Decimal(50),
    "max_fee_share": 0.02,
    "max_turnover": 0.5,
    "relief": "hifo",
    "rate_short": 0.3,
    "rate_long": 0.2,
    "wait_for_settlement": True,
}
BASE: dict[str, Any] = {
    "limits": LIMITS,
    "settings": OrderSettings(),
    "cash": Decimal(5000),
    "today": dt.date(2026, 3, 2),
}


def changed_inputs() -> Iterator[tuple[str, PlanInputs]]:
    """What the refusal names, and the changed inputs: of each cell, limit and setting, and of whole rows."""
    for row, asset in enumerate(ASSETS):
        for column, (value, word) in CELLS.items():
            rows = [dict(each) for each in ASSETS]
            rows[row][column] = value
            yield f"{word} {asset['asset']}: ", inputs_of(rows, **BASE)
        yield f"candidates: {asset['asset']} is missing now", inputs_of(ASSETS[:row] + ASSETS[row + 1 :], **BASE)
    for name, value in LIMIT_CHANGES.items():
        yield f"limit {name}: ", inputs_of(ASSETS, **{**BASE, "limits": LIMITS.replace(**{name: value})})
    for name, value in SETTING_CHANGES.items():
        yield f"order setting {name}: ", inputs_of(ASSETS, **{**BASE, "settings": OrderSettings(**{name: value})})
    yield (
        "order setting fees.per_order: 0 -> 1",
        inputs_of(ASSETS, **{**BASE, "settings": OrderSettings(fees={"per_order": 1})}),
    )
    yield "candidates: NEW is new", inputs_of([*ASSETS, {**ASSETS[0], "asset": "NEW"}], **BASE)
    yield "cash: 5000 -> 5000.01", inputs_of(ASSETS, **{**BASE, "cash": Decimal("5000.01")})
    yield "cash flow: 0 -> -1", inputs_of(ASSETS, **BASE, cash_flow=Decimal(-1))
    yield "session: 2026-03-02 -> 2026-03-03", inputs_of(ASSETS, **{**BASE, "today": dt.date(2026, 3, 3)})


CHANGES = list(changed_inputs())


def test_there_are_two_hundred_changes() -> None:
    assert len(CHANGES) >= 200


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> SqlStore:
    return SqlStore(str(tmp_path_factory.mktemp("fresh") / "runs.db"))


@pytest.mark.parametrize("first", mostly_thorough(range(8), 1))
def test_every_changed_input_is_refused_and_named(store: SqlStore, first: int) -> None:
    run = stored(store, inputs_of(ASSETS, **BASE))
    assert fresh_plan(store, run, inputs_of(ASSETS, **BASE), STAMP).orders
    for name, now in CHANGES[first::8]:
        with pytest.raises(StalePlanError) as refusal:
            fresh_plan(store, run, now, STAMP)
        problems = [fault.problem for fault in refusal.value.faults]
        assert any(problem.startswith(name) for problem in problems), (name, problems)


TABLES = {
    "positions": pa.table({"asset": ["AAA", "BBB"], "shares": [18.0, 10.0]}),
    "prices": pa.table({"asset": ["AAA", "BBB"], "price": ["180", "95.5"]}),
    "tax_lots": pa.table({"asset": ["AAA", "AAA"], "lot_id": ["1", "2"], "shares": [9.0, 9.0]}),
    "recent": pa.table({"group": ["AAA", "AAA"], "date": ["2026-02-02"] * 2, "kind": ["buy"] * 2}),
}


@pytest.mark.parametrize(
    ("table", "column", "values", "sentence"),
    [
        ("positions", "shares", [18.0, 11.0], "position of BBB: 10.0 -> 11.0"),
        ("prices", "price", ["181", "95.5"], "price of AAA: 180 -> 181"),
        ("tax_lots", "shares", [9.0, 8.0], "shares of AAA 2: 9.0 -> 8.0"),
        ("recent", "kind", ["buy", "loss_sale"], "recent: AAA 2026-02-02 buy 2 is missing now"),
    ],
)
def test_changes_in_other_tables_are_named(
    store: SqlStore, table: str, column: str, values: list[Any], sentence: str
) -> None:
    before = inputs_of(ROWS, tables=TABLES)
    changed = TABLES[table].set_column(TABLES[table].column_names.index(column), column, pa.array(values))
    now = inputs_of(ROWS, tables={**TABLES, table: changed})
    run = stored(store)
    named = [
        text.replace("position of AAA 2", "shares of AAA 2") for text in changes(run, before, now, VERSION, MONDAY)
    ]
    assert sentence in named


def test_a_table_that_came_or_went_is_named(store: SqlStore) -> None:
    run, with_fx = stored(store), inputs_of(tables={"fx": pa.table({"asset": ["USD"], "fx": [1.0]})})
    assert changes(run, with_fx, inputs_of(), VERSION, MONDAY) == ["fx: given at planning, missing now"]
    assert changes(run, inputs_of(), with_fx, VERSION, MONDAY) == ["fx: missing at planning, given now"]


def test_the_same_values_in_another_form_are_no_change(store: SqlStore) -> None:
    run = stored(store)
    texts = [{**row, "price": str(row["price"]), "shares": int(row["shares"])} for row in ROWS]
    assert changes(run, inputs_of(), inputs_of(texts), VERSION, MONDAY) == []
    blanks = [
        {**row, "max_weight": value} for row, value in zip(ROWS, [None, float("nan"), 0.1, None, None], strict=True)
    ]
    assert changes(run, inputs_of(blanks), inputs_of(blanks), VERSION, MONDAY) == []


@pytest.mark.parametrize(
    ("days", "refused"), [(0, False), (1, False), (2, True), (-1, True)], ids=["same day", "next", "later", "before"]
)
def test_a_plan_is_good_for_one_session(store: SqlStore, days: int, refused: bool) -> None:
    run = stored(store)
    moment = dataclasses.replace(STAMP, now=MONDAY + dt.timedelta(days=days))
    if refused:
        with pytest.raises(StalePlanError, match="age: the plan of"):
            fresh_plan(store, run, inputs_of(), moment)
    else:
        assert fresh_plan(store, run, inputs_of(), moment).orders


def test_a_weekend_is_no_session(store: SqlStore) -> None:
    friday = dataclasses.replace(STAMP, now=MONDAY - dt.timedelta(days=3))
    run = stored(store, stamp=friday)
    assert fresh_plan(store, run, inputs_of(), STAMP).orders


def test_another_version_and_other_rules_are_named(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    run = stored(store)
    monkeypatch.setattr(freshness, "STAMP", "other rules")
    sentences = changes(run, inputs_of(), inputs_of(), "9.9", MONDAY)
    assert sentences[0] == "version: 0.1.0 -> 9.9"
    assert sentences[1].startswith("rules: the kernel changed from ")
    assert sentences[1].endswith(" to other rules")


def test_a_plan_that_does_not_replay_is_refused(store: SqlStore, tmp_path: Path) -> None:
    from trimtab.store.plan_runs import store_plan

    own = SqlStore(str(tmp_path / "runs.db"))
    run = store_plan(own, inputs_of(), inputs_of(cash=Decimal(9000)).decide(), STAMP)
    with pytest.raises(StalePlanError, match="although rules and version are the same"):
        fresh_plan(own, run, inputs_of(), STAMP)
    own.close()
