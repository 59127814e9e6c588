"""The rules as an algo of `bt` (extra `bt`): between the algos that say when, and `bt.algos.Rebalance`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bt
import pandas as pd

from trimtab.errors import Fault, InputError
from trimtab.limits.given_limits import given_limits
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.rebalancing.doors import rebalance
from trimtab.rebalancing.result import RebalanceResult


class BucketRebalance(bt.Algo):  # type: ignore[misc]
    """Decide the weights of a strategy by trimtab's rules; use `bt.algos.Rebalance` after it.

    Parameters
    ----------
    scores
        A frame by day, one column an asset: the latest row up to the current day counts; NaN means no score.
    limits
        The policy; the defaults of `RebalancingLimits` where None.
    buckets
        Asset -> bucket.

    It sets `temp["weights"]` for every asset that is or was held; the rest is cash. If an earlier algo set
    `temp["selected"]`, only those assets and the holdings are candidates. An asset without a price now is `no_trade`.
    Every
    decision stays in the strategy's `perm["decisions"]`, by day, as a `RebalanceResult`. Before the first scores it stops the
    stack.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=4)
    >>> prices = pd.DataFrame({"AAA": [1.0, 1.0, 2.0, 2.0], "BBB": 1.0}, index=days)
    >>> scores = pd.DataFrame({"AAA": 0.9, "BBB": 0.1}, index=days)
    >>> algo = BucketRebalance(scores, RebalancingLimits(max_position_weight=0.5))
    >>> strategy = bt.Strategy("mine", [bt.algos.RunOnce(), algo, bt.algos.Rebalance()])
    >>> test = bt.Backtest(strategy, prices, integer_positions=False, progress_bar=False)
    >>> test.run()
    >>> float(test.strategy.values.iloc[-1] / test.strategy.values.iloc[0])
    1.5
    >>> test.strategy.perm["decisions"][days[0]].details()[1]
    'Not selected: its score of 0.1 is below the 0.65 that a new position needs (min_score_new_position).'
    """

    def __init__(
        self, scores: pd.DataFrame, limits: RebalancingLimits | None = None, buckets: Mapping[str, str] | None = None
    ) -> None:
        super().__init__()
        if not isinstance(scores, pd.DataFrame) or not scores.index.is_monotonic_increasing or scores.empty:
            advice = "give a frame with one row a day, ascending, and one column an asset"
            raise InputError([Fault("the scores are not a frame", advice)])
        self.scores, self.limits, self.buckets = scores, given_limits(limits), dict(buckets or {})

    def __call__(self, target: Any) -> bool:
        """One decision; false before the first scores."""
        known = self.scores.index.searchsorted(target.now, side="right")
        if not known:
            return False
        score = self.scores.iloc[known - 1]
        held = {name: float(child.weight) for name, child in target.children.items() if child.weight > 0}
        asked = target.temp.get("selected", score.index)
        prices = target.universe.loc[target.now]
        rows = [
            {
                "asset": name,
                "score": None if pd.isna(score.get(name)) else float(score[name]),
                "bucket": self.buckets.get(name),
                "current_weight": held.get(name, 0.0),
                "restriction": "" if pd.notna(prices.get(name)) else "no_trade",
            }
            for name in sorted({*asked, *held})
        ]
        result = rebalance(rows, self.limits)
        decisions: dict[pd.Timestamp, RebalanceResult] = target.perm.setdefault("decisions", {})
        decisions[target.now] = result
        weights = {row["asset"]: row["target_weight"] for row in result.targets}
        target.temp["weights"] = {asset: weight for asset, weight in weights.items() if weight > 0}
        return True
