"""The door to backtests: prices, scores and limits in, what became of them out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from trimtab.backtesting.market_history import Course, course_of
from trimtab.backtesting.policy import Policy, check_buckets, policy_of
from trimtab.backtesting.result import BacktestResult
from trimtab.backtesting.result_frames import Walked, date_of
from trimtab.backtesting.settings import Terms
from trimtab.backtesting.trading_costs import TradingCosts
from trimtab.errors import Fault, InputError, UnmetLimitError
from trimtab.kernel.backtest import walk
from trimtab.kernel.backtest_records import LEDGER, STEP
from trimtab.kernel.records import ANSWER
from trimtab.limits.rebalancing_limits import RebalancingLimits, given_limits
from trimtab.market.market_data import MarketData
from trimtab.market.typed_columns import SYMBOL_NAMES, Date, frame_of, required
from trimtab.reasons import Reason


def backtest(
    prices: Any,
    limits: RebalancingLimits | None = None,
    *,
    scores: Any = None,
    classification: Any = None,
    membership: Any = None,
    fundamentals: Any = None,
    opens: Any = None,
    start: Date | None = None,
    end: Date | None = None,
    every: str | Iterable[Date] = "month",
    drift: float | None = None,
    trade_at: str = "close",
    costs: TradingCosts | None = None,
    cash_rate: Any = 0.0,
    gone_after: int = 5,
    name: str = "policy",
) -> BacktestResult:
    """Walk the rebalance days of real prices: decide on what is known, trade at the next session, drift in between.

    Each decision is the pass of `trimtab.rebalance` on the drifted weights of that day. docs/backtest.md states every
    formula.

    Parameters
    ----------
    prices
        A `MarketData`, or a table of prices that it takes.
    limits
        The policy; the defaults of `RebalancingLimits` where None.
    scores
        `date`, `asset`, `score` (and `max_weight`, `desired_weight`, `volatility`), or wide: `date` and one column an
        asset; on a day the latest scores up to it count. Or a function of a `MarketView` that returns a table with
        `asset` and `score`. None: technical scores, combined with fundamental ones where there are fundamentals.
    classification
        The bucket of each symbol: a mapping, or a table with `symbol`, `bucket`, and `known_on` where it changes.
    membership
        `symbol`, `from`, `to`: what is no member on a day is not bought then.
    fundamentals
        `symbol`, `known_on` and items.
    opens
        Prices at the open, for `trade_at="open"`: a `MarketData` or a table; by default the column `open` of `prices`.
    start, end
        The first day on which the policy may be asked (by default the first with a score), and the last session.
    every
        `week`, `month`, `quarter`: their last sessions; `drift`: whenever a weight has drifted; or the days.
    drift
        With `every="drift"`: how far a weight may be from what it was after the last trades.
    trade_at
        `close` or `open` of the next session.
    costs
        What a trade costs; nothing where None.
    cash_rate
        What cash earns in a year, as a fraction; or a table with `date` and `rate`.
    gone_after
        After so many sessions without a price a holding leaves at its last price.
    name
        What the result is called in comparisons.

    Raises
    ------
    InputError
        Data that cannot be walked: names row, column, value and what to do.
    LimitsError
        Limits for a bucket that does not exist.
    UnmetLimitError
        A limit cannot be met on some day and `on_unmet` is "raise".

    Examples
    --------
    >>> rows = [("2024-01-31", 10.0), ("2024-02-01", 10.0), ("2024-02-29", 12.0), ("2024-03-01", 12.0)]
    >>> prices = [{"date": date, "symbol": "AAA", "close": close} for date, close in rows]
    >>> scores = [{"date": date, "asset": "AAA", "score": 0.9} for date in ("2024-01-31", "2024-02-29")]
    >>> result = backtest(prices, RebalancingLimits(max_position_weight=0.5), scores=scores)
    >>> result.equity["equity"].to_list()
    [1.0, 1.0, 1.1, 1.1]
    """
    chosen = given_limits(limits)
    terms = Terms.of(
        costs=costs, every=every, drift=drift, trade_at=trade_at, gone_after=gone_after, start=start, end=end
    )
    data = market_of(prices, classification=classification, membership=membership, fundamentals=fundamentals)
    at_open = opens_of(prices, opens, terms)
    course = course_of(data, terms, scores=scores, opens=at_open, cash_rate=cash_rate)
    check_buckets(course.buckets, chosen)
    return walked(course, policy_of(chosen, course.buckets), name)


def again(result: BacktestResult, limits: RebalancingLimits, name: str) -> BacktestResult:
    """Another policy on the sessions of a backtest, with its prices, scores and terms.

    Raises
    ------
    LimitsError
        Limits for a bucket that does not exist.
    """
    return walked(result.course, policy_of(given_limits(limits), result.course.buckets), name)


def market_of(prices: Any, *, classification: Any, membership: Any, fundamentals: Any) -> MarketData:
    """Market data from tables, or as it was given.

    Raises
    ------
    InputError
        Tables that cannot be read; tables beside a `MarketData`, which has its own.
    """
    if isinstance(prices, MarketData):
        more = {"classification": classification, "membership": membership, "fundamentals": fundamentals}
        for what, given in more.items():
            if given is not None:
                advice = f"give it to MarketData, as MarketData(..., {what}=...)"
                raise InputError([Fault(f"{what} is given beside a MarketData", advice)])
        return prices
    if isinstance(classification, Mapping):
        classification = [{"symbol": symbol, "bucket": bucket} for symbol, bucket in classification.items()]
    return MarketData(prices, classification=classification, membership=membership, fundamentals=fundamentals)


def opens_of(prices: Any, opens: Any, terms: Terms) -> MarketData | None:
    """Prices at the open, None where nobody trades there.

    Raises
    ------
    InputError
        There are none and they are needed, or some and nobody would look at them.
    """
    if terms.trade_at == "close":
        if opens is not None:
            raise InputError([Fault("opens are given and not used", 'set trade_at="open", or leave them out')])
        return None
    if isinstance(opens, MarketData):
        return opens
    if opens is None and isinstance(prices, MarketData):
        advice = 'give opens=MarketData(table, price_column="open")'
        raise InputError([Fault('trade_at="open" needs prices at the open', advice)])
    if opens is not None:
        return MarketData(opens, price_column="open")
    frame, source = frame_of(prices, "the prices")
    column = required(frame, ("open",), source)
    required(frame, SYMBOL_NAMES, source)  # a wide table has one price a day
    return MarketData(frame, price_column=column)


def walked(course: Course, policy: Policy, name: str) -> BacktestResult:
    """The result of one policy on a course.

    Raises
    ------
    InputError
        A holding without a score on some day, and `unscored_positions` is "error".
    UnmetLimitError
        A limit cannot be met on some day and `on_unmet` is "raise".
    """
    sessions, asked, assets = len(course.dates), len(course.asked), len(course.assets)
    equity, cash, steps = np.zeros(sessions), np.zeros(sessions), np.zeros(asked, STEP)
    answers, ledger = np.zeros((asked, assets), ANSWER), np.zeros((asked, assets), LEDGER)
    left = np.zeros(len(course.gone))
    terms = course.terms
    count = walk(
        *course.arrays(),
        policy.tree.nodes,
        policy.leaf_of,
        policy.settings[0],
        terms.costs.rate,
        terms.drift,
        equity,
        cash,
        steps,
        answers,
        ledger,
        left,
    )
    found = Walked(equity, cash, steps[:count], answers[:count], ledger[:count], left)
    _refuse_unscored(course, policy, found)
    result = BacktestResult(name, policy.limits, course, found)
    if policy.limits.on_unmet == "raise":
        _refuse_unmet(result)
    return result


def _refuse_unscored(course: Course, policy: Policy, found: Walked) -> None:
    """What `unscored_positions = "error"` forbids."""
    if policy.limits.unscored_positions != "error":
        return
    free = course.seen[found.steps["decided"]]
    where = (found.answers["reason"] == Reason.HELD_UNSCORED) & (found.ledger["current"] > 0) & free
    if where.any():
        step, asset = (int(at) for at in np.argwhere(where)[0])
        problem = f"the holding {course.assets[asset]!r} has no score on {date_of(course, found, step).isoformat()}"
        raise InputError([Fault(problem, 'score it, or set unscored_positions to "hold" or "close"')])


def _refuse_unmet(result: BacktestResult) -> None:
    """What `on_unmet = "raise"` forbids: the decisions are made again, with every limit measured."""
    for date in result.turnover["date"]:
        try:
            result.on(date)
        except UnmetLimitError as error:
            raise UnmetLimitError([f"{date.isoformat()}: {sentence}" for sentence in error.sentences]) from None
