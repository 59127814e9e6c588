"""Backtests with exposures: each decision is that of `rebalance` with the table of its day, and faults in the table."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from backtest_runs import BUCKETS, LIMITS, both, days, market, plain, run_of, scores

import trimtab
from trimtab import BacktestResult, InputError, LimitsError, RebalancingLimits, exposures_of
from trimtab.kernel import backtest_many
from trimtab.kernel.compilation import undecorated

Row = dict[str, Any]
CHANGED, END = days(15)[-1], days(30)[-1]
COUNTRIES = {"A": "US", "B": "US", "C": "EU", "D": "US", "E": "EU", "F": "JP"}  # G: Unknown
TABLE = [{"asset": asset, "scheme": "country", "bucket": country} for asset, country in COUNTRIES.items()]
CHANGES = [
    *({**row, "known_on": "2023-01-01"} for row in TABLE),
    {"asset": "C", "scheme": "country", "bucket": "US", "known_on": CHANGED.isoformat()},
    {"asset": "Z", "scheme": "country", "bucket": "US", "known_on": days(20)[-1].isoformat()},
]
LIMITED = LIMITS.replace(
    exposures={
        "country": {"max_exposure": 0.6, "buckets": {"US": {"max_exposure": 0.3}, "JP": {"min_exposure": 0.05}}}
    },
    concentration={"country": {"small": 0.2, "largest": 0.6, "together": 0.9}},
)


@pytest.fixture(autouse=True)
def only_plain(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Run undecorated, but for the thorough tests: small cases need no compiling."""
    compiled = request.node.get_closest_marker("thorough") is not None
    monkeypatch.setattr("trimtab.backtesting.backtest.backtest_policy", both if compiled else plain)


def assert_decided_again(result: BacktestResult) -> None:
    """Each day is the decision of `rebalance`, to the bit, whose certificate says that every limit is kept."""
    for date, day in result.decisions.group_by("date"):
        decided = result.on(date[0])
        weights = {row["asset"]: (row["target_weight"], row["size_reason"]) for row in decided.targets}
        assert weights == {
            row["asset"]: (row["target_weight"], row["size_reason"]) for row in day.iter_rows(named=True)
        }
        assert {line.name for line in decided.certificate} >= {"max_exposure", "min_exposure", "concentration"}


def test_a_table_that_holds_for_all_days() -> None:
    result = run_of(1, LIMITED, exposures=TABLE, end=END)
    assert_decided_again(result)
    assert "capped_exposure" in result.decisions["size_reason"].to_list()
    us = (
        result.decisions.filter(pl.col("asset").is_in(["A", "B", "D"]))
        .group_by("date")
        .agg(pl.col("target_weight").sum())
    )
    assert us["target_weight"].max() == pytest.approx(0.3, abs=0.05)  # what is drifted and may not be sold aside
    assert [note.text for note in result.notes if note.code == "exposures"] == [
        "1 candidate without country, counted as Unknown: G"
    ]
    free = run_of(1, LIMITS, end=END).equity
    assert run_of(1, LIMITS, exposures=TABLE, end=END).equity.equals(free)
    assert run_of(1, LIMITED.replace(enforce_exposure_limits=False), end=END).equity.equals(free)


def test_a_table_whose_rows_are_known_from_a_day_on() -> None:
    result = run_of(1, LIMITED, exposures=CHANGES, end=END)
    assert_decided_again(result)
    before = result.decisions.filter(pl.col("date") < CHANGED)
    constant = run_of(1, LIMITED, exposures=exposures_of(TABLE), end=END)
    assert before.equals(constant.decisions.filter(pl.col("date") < CHANGED))
    assert not result.decisions.equals(constant.decisions)


def test_whole_lots_with_exposures() -> None:
    result = run_of(1, LIMITED.replace(concentration={}), exposures=CHANGES, start_value=10_000, end=days(22)[-1])
    orders = result.orders
    assert orders.height > 10
    for date in result.turnover["date"]:
        planned = {order.asset: order.shares for order in result.plan_on(date).orders}
        assert planned == {
            row["asset"]: row["shares"] for row in orders.filter(pl.col("decided") == date).iter_rows(named=True)
        }


def test_a_sweep_has_the_bits_of_its_backtests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backtest_many, "backtest_policies", undecorated(backtest_many.backtest_policies))
    options = {"scores": scores(1), "classification": BUCKETS, "every": "week", "exposures": CHANGES, "end": END}
    swept = trimtab.sweep(market(1), LIMITED, {"max_total_positions": [3, 4]}, **options)
    for number, limits in enumerate(swept.limits):
        alone = trimtab.backtest(market(1), limits, **options)
        assert swept.equity[number].tobytes() == alone.equity["equity"].to_numpy().tobytes()


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(6))
def test_compiled_is_plain(seed: int) -> None:
    assert_decided_again(run_of(seed, LIMITED, exposures=CHANGES if seed % 2 else TABLE))


@pytest.mark.thorough
def test_compiled_is_plain_in_whole_lots_and_in_a_sweep() -> None:
    run_of(2, LIMITED.replace(concentration={}), exposures=CHANGES, start_value=10_000)
    options = {"scores": scores(1), "classification": BUCKETS, "every": "week", "exposures": CHANGES}
    swept = trimtab.sweep(market(1), LIMITED, {"max_total_positions": [3, 4]}, **options)
    assert (
        swept.equity[1].tobytes() == run_of(1, swept.limits[1], exposures=CHANGES).equity["equity"].to_numpy().tobytes()
    )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (None, "exposures have limits, but there is no table of exposures: give one"),
        ([{**row, "scheme": "region"} for row in TABLE], "lacks this scheme"),
        (TABLE[:2], r"buckets\['JP'\]: no asset lies in this bucket"),
        ([{**row, "account": "x"} for row in TABLE], "a backtest has one account: keep its rows"),
        (
            [{**row, "known_on": "2024-02-01"} for row in TABLE],
            "scheme 'country' has no row by 2024-01-05, the first day",
        ),
        (
            [*({**row, "fraction": 1.0} for row in CHANGES), {**CHANGES[6], "fraction": 2.0}],
            "row 9, column 'fraction'.* the fraction is above 1",
        ),
        ([{**row, "known_on": "soon"} for row in TABLE], "the exposures, .*known_on"),
        ([{**row, "known_on": "2023-01-01", "part": 1} for row in TABLE], "the exposures, column 'part'"),
    ],
)
def test_tables_that_cannot_be_used(table: Any, message: str) -> None:
    with pytest.raises((InputError, LimitsError), match=message):
        run_of(1, LIMITED, exposures=table)


def test_a_sweep_refuses_any_policy_that_needs_a_table() -> None:
    """The first policy does not."""
    prices = [
        {"date": day, "symbol": "AAA", "close": 10.0}
        for day in ("2024-01-31", "2024-02-01", "2024-02-29", "2024-03-01")
    ]
    scores = [{"date": "2024-01-31", "asset": "AAA", "score": 0.9}]
    limits = RebalancingLimits(exposures={"country": {"max_exposure": 0.1}})
    with pytest.raises(LimitsError, match="there is no table of exposures"):
        trimtab.sweep(prices, limits, {"enforce_exposure_limits": [False, True]}, scores=scores)
