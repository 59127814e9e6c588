"""Fills beside the plan: each order with what came of it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from stored_runs import STAMP, stored

from trimtab.errors import InputError
from trimtab.store.execution import FILLS, compared, read_fills, record_execution, summary
from trimtab.store.plan_runs import ORDERS
from trimtab.store.record import Kind
from trimtab.store.sql_store import SqlStore
from trimtab.store.tables import table_of

ORDERS_OF_A_PLAN: list[dict[str, Any]] = [
    {
        "asset": name,
        "side": side,
        "shares": Decimal(shares),
        "price": Decimal(price),
        "fee": Decimal(1),
        "client_order_id": f"tt-{name}",
    }
    for name, side, shares, price in (
        ("AAA", "sell", 10, 100),
        ("BBB", "buy", 20, 50),
        ("CCC", "buy", 4, 25),
        ("DDD", "buy", 4, 25),
    )
]
FILLED = [
    {"client_order_id": "tt-AAA", "shares": 6, "price": 99, "fee": 1},
    {"client_order_id": "tt-AAA", "shares": 4, "price": "101.5", "fee": 1},
    {"client_order_id": "tt-BBB", "shares": 5, "price": 52, "fee": 1},
    {"client_order_id": "tt-DDD", "shares": 5, "price": 25, "fee": 1},
    {"client_order_id": "", "asset": "EEE", "side": " BUY ", "shares": 1, "price": 7, "fee": 2},
]


def filled(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist([{name: str(value) for name, value in row.items()} for row in rows])


def test_each_order_with_what_came_of_it() -> None:
    columns = {"client_order_id": "", "asset": "", "side": "", "shares": "", "price": "", "fee": ""}
    executed = compared(ORDERS_OF_A_PLAN, read_fills(filled([{**columns, **row} for row in FILLED]), ORDERS_OF_A_PLAN))
    assert [(each.asset, each.outcome) for each in executed] == [
        ("AAA", "as_planned"),
        ("BBB", "partly"),
        ("CCC", "not_filled"),
        ("DDD", "more_than_planned"),
        ("EEE", "not_planned"),
    ]
    # AAA: 1,000 planned and 1,000 received, a fee of 2 instead of 1. BBB: 5 at 52 instead of 50, a fee of 1 instead of 0.25.
    assert [each.cost for each in executed] == [1, Decimal("10.75"), 0, 0, 2]
    assert [each.sentence for each in executed] == [
        "sell AAA: 10 filled at 100.0000 as planned, planned at 100; 1.00 worse than planned",
        "buy BBB: 5 filled at 52.0000 of 20, planned at 50; 10.75 worse than planned",
        "buy CCC: none of 4 filled",
        "buy DDD: 5 filled at 25.0000 instead of 4, planned at 25; 0.00 worse than planned",
        "buy EEE: 1 filled at 7.0000; the plan has no such order",
    ]
    assert summary(executed) == "1 of 5 trades filled as planned; 13.75 worse than planned in all"


def test_fills_are_recorded(tmp_path: Path) -> None:
    store = SqlStore(str(tmp_path / "runs.db"))
    run = stored(store)
    order = table_of(store.content(run, ORDERS)).to_pylist()[0]
    table = pa.table(
        {"asset": [order["asset"]], "side": [order["side"]], "shares": [1.0], "price": [float(order["price"])]}
    )
    record, executed = record_execution(store, run, table, STAMP)
    assert (record.kind, record.subject, record.by) == (Kind.EXECUTION, run.hash, "Ada")
    assert record.values["outcomes"]["partly"] == 1
    assert record.values["orders"][0]["shares_filled"] == "1.0"
    assert table_of(store.content(record, FILLS)) == table
    assert executed[0].outcome == "partly"
    store.close()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"client_order_id": "tt-ZZZ"}, "row 1, column 'client_order_id': is not the id of an order"),
        ({"asset": "AAA", "side": "hold"}, "column 'side': is not a side"),
        ({"client_order_id": "tt-AAA", "shares": "-1"}, "column 'shares': is not a number of shares"),
        ({"client_order_id": "tt-AAA", "price": "0"}, "column 'price': is not a price"),
    ],
)
def test_fills_that_cannot_be_used(row: dict[str, str], message: str) -> None:
    options = {"client_order_id": "", "asset": "", "side": "", "shares": "1", "price": "1", **row}
    with pytest.raises(InputError, match=message):
        read_fills(pa.Table.from_pylist([options]), ORDERS_OF_A_PLAN)


def test_missing_columns_are_named() -> None:
    with pytest.raises(InputError, match=r"column 'price'.*and 2 more"):
        read_fills(pa.table({"shares": [1.0]}), ORDERS_OF_A_PLAN)
