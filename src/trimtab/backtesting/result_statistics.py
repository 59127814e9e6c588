"""The statistics of a backtest: the records of a run, as the arrays that the formulas take."""

from __future__ import annotations

import numpy as np

from trimtab.backtesting.market_history import MarketHistory
from trimtab.facts.buckets import top_of
from trimtab.kernel.backtest_records import RunRecords
from trimtab.kernel.records import Floats, Records
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.statistics.performance import Statistics, effective_bets, statistics_of

_FEWEST = 60  # a date with fewer common sessions does not count


def measured(history: MarketHistory, run: RunRecords, limits: RebalancingLimits) -> Statistics:
    """All statistics of a run. Weights are those after the trades of each decision."""
    turnover, costs = traded(run.steps, len(history.dates) - 1)
    return statistics_of(
        run.equity,
        turnover=turnover,
        costs=costs,
        weights=run.ledger["after"],
        bets=bets_of(history, run),
        bucket_weights=top_weights(history, run, limits)[1],
        cash=cash_returns(history),
        year=history.sessions_per_year,
    )


def traded(steps: Records, sessions: int) -> tuple[Floats, Floats]:
    """Turnover and costs of each session after the first, shape (sessions,), from the decisions."""
    turnover, costs = np.zeros(sessions), np.zeros(sessions)
    turnover[steps["traded"] - 1] = np.maximum(steps["bought"], steps["sold"]) / steps["value"]
    costs[steps["traded"] - 1] = steps["paid"]
    return turnover, costs


def cash_returns(history: MarketHistory) -> Floats:
    """The return of cash in each session after the first, shape (sessions - 1,)."""
    returns: Floats = history.market.cash_growth[1:] - 1.0
    return returns


def bets_of(history: MarketHistory, run: RunRecords) -> Floats:
    """The effective number of bets after each decision, of those dates that have one.

    From the returns of a year up to the trades, on sessions with a price for everything held; dates with fewer than 60 such
    sessions (or half a year, if that is fewer) are left out.
    """
    bets_by_date, year = list[float](), history.sessions_per_year
    fewest = min(_FEWEST, year // 2)
    for step, after in zip(run.steps, run.ledger["after"], strict=True):
        held = np.flatnonzero(after > 0)
        stop = int(step["traded"]) + 1
        prices = history.market.close[max(0, stop - year - 1) : stop, held]
        prices = prices[np.isfinite(prices).all(axis=1)]
        if held.size and len(prices) > max(fewest, 2):
            bets = effective_bets(after[held], prices[1:] / prices[:-1] - 1.0)
            bets_by_date += [] if bets is None else [bets]
    return np.array(bets_by_date)


def top_weights(history: MarketHistory, run: RunRecords, limits: RebalancingLimits) -> tuple[tuple[str, ...], Floats]:
    """The buckets at `bucket_level`, by path, and their weights after each decision, shape (decisions, buckets)."""
    tops = tuple(sorted({top_of(name, limits) for name in history.buckets}))
    column = np.array([tops.index(top_of(name, limits)) for name in history.buckets])
    asked = np.searchsorted(history.market.rebalance_days["session"], run.steps["decided"])
    weights = np.zeros((len(run.steps), len(tops)))
    for index, (row, after) in enumerate(zip(asked, run.ledger["after"], strict=True)):
        held = np.flatnonzero(after > 0)
        np.add.at(weights[index], column[history.market.memberships["bucket"][row, held]], after[held])
    used = [index for index in range(len(tops)) if weights[:, index].any()]
    return tuple(tops[index] for index in used), weights[:, used]
