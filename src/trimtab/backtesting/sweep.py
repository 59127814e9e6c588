"""The door to sweeps: many policies over the same sessions, through the same walk, on all cores."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from trimtab.backtesting.backtest import market_of, opens_of, walked
from trimtab.backtesting.market_history import Course, course_of
from trimtab.backtesting.policy import Policy, check_buckets, policy_of
from trimtab.backtesting.policy_grid import Between, Varied, varied
from trimtab.backtesting.result import BacktestResult
from trimtab.backtesting.result_statistics import cash_returns, traded
from trimtab.backtesting.settings import Terms
from trimtab.backtesting.sweep_verdict import Luck, luck_of
from trimtab.backtesting.trading_costs import TradingCosts
from trimtab.errors import Fault, InputError
from trimtab.kernel.backtest_records import LEDGER, STEP
from trimtab.kernel.records import ANSWER, Floats, Ints
from trimtab.limits.rebalancing_limits import RebalancingLimits, given_limits
from trimtab.market.typed_columns import Date
from trimtab.rebalancing.doors import PARALLEL
from trimtab.statistics.performance import Statistics, statistics_of

_TOGETHER = 256  # policies in one call: so much memory at a time
_SHOWN = (
    "total_return",
    "annual_return",
    "volatility",
    "sharpe",
    "sortino",
    "max_drawdown",
    "calmar",
    "turnover",
    "cost_drag",
)


@dataclass(frozen=True, eq=False)
class SweepResult:
    """The outcome of many policies over the same sessions.

    `fields` has the values that were varied, one a policy; `refused` the combinations of limits that contradict
    themselves, with what is wrong. `equity` has shape (policies, sessions), `decisions` (policies,); `statistics` are those
    of each policy, without those of weights.
    """

    fields: Mapping[str, tuple[Any, ...]]
    limits: tuple[RebalancingLimits, ...]
    refused: tuple[tuple[dict[str, Any], str], ...]
    equity: Floats
    decisions: Ints
    statistics: tuple[Statistics, ...]
    _course: Course

    def __repr__(self) -> str:
        dates = self.dates
        return f"<SweepResult {len(self.limits)} policies: {dates[0].isoformat()} to {dates[-1].isoformat()}>"

    @property
    def dates(self) -> tuple[dt.date, ...]:
        """The sessions."""
        return self._course.dates

    @property
    def terms(self) -> Terms:
        """Costs, days, and where they trade."""
        return self._course.terms

    @cached_property
    def returns(self) -> Floats:
        """The return of every session after the first, shape (sessions - 1, policies)."""
        return np.ascontiguousarray((self.equity[:, 1:] / self.equity[:, :-1] - 1.0).T)

    @cached_property
    def above_cash(self) -> Floats:
        """The returns less what cash earned, shape (sessions - 1, policies)."""
        found: Floats = self.returns - cash_returns(self._course)[:, None]
        return found

    @cached_property
    def period_returns(self) -> pl.DataFrame:
        """One row for each period from one asked session to the next: `from`, `to`, and the return of each policy."""
        ends = np.unique([*self._course.asked["session"].tolist(), len(self.dates) - 1])
        values = self.equity[:, ends]
        days = [self.dates[at] for at in ends.tolist()]
        named = {f"policy_{at}": own[1:] / own[:-1] - 1.0 for at, own in enumerate(values)}
        return pl.DataFrame({"from": days[:-1], "to": days[1:], **named})

    @cached_property
    def table(self) -> pl.DataFrame:
        """One row a policy: `policy` (its number from 0), its fields, and statistics (docs/backtest.md has the formulas)."""
        found = self.statistics
        statistics = {name: pl.Series([getattr(one, name) for one in found], dtype=pl.Float64) for name in _SHOWN}
        fields = {name: pl.Series(values, strict=False) for name, values in self.fields.items()}
        return pl.DataFrame({"policy": np.arange(len(found)), **fields, **statistics, "decisions": self.decisions})

    @property
    def best(self) -> int:
        """The policy with the highest Sharpe ratio; of equals the first."""
        ratios = self.table["sharpe"].fill_null(-np.inf)
        return int(ratios.arg_max() or 0)

    def luck(self) -> Luck:
        """Whether the best policy is likely luck: deflated Sharpe ratio, probability of overfitting, walking forward."""
        return self._luck

    @cached_property
    def _luck(self) -> Luck:
        return luck_of(self.above_cash)

    def to_html(self, title: str = "Policy sweep") -> str:
        """One page: the surface of the fields, the best policies, and whether the best is likely luck."""
        from trimtab.backtesting.pages.sweep_facts import sweep_facts  # noqa: PLC0415 - Jinja, only for a page
        from trimtab.backtesting.pages.sweep_page import sweep_page  # noqa: PLC0415

        period = f"{self.dates[0].isoformat()} to {self.dates[-1].isoformat()}"
        luck = self.luck()
        return sweep_page(
            sweep_facts(self.fields, self.returns, title, above_cash=self.above_cash, luck=luck, period=period)
        )

    def backtest(self, policy: int) -> BacktestResult:
        """Everything about one policy, by its number.

        Raises
        ------
        InputError
            There is no such policy.
        """
        if not 0 <= policy < len(self.limits):
            raise InputError([Fault("there is no such policy", f"give 0 to {len(self.limits) - 1}", value=policy)])
        return walked(self._course, policy_of(self.limits[policy], self._course.buckets), f"policy {policy}")


def sweep(
    prices: Any,
    limits: RebalancingLimits | None = None,
    vary: Mapping[str, Sequence[Any] | Between] | None = None,
    *,
    sample: int | None = None,
    seed: int = 0,
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
) -> SweepResult:
    """Backtest many policies: limits with some fields varied, all over the same sessions, prices and scores.

    Each policy walks as in `trimtab.backtest`, by the same function, to the same bits.

    Parameters
    ----------
    prices, limits
        As there; `limits` is what is not varied.
    vary
        Field of the limits -> its values, such as `{"max_total_positions": [10, 20]}`; in a sample also a `Between`. A field
        of one bucket is `buckets."Equity/Tech".max_allocation`.
    sample, seed
        So many random policies instead of all combinations.
    scores, classification, membership, fundamentals, opens, start, end, every, drift, trade_at, costs, cash_rate, gone_after
        As in `trimtab.backtest`.

    Raises
    ------
    InputError
        Data that cannot be walked, nothing to vary.
    LimitsError
        A field that there is not, a bucket that does not exist, or every combination contradicts itself.

    Examples
    --------
    >>> rows = [("2024-01-31", 10.0), ("2024-02-01", 10.0), ("2024-02-29", 12.0), ("2024-03-01", 12.0)]
    >>> prices = [{"date": date, "symbol": "AAA", "close": close} for date, close in rows]
    >>> scores = [{"date": "2024-01-31", "asset": "AAA", "score": 0.9}]
    >>> found = sweep(prices, vary={"max_position_weight": [0.1, 0.5]}, scores=scores)
    >>> found.equity[:, -1].tolist()
    [1.02, 1.1]
    """
    made = varied(given_limits(limits), vary or {}, sample=sample, seed=seed)
    terms = Terms.of(
        costs=costs, every=every, drift=drift, trade_at=trade_at, gone_after=gone_after, start=start, end=end
    )
    data = market_of(prices, classification=classification, membership=membership, fundamentals=fundamentals)
    course = course_of(data, terms, scores=scores, opens=opens_of(prices, opens, terms), cash_rate=cash_rate)
    check_buckets(course.buckets, made.limits[0])
    return swept(course, made)


def swept(course: Course, made: Varied) -> SweepResult:
    """All policies on one course.

    Raises
    ------
    LimitsError
        Limits for a bucket that does not exist.
    """
    policies, statistics = len(made.limits), list[Statistics]()
    equity, decisions = np.zeros((policies, len(course.dates))), np.zeros(policies, np.int64)
    for begin in range(0, policies, _TOGETHER):
        some = [policy_of(limits, course.buckets) for limits in made.limits[begin : begin + _TOGETHER]]
        part = slice(begin, begin + len(some))
        statistics += _walk_together(course, some, equity[part], decisions[part])
    return SweepResult(made.fields, made.limits, made.refused, equity, decisions, tuple(statistics), course)


def _walk_together(course: Course, policies: Sequence[Policy], equity: Floats, decisions: Ints) -> list[Statistics]:
    """Some policies at once; fills their rows."""
    from trimtab.kernel.backtest_many import walk_policies  # noqa: PLC0415 - numba's parallel layer, only for many

    count = len(policies)
    trees = np.concatenate([policy.tree.nodes for policy in policies])
    tree_start = np.cumsum([0, *(len(policy.tree.nodes) for policy in policies)])
    steps = np.zeros((count, len(course.asked)), STEP)
    terms = course.terms
    with PARALLEL:
        decisions[:] = walk_policies(
            *course.arrays(),
            trees,
            tree_start,
            np.stack([policy.leaf_of for policy in policies]),
            np.concatenate([policy.settings for policy in policies]),
            terms.costs.rate,
            terms.drift,
            equity,
            np.zeros_like(equity),
            steps,
            np.zeros((0, len(course.assets)), ANSWER),
            np.zeros((0, len(course.assets)), LEDGER),
            np.zeros((count, len(course.gone))),
        )
    cash, found = cash_returns(course), []
    for at in range(count):
        turnover, costs = traded(steps[at, : decisions[at]], len(cash))
        found.append(statistics_of(equity[at], turnover=turnover, costs=costs, cash=cash))
    return found
