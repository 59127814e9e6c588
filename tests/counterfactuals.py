"""A counterfactual carried out through the public door, with its value or with one step less; for tests."""

from __future__ import annotations

import copy
import math
from typing import Any

from trimtab import LimitsError, RebalancingLimits, rebalance
from trimtab.explanations.conflicts import Conflict
from trimtab.explanations.explanation import Counterfactual
from trimtab.explanations.relaxations import Relaxation
from trimtab.explanations.values_to_try import WEIGHT_STEP

Row = dict[str, Any]
OF_ROW = ("score", "restriction", "max_weight")
WEIGHTS = ("max_allocation", "max_allocation_per_bucket", "min_position_weight", "target_invested")
EXPOSURE_FIELDS = ("max_exposure", "min_exposure")
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


def is_selected(rows: list[Row], limits: RebalancingLimits, asset: str, correlations: Any = None) -> bool:
    """Whether the rules select an asset: what `decision` speaks of, a brake or a missing weight aside."""
    result = rebalance(rows, limits, correlations=correlations)
    index = [row["asset"] for row in result.targets].index(asset)
    return bool(result._pass.decided["selected"][index])


def present_value(rows: list[Row], limits: RebalancingLimits, asset: str, flip: Counterfactual) -> Any:
    """What a counterfactual changes, as it is now."""
    if flip.change in OF_ROW:
        return next(row[flip.change] for row in rows if row["asset"] == asset)
    if flip.change in OF_BUCKET:
        return getattr(limits.buckets[flip.node], flip.change)
    return getattr(limits, flip.change)


def one_step_less(
    rows: list[Row], limits: RebalancingLimits, asset: str, flip: Counterfactual, correlations: Any = None
) -> Any:
    """The value one step nearer to the present one (a float, a count of 1, a step of weight); None where there is none."""
    value, present = flip.value, present_value(rows, limits, asset, flip)
    if flip.change == "max_correlation":
        return 1.0 if value is None else math.nextafter(value, -2.0 if value > present else 2.0)
    if isinstance(value, str | bool):
        return None
    if flip.change == "score":
        less = math.nextafter(value, 2.0 if is_selected(rows, limits, asset, correlations) else 0.0)
        return less if 0 <= less <= 1 else None
    if isinstance(value, int):
        return value + (1 if present > value else -1)
    towards = 1 if present is not None and present > value else -1
    if flip.change in WEIGHTS:
        less = round(value + towards * WEIGHT_STEP, 6)
        return less if (present - less) * towards > 0 else None
    return math.nextafter(value, 2.0 if towards > 0 else 0.0)


def flips(
    rows: list[Row],
    limits: RebalancingLimits,
    asset: str,
    flip: Counterfactual,
    value: Any,
    correlations: Any = None,
) -> bool:
    """Whether a value changes the decision; contradicting limits decide nothing."""
    try:
        other_rows, other_limits = changed(rows, limits, asset, flip.change, flip.node, value)
    except LimitsError:
        return False
    before = is_selected(rows, limits, asset, correlations)
    return is_selected(other_rows, other_limits, asset, correlations) != before


# ---- conflicts

GENERAL = ("max_positions_per_bucket", "max_allocation_per_bucket")
FREE: Row = {
    "max_total_positions": 1000,
    "max_new_positions": 1000,
    "min_score_threshold": 0.0,
    "min_score_diversification": 0.0,
    "min_score_new_position": 0.0,
    "target_invested": 1.0,
    "full_investment_positions": None,
    "max_position_weight": 1.0,
    "min_position_weight": 0.0,
    "max_positions_per_bucket": 1000,
    "max_allocation_per_bucket": 1.0,
    "min_buckets_represented": 0,
    "max_correlation": None,
    "sizing_mode": "equal_weight",
    "residual_strategy": "proportional",
    "unscored_positions": "close",
    "unknown_bucket": "limit",
}


def _exposures_only(limits: RebalancingLimits, kept: set[tuple[str, str]]) -> Row:
    """The exposures with only some (field, bucket) in force, each as the limits have it there."""
    made: Row = {}
    for scheme, own in limits.exposures.items():
        buckets: Row = {}
        for field, node in kept:
            if field in EXPOSURE_FIELDS and node.startswith(f"{scheme}:"):
                path = node.removeprefix(f"{scheme}:")
                value = own.limits_at(path, limits.bucket_separator)[EXPOSURE_FIELDS.index(field)]
                buckets.setdefault(path, {})[field] = value
        made[scheme] = {"ignore_below": own.ignore_below, "buckets": buckets}
    return made


