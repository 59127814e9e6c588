"""Benchmarks of a backtest: fixed weights or equal weights, through the same walk, on the same sessions and terms."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from trimtab.backtesting.backtest import walked
from trimtab.backtesting.market_history import Course, unknown_assets
from trimtab.backtesting.policy import policy_of
from trimtab.backtesting.result import BacktestResult
from trimtab.backtesting.scores_by_date import Offers, empty_offers
from trimtab.errors import Fault, InputError
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.limits.widest import WIDEST

_FULL = 1.0 + 1e-9

# Everything is bought that may be bought, and brought to its weight.
EVERYTHING = RebalancingLimits(**WIDEST, unscored_positions="close")


def benchmark(
    result: BacktestResult,
    weights: Mapping[str, float] | None = None,
    *,
    hold: bool = False,
    name: str | None = None,
) -> BacktestResult:
    """What a simple portfolio would have come to on the sessions of a backtest, with its costs, cash rate and trade times.

    Parameters
    ----------
    result
        The backtest beside which it is to stand.
    weights
        Asset -> weight, such as `{"SPY": 0.6, "AGG": 0.4}`, of assets that are in its prices; what they leave is cash.
        None: equal weights of the universe: on each day what stands in the scores and is a member.
    hold
        Buy on the first day and hold; otherwise the weights are restored on every day on which the policy is asked.
    name
        What it is called; by default what it is.

    Raises
    ------
    InputError
        An asset without prices; weights that are not above 0, or sum above 1.

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
    course = result.course
    chosen = _equal(course) if weights is None else _fixed(course, weights)
    if hold:
        chosen = replace(chosen, asked=chosen.asked[:1], places=chosen.places[:1])
    limits, called = EVERYTHING, "equal weight"
    if weights is not None:
        limits = EVERYTHING.replace(sizing_mode="desired")
        called = ", ".join(f"{round(100 * weight, 2):g}% {asset}" for asset, weight in weights.items())
    called += ", held" if hold else ""
    return walked(chosen, policy_of(limits, course.buckets), called if name is None else name)


def _equal(course: Course) -> Course:
    """Everything that is scored and a member has the same score."""
    records = empty_offers(len(course.asked), len(course.assets))
    there = course.offers.records["listed"][course.asked["offer"]] & course.places["member"]
    records["score"][there] = 1.0
    records["listed"] = there
    days = tuple(course.dates[session] for session in course.asked["session"].tolist())
    asked = course.asked.copy()
    asked["offer"] = np.arange(len(asked))
    return replace(course, offers=Offers(days, records), asked=asked)


def _fixed(course: Course, weights: Mapping[str, float]) -> Course:
    """Only these assets have a score, and the weights are wished for; an index does not matter."""
    unknown_assets(weights, course.assets, "the weights")
    wrong = {name: weight for name, weight in weights.items() if not 0.0 < weight <= 1.0}
    total = math.fsum(weights.values())
    if wrong or total > _FULL or not weights:
        advice = "give fractions above 0 that sum to 1 or less"
        raise InputError([Fault("the weights are no weights of a portfolio", advice, value=dict(wrong) or total)])
    records = empty_offers(1, len(course.assets))
    for name, weight in weights.items():
        own = records[0, course.assets.index(name)]
        own["score"], own["desired"], own["listed"] = 1.0, weight, True
    asked, places = course.asked.copy(), course.places.copy()
    asked["offer"] = 0
    places["member"] = True
    return replace(course, offers=Offers(course.dates[:1], records), asked=asked, places=places)
