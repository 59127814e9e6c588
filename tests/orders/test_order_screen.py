"""The compiled screen of orders: it proves sound plans and leaves every spoiled one to the checker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from order_cases import of_case, random_order_case

import trimtab
from trimtab.certificate import order_screen
from trimtab.kernel.compilation import undecorated
from trimtab.limits.order_settings import OrderSettings
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.orders import checked_orders
from trimtab.orders.cash_table import read_cash
from trimtab.orders.checked_orders import check_orders
from trimtab.orders.decide_orders import DecidedOrders, decide_orders
from trimtab.orders.many import order_rules
from trimtab.orders.order_tables import OrderList

LIMITS = RebalancingLimits(enable_bucket_diversification=True, max_position_weight=0.25, max_allocation_per_bucket=0.5)
COLUMNS = ("asset", "bucket", "score", "price", "lot", "shares")
ROWS = [
    ("AAA", "Tech", 0.90, 180.0, 1.0, 18.0),
    ("BBB", "Tech", 0.80, 95.50, 0.01, 10.0),
    ("CCC", "Bond", 0.50, 51.20, 1.0, 30.0),
    ("DDD", "Bond", 0.85, 102.50, 1.0, 0.0),
    ("EEE", "Health", 0.70, 412.0, 1.0, 4.0),
]
TABLE = pa.Table.from_pylist([{"account": "P", **dict(zip(COLUMNS, row, strict=True))} for row in ROWS])


def decided(**settings: Any) -> tuple[DecidedOrders, OrderList]:
    rules = order_rules(TABLE, {None: LIMITS}, OrderSettings(fees={"per_order": 1, "per_share": "0.01"}, **settings))
    made = decide_orders(TABLE, read_cash([{"account": "P", "cash": 2621}]), rules)
    return made, OrderList.of(made)


def verdict(made: DecidedOrders, orders: OrderList, monkeypatch: pytest.MonkeyPatch) -> tuple[bool, bool]:
    """What the screen says, compiled and plain."""
    compiled = bool(checked_orders._proven(made, orders)[0])
    with monkeypatch.context() as patched:
        patched.setattr(checked_orders, "screen_orders", undecorated(order_screen.screen_orders))
        return compiled, bool(checked_orders._proven(made, orders)[0])


def place(made: DecidedOrders, asset: str) -> int:
    return [row[0] for row in ROWS].index(asset)


Spoil = Callable[[DecidedOrders, OrderList], Any]


def order_of(made: DecidedOrders, orders: OrderList, asset: str) -> int:
    return int(np.flatnonzero(orders.row == place(made, asset))[0])


def shift(name: str, asset: str, by: int) -> Spoil:
    """An array of the orders, changed for one asset."""

    def spoil(made: DecidedOrders, orders: OrderList) -> None:
        getattr(orders, name)[order_of(made, orders, asset)] += by

    return spoil


def of_asset(name: str, asset: str, value: Any) -> Spoil:
    """A fact about an asset, different from what the orders were decided with."""

    def spoil(made: DecidedOrders, orders: OrderList) -> None:
        made.records.assets[name][place(made, asset)] = value

    return spoil


def of_account(name: str, change: int) -> Spoil:
    def spoil(made: DecidedOrders, orders: OrderList) -> None:
        made.records.accounts[name] += change

    return spoil


def other_order(made: DecidedOrders, orders: OrderList) -> None:
    for values in (orders.row, orders.change, orders.amount, orders.fee):
        values[[0, -1]] = values[[-1, 0]]


def counted_again(made: DecidedOrders, orders: OrderList) -> None:
    """Cash after each order as amounts and fees say, so that nothing but the cash itself is wrong."""
    account = made.records.accounts[0]
    signed = np.where(orders.change > 0, -orders.amount, orders.amount) - orders.fee
    orders.cash_after[:] = account["cash"] + np.cumsum(signed)
    account["cash_after"] = orders.cash_after[-1]


def bought_first(made: DecidedOrders, orders: OrderList) -> None:
    """Paid from more cash than there is need of."""
    made.records.accounts["cash"] += 10**10
    made.records.accounts["value_after"] += 10**10
    other_order(made, orders)
    counted_again(made, orders)


def bought_on_credit(made: DecidedOrders, orders: OrderList) -> None:
    made.records.accounts["cash"] -= 3 * 10**9
    made.records.accounts["value_after"] -= 3 * 10**9
    counted_again(made, orders)


SPOILED: dict[str, Spoil] = {
    "an amount": shift("amount", "DDD", 1),
    "a fee": shift("fee", "AAA", 1),
    "the cash after an order": shift("cash_after", "AAA", 1),
    "shares": shift("change", "DDD", 10**9),
    "no shares": shift("change", "AAA", 5 * 10**9),
    "the cash at the end": of_account("cash_after", 1),
    "the value at the end": of_account("value_after", 1),
    "the cash at the beginning": of_account("cash", -(10**9)),
    "another order of execution": other_order,
    "buys before sells": bought_first,
    "buys on credit": bought_on_credit,
    "a restriction": of_asset("restriction", "DDD", 1),
    "a restriction of a sell": of_asset("restriction", "AAA", 2),
    "not tradable": of_asset("tradable", "AAA", False),
    "oversold": of_asset("quantity", "CCC", 10**9),
    "no whole lots": of_asset("lot", "DDD", 7 * 10**9),
    "below min_notional": of_asset("min_notional", "EEE", 10**12),
    "above its cap": of_asset("max_weight", "DDD", 0.1),
    "the mode": of_account("mode", 1),
}


def test_a_sound_plan_is_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    for settings in ({}, {"max_turnover": 1.0}, {"min_trade_amount": 5, "rate_short": 0.3}):
        assert verdict(*decided(**settings), monkeypatch) == (True, True)


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_plan_is_not_proven(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made, orders = decided()
    SPOILED[name](made, orders)
    assert verdict(made, orders, monkeypatch) == (False, False)


TIGHTER = {
    "a bucket": {"max_allocation_per_bucket": 0.3},
    "the whole portfolio": {"target_invested": 0.5},
    "positions": {"max_total_positions": 3},
    "positions of a bucket": {"max_positions_per_bucket": 1},
}


@pytest.mark.parametrize("name", TIGHTER)
def test_a_tighter_limit_is_not_proven(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made, orders = decided()
    tighter = order_rules(TABLE, {None: LIMITS.replace(**TIGHTER[name])}, made.rules.settings)
    made = replace(made, rules=tighter)
    assert verdict(made, orders, monkeypatch) == (False, False)


def test_a_turnover_above_its_limit_is_not_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    made, orders = decided()
    tighter = order_rules(TABLE, {None: LIMITS}, made.rules.settings.replace(max_turnover=0.1))
    made = replace(made, rules=tighter)
    assert verdict(made, orders, monkeypatch) == (False, False)


def test_an_account_with_broken_orders_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checker looks at what the screen cannot prove, and says what is wrong."""
    made, orders = decided()
    assert check_orders(made, orders) == ({}, 0)
    orders.amount[0] += 1
    failed, checked = check_orders(made, orders)
    assert checked == 1
    assert "please report it" in failed[0]
    monkeypatch.setattr("trimtab.orders.planned_block.check_orders", lambda *_: ({0: "broken"}, 1))
    many = trimtab.plan_many(TABLE, LIMITS, accounts=[{"account": "P", "cash": 2621}])
    assert many.failed == {"P": "broken"}
    assert many.orders.num_rows == many.targets.num_rows == many.counts.orders == 0


@pytest.mark.parametrize("seeds", [range(40), pytest.param(range(40, 1500), marks=pytest.mark.thorough)])
def test_random_plans_are_sound_and_mostly_proven(seeds: range, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the screen proves, the checker finds no fault with; plain and compiled agree."""
    proven = 0
    for seed in seeds:
        case = random_order_case(seed)
        rows, arguments = of_case(case)
        table = pa.Table.from_pylist([{"account": "P", **row} for row in rows])
        settings = case.order_settings.replace(max_realized_gain=None)
        rules = order_rules(table, {None: case.limits}, settings)
        money = [{"account": "P", "cash": arguments["cash"], "cash_flow": arguments["cash_flow"]}]
        made = decide_orders(table, read_cash(money), rules)
        orders = OrderList.of(made)
        compiled, plain = verdict(made, orders, monkeypatch)
        assert compiled == plain, seed
        proven += compiled
        monkeypatch.setattr(checked_orders, "screen_orders", lambda *_: None)
        assert check_orders(made, orders)[0] == {}, seed
        monkeypatch.undo()
    assert proven > 0.8 * len(seeds)
