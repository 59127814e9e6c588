"""One policy on history: the equity, every weight, trade and decision, its statistics and notes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from trimtab.backtesting.market_history import MarketHistory
from trimtab.backtesting.order_frames import holdings_frame, plans_frame
from trimtab.backtesting.result_frames import (
    bucket_weights_frame,
    decisions_frame,
    equity_frame,
    removed_frame,
    trades_frame,
    turnover_frame,
    weights_frame,
)
from trimtab.backtesting.result_statistics import cash_returns, measured, top_weights
from trimtab.backtesting.settings import BacktestSettings
from trimtab.errors import Fault, InputError, listed
from trimtab.facts.bucket_summaries import Note
from trimtab.kernel.backtest_records import RunRecords, WholeLots
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.statistics.checked_arrays import Floats
from trimtab.statistics.performance import Statistics, returns_of


@dataclass(frozen=True, eq=False)
class PolicyRun:
    """The data of one policy on history. Money is in units of the start: the account begins with 1.0 in cash.

    `date` is the session of a decision, `trade_date` the next one, on which it was traded. `market_history` is the history it ran over.
    """

    name: str
    limits: RebalancingLimits
    market_history: MarketHistory
    _run: RunRecords

    def __repr__(self) -> str:
        dates = self.market_history.dates
        return (
            f"<{type(self).__name__} {self.name}: {dates[0].isoformat()} to {dates[-1].isoformat()}, {len(self._run.steps)} "
            f"decisions, equity {self._run.equity[-1]:.4f}>"
        )

    @property
    def settings(self) -> BacktestSettings:
        """When it decides, where it trades, costs, what cash earns."""
        return self.market_history.settings

    @property
    def course(self) -> MarketHistory:
        """The old name of `market_history`, until 1.0."""
        warnings.warn("course is now called market_history", DeprecationWarning, stacklevel=2)
        return self.market_history

    @property
    def terms(self) -> BacktestSettings:
        """The old name of `settings`, until 1.0."""
        warnings.warn("terms is now called settings", DeprecationWarning, stacklevel=2)
        return self.settings

    @cached_property
    def equity(self) -> pl.DataFrame:
        """One row a session, at the close: `date`, `equity`, `cash`, `return` (since the session before)."""
        return equity_frame(self.market_history, self._run)

    @cached_property
    def weights(self) -> pl.DataFrame:
        """One row for each decision and asset held before or after it: `date`, `trade_date`, `asset`, `bucket`,
        `current_weight` (drifted, at the decision), `target_weight`, `weight` (after the trades, at their prices).
        """
        return weights_frame(self.market_history, self._run)

    @cached_property
    def bucket_weights(self) -> pl.DataFrame:
        """One row for each decision and bucket, parts of paths included: `date`, `trade_date`, `bucket`, `depth` (of the
        path), `weight`, `positions`, after the trades.
        """
        return bucket_weights_frame(self.weights, self.limits)

    @cached_property
    def trades(self) -> pl.DataFrame:
        """One row an order: `date` (of the trade), `decided`, `asset`, `bucket`, `side`, `amount` (below 0 for a sale),
        `weight` (amount over value), `price`, `cost`, `filled` (false: no price, the order lapsed).
        """
        return trades_frame(self.market_history, self._run)

    @cached_property
    def turnover(self) -> pl.DataFrame:
        """One row a decision: `date`, `trade_date`, `value` (before the trades), `bought`, `sold`, `turnover` (the larger
        of the two over the value), `commission`, `spread`, `slippage`, their sum `cost`, `cash` after the trades,
        `positions`, `unfilled` orders, `buys_cut` (cash did not suffice), `braked`.
        """
        return turnover_frame(self.market_history, self._run)

    @cached_property
    def decisions(self) -> pl.DataFrame:
        """One row for each decision and candidate: `date`, `trade_date`, `asset`, `bucket`, `score`, `score_date` (the day
        of the scores that were known), `current_weight`, `target_weight`, `action`, `reason`, `size_reason`.
        """
        return decisions_frame(self.market_history, self._run)

    def whole_lots(self) -> WholeLots:
        """Prices, lots and the cash to begin with, in whole numbers.

        Raises
        ------
        InputError
            Weights were traded.
        """
        whole = self.market_history.whole
        if whole is None:
            advice = "give start_value: the cash to begin with, such as start_value=100_000"
            raise InputError([Fault("this backtest traded weights and has no orders in shares", advice)])
        return whole

    @cached_property
    def holdings(self) -> pl.DataFrame:
        """In whole lots: one row for each decision and asset held after its trades: `date`, `trade_date`, `asset`, `shares`."""
        self.whole_lots()
        return holdings_frame(self.market_history, self._run)

    @cached_property
    def plans(self) -> pl.DataFrame:
        """In whole lots: one row a decision: `date`, `trade_date`, `status`, `is_settled`, `orders`, `value` and `cash` at
        the decision, `fees`, `cash_after` the trades; in money.
        """
        self.whole_lots()
        return plans_frame(self.market_history, self._run)

    @cached_property
    def removed(self) -> pl.DataFrame:
        """Holdings whose symbol vanished: `date` on which they left, `asset`, `last_price_date`, `price`, `amount`,
        `weight` (of the equity).
        """
        return removed_frame(self.market_history, self._run)

    @cached_property
    def statistics(self) -> Statistics:
        """Return, risk, drawdown, turnover, costs and concentration; docs/statistics.md has the formulas."""
        return measured(self.market_history, self._run, self.limits)

    @cached_property
    def top_weights(self) -> tuple[tuple[str, ...], Floats]:
        """The buckets at `bucket_level`, by path, and their weights after each decision, shape (decisions, buckets)."""
        return top_weights(self.market_history, self._run, self.limits)

    @cached_property
    def above_cash(self) -> Floats:
        """The returns of the sessions after the first, less what cash earned, shape (sessions - 1,)."""
        return returns_of(self._run.equity) - cash_returns(self.market_history)

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        """Notes for a reader of the result."""
        notes = []
        turnover, trades = self.turnover, self.trades
        if self.removed.height:
            names = listed(self.removed["asset"].unique().sort())
            notes.append(Note("removed", f"left at their last price, as their prices ended: {names}"))
        lapsed = trades.filter(~pl.col("filled"))
        if lapsed.height:
            names = listed(lapsed["asset"].unique().sort())
            text = f"orders lapsed, without a price to trade at ({_times(lapsed.height)}): {names}"
            notes.append(Note("unfilled", text))
        cut, braked = int(turnover["buys_cut"].sum()), int(turnover["braked"].sum())
        if cut:
            text = f"cash did not suffice for all buys, which were cut in proportion: {_times(cut)}"
            notes.append(Note("buys_cut", text))
        if braked:
            notes.append(Note("braked", f"the brake kept every weight unchanged: {_times(braked)}"))
        notes += self._data_notes()
        return tuple(notes)

    def _data_notes(self) -> list[Note]:
        """Notes about the inputs."""
        notes = [Note("data", text) for text in self.market_history.data.notes]
        notes += [Note("opens", opens.sentence()) for opens in self.market_history.differing_opens]
        held = set(self.weights.filter(pl.col("weight") > 0)["asset"])
        first, last = self.market_history.dates[0], self.market_history.dates[-1]
        doubtful = {
            finding.symbol
            for finding in self.market_history.data.findings
            if finding.blocks and finding.symbol in held and first <= finding.date <= last
        }
        if doubtful:
            text = f"held at some time, and with a doubtful price at some time: {listed(sorted(doubtful))}"
            notes.append(Note("doubtful_prices", text))
        if self.market_history.exposures is not None:
            gaps = self.market_history.exposures.notes(self.limits, self.market_history.assets)
            notes += [Note("exposures", text) for text in gaps]
        if self.limits.regimes and self.limits.regime is None:
            notes.append(Note("regimes", "the limits change in regimes; the general ones were used on every day"))
        return notes


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
