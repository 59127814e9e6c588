"""`backtest`: what a policy would have done on past prices."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from trimtab.backtesting.exposure_history import exposure_history, exposure_records
from trimtab.backtesting.market_history import MarketHistory, market_history_of
from trimtab.backtesting.policy import check_limits, policy_records
from trimtab.backtesting.result import BacktestResult
from trimtab.backtesting.result_frames import date_of
from trimtab.backtesting.settings import BacktestSettings, SettingArguments
from trimtab.errors import Fault, InputError, UnmetLimitError
from trimtab.kernel.backtest import backtest_policy
from trimtab.kernel.backtest_records import LEDGER, ORDER, PLANNED, STEP, RunRecords
from trimtab.kernel.records import ANSWER, Records
from trimtab.limits.given_limits import given_limits
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.market.market_data import MarketData
from trimtab.market.typed_columns import SYMBOL_NAMES, frame_of, required
from trimtab.reasons import Reason


class BacktestArguments(SettingArguments, total=False):
    """The options of `backtest` and `sweep` apart from prices and limits."""

    scores: Any
    classification: Any
    membership: Any
    fundamentals: Any
    accepted: Any
    opens: Any
    lots: Any
    exposures: Any


def backtest(
    prices: Any,
    limits: RebalancingLimits | None = None,
    *,
    name: str = "policy",
    **arguments: Unpack[BacktestArguments],
) -> BacktestResult:
    """Replay history: decide on each rebalance day from what was known then, trade at the next session, drift in between.

    Each decision is one pass of `trimtab.rebalance` on the drifted weights of that day. docs/backtest.md states every
    formula.

    Parameters
    ----------
    prices
        A `MarketData`, or a table of prices that it takes.
    limits
        The policy; the defaults of `RebalancingLimits` where None.
    name
        What comparisons call the result.
    scores
        Long: `date`, `asset`, `score`, and optionally `max_weight`, `desired_weight`, `volatility`; wide: `date` and one
        column an asset. On each day the latest scores up to it count. Or a function of a `MarketView` that returns a table
        with `asset` and `score`. None: technical scores, combined with fundamental ones if there are fundamentals.
    classification
        The bucket of each symbol: a mapping, a pandas Series, or a table with `symbol`, `bucket`, and `known_on` where it changes.
    membership
        `symbol`, `from`, `to`: only members of the day are bought.
    fundamentals
        `symbol`, `known_on` and items.
    accepted
        Pairs of symbol and day: jumps of the prices that are real.
    opens
        Prices at the open, for `trade_at="open"`: a `MarketData` or a table; by default the column `open` of `prices`.
    lots
        With `start_value`: the tradable step of each asset (a mapping), or of all (a number); 1 where none is given.
    exposures
        A table as `rebalance` takes it, for limits of exposures; with the column `known_on` where it changes.
    every, drift, trade_at, start, end, costs, cash_rate, gone_after, sessions_per_year, start_value, orders
        The fields of `BacktestSettings`; docs/backtest.md has each with its default. `every` also takes a list of days,
        `cash_rate` a table with `date` and `rate`.

    Raises
    ------
    InputError
        Data or settings that cannot be used: names row, column, value and what to do.
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
    policy_limits = given_limits(limits)
    history = history_of(prices, arguments)
    check_limits(history, policy_limits)
    return run_policy(history, policy_limits, name)


def rerun_with(result: BacktestResult, limits: RebalancingLimits, name: str) -> BacktestResult:
    """Another policy on the sessions of a backtest, with its prices, scores and settings.

    Raises
    ------
    LimitsError
        Limits for a bucket that does not exist.
    """
    return run_policy(result.market_history, given_limits(limits), name)


def history_of(prices: Any, arguments: BacktestArguments) -> MarketHistory:
    """The history in prices and the other arguments of `backtest`.

    Raises
    ------
    InputError
        Data or settings that cannot be used.
    TypeError
        An argument that does not exist.
    """
    options: dict[str, Any] = dict(arguments)
    scores, opens, lots, exposures = (options.pop(name, None) for name in ("scores", "opens", "lots", "exposures"))
    tables = {name: options.pop(name, None) for name in ("classification", "membership", "fundamentals", "accepted")}
    settings = BacktestSettings.of(options)
    data = _market_data(prices, tables)
    opens, known = _opens(prices, opens, settings), exposure_history(exposures)
    return market_history_of(data, settings, scores=scores, opens=opens, lots=lots, exposures=known)


