"""The result of a backtest: a policy's run, and each of its decisions with its sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from trimtab.backtesting.market_history import refuse_unknown_assets
from trimtab.backtesting.order_frames import orders_frame, plan_rows
from trimtab.backtesting.policy_run import PolicyRun
from trimtab.backtesting.result_frames import candidates_of, date_of
from trimtab.backtesting.whole_lots import order_settings
from trimtab.candidates.equality import compared_by_value
from trimtab.candidates.exposures import Exposures
from trimtab.decimals import money_of
from trimtab.errors import Fault, InputError
from trimtab.limits.exposure_limits import limits_exposures
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.market.typed_columns import Date, day
from trimtab.orders.doors import plan
from trimtab.orders.plan import Plan
from trimtab.reasons import Action
from trimtab.rebalancing.doors import rebalance
from trimtab.rebalancing.result import RebalanceResult

_CHANGES = tuple(member.code for member in (Action.OPEN, Action.CLOSE, Action.INCREASE, Action.DECREASE))


@compared_by_value
@dataclass(frozen=True, eq=False, repr=False)
class BacktestResult(PolicyRun):
    """The outcome of one policy over the sessions: its run, the sentences of each decision, its page."""

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
            The asset has no price, or the action does not exist.
        """
        refuse_unknown_assets([asset], self.market_history.assets, "the prices")
        wanted = _actions(actions)
        rows = self.decisions.filter((pl.col("asset") == asset) & pl.col("action").is_in(wanted))
        words = []
        for date in rows["date"]:
            result = self.on(date)
            words.append(result.details()[[row["asset"] for row in result.targets].index(asset)])
        return rows.with_columns(pl.Series("detail", words, pl.String))

    def on(self, date: Date) -> RebalanceResult:
        """The decision of a day as `trimtab.rebalance` gives it: sentences, explanations, certificate, report.

        The decision is made again from what was known that day; the targets are those of the run, to the bit.

        Raises
        ------
        InputError
            There was no decision on that day.
        """
        return self._decided(self._step_on(date))

    def _step_on(self, date: Date) -> int:
        wanted = day(date)
        days = [date_of(self.market_history, self._run, step) for step in range(len(self._run.steps))]
        if wanted not in days:
            near = min(days, key=lambda known: (abs((known - wanted).days), known))
            problem, advice = "there was no decision on this day", f"the nearest was on {near.isoformat()}"
            raise InputError([Fault(problem, advice, value=wanted.isoformat())])
        return days.index(wanted)

    def plan_on(self, date: Date) -> Plan:
        """In whole lots: the plan of a day as `trimtab.plan` gives it, with its orders, their ids and sentences.

        The plan is made again from what was known that day, at the prices of that day; its orders are those of the run.

        Raises
        ------
        InputError
            There was no decision on that day, or weights were traded.
        """
        return self._planned(self._step_on(date))

    @cached_property
    def orders(self) -> pl.DataFrame:
        """In whole lots: one row for each order, in the order of execution. As planned: `decided`, `asset`, `side`,
        `shares`, `price`, `amount`, `fee`, `reason`; as traded on `date`: `traded_shares`, `traded_price` (0: none),
        `traded_amount`, `traded_fee`, `traded_cost`, `cash_after`; and `client_order_id`, that of the plan, which takes its
        time.
        """
        self.whole_lots()
        steps = range(len(self._run.steps))
        ids = (order.client_order_id for step in steps for order in self._planned(step).orders)
        return orders_frame(self.market_history, self._run, ids)

    def _planned(self, step: int) -> Plan:
        whole, settings = self.whole_lots(), order_settings(self.limits, self.settings)
        return plan(
            plan_rows(self.market_history, whole, self._run, step),
            self._limits_known().replace(orders=settings),
            cash=money_of(int(self._run.plans["cash"][step])),
            today=date_of(self.market_history, self._run, step),
            exposures=self._exposures_on(step),
        )

    def _decided(self, step: int) -> RebalanceResult:
        if self.market_history.whole is not None:
            return self._planned(step).result
        rows = candidates_of(self.market_history, self._run, step)
        return rebalance(rows, self._limits_known(), exposures=self._exposures_on(step))

    def _exposures_on(self, step: int) -> Exposures | None:
        """The exposures that the limits of a decision were measured with."""
        known = self.market_history.exposures
        if known is None or not limits_exposures(self.limits):
            return None
        return known.on(int(known.periods([date_of(self.market_history, self._run, step)])[0]))

    def _limits_known(self) -> RebalancingLimits:
        """The limits, which know every bucket of the history."""
        limits = self.limits
        if limits.enable_bucket_diversification:  # a bucket without assets on this day need not be a typo
            known = dict.fromkeys((*limits.known_buckets, *self.market_history.buckets))
            limits = limits.replace(known_buckets=tuple(known))
        named = [f"{scheme}:{path}" for scheme, own in limits.exposures.items() for path in own.buckets]
        return limits.replace(known_buckets=(*limits.known_buckets, *named)) if named else limits

    def to_html(self, title: str = "Backtest", beside: Sequence[BacktestResult] = ()) -> str:
        """One page: equity, buckets and their limits, trading, months, and intervals of the difference to other results.

        Parameters
        ----------
        title
            What the page is called.
        beside
            Results on the same sessions, with different names.

        Raises
        ------
        InputError
            Results that cannot be compared with this one.
        """
        from trimtab.backtesting.pages.backtest_facts import backtest_facts  # noqa: PLC0415 - Jinja, only for a page
        from trimtab.backtesting.pages.backtest_page import backtest_page  # noqa: PLC0415

        return backtest_page(backtest_facts([self, *beside], title))

    def to_returns(self) -> Any:
        """The returns of the sessions as a pandas Series by day, for quantstats, pyfolio and the like; the first
        session, which has no return, is left out. Needs pandas.
        """
        import pandas as pd  # noqa: PLC0415 - heavy, and only for those who have it

        frame = self.equity[1:]
        index = pd.DatetimeIndex(frame["date"].to_numpy().astype("datetime64[ns]"), name="date")
        return pd.Series(np.array(frame["return"]), index=index, name=self.name)


def _actions(actions: Iterable[str]) -> list[str]:
    known = [member.code for member in Action]
    wanted = [actions] if isinstance(actions, str) else list(actions)
    for name in wanted:
        if name not in known:
            raise InputError([Fault("the action is unknown", f"known: {', '.join(known)}", value=name)])
    return wanted
