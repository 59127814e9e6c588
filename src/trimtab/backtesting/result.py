"""What a backtest gives back: the equity, every weight, trade and decision, and the words for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from trimtab.backtesting.market_history import Course, unknown_assets
from trimtab.backtesting.result_frames import (
    Walked,
    bucket_weights_frame,
    candidates_of,
    date_of,
    decisions_frame,
    equity_frame,
    removed_frame,
    trades_frame,
    turnover_frame,
    weights_frame,
)
from trimtab.backtesting.result_statistics import cash_returns, measured, top_weights
from trimtab.backtesting.settings import Terms
from trimtab.errors import Fault, InputError, listed
from trimtab.facts.bucket_summaries import Note
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.market.typed_columns import Date, day
from trimtab.reasons import Action
from trimtab.rebalancing.doors import rebalance
from trimtab.rebalancing.result import RebalanceResult
from trimtab.statistics.checked_arrays import Floats
from trimtab.statistics.performance import Statistics, returns_of

_CHANGES = tuple(member.code for member in (Action.OPEN, Action.CLOSE, Action.INCREASE, Action.DECREASE))


@dataclass(frozen=True, eq=False)
class BacktestResult:
    """The outcome of one policy over the sessions. Money is in units of the start: the account begins with 1.0 in cash.

    `date` is the session of a decision, `trade_date` the next one, on which it was traded. `course` is what it walked over.
    """

    name: str
    limits: RebalancingLimits
    course: Course
    _walked: Walked

    def __repr__(self) -> str:
        dates = self.course.dates
        return (
            f"<BacktestResult {self.name}: {dates[0].isoformat()} to {dates[-1].isoformat()}, {len(self._walked.steps)} "
            f"decisions, equity {self._walked.equity[-1]:.4f}>"
        )

    @property
    def terms(self) -> Terms:
        """Costs, days, and where it trades."""
        return self.course.terms

    @cached_property
    def equity(self) -> pl.DataFrame:
        """One row a session, at the close: `date`, `equity`, `cash`, `return` (since the session before)."""
        return equity_frame(self.course, self._walked)

    @cached_property
    def weights(self) -> pl.DataFrame:
        """One row for each decision and asset held before or after it: `date`, `trade_date`, `asset`, `bucket`,
        `current_weight` (drifted, at the decision), `target_weight`, `weight` (after the trades, at their prices).
        """
        return weights_frame(self.course, self._walked)

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
        return trades_frame(self.course, self._walked)

    @cached_property
    def turnover(self) -> pl.DataFrame:
        """One row a decision: `date`, `trade_date`, `value` (before the trades), `bought`, `sold`, `turnover` (the larger
        of the two over the value), `commission`, `spread`, `slippage`, their sum `cost`, `cash` after the trades,
        `positions`, `unfilled` orders, `buys_cut` (cash did not suffice), `braked`.
        """
        return turnover_frame(self.course, self._walked)

    @cached_property
    def decisions(self) -> pl.DataFrame:
        """One row for each decision and candidate: `date`, `trade_date`, `asset`, `bucket`, `score`, `score_date` (the day
        of the scores that were known), `current_weight`, `target_weight`, `action`, `reason`, `size_reason`.
        """
        return decisions_frame(self.course, self._walked)

    @cached_property
    def removed(self) -> pl.DataFrame:
        """Holdings whose symbol vanished: `date` on which they left, `asset`, `last_price_date`, `price`, `amount`,
        `weight` (of the equity).
        """
        return removed_frame(self.course, self._walked)

    @cached_property
    def certificate(self) -> pl.DataFrame:
        """Every limit of every decision, as measured in its targets by code that shares nothing with the rules: `date`,
        `name`, `node`, `measured`, `limit`, `slack`, `status`, `note`. Each day is decided again for it, which takes its time.
        """
        rows = [
            {"date": date, **asdict(constraint)}
            for step, date in enumerate(self.turnover["date"])
            for constraint in self._decided(step).certificate
        ]
        return pl.DataFrame(rows, infer_schema_length=None)

    def history(self, asset: str, actions: Iterable[str] = _CHANGES) -> pl.DataFrame:
        """When and why an asset was bought or sold: the rows of `decisions` with one of these actions, and a sentence.

        Parameters
        ----------
        asset
            Its name.
        actions
            Some of `open`, `close`, `increase`, `decrease`, `hold`, `none`.

        Raises
        ------
        InputError
            The asset has no price, an action that there is not.
        """
        unknown_assets([asset], self.course.assets, "the prices")
        wanted = _actions(actions)
        rows = self.decisions.filter((pl.col("asset") == asset) & pl.col("action").is_in(wanted))
        words = [self._sentence(row) for row in rows.iter_rows(named=True)]
        return rows.with_columns(pl.Series("detail", words, pl.String))

    def _sentence(self, row: dict[str, Any]) -> str:
        result = self.on(row["date"])
        return result.details()[[found["asset"] for found in result.targets].index(row["asset"])]

    def on(self, date: Date) -> RebalanceResult:
        """The decision of a day as `trimtab.rebalance` gives it: sentences, explanations, certificate, report.

        It is decided anew from what was known that day; the targets are those of the walk, to the bit.

        Raises
        ------
        InputError
            There was no decision on that day.
        """
        wanted = day(date)
        days = [date_of(self.course, self._walked, step) for step in range(len(self._walked.steps))]
        if wanted not in days:
            near = min(days, key=lambda one: (abs((one - wanted).days), one))
            problem, advice = "there was no decision on this day", f"the nearest was on {near.isoformat()}"
            raise InputError([Fault(problem, advice, value=wanted.isoformat())])
        return self._decided(days.index(wanted))

    def _decided(self, step: int) -> RebalanceResult:
        limits = self.limits
        if limits.enable_bucket_diversification:  # a bucket that nobody has on this day is no typo
            limits = limits.replace(known_buckets=tuple(dict.fromkeys((*limits.known_buckets, *self.course.buckets))))
        return rebalance(candidates_of(self.course, self._walked, step), limits)

    @cached_property
    def statistics(self) -> Statistics:
        """Return, risk, drawdown, turnover, costs and concentration; docs/statistics.md has the formulas."""
        return measured(self.course, self._walked, self.limits)

    @cached_property
    def top_weights(self) -> tuple[tuple[str, ...], Floats]:
        """The buckets at `bucket_level`, by path, and their weights after each decision, shape (decisions, buckets)."""
        return top_weights(self.course, self._walked, self.limits)

    @cached_property
    def above_cash(self) -> Floats:
        """The returns of the sessions after the first, less what cash earned, shape (sessions - 1,)."""
        return returns_of(self._walked.equity) - cash_returns(self.course)

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        """What a reader of the result should know."""
        found = []
        turnover, trades = self.turnover, self.trades
        if self.removed.height:
            names = listed(self.removed["asset"].unique().sort())
            found.append(Note("removed", f"left at their last price, as their prices ended: {names}"))
        lapsed = trades.filter(~pl.col("filled"))
        if lapsed.height:
            names = listed(lapsed["asset"].unique().sort())
            found.append(
                Note("unfilled", f"orders lapsed, without a price to trade at ({_times(lapsed.height)}): {names}")
            )
        cut, braked = int(turnover["buys_cut"].sum()), int(turnover["braked"].sum())
        if cut:
            text = f"cash did not suffice for all buys, which were cut in proportion: {_times(cut)}"
            found.append(Note("buys_cut", text))
        if braked:
            found.append(Note("braked", f"the brake kept everything as it was: {_times(braked)}"))
        found += self._data_notes()
        return tuple(found)

    def _data_notes(self) -> list[Note]:
        """Notes about what came in."""
        found = []
        held = set(self.weights.filter(pl.col("weight") > 0)["asset"])
        first, last = self.course.dates[0], self.course.dates[-1]
        doubtful = {
            finding.symbol
            for finding in self.course.data.findings
            if finding.blocks and finding.symbol in held and first <= finding.date <= last
        }
        if doubtful:
            text = f"held at some time, and with a doubtful price at some time: {listed(sorted(doubtful))}"
            found.append(Note("doubtful_prices", text))
        if self.limits.regimes and self.limits.regime is None:
            found.append(Note("regimes", "the limits change in regimes; the general ones were used on every day"))
        return found

    def to_html(self, title: str = "Backtest", beside: Sequence[BacktestResult] = ()) -> str:
        """One page: equity, buckets and their limits, trading, months, and intervals of the difference to other results.

        Parameters
        ----------
        title
            What the page is called.
        beside
            Results of the same sessions, each with a name of its own.

        Raises
        ------
        InputError
            Results that cannot stand beside this one.
        """
        from trimtab.backtesting.page import backtest_page  # noqa: PLC0415 - Jinja, only for a page
        from trimtab.backtesting.pages.backtest_facts import backtest_facts  # noqa: PLC0415

        return backtest_page(backtest_facts([self, *beside], title))

    def to_returns(self) -> Any:
        """The returns of the sessions as a pandas Series by day, for quantstats, pyfolio and the like; without the first
        session, on which there is none. Needs pandas.
        """
        import pandas as pd  # noqa: PLC0415 - heavy, and only for those who have it

        frame = self.equity[1:]
        index = pd.DatetimeIndex(frame["date"].to_numpy().astype("datetime64[ns]"), name="date")
        return pd.Series(np.array(frame["return"]), index=index, name=self.name)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _actions(given: Iterable[str]) -> list[str]:
    known = [member.code for member in Action]
    wanted = [given] if isinstance(given, str) else list(given)
    for name in wanted:
        if name not in known:
            raise InputError([Fault("the action is not known", f"known: {', '.join(known)}", value=name)])
    return wanted
