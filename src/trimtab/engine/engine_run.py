"""Everything about one rebalance of the engine: its inputs, the one pass, and views of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from trimtab.candidates.equality import compared_by_value
from trimtab.certificate.certificate import Certificate
from trimtab.engine.asset_score import AssetScore, Date
from trimtab.engine.bucket_limits_enforcer import BucketEnforcementResult, enforcement_view
from trimtab.engine.bucket_manager import BucketManager
from trimtab.engine.selection_service import RebalancingTarget, SelectionResult, targets_of
from trimtab.engine.universe import RebalancingUniverse
from trimtab.orders.plan import Plan
from trimtab.rebalancing.result import RebalanceResult
from trimtab.text import json_text

if TYPE_CHECKING:
    from trimtab.scoring.bucket_risk import RiskAdjusted


@compared_by_value
@dataclass(frozen=True)
class EngineRun:
    """Everything about one rebalance. Weights are fractions of the account's value.

    `result` is that of `trimtab.rebalance` for the same candidates; the rest are views of it. `timings` are seconds by
    step; `to_json` leaves them out, so that it gives the same bytes for the same input. `risk` says which bucket limits
    were lowered by risk; None if the engine has no `risk`. `plan` has the orders, if the positions were in shares.
    """

    universe: RebalancingUniverse
    scored_assets: tuple[AssetScore, ...]
    result: RebalanceResult
    timings: Mapping[str, float] = field(compare=False, hash=False)
    bucket_manager: BucketManager = field(compare=False, repr=False)
    risk: RiskAdjusted | None = field(default=None, compare=False, repr=False)
    plan: Plan | None = field(default=None, repr=False)

    @property
    def rebalance_date(self) -> Date:
        """The date of the run."""
        return self.universe.date

    @property
    def certificate(self) -> Certificate:
        """Every limit, measured in the targets."""
        return self.result.certificate

    @cached_property
    def selection(self) -> SelectionResult:
        """Who is held, and why."""
        return SelectionResult(self.result.staged, self.scored_assets, self.result.limits)

    @cached_property
    def bucket_result(self) -> BucketEnforcementResult | None:
        """The effect of bucket limits; None if they are off."""
        if not self.result.limits.enable_bucket_diversification:
            return None
        return enforcement_view(self.result.staged, self.scored_assets, self.bucket_manager, self.certificate)

    @cached_property
    def targets(self) -> tuple[RebalancingTarget, ...]:
        """A target for every asset: the largest first, then closed positions, then the others by score."""
        return tuple(targets_of(self.result.staged, self.scored_assets))

    def to_dict(self) -> dict[str, Any]:
        """The run as plain values."""
        buckets, universe = self.bucket_result, self.universe
        return {
            "rebalance_date": str(self.rebalance_date),
            "regime": universe.regime,
            "regime_confidence": universe.regime_confidence,
            "universe": {
                "portfolio": list(universe.portfolio_assets),
                "trending": list(universe.trending_assets),
                "regime": list(universe.regime_assets),
                "fallback": list(universe.fallback_assets),
            },
            "scores": [_plain_score(asset) for asset in self.scored_assets],
            "targets": [target.to_dict() for target in self.targets],
            "bucket_statistics": (
                None
                if buckets is None
                else {name: asdict(statistics) for name, statistics in buckets.bucket_statistics.items()}
            ),
            "enforcement_actions": None if buckets is None else list(buckets.enforcement_actions),
            "violations_fixed": None if buckets is None else list(buckets.violations_fixed),
            "violations_left": None if buckets is None else list(buckets.violations_left),
            "risk": None if self.risk is None else self.risk.table.to_dicts(),
            "result": self.result.to_dict(),
            **({} if self.plan is None else {"plan": json.loads(self.plan.to_json())}),
        }

    def to_json(self) -> str:
        """The run as JSON: sorted keys, the same bytes for the same input."""
        return json_text(self.to_dict())


def _plain_score(asset: AssetScore) -> dict[str, Any]:
    values = asdict(asset)
    values["priority"] = asset.priority.code
    values["date"] = None if asset.date is None else str(asset.date)
    values["missing_data"] = list(asset.missing_data)
    return values
