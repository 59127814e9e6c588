"""Backtests in whole lots: worked by hand, the plan of each day, exact money, and what is refused."""

from __future__ import annotations

import datetime as dt
import math
import random
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest
from backtest_runs import both, days, plain

import trimtab
import trimtab.backtesting.backtest
from trimtab import InputError, LimitsError, RebalancingLimits, TradingCosts
from trimtab.backtesting.whole_lots import micro_units
from trimtab.decimals import MICRO, decimal_of, scaled
from trimtab.kernel.backtest_many import backtest_policies
from trimtab.kernel.compilation import undecorated
from trimtab.kernel.money import cost_of, worth_of

FEES = {"fees": {"per_order": 1}}
LOW = RebalancingLimits(min_score_threshold=0.3, min_score_diversification=0.3, min_score_new_position=0.4)
worth, cost = undecorated(worth_of), undecorated(cost_of)


@pytest.fixture
def only_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run undecorated: small cases need no compiling."""
    monkeypatch.setattr(trimtab.backtesting.backtest, "backtest_policy", plain)


@pytest.fixture
def also_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run compiled and undecorated, which must fill the same bits."""
    monkeypatch.setattr(trimtab.backtesting.backtest, "backtest_policy", both)


def wide(**columns: list[float | None]) -> list[dict[str, Any]]:
    calendar = days(len(next(iter(columns.values()))))
    return [{"date": day, **{name: own[row] for name, own in columns.items()}} for row, day in enumerate(calendar)]


def scored(*rows: tuple[int, dict[str, float]]) -> list[dict[str, Any]]:
    calendar = days(100)
    return [
        {"date": calendar[row], "asset": asset, "score": score} for row, own in rows for asset, score in own.items()
    ]


BY_HAND = wide(AAA=[100.0, 108.0, 110.0, 109.0], BBB=[49.5, 52.0, 53.0, 54.0])
BY_HAND_SCORES = scored((0, {"AAA": 0.9, "BBB": 0.8}), (2, {"AAA": 0.1, "BBB": 0.8}))


def by_hand(**changes: Any) -> trimtab.BacktestResult:
    arguments: dict[str, Any] = {
        "scores": BY_HAND_SCORES,
        "every": [days(4)[0], days(4)[2]],
        "start_value": 1000,
        "orders": FEES,
        **changes,
    }
    return trimtab.backtest(BY_HAND, RebalancingLimits(max_position_weight=0.6), **arguments)


@pytest.mark.usefixtures("only_plain")
def test_worked_by_hand() -> None:
    """The example of docs/backtest.md."""
    result = by_hand()
    shown = result.orders.select("asset", "side", "shares", "amount", "traded_shares", "traded_amount", "cash_after")
    assert [(*row[:2], *map(float, row[2:])) for row in shown.iter_rows()] == [
        ("AAA", "buy", 5.0, 500.0, 5.0, 540.0, 459.0),
        ("BBB", "buy", 9.0, 445.5, 8.0, 416.0, 42.0),
        ("AAA", "sell", 5.0, 550.0, 5.0, 545.0, 586.0),
        ("BBB", "buy", 3.0, 159.0, 3.0, 162.0, 423.0),
    ]
    assert result.orders["reason"].to_list() == ["rounded_up", "to_target", "to_target", "to_target"]
    assert result.plans["cash_after"].to_list() == [Decimal(42), Decimal(423)]
    assert result.plans["value"].to_list() == [Decimal(1000), Decimal(1016)]
    assert result.turnover["buys_cut"].to_list() == [True, False]
    assert result.turnover["fees"].to_list() == [0.002, 0.002]
    held = [("AAA", 5), ("BBB", 8), ("BBB", 11)]
    assert result.holdings.select("asset", "shares").rows() == [(asset, Decimal(shares)) for asset, shares in held]
    assert result.equity["equity"].to_list() == pytest.approx([1.0, 0.998, 1.016, 1.017])
    assert result.equity["cash"].to_list() == [1.0, 0.042, 0.042, 0.423]
    check_against_plans(result)


