"""The statistics of an equity curve: against empyrical, by hand, and where they do not exist."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trimtab.errors import InputError
from trimtab.statistics.checked_arrays import matrix, vector
from trimtab.statistics.performance import (
    Statistics,
    bucket_concentration,
    drawdowns,
    effective_bets,
    per_session,
    returns_of,
    statistics_of,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what it imports is not our concern
    import empyrical


def curve(returns: Any) -> Any:
    return 100.0 * np.cumprod(np.concatenate([[1.0], 1.0 + np.asarray(returns)]))


def held_against_empyrical(equity: Any, rate: float = 0.0) -> None:
    returns = returns_of(np.asarray(equity, float))
    cash = per_session(rate)
    statistics = statistics_of(equity, cash=cash)
    expected = {
        "total_return": empyrical.cum_returns_final(returns),
        "annual_return": empyrical.annual_return(returns),
        "volatility": empyrical.annual_volatility(returns),
        "sharpe": empyrical.sharpe_ratio(returns, risk_free=cash),
        "sortino": empyrical.sortino_ratio(returns, required_return=cash),
        "max_drawdown": empyrical.max_drawdown(returns),
        "calmar": empyrical.calmar_ratio(returns),
    }
    for name, value in expected.items():
        assert getattr(statistics, name) == pytest.approx(value, rel=1e-10, abs=1e-10), name


@pytest.mark.parametrize("seed", range(40))
def test_random_curves_against_empyrical(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 3000))
    returns = rng.standard_t(4, count) * rng.uniform(1e-4, 0.03) + rng.uniform(-1e-3, 1e-3)
    held_against_empyrical(curve(np.clip(returns, -0.6, None)), rate=float(rng.uniform(0, 0.05)))


def test_real_prices_against_empyrical(market_data: Path) -> None:
    import polars as pl

    prices = pl.read_parquet(market_data / "us_etfs_ohlcv_2005_2017.parquet").sort("symbol", "date")
    for symbol in ("SPY", "AGG", "GLD", "XLE"):
        held_against_empyrical(prices.filter(pl.col("symbol") == symbol)["close"].to_numpy().astype(float))


def test_by_hand() -> None:
    """100, 110, 99, 108.9: returns 0.1, -0.1, 0.1; three sessions of a year of three."""
    statistics = statistics_of(
        [100.0, 110.0, 99.0, 108.9],
        turnover=[0.5, 0.0, 0.25],
        costs=[1.0, 0.0, 2.2],
        weights=[[0.5, 0.5], [0.0, 0.0], [0.8, 0.0]],
        bets=[1.0, 2.0],
        bucket_weights=[[0.2, 0.2], [0.0, 0.0], [0.9, 0.0]],
        year=3,
    )
    deviation = math.sqrt((2 * (1 / 15) ** 2 + (2 / 15) ** 2) / 2)
    assert statistics.total_return == pytest.approx(0.089, abs=1e-12)
    assert statistics.annual_return == pytest.approx(0.089, abs=1e-12)
    assert statistics.volatility == pytest.approx(deviation * math.sqrt(3), abs=1e-12)
    assert statistics.sharpe == pytest.approx(1 / 30 / deviation * math.sqrt(3), abs=1e-12)
    assert statistics.sortino == pytest.approx(1 / 30 / math.sqrt(0.01 / 3) * math.sqrt(3), abs=1e-12)
    assert statistics.max_drawdown == pytest.approx(-0.1, abs=1e-12)
    assert statistics.calmar == pytest.approx(0.89, abs=1e-12)
    assert statistics.turnover == pytest.approx(0.75, abs=1e-12)
    # Without costs: 110 + 1 of 100, 99 of 110, 108.9 + 2.2 of 99.
    assert statistics.cost_drag == pytest.approx(1.11 * 0.9 * (111.1 / 99) - 1.089, abs=1e-12)
    assert statistics.effective_positions == pytest.approx(1.5, abs=1e-12)
    assert statistics.effective_bets == pytest.approx(1.5, abs=1e-12)
    assert statistics.bucket_concentration == pytest.approx(0.75, abs=1e-12)
    assert (statistics.sessions, statistics.years) == (3, 1.0)


def test_costs_lower_the_return_by_the_drag() -> None:
    """A curve and the same one with 10 basis points a session: the drag is the difference of the two rates."""
    rng = np.random.default_rng(1)
    gross = rng.normal(5e-4, 0.01, 500)
    paid = curve(gross - 0.001)
    statistics = statistics_of(paid, costs=0.001 * paid[:-1])
    assert statistics.cost_drag == pytest.approx(
        statistics_of(curve(gross)).annual_return - statistics.annual_return, abs=1e-10
    )


def test_one_session_has_no_deviation() -> None:
    statistics = statistics_of([100.0, 110.0], year=1)
    assert statistics == Statistics(
        1, 1.0, statistics.total_return, statistics.annual_return, None, None, None, 0.0, None
    )
    assert statistics.annual_return == pytest.approx(0.1)
    assert statistics_of([100.0, 90.0]).sortino == pytest.approx(-math.sqrt(252))


@pytest.mark.parametrize("rate", [0.0, 0.01])
def test_a_curve_of_cash_has_no_ratios(rate: float) -> None:
    statistics = statistics_of(curve([per_session(rate)] * 300), cash=[per_session(rate)] * 300)
    assert (statistics.volatility, statistics.sharpe, statistics.sortino, statistics.calmar) == (0.0, None, None, None)
    assert statistics.annual_return == pytest.approx(rate, abs=1e-12)


def test_nothing_held_has_no_concentration() -> None:
    statistics = statistics_of([1.0, 1.0], weights=[[0.0, 0.0]], bets=[], bucket_weights=[[0.0]])
    assert (statistics.effective_positions, statistics.effective_bets, statistics.bucket_concentration) == (
        None,
        None,
        None,
    )


def test_no_dates_and_no_buckets_have_no_concentration() -> None:
    assert bucket_concentration(np.zeros((0, 3))) is None
    assert bucket_concentration([[], []]) is None


def test_drawdowns_by_hand() -> None:
    assert drawdowns(np.array([100.0, 120.0, 90.0, 120.0, 60.0])).tolist() == [0.0, 0.0, -0.25, 0.0, -0.5]


def test_concentration_of_equal_buckets() -> None:
    assert bucket_concentration([[0.1] * 4]) == pytest.approx(0.25, abs=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_bets_by_the_covariance(seed: int) -> None:
    rng = np.random.default_rng(seed)
    moves = rng.normal(size=(60, 1)) * rng.uniform(0, 2) + rng.normal(size=(60, 7)) * rng.uniform(0.1, 3, 7)
    weights = rng.dirichlet(np.ones(7))
    covariance = np.cov(moves, rowvar=False)
    expected = (weights @ np.sqrt(np.diag(covariance))) ** 2 / (weights @ covariance @ weights)
    assert effective_bets(weights, 0.01 * moves) == pytest.approx(expected, rel=1e-10)
    assert effective_bets(weights / 3, 0.01 * moves) == pytest.approx(expected, rel=1e-10)


def test_bets_of_what_moves_as_one_and_of_nothing() -> None:
    moves = np.array([[0.01], [-0.02], [0.005]])
    assert effective_bets([0.4, 0.2, 0.0], np.hstack([moves, 2 * moves, -moves])) == pytest.approx(1.0, abs=1e-12)
    assert effective_bets([0.0], moves) is None
    assert effective_bets([0.5, 0.5], np.hstack([moves, -moves])) is None  # hedged: it does not move


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: statistics_of([100.0]), "equity has too few values (received 1): give at least 2"),
        (lambda: statistics_of([100.0, 0.0]), "row 2: equity must be above 0 (received 0.0): correct it"),
        (lambda: statistics_of([100.0, math.nan]), "row 2: equity must be finite (received nan): fill or leave out"),
        (
            lambda: statistics_of([[1.0, 2.0]]),
            "equity has another shape (received (1, 2)): give an array of shape (n,)",
        ),
        (lambda: statistics_of(["a", "b"]), "equity are not numbers (received ['a', 'b']): give an array of numbers"),
        (lambda: statistics_of([1.0, 2.0], turnover=[0.1, 0.2]), "turnover has another length (received 2): give 1"),
        (lambda: statistics_of([1.0, 2.0], turnover=[-0.1]), "row 1: turnover must be above"),
        (lambda: statistics_of([1.0, 2.0], cash=[0.1, 0.2]), "cash has another length (received 2): give 1"),
        (lambda: statistics_of([1.0, 2.0], weights=[[0.1, -0.2]]), "row 1, column '2': a weight is negative"),
        (lambda: bucket_concentration([[0.1, math.inf]]), "row 1, column '2': bucket_weights must be finite"),
        (lambda: effective_bets([1.0], [[0.1]]), "returns has too few values (received (1, 1)): give at least 2 rows"),
    ],
)
def test_what_is_refused(call: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert str(caught.value).startswith(said)


def test_arrays_come_out_as_float64() -> None:
    assert vector(np.array([1, 2], np.int32), "x").dtype == np.float64
    assert matrix(np.ones((2, 2), np.float32), "x").dtype == np.float64
