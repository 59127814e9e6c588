"""The compiled screen before the certificate's checker. It proves the plain case: every limit is met (the total may be
inside the cash band), no brake was due, and the targets are the weights that were measured.

It measures as `trimtab.certificate.measurements` does, from the table and the limits as the user wrote them, in code of
its own: it shares the compiler with the kernel, and no rule. An account whose plain case it cannot prove goes through
the checker, which knows what excuses a limit. Sums have half the checker's tolerance here, so that another order of
summation never makes the screen the more lenient of the two.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trimtab.certificate.bucket_nodes import CheckedNodes
from trimtab.kernel.compilation import compiled, entry
from trimtab.limits.rebalancing_limits import RebalancingLimits

EPSILON = 1e-12
SUM_EPSILON = EPSILON / 2
ROUNDING = 2.0**-52  # of each row: what adding weights in another order may change
_GENERAL = 8  # limits that every account has
_DESIRED, _VOLATILITY = 1, 2
_SELECTED = 3  # the column of the kernel's codes that says whether an asset was selected


def _record(*fields: tuple[str, str]) -> np.dtype[Any]:
    return np.dtype((np.record, np.dtype(list(fields), align=True)))


# The limits that are numbers. Shape (limits,).
BOUNDS = _record(
    ("max_total_positions", "f8"),
    ("max_new_positions", "f8"),
    ("target_invested", "f8"),
    ("max_invested", "f8"),  # with the cash band
    ("max_position_weight", "f8"),
    ("min_position_weight", "f8"),
    ("dust_weight", "f8"),
    ("min_score_threshold", "f8"),
    ("min_new_score", "f8"),
    ("buckets_wanted", "f8"),  # 0 = no representation
    ("brake_sold_weight", "f8"),  # inf = none, as below
    ("brake_closed_positions", "f8"),
    ("holds_unscored", "?"),
    ("sized_by", "i1"),
)

# A bucket with its limits; inf (0 for the minimum) if not set. Shape (nodes of all limits,).
BUCKET_LIMITS = _record(
    ("parent", "i8"),
    ("max_positions", "f8"),
    ("max_allocation", "f8"),
    ("min_allocation", "f8"),
    ("usual_positions", "f8"),  # the verdict of the general limits where `unknown_bucket = "hold"` removes them
    ("usual_allocation", "f8"),
    ("checks", "i8"),  # how many limits the certificate lists for it
    ("counts", "?"),
    ("closed", "?"),
    ("named", "?"),
)


def bounds_of(limits: RebalancingLimits) -> NDArray[Any]:
    """One record of `BOUNDS`, shape (1,)."""
    on = limits.enable_bucket_diversification and limits.enforce_min_buckets
    wanted = limits.min_buckets_represented if on else 0
    bounds = np.zeros(1, BOUNDS)
    for name in BOUNDS.names or ():
        if hasattr(limits, name):
            value = getattr(limits, name)
            bounds[name] = math.inf if value is None else value
    bounds["max_invested"] = min(1.0, limits.target_invested + limits.cash_band)
    bounds["min_new_score"] = limits.min_score_diversification if wanted > 0 else limits.min_score_new_position
    bounds["buckets_wanted"] = wanted
    bounds["holds_unscored"] = limits.unscored_positions == "hold"
    bounds["sized_by"] = {"desired_weight": _DESIRED, "volatility": _VOLATILITY}.get(limits.sizing_column or "", 0)
    return bounds


def bucket_limits_of(nodes: CheckedNodes, limits: RebalancingLimits) -> NDArray[Any]:
    """The records of `BUCKET_LIMITS` of the checker's nodes, shape (nodes,)."""
    records = np.zeros(len(nodes.nodes), BUCKET_LIMITS)
    for bucket, node in zip(records, nodes.nodes, strict=True):
        usual = [math.inf, math.inf]
        if node.closed and node.parent == 0:
            if limits.enforce_position_limits:
                usual[0] = limits.max_positions_per_bucket
            if limits.enforce_allocation_limits:
                usual[1] = limits.max_allocation_per_bucket
        maxima = (node.max_positions, node.max_allocation, *usual)
        bucket["parent"] = node.parent
        bucket["max_positions"], bucket["max_allocation"] = maxima[:2]
        bucket["usual_positions"], bucket["usual_allocation"] = usual
        bucket["min_allocation"] = node.min_allocation
        bucket["checks"] = sum(limit < math.inf for limit in maxima) + (node.min_allocation > 0)
        bucket["counts"], bucket["closed"], bucket["named"] = node.counts, node.closed, node.path in nodes.named
    return records


@compiled
def _nodes_met(buckets: Any, bounds: Any, count: Any, weight: Any, present: Any, rounding: float) -> int:
    """How many limits the portfolio and its buckets have, or -1; the sums at the leaves become those under each node.

    `count`, `weight` and `present` have a place for each bucket, or more. `rounding`: what the order of adding may change.
    """
    for node in range(buckets.size - 1, 0, -1):
        parent = buckets[node].parent
        count[parent] += count[node]
        weight[parent] += weight[node]
        present[parent] |= present[node]
    if count[0] > bounds.max_total_positions or not weight[0] <= bounds.max_invested + SUM_EPSILON:
        return -1
    if bounds.target_invested + SUM_EPSILON < weight[0] <= bounds.target_invested + 2.0 * (EPSILON + rounding):
        return -1
    met, represented = _GENERAL, 0
    for node in range(1, buckets.size):
        bucket = buckets[node]
        if count[node] > min(bucket.max_positions, bucket.usual_positions):
            return -1
        if not weight[node] <= min(bucket.max_allocation, bucket.usual_allocation) + SUM_EPSILON:
            return -1
        if weight[node] < bucket.min_allocation - SUM_EPSILON and bucket.min_allocation > 0.0:
            return -1
        if bucket.named or present[node]:
            met += bucket.checks
        if bucket.counts and count[node] > 0:
            represented += 1
    if represented < bounds.buckets_wanted:
        return -1
    return met + 1 if bounds.buckets_wanted > 0 else met


