"""A counterfactual carried out through the public door, with its value or with one step less; for tests."""

from __future__ import annotations

import math
from typing import Any

from trimtab import LimitsError, RebalancingLimits, rebalance
from trimtab.explanation import Counterfactual
from trimtab.scans import WEIGHT_STEP

Row = dict[str, Any]
OF_ROW = ("score", "restriction", "max_weight")
WEIGHTS = ("max_allocation", "max_allocation_per_bucket", "min_position_weight", "target_invested")
OF_BUCKET = ("max_positions", "max_allocation", "min_allocation")


def changed(
    rows: list[Row], limits: RebalancingLimits, asset: str, change: str, node: str, value: Any
) -> tuple[list[Row], RebalancingLimits]:
    """The rows and limits with one change, as a user would make it."""
    if change in OF_ROW:
        return [{**row, change: value} if row["asset"] == asset else row for row in rows], limits
    if change not in OF_BUCKET:
        return rows, limits.replace(**{change: value})
    buckets = limits.to_dict().get("buckets", {})
    return rows, limits.replace(buckets={**buckets, node: {**buckets.get(node, {}), change: value}})


def is_selected(rows: list[Row], limits: RebalancingLimits, asset: str) -> bool:
    """Whether the rules select an asset: what `decision` speaks of, a brake or a missing weight aside."""
    result = rebalance(rows, limits)
    at = [row["asset"] for row in result.targets].index(asset)
    return bool(result._pass.decided["selected"][at])


def present_value(rows: list[Row], limits: RebalancingLimits, asset: str, one: Counterfactual) -> Any:
    """What a counterfactual changes, as it is now."""
    if one.change in OF_ROW:
        return next(row[one.change] for row in rows if row["asset"] == asset)
    if one.change in OF_BUCKET:
        return getattr(limits.buckets[one.node], one.change)
    return getattr(limits, one.change)


def one_step_less(one: Counterfactual, present: Any) -> Any:
    """The value one step nearer to the present one (a float, a count of 1, a step of weight); None where there is none."""
    value = one.value
    if isinstance(value, str | bool):
        return None
    if one.change == "score":
        less = math.nextafter(value, 0.0 if " at least " in one.effect else 2.0)
        return less if 0 <= less <= 1 else None
    if isinstance(value, int):
        return value + (1 if present > value else -1)
    towards = 1 if present is not None and present > value else -1
    if one.change in WEIGHTS:
        less = round(value + towards * WEIGHT_STEP, 6)
        return less if (present - less) * towards > 0 else None
    return math.nextafter(value, 2.0 if towards > 0 else 0.0)


def flips(rows: list[Row], limits: RebalancingLimits, asset: str, one: Counterfactual, value: Any) -> bool:
    """Whether the decision is another one with a value; contradicting limits decide nothing."""
    try:
        other_rows, other_limits = changed(rows, limits, asset, one.change, one.node, value)
    except LimitsError:
        return False
    return is_selected(other_rows, other_limits, asset) != is_selected(rows, limits, asset)
