"""Benchmarks of a backtest: fixed or equal weights, on the same sessions with the same settings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, replace

import numpy as np

from trimtab.backtesting.backtest import run_policy
from trimtab.backtesting.market_history import MarketHistory, refuse_unknown_assets
from trimtab.backtesting.result import BacktestResult
from trimtab.backtesting.scores_by_date import empty_scores
from trimtab.backtesting.whole_lots import order_settings
from trimtab.errors import Fault, InputError
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.limits.widest import WIDEST

_FULL = 1.0 + 1e-9

# Buys every asset that may be bought, and brings it to its weight.
EVERYTHING = RebalancingLimits(**WIDEST, unscored_positions="close")


def benchmark(
    result: BacktestResult,
    weights: Mapping[str, float] | None = None,
    *,
    hold: bool = False,
    name: str | None = None,
) -> BacktestResult:
    """A simple portfolio on the sessions of a backtest, with its costs, cash rate and trade times.

    Parameters
    ----------
    result
        The backtest to compare with.
    weights
        Asset -> weight, such as `{"SPY": 0.6, "AGG": 0.4}`, of assets in its prices; the rest is cash. None: equal weights
        of all members that are in the scores of the day.
    hold
        Buy on the first day and hold; otherwise the weights are restored on every rebalance day.
    name
        Its name in comparisons; by default, a description.

    Raises
    ------
    InputError
        An asset without prices; weights that are not above 0, or add up to more than 1.

    Examples
    --------
    >>> from trimtab.backtesting.backtest import backtest
    >>> rows = [("2024-01-31", 10.0), ("2024-02-01", 10.0), ("2024-02-29", 12.0), ("2024-03-01", 12.0)]
    >>> prices = [{"date": date, "symbol": "AAA", "close": close} for date, close in rows]
    >>> result = backtest(prices, scores=[{"date": "2024-01-31", "asset": "AAA", "score": 0.9}])
    >>> half = benchmark(result, {"AAA": 0.5})
    >>> half.name, half.equity["equity"][-1]
    ('50% AAA', 1.1)
    """
    history = result.market_history
    simple = _equal(history) if weights is None else _fixed(history, weights)
    if hold:
        days, memberships = simple.market.rebalance_days[:1], simple.market.memberships[:1]
        simple = replace(simple, market=simple.market._replace(rebalance_days=days, memberships=memberships))
    limits, label = EVERYTHING, "equal weight"
    if history.whole is not None:  # with the fees of the policy, and nothing else of its orders
        fees = order_settings(result.limits, result.settings).fees
        limits = limits.replace(orders={"fees": asdict(fees), "max_fee_share": 1.0})
    if weights is not None:
        limits = limits.replace(sizing_mode="desired")
        label = ", ".join(f"{round(100 * weight, 2):g}% {asset}" for asset, weight in weights.items())
    label += ", held" if hold else ""
    return run_policy(simple, limits, label if name is None else name)


def _equal(history: MarketHistory) -> MarketHistory:
    """Every member in the scores has the same score."""
    market = history.market
    days = market.rebalance_days.copy()
    scores = empty_scores(len(days), len(history.assets))
    listed = market.scores["listed"][days["scores"]] & market.memberships["member"]
    scores["score"][listed] = 1.0
    scores["listed"] = listed
    days["scores"] = np.arange(len(days))
    score_days = tuple(history.dates[session] for session in days["session"].tolist())
    return replace(history, score_days=score_days, market=market._replace(scores=scores, rebalance_days=days))


def _fixed(history: MarketHistory, weights: Mapping[str, float]) -> MarketHistory:
    """Only these assets have a score, and their desired weights; membership does not matter."""
    refuse_unknown_assets(weights, history.assets, "the weights")
    wrong = {name: weight for name, weight in weights.items() if not 0.0 < weight <= 1.0}
    total = math.fsum(weights.values())
    if wrong or total > _FULL or not weights:
        advice = "give fractions above 0 that add up to at most 1"
        raise InputError([Fault("the weights are not those of a portfolio", advice, value=dict(wrong) or total)])
    scores = empty_scores(1, len(history.assets))
    for name, weight in weights.items():
        row = scores[0, history.assets.index(name)]
        row["score"], row["desired"], row["listed"] = 1.0, weight, True
    days, memberships = history.market.rebalance_days.copy(), history.market.memberships.copy()
    days["scores"] = 0
    memberships["member"] = True
    market = history.market._replace(scores=scores, rebalance_days=days, memberships=memberships)
    return replace(history, score_days=history.dates[:1], market=market)