def only(rows: list[Row], limits: RebalancingLimits, kept: set[tuple[str, str]]) -> tuple[list[Row], RebalancingLimits]:
    """Rows and limits of which only some (field, bucket) are in force; a lifted score goes down to the one below it."""
    values = limits.to_dict(complete=True)
    below = 0.0
    for name, free in FREE.items():
        if (name, "") not in kept:
            values[name] = below if name.startswith("min_score") else free
        below = values[name] if name.startswith("min_score") else below
    buckets = {}
    for path, own in values["buckets"].items():
        free = {"max_positions": 1000, "max_allocation": 1.0, "min_allocation": 0.0}
        buckets[path] = {name: value if (name, path) in kept else free[name] for name, value in own.items()}
    values["buckets"] = buckets
    values["exposures"] = _exposures_only(limits, kept)
    if ("concentration", next(iter(limits.concentration), "")) not in kept:
        values["concentration"] = {}
    values["dust_weight"] = None if "dust_weight" in limits.derived else limits.dust_weight
    freed = {name: free for name, free in (("restriction", ""), ("max_weight", None)) if (name, "") not in kept}
    return [{**row, **freed} for row in rows], RebalancingLimits.from_dict(values)


def reaches(
    rows: list[Row],
    limits: RebalancingLimits,
    goal: str,
    node: str,
    value: float,
    table: Any = None,
    correlations: Any = None,
) -> bool:
    """Whether the certificate, or for cash the total, says that a goal is reached."""
    result = rebalance(rows, limits, exposures=table, correlations=correlations)
    if goal == "target_invested":
        return 1.0 - result.cash_weight >= value - 1e-9
    return all(line.status == "met" for line in result.certificate if (line.name, line.node) == (goal, node))


def faults(
    rows: list[Row], limits: RebalancingLimits, explanation: Conflict, table: Any = None, correlations: Any = None
) -> list[str]:
    """What is not true of a conflict."""
    wrong = []
    goal = (explanation.goal.limit, explanation.goal.node)
    members = {(member.limit, member.node) for member in explanation.members}
    if reaches(rows, limits, *goal, explanation.goal.value, table, correlations):
        wrong.append("the goal is reached")
    if explanation.members and reaches(
        *only(rows, limits, {goal, *members}), *goal, explanation.goal.value, table, correlations
    ):
        wrong.append("the members do not conflict")
    needless = [
        member
        for member in sorted(members)
        if not reaches(
            *only(rows, limits, {goal, *(members - {member})}), *goal, explanation.goal.value, table, correlations
        )
    ]
    suggested = [[member.relaxation] for member in explanation.members if member.relaxation]
    suggested += [list(explanation.together)] if explanation.together else []
    if explanation.members and not suggested:
        wrong.append("no change is said to help")
    suggested += [[explanation.goal.relaxation]] if explanation.goal.relaxation else []
    for entry in explanation.together:
        others = [other for other in explanation.together if other != entry]
        if works(rows, limits, explanation, others, table, correlations):
            wrong.append(f"not needed together with the others: {entry}")
    useless = [changes for changes in suggested if not works(rows, limits, explanation, changes, table, correlations)]
    wrong += [f"not irreducible: {member} is not needed" for member in needless]
    wrong += [f"does not help: {changes}" for changes in useless]
    return wrong


def works(
    rows: list[Row],
    limits: RebalancingLimits,
    explanation: Conflict,
    changes: list[Relaxation],
    table: Any = None,
    correlations: Any = None,
) -> bool:
    """Whether the goal is reached with some changes; a goal that is lowered, as far as it then goes. Limits that contradict
    each other reach nothing.
    """
    goal, values = explanation.goal.value, limits.to_dict()
    buckets, exposures = dict(values.get("buckets", {})), copy.deepcopy(values.get("exposures", {}))
    for change in changes:
        if change.change in OF_ROW:
            rows, _ = changed(rows, limits, change.node, change.change, "", change.value)
        elif change.change in EXPOSURE_FIELDS:
            scheme, path = change.node.split(":", 1)
            own = exposures[scheme].setdefault("buckets", {})
            own[path] = {**own.get(path, {}), change.change: change.value}
        elif change.change == "concentration":
            values["concentration"] = {}
        elif change.change in OF_BUCKET:
            buckets[change.node] = {**buckets.get(change.node, {}), change.change: change.value}
        else:
            values[change.change] = change.value
        if (change.change, change.node) == (explanation.goal.limit, explanation.goal.node):
            goal = change.value
    try:
        together = RebalancingLimits.from_dict({**values, "buckets": buckets, "exposures": exposures})
    except LimitsError:
        return False
    return reaches(rows, together, explanation.goal.limit, explanation.goal.node, goal, table, correlations)
