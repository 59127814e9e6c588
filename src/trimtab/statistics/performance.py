"""The statistics of an equity curve: each formula with its source, and None where it is undefined.

Returns are simple returns of sessions, fractions. A year has 252 sessions by default. Sometimes a denominator is zero
(a curve that does not move, never falls, holds nothing): then the statistic is undefined and None, never NaN, infinity
or zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimtab.errors import Fault, InputError
from trimtab.statistics.checked_arrays import Floats, matrix, vector

YEAR = 252
_DUST = 1e-12  # weights are held to this
_STILL = 1e-14  # a deviation of returns up to this is rounding: values have 16 digits


@dataclass(frozen=True, slots=True)
class Statistics:
    """The figures of an equity curve. Rates and volatilities are of a year; fractions, not percent.

    `sessions` are the returns, `years` that number over the sessions of a year. `max_drawdown` is 0 or negative.
    `turnover` and `cost_drag` are of a year. `effective_positions`, `effective_bets` and `bucket_concentration` are means
    over the dates with something invested. None: not defined for this curve, or not asked for.
    """

    sessions: int
    years: float
    total_return: float
    annual_return: float
    volatility: float | None
    sharpe: float | None
    sortino: float | None
    max_drawdown: float
    calmar: float | None
    turnover: float | None = None
    cost_drag: float | None = None
    effective_positions: float | None = None
    effective_bets: float | None = None
    bucket_concentration: float | None = None


def statistics_of(
    equity: Any,
    *,
    turnover: Any = None,
    costs: Any = None,
    weights: Any = None,
    bets: Any = None,
    bucket_weights: Any = None,
    cash: Any = 0.0,
    year: int = YEAR,
) -> Statistics:
    """All statistics of an equity curve.

    Parameters
    ----------
    equity
        The account's value after each session, money, shape (sessions + 1,), above 0; the first is the starting value,
        before anything was bought.
    turnover
        What was traded in each session, the larger of buys and sells as a fraction of the account, shape (sessions,).
    costs
        What trading cost in each session, money, shape (sessions,). `equity` is net of them.
    weights, bucket_weights
        Weights of assets, and of buckets, at the dates that are to count, shapes (dates, assets), (dates, buckets). Cash
        is not a column.
    bets
        `effective_bets` of each such date, shape (dates,).
    cash
        What cash earns in a session, a fraction, from which Sharpe and Sortino measure: one number, or shape (sessions,).
        `per_session` makes it from the rate of a year.
    year
        Sessions of a year.

    Raises
    ------
    InputError
        Fewer than two values of equity, one that is not above 0, another length, or a number that is not finite.

    Examples
    --------
    >>> statistics = statistics_of([100.0, 110.0, 99.0, 108.9])
    >>> round(statistics.total_return, 6), round(statistics.max_drawdown, 6), statistics.sessions
    (0.089, -0.1, 3)
    >>> statistics_of([100.0, 101.0]).volatility is None
    True
    """
    values = vector(equity, "equity", min_count=2, above=0.0)
    returns = returns_of(values)
    count = len(returns)
    rate = annual_return(returns, year)
    fall = float(drawdowns(values).min())
    above = returns - vector(np.broadcast_to(cash, count) if np.ndim(cash) == 0 else cash, "cash", length=count)
    traded = None if turnover is None else vector(turnover, "turnover", length=count, above=-_DUST)
    paid = None if costs is None else vector(costs, "costs", length=count)
    return Statistics(
        sessions=count,
        years=count / year,
        total_return=float(values[-1] / values[0] - 1.0),
        annual_return=rate,
        volatility=volatility(returns, year),
        sharpe=sharpe_ratio(above, year),
        sortino=sortino_ratio(above, year),
        max_drawdown=fall,
        calmar=rate / -fall if fall < 0 else None,
        turnover=None if traded is None else math.fsum(traded.tolist()) * year / count,
        cost_drag=None if paid is None else annual_return(returns + paid / values[:-1], year) - rate,
        effective_positions=None
        if weights is None
        else _mean(_effective(matrix(weights, "weights", min_count=0, columns=0))),
        effective_bets=None if bets is None else _mean(vector(bets, "bets", min_count=0)),
        bucket_concentration=None if bucket_weights is None else bucket_concentration(bucket_weights),
    )


def returns_of(equity: Floats) -> Floats:
    """Simple returns, shape (n - 1,), of values of shape (n,): value over the one before, less 1."""
    returns: Floats = equity[1:] / equity[:-1] - 1.0
    return returns


def drawdowns(equity: Floats) -> Floats:
    """The drawdown of each value from the highest so far: value / highest - 1, 0 or negative, shape (n,)."""
    below_highest: Floats = equity / np.maximum.accumulate(equity) - 1.0
    return below_highest


def annual_return(returns: Floats, year: int = YEAR) -> float:
    """The compound annual growth rate: (product of 1 + r) ** (year / n) - 1, r of shape (n,)."""
    return float(np.prod(1.0 + returns) ** (year / len(returns)) - 1.0)


def volatility(returns: Floats, year: int = YEAR) -> float | None:
    """The standard deviation of returns (n - 1 in the denominator) times sqrt(year). None for a single return."""
    return None if len(returns) < 2 else _deviation(returns) * math.sqrt(year)


def sharpe_ratio(above: Floats, year: int = YEAR) -> float | None:
    """The mean over the standard deviation (n - 1) of returns above cash, times sqrt(year).

    Source: Sharpe, "The Sharpe Ratio", Journal of Portfolio Management 21, 1994. None for a single return, and where it
    does not move.
    """
    deviation = _deviation(above) if len(above) > 1 else 0.0
    return float(above.mean()) / deviation * math.sqrt(year) if deviation > 0 else None


def sortino_ratio(above: Floats, year: int = YEAR) -> float | None:
    """Mean return above cash over the downside deviation, sqrt(mean of min(r, 0) ** 2), times sqrt(year).

    Source: Sortino and Price, "Performance Measurement in a Downside Risk Framework", Journal of Investing 3, 1994. The
    mean is over all sessions. None where no return is below that of cash.
    """
    downside = math.sqrt(float(np.square(np.minimum(above, 0.0)).mean()))
    return float(above.mean()) / downside * math.sqrt(year) if downside > _STILL else None


def effective_bets(weights: Any, returns: Any) -> float | None:
    """The number of independent bets of equal risk that a portfolio amounts to: the squared diversification ratio.

    (sum of w * s) ** 2 / v, with s the standard deviations of the assets' returns and v the variance of the portfolio's,
    r'w. Of n uncorrelated assets of equal risk it is n; of assets that move as one it is 1. Source: Choueifaty, Froidure
    and Reynier, "Properties of the Most Diversified Portfolio", Journal of Investment Strategies 2, 2013.

    Parameters
    ----------
    weights
        Of the assets, shape (assets,), at least 0. Only their proportions count.
    returns
        Of the same assets, shape (sessions, assets), at least two sessions.

    Returns
    -------
    float or None
        None where nothing is held or the portfolio does not move.

    Examples
    --------
    >>> apart = [[0.01, 0.01], [0.01, -0.01], [-0.01, 0.01], [-0.01, -0.01]]
    >>> round(effective_bets([0.5, 0.5], apart), 12)
    2.0
    """
    moves = matrix(returns, "returns", min_count=2)
    share = vector(weights, "weights", length=moves.shape[1], above=-_DUST)
    variance = _deviation(moves @ share) ** 2
    alone = math.fsum(weight * _deviation(moves[:, index]) for index, weight in enumerate(share.tolist()) if weight > 0)
    return alone * alone / variance if variance > 0 else None


def bucket_concentration(bucket_weights: Any) -> float | None:
    """The mean over dates of the Herfindahl-Hirschman index of buckets: the sum of squared shares of what is invested.

    1 is one bucket, 1 / n are n equal ones. Source: Herfindahl, "Concentration in the Steel Industry", 1950; Hirschman,
    "The Paternity of an Index", American Economic Review 54, 1964. Dates with nothing invested do not count; None if no
    date is left.

    Parameters
    ----------
    bucket_weights
        Shape (dates, buckets), at least 0.
    """
    return _mean(1.0 / _effective(matrix(bucket_weights, "bucket_weights", min_count=0, columns=0)))


def per_session(rate: float, year: int = YEAR) -> float:
    """A rate of a year as one of a session that compounds to it."""
    return math.expm1(math.log1p(rate) / year)


def _effective(weights: Floats) -> Floats:
    """1 / HHI of each date with something invested: the number of equal positions with the same concentration.

    Source: Strongin, Petsch and Sharenow, "Beating Benchmarks", Journal of Portfolio Management 26, 2000.
    """
    if bool((weights < -_DUST).any()):
        row, column = (int(index) for index in np.argwhere(weights < -_DUST)[0])
        advice, value = "give weights of at least 0", float(weights[row, column])
        raise InputError([Fault("a weight is negative", advice, str(column + 1), row + 1, value=value)])
    invested = weights.sum(axis=1)
    held = invested > _DUST
    shares = weights[held] / invested[held, None]
    numbers: Floats = 1.0 / np.square(shares).sum(axis=1)
    return numbers


def _mean(values: Floats) -> float | None:
    return math.fsum(values) / len(values) if len(values) else None


def _deviation(returns: Floats) -> float:
    """The standard deviation with n - 1 in the denominator; exactly 0 where what differs is rounding."""
    deviation = float(returns.std(ddof=1))
    return deviation if deviation > _STILL else 0.0