def check_against_plans(result: trimtab.BacktestResult) -> None:
    """Every day is the plan of that day, to the integer; the books add up, and cash is never below 0."""
    planned = ["side", "asset", "shares", "price", "amount", "fee", "reason", "client_order_id"]
    growth = dict(zip(result.market_history.dates, result.market_history.market.cash_growth.tolist(), strict=True))
    for number, day in enumerate(result.plans["date"]):
        plan, own = result.plan_on(day), result.orders.filter(pl.col("decided") == day)
        assert [tuple(getattr(order, name) for name in planned) for order in plan.orders] == own.select(planned).rows()
        row = result.plans.row(number, named=True)
        named = (row["status"], row["is_settled"], row["value"], row["cash"])
        assert (plan.status, plan.is_settled, plan.value_before, plan.cash_before) == named
        assert result.on(day).to_dict() == plan.result.to_dict()
        cash = Decimal(math.floor(float(int(row["cash"] * MICRO)) * growth[row["trade_date"]])) / MICRO
        for order in own.iter_rows(named=True):
            flow = order["traded_amount"] if order["side"] == "sell" else -order["traded_amount"]
            cash += flow - order["traded_fee"] - order["traded_cost"]
            assert cash == order["cash_after"] >= 0
            count = worth if order["side"] == "sell" else cost
            nano, micro = int(order["traded_shares"] * 10**9), int(order["traded_price"] * MICRO)
            assert order["traded_amount"] == Decimal(count(nano, micro)) / MICRO
        assert cash == row["cash_after"]


