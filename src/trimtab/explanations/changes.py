"""The changes to try: one limit, one bucket's limit, or one field of a row; and the limits they lead to."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from trimtab.errors import LimitsError
from trimtab.kernel.records import NO_LIMIT, SizingMode, Unscored
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.limits.regimes import plain

NODE_FIELDS = ("max_positions", "max_allocation", "min_allocation")
GENERAL = {"max_positions_per_bucket": "max_positions", "max_allocation_per_bucket": "max_allocation"}
SCORE_FIELDS = ("min_score_threshold", "min_score_diversification", "min_score_new_position")
EXPOSURE_FIELDS = ("max_exposure", "min_exposure")  # of a bucket of a scheme: "scheme:path"
CONCENTRATION = "concentration"  # of a scheme; it can only be lifted
ROW_FIELDS = ("score", "restriction", "max_weight")

# Fields that may follow another one.
LEADING = (*SCORE_FIELDS, "min_position_weight", "dust_weight")
# The value of a lifted limit, except `LEADING` ones.
LIFTED: dict[str, Any] = {
    "max_total_positions": NO_LIMIT,
    "max_new_positions": NO_LIMIT,
    "target_invested": 1.0,
    "full_investment_positions": 0,
    "max_position_weight": 1.0,
    "min_buckets_represented": 0,
    "brake_sold_weight": math.inf,
    "brake_closed_positions": NO_LIMIT,
    "max_positions": NO_LIMIT,
    "max_allocation": math.inf,
    "min_allocation": 0.0,
    "max_exposure": math.inf,
    "min_exposure": 0.0,
    "sizing_mode": "equal_weight",
    "residual_strategy": "proportional",
    "unscored_positions": "close",
    "restriction": "",
    "max_weight": math.inf,
}


class Change(NamedTuple):
    """One thing with a different value, None to lift it: a limit (of a bucket, if `node` names it), or the field of a
    row (of the asset `node`, of all if it is empty).
    """

    name: str
    node: str
    value: Any


def changed_limits(limits: RebalancingLimits, *changes: Change) -> RebalancingLimits | None:
    """The limits with several changes at once; None if they contradict each other. Fields of rows are skipped."""
    values: dict[str, Any] = {}
    buckets: dict[str, Any] = {
        path: {field: getattr(own, field) for field in NODE_FIELDS} for path, own in limits.buckets.items()
    }
    for change in changes:
        if change.name in NODE_FIELDS:
            buckets.setdefault(change.node, {})[change.name] = change.value
            values["buckets"] = buckets
        elif change.name in EXPOSURE_FIELDS:
            scheme, path = change.node.split(":", 1)
            values.setdefault("exposures", plain(limits.exposures))
            own = values["exposures"][scheme].setdefault("buckets", {})
            own[path] = {**own.get(path, {}), change.name: change.value}
        elif change.name == CONCENTRATION:
            values[CONCENTRATION] = {}
        elif change.name not in ROW_FIELDS:
            values[change.name] = change.value
    try:
        return limits.replace(**values)
    except LimitsError:
        return None


def setting_of(name: str, value: Any) -> tuple[str, Any]:
    """The name and value in the settings record of a limit that is stored differently or is not a number."""
    if name == "min_buckets_represented":
        return "buckets_to_represent", value
    if name == "allow_bucket_overflow":
        return "overflow", value
    if name == "unscored_positions":
        return "unscored", Unscored.CLOSE if value == "close" else Unscored.HOLD
    if name == "residual_strategy":
        return "residual_to_cash", value == "cash"
    return name, SizingMode[value.upper()] if name == "sizing_mode" else value
