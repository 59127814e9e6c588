"""What can be changed for a trial: one limit, one bucket's limit, or one field of a row; and what that makes of the limits."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from trimtab.errors import LimitsError
from trimtab.kernel.tables import NO_LIMIT
from trimtab.limits import BucketLimit, RebalancingLimits

NODE_FIELDS = ("max_positions", "max_allocation", "min_allocation")
GENERAL = {"max_positions_per_bucket": "max_positions", "max_allocation_per_bucket": "max_allocation"}
SCORE_FIELDS = ("min_score_threshold", "min_score_diversification", "min_score_new_position")
ROW_FIELDS = ("score", "restriction", "max_weight")

# The fields that stand in the settings record under their own name and that no other field follows.
DIRECT = (
    "max_total_positions",
    "max_new_positions",
    "target_invested",
    "full_investment_positions",
    "max_position_weight",
    "no_trade_band",
    "min_trade",
    "cash_band",
    "drift_tolerance",
    "brake_turnover",
    "brake_closed_positions",
)
# These other fields may follow.
LEADING = (*SCORE_FIELDS, "min_position_weight", "dust_weight")
# What None is in the records: no limit.
NOTHING = {
    "max_total_positions": NO_LIMIT,
    "max_new_positions": NO_LIMIT,
    "full_investment_positions": 0,
    "brake_turnover": math.inf,
    "brake_closed_positions": NO_LIMIT,
    "max_weight": math.inf,
    "max_positions": NO_LIMIT,
    "max_allocation": math.inf,
    "min_allocation": 0.0,
}
_NO_LIMIT = BucketLimit()


class Change(NamedTuple):
    """One thing with another value: a limit (of a bucket, if `node` names it), or a row's field (of the asset `node`)."""

    name: str
    node: str
    value: Any


def changed_limits(limits: RebalancingLimits, change: Change) -> RebalancingLimits | None:
    """The limits with a change; None where they then contradict each other. Changes of rows leave them as they are."""
    if change.name in ROW_FIELDS:
        return limits
    changes: dict[str, Any] = {change.name: change.value}
    if change.name in NODE_FIELDS:
        own = limits.buckets.get(change.node, _NO_LIMIT)
        values = {field: getattr(own, field) for field in NODE_FIELDS} | changes
        changes = {"buckets": {**limits.buckets, change.node: values}}
    try:
        return limits.replace(**changes)
    except LimitsError:
        return None