def history(seed: int, assets: int = 12, sessions: int = 90) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Prices with gaps, an asset that vanishes, and scores of every tenth session."""
    rng, calendar = random.Random(seed), days(sessions)
    names = [f"A{number:02}" for number in range(assets)]
    prices, scores = [], []
    for number, name in enumerate(names):
        price = rng.uniform(2.0, 400.0)
        for row, day in enumerate(calendar):
            price *= 1.0 + rng.gauss(0.0, 0.03)
            is_gone = number == 3 and row > sessions // 2
            if not is_gone and (number == 0 or rng.random() > 0.03):
                prices.append({"date": day, "symbol": name, "close": price})
    for day in calendar[::10]:
        scores += [{"date": day, "asset": name, "score": rng.random()} for name in names]
    return prices, scores


def buckets(assets: int = 12) -> dict[str, str]:
    return {f"A{number:02}": ("Tech", "Bond", "Gold")[number % 3] for number in range(assets)}


@pytest.mark.usefixtures("only_plain")
def test_each_day_is_its_plan() -> None:
    prices, scores = history(1, assets=6, sessions=45)
    lots = {"A01": 0.001, "A02": 10}
    result = trimtab.backtest(
        prices,
        LOW,
        scores=scores,
        start_value="5000.50",
        orders={"fees": {"per_order": "0.5", "rate": 0.001}},
        lots=lots,
        cash_rate=0.05,
        costs=TradingCosts(spread_bps=10),
        every="week",
    )
    assert result.orders.height > 5
    check_against_plans(result)


@pytest.mark.thorough
@pytest.mark.usefixtures("also_plain")
@pytest.mark.parametrize("seed", range(6))
def test_many_days_are_their_plans(seed: int) -> None:
    prices, scores = history(seed)
    limits = LOW.replace(enable_bucket_diversification=seed % 2 == 0, brake_sold_weight=0.8 if seed == 4 else None)
    result = trimtab.backtest(
        prices,
        limits,
        scores=scores,
        classification=buckets(),
        start_value=(1_000, 20_000, 1_000_000)[seed % 3],
        orders={"fees": {"per_order": "0.5", "per_share": "0.01", "minimum": 1}, "max_fee_share": 0.05},
        lots=None if seed % 2 else 0.01,
        cash_rate=-0.02 if seed == 2 else 0.03,
        costs=TradingCosts(spread_bps=20),
        every="drift" if seed == 5 else "week",
        drift=0.03 if seed == 5 else None,
        gone_after=3,
    )
    assert result.orders.height > 5 and result.turnover["unfilled"].sum() + result.removed.height > 0
    check_against_plans(result)
    swept = trimtab.sweep(
        prices,
        limits,
        {"max_position_weight": [0.1, limits.max_position_weight]},
        scores=scores,
        classification=buckets(),
        start_value=1000,
    )
    assert (swept.backtest(1).equity["equity"].to_numpy() == swept.equity[1]).all()


@pytest.mark.thorough
def test_a_benchmark_pays_the_same_fees() -> None:
    result = by_hand()
    simple = trimtab.benchmark(result, {"AAA": 0.5}, hold=True)
    assert simple.plans["fees"].to_list() == [Decimal(1)]
    assert simple.holdings.rows()[-1][2:] == ("AAA", Decimal(5))  # planned at 100: 500 of 1,000
    assert trimtab.benchmark(result).orders.height > 0


@pytest.mark.usefixtures("only_plain")
def test_without_a_price_an_order_lapses() -> None:
    prices = wide(AAA=[100.0, None, 100.0], BBB=[100.0, 100.0, 100.0])
    result = trimtab.backtest(prices, scores=scored((0, {"AAA": 0.9, "BBB": 0.8})), every=days(3)[:1], start_value=1000)
    lapsed = result.orders.filter(pl.col("asset") == "AAA").row(0, named=True)
    assert lapsed["shares"] == 2 and lapsed["traded_shares"] == 0 and lapsed["traded_price"] == 0
    assert result.trades.filter(~pl.col("filled"))["asset"].to_list() == ["AAA"]
    assert result.plans["cash_after"].to_list() == [Decimal(800)]


@pytest.mark.usefixtures("only_plain")
def test_an_asset_without_a_first_price_is_not_bought() -> None:
    prices = wide(AAA=[100.0, 100.0, 100.0], BBB=[None, None, 100.0])
    result = trimtab.backtest(prices, scores=scored((0, {"AAA": 0.9, "BBB": 0.8})), every=days(3)[:1], start_value=1000)
    assert result.orders["asset"].to_list() == ["AAA"]


@pytest.mark.usefixtures("only_plain")
def test_a_buy_is_cut_by_its_fee() -> None:
    """Nine are planned at 100; at 125 the cash of 1,000 pays for eight, but not for the fee of 10 as well."""
    result = trimtab.backtest(
        wide(AAA=[100.0, 125.0, 125.0]),
        RebalancingLimits(max_position_weight=1.0, target_invested=1.0),
        scores=scored((0, {"AAA": 0.9})),
        every=days(3)[:1],
        start_value=1000,
        orders={"fees": {"per_order": 10}, "cash_buffer": 0.0, "max_fee_share": 0.05},
    )
    bought = result.orders.row(0, named=True)
    assert (bought["shares"], bought["traded_shares"], bought["cash_after"]) == (9, 7, 115)


def test_a_sweep_trades_as_each_policy_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undecorated, with an order that lapses for want of a price, and one that is cut; nothing but the equity is kept."""
    monkeypatch.setattr(trimtab.backtesting.backtest, "backtest_policy", plain)
    monkeypatch.setattr(trimtab.kernel.backtest_many, "backtest_policies", undecorated(backtest_policies))
    prices = wide(AAA=[100.0, None, 110.0, 109.0], BBB=[49.5, 52.0, 53.0, 54.0])
    arguments: dict[str, Any] = {"scores": BY_HAND_SCORES, "every": [days(4)[0], days(4)[2]], "start_value": 1000}
    vary = {"max_position_weight": [0.4, 0.6]}
    swept = trimtab.sweep(prices, LOW, vary, orders=FEES, **arguments)
    for policy, limits in enumerate(swept.limits):
        alone = trimtab.backtest(prices, limits, orders=FEES, **arguments)
        assert alone.equity["equity"].to_numpy().tobytes() == swept.equity[policy].tobytes()
        assert alone.turnover["unfilled"].sum() > 0
    assert swept.equity[0].tobytes() != swept.equity[1].tobytes()


