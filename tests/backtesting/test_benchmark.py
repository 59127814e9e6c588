"""Simple portfolios beside a backtest, worked by hand and against plain books."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from backtest_runs import by_day, days, decided, market, run_of
from plain_ledger import keep_books

import trimtab
from trimtab import InputError, TradingCosts, benchmark

COSTS = TradingCosts(commission_bps=5, spread_bps=10)


def test_sixty_forty_worked_by_hand() -> None:
    """Bought on the second day at 10 and 20; on the third A has doubled: restored on the fourth, or held."""
    prices = [
        {"date": day, "A": a, "B": b, "C": 1.0}
        for day, a, b in zip(days(5), [10.0, 10.0, 20.0, 20.0, 40.0], [20.0, 20.0, 20.0, 20.0, 20.0], strict=True)
    ]
    scores = [{"date": day, "asset": "C", "score": 0.9} for day in days(5)]
    result = trimtab.backtest(prices, scores=scores, every=[days(5)[0], days(5)[2]])
    restored, held = benchmark(result, {"A": 0.6, "B": 0.4}), benchmark(result, {"A": 0.6, "B": 0.4}, hold=True)
    assert restored.name == "60% A, 40% B" and held.name == "60% A, 40% B, held"
    assert restored.equity["equity"].to_list() == pytest.approx([1, 1, 1.6, 1.6, 1.6 * (0.6 * 2 + 0.4)], rel=1e-14)
    assert held.equity["equity"].to_list() == pytest.approx([1, 1, 1.6, 1.6, 0.6 * 4 + 0.4], rel=1e-14)
    assert restored.equity["date"].equals(result.equity["date"])
    assert benchmark(result, {"A": 0.25}, name="a quarter").name == "a quarter"


@pytest.mark.parametrize("hold", [False, True])
@pytest.mark.parametrize("weights", [None, {"A": 0.3, "D": 0.5}])
def test_equal_to_plain_books(weights: Any, hold: bool) -> None:
    result = run_of(2, costs=COSTS)
    compared = benchmark(result, weights, hold=hold)
    books = keep_books(by_day(market(2)), decided(compared), cost=COSTS.rate)
    equity = dict(compared.equity.select("date", "equity").iter_rows())
    assert equity == pytest.approx(books.equity, rel=1e-11)
    assert compared.turnover.height == (1 if hold else result.turnover.height)


def test_equal_weight_is_of_members_that_are_scored() -> None:
    membership = [{"symbol": name, "from": days(1)[0], "to": days(30)[-1] if name == "A" else None} for name in "ABCDE"]
    result = run_of(1, membership=membership, gone_after=2)
    compared = benchmark(result)
    assert set(compared.weights["asset"]) <= set("ABCDE")
    after = compared.weights.filter(pl.col("weight") > 0)
    assert "A" in set(after.filter(pl.col("date") < days(25)[-1])["asset"])
    late = after.filter(pl.col("date") > days(45)[-1])
    assert "A" not in set(late["asset"]) and late.height
    assert result.name == "policy" and compared.name == "equal weight"


@pytest.mark.parametrize("weights", [{}, {"A": 0.0}, {"A": 0.7, "B": 0.7}, {"A": float("nan")}, {"A": -0.1}])
def test_wrong_weights_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(InputError, match="the weights are not those of a portfolio"):
        benchmark(run_of(1), weights)


def test_unknown_assets_are_refused() -> None:
    with pytest.raises(InputError, match="the weights: has no price"):
        benchmark(run_of(1), {"SPY": 0.5})