def _market_data(prices: Any, tables: dict[str, Any]) -> MarketData:
    """Market data: built from tables, or passed through, since it already holds its tables."""
    tables = {name: table for name, table in tables.items() if table is not None}
    if isinstance(prices, MarketData):
        for name in tables:
            advice = f"give it to MarketData, as MarketData(..., {name}=...)"
            raise InputError([Fault(f"{name} is given beside a MarketData", advice)])
        return prices
    return MarketData(prices, **tables)


def _opens(prices: Any, opens: Any, settings: BacktestSettings) -> MarketData | None:
    """Prices at the open; None if trades happen at the close."""
    if settings.trade_at == "close":
        if opens is not None:
            raise InputError([Fault("opens are given but not used", 'set trade_at="open", or leave them out')])
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


def run_policy(history: MarketHistory, limits: RebalancingLimits, name: str) -> BacktestResult:
    """The result of one policy on a history.

    Raises
    ------
    InputError
        A holding without a score on some day, and `unscored_positions` is "error".
    LimitsError
        Limits for a bucket that does not exist.
    UnmetLimitError
        A limit cannot be met on some day and `on_unmet` is "raise".
    """
    days, assets = len(history.market.rebalance_days), len(history.assets)
    planned = days if history.whole is not None else 0
    run = RunRecords(
        equity=np.zeros(len(history.dates)),
        cash=np.zeros(len(history.dates)),
        steps=np.zeros(days, STEP),
        answers=np.zeros((days, assets), ANSWER),
        ledger=np.zeros((days, assets), LEDGER),
        proceeds=np.zeros(len(history.market.delisted)),
        orders=no_orders(planned, assets),
        plans=np.zeros(planned, PLANNED),
    )
    policy = policy_records(limits, history.buckets, history.settings)
    exposures = exposure_records(history.exposures, [limits], history.assets)
    count = backtest_policy(history.market, policy, history.whole, exposures, run)
    check_countable(history, count)
    kept = ("steps", "answers", "ledger", "orders", "plans")
    run = run._replace(**{field: getattr(run, field)[:count] for field in kept})
    _refuse_unscored(history, limits, run)
    result = BacktestResult(name, limits, history, run)
    if limits.on_unmet == "raise":
        _refuse_unmet(result)
    return result


def no_orders(days: int, assets: int) -> Records:
    """Records of orders for these days, with none so far."""
    orders = np.zeros((days, assets), ORDER)
    orders["place"] = -1
    return orders


def check_countable(history: MarketHistory, count: int) -> None:
    """Refuse amounts that became too large, or prices too small, to count exactly: the kernel returned no count.

    Raises
    ------
    InputError
        The day on which it happened.
    """
    if count < 0:
        problem = (
            f"on {history.dates[-1 - count].isoformat()} the account can no longer be counted exactly in whole numbers"
        )
        advice = "begin with a smaller start_value, or check the prices around that day"
        raise InputError([Fault(problem, advice)])


def _refuse_unscored(history: MarketHistory, limits: RebalancingLimits, run: RunRecords) -> None:
    """Refuse holdings without a score if `unscored_positions` is "error"."""
    if limits.unscored_positions != "error":
        return
    priced = history.market.priced[run.steps["decided"]]
    unscored = (run.answers["reason"] == Reason.HELD_UNSCORED) & (run.ledger["current"] > 0) & priced
    if unscored.any():
        step, asset = (int(index) for index in np.argwhere(unscored)[0])
        problem = f"the holding {history.assets[asset]!r} has no score on {date_of(history, run, step).isoformat()}"
        raise InputError([Fault(problem, 'score it, or set unscored_positions to "hold" or "close"')])


def _refuse_unmet(result: BacktestResult) -> None:
    """Refuse unmet limits if `on_unmet` is "raise": the decisions are made again, with every limit measured."""
    for date in result.turnover["date"]:
        try:
            result.on(date)
        except UnmetLimitError as error:
            raise UnmetLimitError([f"{date.isoformat()}: {sentence}" for sentence in error.sentences]) from None
