"""`sweep`: many policies on the same history, on all cores."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Unpack

import numpy as np
import polars as pl

from trimtab.backtesting.backtest import BacktestArguments, check_countable, history_of, no_orders, run_policy
from trimtab.backtesting.exposure_history import exposure_records
from trimtab.backtesting.market_history import MarketHistory
from trimtab.backtesting.policy import check_limits, policy_records
from trimtab.backtesting.policy_grid import Between, PolicyGrid, policy_grid
from trimtab.backtesting.result import BacktestResult
from trimtab.backtesting.result_statistics import cash_returns, traded
from trimtab.backtesting.settings import BacktestSettings
from trimtab.backtesting.sweep_verdict import SweepVerdict, sweep_verdict
from trimtab.candidates.equality import compared_by_value
from trimtab.errors import Fault, InputError
from trimtab.kernel.backtest_records import LEDGER, PLANNED, STEP, PolicyRecords, RunRecords
from trimtab.kernel.records import ANSWER, Floats, Ints
from trimtab.limits.given_limits import given_limits
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.rebalancing.decide import PARALLEL
from trimtab.statistics.performance import Statistics, statistics_of
from trimtab.text import counted

_TOGETHER = 256  # policies in one call, to bound memory
_SHOWN = (
    *("total_return", "annual_return", "volatility", "sharpe", "sortino"),
    *("max_drawdown", "calmar", "turnover", "cost_drag"),
)


@compared_by_value
@dataclass(frozen=True, eq=False)
class SweepResult:
    """The outcome of many policies over the same sessions.

    `fields` has the varied values, one a policy; `refused` the combinations of limits that contradict themselves, with
    the fault. `equity` has shape (policies, sessions), `decisions` (policies,); `statistics` leave out those of weights.
    """

    fields: Mapping[str, tuple[Any, ...]]
    limits: tuple[RebalancingLimits, ...]
    refused: tuple[tuple[dict[str, Any], str], ...]
    equity: Floats
    decisions: Ints
    statistics: tuple[Statistics, ...]
    market_history: MarketHistory

    def __repr__(self) -> str:
        dates = self.dates
        return f"<SweepResult {counted(len(self.limits), 'policy', 'policies')}: {dates[0].isoformat()} to {dates[-1].isoformat()}>"

    @property
    def dates(self) -> tuple[dt.date, ...]:
        """The sessions."""
        return self.market_history.dates

    @property
    def settings(self) -> BacktestSettings:
        """When the policies decide, where they trade, costs, what cash earns."""
        return self.market_history.settings

    @property
    def terms(self) -> BacktestSettings:
        """The old name of `settings`, until 1.0."""
        warnings.warn("terms is now called settings", DeprecationWarning, stacklevel=2)
        return self.settings

    @cached_property
    def returns(self) -> Floats:
        """The return of every session after the first, shape (sessions - 1, policies)."""
        return np.ascontiguousarray((self.equity[:, 1:] / self.equity[:, :-1] - 1.0).T)

    @cached_property
    def above_cash(self) -> Floats:
        """The returns less what cash earned, shape (sessions - 1, policies)."""
        above: Floats = self.returns - cash_returns(self.market_history)[:, None]
        return above

    @cached_property
    def period_returns(self) -> pl.DataFrame:
        """One row for each period between rebalance days: `from`, `to`, and the return of each policy."""
        ends = np.unique([*self.market_history.market.rebalance_days["session"].tolist(), len(self.dates) - 1])
        values = self.equity[:, ends]
        days = [self.dates[session] for session in ends.tolist()]
        named = {f"policy_{policy}": own[1:] / own[:-1] - 1.0 for policy, own in enumerate(values)}
        return pl.DataFrame({"from": days[:-1], "to": days[1:], **named})

    @cached_property
    def table(self) -> pl.DataFrame:
        """One row a policy: `policy` (its number from 0), its fields, and statistics (docs/statistics.md has the formulas)."""
        columns: dict[str, Any] = {"policy": np.arange(len(self.limits))}
        columns |= {name: pl.Series(values, strict=False) for name, values in self.fields.items()}
        for name in _SHOWN:
            columns[name] = pl.Series([getattr(row, name) for row in self.statistics], dtype=pl.Float64)
        return pl.DataFrame({**columns, "decisions": self.decisions})

    @property
    def best(self) -> int:
        """The policy with the highest Sharpe ratio; of equals the first."""
        ratios = self.table["sharpe"].fill_null(-np.inf)
        return int(ratios.arg_max() or 0)

    def luck(self) -> SweepVerdict:
        """Whether the best policy is likely luck: deflated Sharpe ratio, probability of overfitting, walk forward."""
        return self._verdict

    @cached_property
    def _verdict(self) -> SweepVerdict:
        return sweep_verdict(self.above_cash, self.market_history.sessions_per_year)

    def to_html(self, title: str = "Policy sweep") -> str:
        """One page: the surface of the fields, the best policies, and whether the best is likely luck."""
        from trimtab.backtesting.pages.sweep_facts import sweep_facts  # noqa: PLC0415 - Jinja, only for a page
        from trimtab.backtesting.pages.sweep_page import sweep_page  # noqa: PLC0415

        period = f"{self.dates[0].isoformat()} to {self.dates[-1].isoformat()}"
        verdict = self.luck()
        return sweep_page(
            sweep_facts(self.fields, self.returns, title, above_cash=self.above_cash, verdict=verdict, period=period)
        )

    def backtest(self, policy: int) -> BacktestResult:
        """Everything about one policy, by its number.

        Raises
        ------
        InputError
            No policy has this number.
        """
        if not 0 <= policy < len(self.limits):
            raise InputError([Fault("no policy has this number", f"give 0 to {len(self.limits) - 1}", value=policy)])
        return run_policy(self.market_history, self.limits[policy], f"policy {policy}")


def sweep(
    prices: Any,
    limits: RebalancingLimits | None = None,
    vary: Mapping[str, Sequence[Any] | Between] | None = None,
    *,
    sample: int | None = None,
    seed: int = 0,
    **arguments: Unpack[BacktestArguments],
) -> SweepResult:
    """Backtest many policies: limits with some fields varied, all over the same sessions, prices and scores.

    Each policy runs as in `trimtab.backtest`, by the same function, to the same bits.

    Parameters
    ----------
    prices, limits
        As there; `limits` are those not varied.
    vary
        Field of the limits -> its values, such as `{"max_total_positions": [10, 20]}`; in a sample also a `Between`. A field
        of one bucket is `buckets."Equity/Tech".max_allocation`.
    sample
        The number of random policies to draw; None: all combinations.
    seed
        Of the sample.
    **arguments
        Every other argument of `trimtab.backtest`.

    Raises
    ------
    InputError
        Data or settings that cannot be used, or nothing to vary.
    LimitsError
        An unknown field, a bucket that does not exist, or every combination contradicts itself.

    Examples
    --------
    >>> rows = [("2024-01-31", 10.0), ("2024-02-01", 10.0), ("2024-02-29", 12.0), ("2024-03-01", 12.0)]
    >>> prices = [{"date": date, "symbol": "AAA", "close": close} for date, close in rows]
    >>> scores = [{"date": "2024-01-31", "asset": "AAA", "score": 0.9}]
    >>> result = sweep(prices, vary={"max_position_weight": [0.1, 0.5]}, scores=scores)
    >>> result.equity[:, -1].tolist()
    [1.02, 1.1]
    """
    grid = policy_grid(given_limits(limits), vary or {}, sample=sample, seed=seed)
    history = history_of(prices, arguments)
    check_limits(history, grid.limits[0])
    return run_grid(history, grid)


def run_grid(history: MarketHistory, grid: PolicyGrid) -> SweepResult:
    """All policies of a grid on one history.

    Raises
    ------
    LimitsError
        Limits for a bucket that does not exist.
    """
    policies, statistics = len(grid.limits), list[Statistics]()
    equity, decisions = np.zeros((policies, len(history.dates))), np.zeros(policies, np.int64)
    for start in range(0, policies, _TOGETHER):
        part = slice(start, start + _TOGETHER)
        statistics += _run_together(history, grid.limits[part], equity[part], decisions[part])
    return SweepResult(grid.fields, grid.limits, grid.refused, equity, decisions, tuple(statistics), history)


def _run_together(
    history: MarketHistory, limits: Sequence[RebalancingLimits], equity: Floats, decisions: Ints
) -> list[Statistics]:
    """Some policies at once; fills their rows."""
    from trimtab.kernel.backtest_many import backtest_policies  # noqa: PLC0415 - numba's parallel layer, only for many

    policies = [policy_records(each, history.buckets, history.settings) for each in limits]
    exposures = exposure_records(history.exposures, limits, history.assets)
    count, market = len(policies), history.market
    tree_start = np.cumsum([0, *(len(policy.tree) for policy in policies)])
    together = PolicyRecords(
        tree=np.concatenate([policy.tree for policy in policies]),
        leaf_of=np.stack([policy.leaf_of for policy in policies]),
        settings=np.concatenate([policy.settings for policy in policies], axis=None),
        account=np.concatenate([policy.account for policy in policies], axis=None),
        number=0,
    )
    runs = RunRecords(
        equity=equity,
        cash=np.zeros_like(equity),
        steps=np.zeros((count, len(market.rebalance_days)), STEP),
        answers=np.zeros((0, len(history.assets)), ANSWER),
        ledger=np.zeros((0, len(history.assets)), LEDGER),
        proceeds=np.zeros((count, len(market.delisted))),
        orders=no_orders(0, len(history.assets)),
        plans=np.zeros(0, PLANNED),
    )
    with PARALLEL:
        decisions[:] = backtest_policies(market, together, tree_start, history.whole, exposures, runs)
    check_countable(history, int(decisions.min()))
    cash, year, statistics = cash_returns(history), history.sessions_per_year, []
    for policy in range(count):
        turnover, costs = traded(runs.steps[policy, : decisions[policy]], len(cash))
        statistics.append(statistics_of(equity[policy], turnover=turnover, costs=costs, cash=cash, year=year))
    return statistics