class ScreenLimits(NamedTuple):
    """The limits as the screen reads them."""

    bounds: NDArray[Any]  # `BOUNDS`, shape (limits,)
    bucket_limits: NDArray[Any]  # `BUCKET_LIMITS` of all limits, one after another
    bucket_limits_start: NDArray[Any]  # shape (limits + 1,)
    node_of: NDArray[Any]  # shape (limits, buckets + 1): the node of each bucket, the last for none
    forbids_selling: NDArray[Any]  # by the code in `restriction`
    forbids_buying: NDArray[Any]


@compiled
def _most_nodes(start: Any) -> int:
    """The number of nodes of the limits with the most of them."""
    nodes = 0
    for number in range(start.size - 1):
        nodes = max(nodes, start[number + 1] - start[number])
    return nodes


@compiled
def _kind_of(columns: Any, row: int, bounds: Any, no_sell: bool, closed: bool) -> tuple[bool, bool, bool]:
    """Whether a row is dust, must keep its weight, and is fixed."""
    current, score = columns.current_weight[row], columns.score[row]
    held = current > 0.0
    dust = held and current < bounds.dust_weight
    qualifies = score >= bounds.min_score_threshold
    unscored = held and math.isnan(score) and bounds.holds_unscored
    unsizable = (bounds.sized_by == _DESIRED and math.isnan(columns.desired_weight[row])) or (
        bounds.sized_by == _VOLATILITY and math.isnan(columns.volatility[row])
    )
    kept = unscored or (held and qualifies and not no_sell and (unsizable or (dust and closed)))
    return dust, kept, kept or (held and no_sell)


@entry
def screen_block(
    accounts: Any, left_out: Any, columns: Any, decided: Any, limits: ScreenLimits, proven: Any, drifted: Any
) -> None:
    """Prove the plain case for every account of a block, except those left out.

    `accounts`, `columns` and `decided` have the fields of the tuples in `kernel/block.py`. Filled, of shape (accounts,):
    `proven`, how many limits an account has, all plainly met, or -1 where that is not proven; `drifted`, whether the total
    of a proven account is above its aim but inside the cash band.
    """
    start, nodes = accounts.start, _most_nodes(limits.bucket_limits_start)
    count, weight, present = np.zeros(nodes), np.zeros(nodes), np.zeros(nodes, np.bool_)
    for account in range(start.size - 1):
        proven[account] = -1
        if left_out[account]:
            continue
        number = accounts.limits[account]
        bounds = limits.bounds[number]
        buckets = limits.bucket_limits[limits.bucket_limits_start[number] : limits.bucket_limits_start[number + 1]]
        count[:], weight[:], present[:] = 0.0, 0.0, False
        sound, new_positions, closed_positions, sold = True, 0, 0, 0.0
        for row in range(start[account], start[account + 1]):
            node = limits.node_of[number, columns.bucket[row]]
            current, target, score = columns.current_weight[row], decided.target[row], columns.score[row]
            selected = decided.codes[row, _SELECTED] > 0
            present[node] = True
            held, closed = current > 0.0, buckets[node].closed
            if not target >= 0.0 or target == math.inf or target != decided.proposed[row]:
                sound = False
                break
            if not held and target == 0.0 and not selected:
                continue
            no_sell = limits.forbids_selling[columns.restriction[row]]
            no_buy = limits.forbids_buying[columns.restriction[row]] or closed
            cap = min(bounds.max_position_weight, columns.max_weight[row])  # the first if the second is missing
            cap = 0.0 if bounds.sized_by == _DESIRED and columns.desired_weight[row] == 0.0 else cap
            dust, kept, fixed = _kind_of(columns, row, bounds, no_sell, closed)
            position = selected and not (fixed and dust)
            new = position and target > 0.0 and not fixed and (not held or dust)
            min_weight = min(bounds.min_position_weight, cap, current) if no_buy else bounds.min_position_weight
            min_score = bounds.min_new_score if new else bounds.min_score_threshold
            sound = not (
                (target > 0.0 and target - cap > EPSILON)
                or (position and not fixed and target < min_weight - EPSILON)
                or (no_sell and held and target < current)
                or (no_buy and target > current)
                or (kept and target != current)
                or (target > 0.0 and not fixed and not score >= min_score)
            )
            if not sound:
                break
            if new:
                new_positions += 1
            if target < current:
                sold += current - target
                if target == 0.0 and not dust:
                    closed_positions += 1
            if position and target > 0.0:
                count[node] += 1.0
            weight[node] += target
        calm = sold <= bounds.brake_sold_weight + SUM_EPSILON and closed_positions <= bounds.brake_closed_positions
        if sound and calm and new_positions <= bounds.max_new_positions:
            rounding = (start[account + 1] - start[account]) * ROUNDING
            proven[account] = _nodes_met(buckets, bounds, count, weight, present, rounding)
            drifted[account] = proven[account] > 0 and weight[0] > bounds.target_invested + EPSILON