@pytest.mark.usefixtures("only_plain")
def test_a_sell_that_cannot_pay_its_fee_lapses() -> None:
    """The price falls from 10 to 0.01, after cash went to 0; the fee of 4 is more than what the sell brings."""
    prices = wide(AAA=[10.0, 10.0, 10.0, 0.01, 0.01])
    result = trimtab.backtest(
        prices,
        RebalancingLimits(max_position_weight=1.0, target_invested=1.0),
        scores=scored((0, {"AAA": 0.9}), (2, {"AAA": 0.1})),
        every=[days(5)[0], days(5)[2]],
        start_value=1004,
        orders={"fees": {"per_order": 4}, "cash_buffer": 0.0},
    )
    sold = result.orders.row(-1, named=True)
    assert (sold["side"], sold["traded_shares"], sold["cash_after"]) == ("sell", 0, result.plans["cash"][1])
    assert not result.trades["filled"].to_list()[-1]


@pytest.mark.usefixtures("only_plain")
def test_prices_that_explode_cannot_be_counted() -> None:
    for rest, message in (
        ([8e9, 8e9], "on 2024-01-03 the account can no longer be counted"),
        ([10.0, 8e9], "on 2024-01-04 the account can no longer be counted"),
        ([10.0, 9e9], "the price of AAA is too large"),
    ):
        with pytest.raises(InputError, match=message):
            trimtab.backtest(
                wide(AAA=[10.0, 10.0, *rest]),
                RebalancingLimits(max_position_weight=1.0),
                scores=scored((0, {"AAA": 0.9}), (2, {"AAA": 0.1})),
                every=[days(4)[0], days(4)[2]],
                start_value=1_000_000_000,
            )


def test_refused_before_anything_runs() -> None:
    for changes, message in (
        ({"start_value": None}, "orders need start_value"),
        ({"start_value": 0}, "start_value must be above 0"),
        ({"start_value": "much"}, "start_value must be a number"),
        ({"lots": {"AAX": 1}}, "did you mean"),
        ({"lots": 0}, "the lot of all assets cannot be used"),
        ({"lots": {"AAA": "one"}}, "the lot of AAA cannot be used"),
        ({"lots": {"AAA": 1e-9}}, "one lot of AAA is worth less than 0.0001"),
        ({"start_value": None, "orders": None, "lots": 1}, "lots need start_value"),
    ):
        with pytest.raises(InputError, match=message):
            by_hand(**changes)
    for orders, message in (
        ({"max_realized_gain": 1}, "max_realized_gain needs tax lots"),
        ({"wait_for_settlement": True}, "wait_for_settlement has no effect in a backtest"),
        ({"max_turnover": 0.001}, "max_turnover 0.001 is below min_position_weight"),
        ({"fee": 1}, "unknown field 'fee'"),
    ):
        with pytest.raises(LimitsError, match=message):
            by_hand(orders=orders)


def test_weights_have_no_orders() -> None:
    result = by_hand(start_value=None, orders=None)
    for read in (
        lambda: result.orders,
        lambda: result.holdings,
        lambda: result.plans,
        lambda: result.plan_on(days(4)[0]),
    ):
        with pytest.raises(InputError, match="traded weights"):
            read()


def test_prices_are_exact_decimals() -> None:
    rng = random.Random(7)
    values = [0.1, 1.0000005, 1.0000015, 2.5e-6, 1e-7, 123456.7890125, 9.5e8, 2e10, float("nan")]
    values += [rng.uniform(0, 10 ** rng.randint(-5, 7)) for _ in range(300)]
    values += [round(rng.uniform(0, 1000), 6) + 0.0000005 for _ in range(100)]
    prices = np.array(values).reshape(1, -1)
    wanted = [0 if np.isnan(value) else min(scaled(decimal_of(value), MICRO), 9 * 10**15) for value in values]
    assert micro_units(prices)[0].tolist() == wanted


@pytest.mark.usefixtures("only_plain")
def test_dates_of_a_plan_are_those_of_the_day() -> None:
    result = by_hand()
    assert result.plan_on(days(4)[0])._inputs.today == days(4)[0] > dt.date(1970, 1, 1)
