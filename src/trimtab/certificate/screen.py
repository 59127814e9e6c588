"""The screen before the checker, compiled: it proves the plain case and leaves the rest to the checker.

Plain means: every limit is clearly met, or all but the total, which is clearly inside the cash band; no brake was due; the
targets are those that were measured.

It measures what `trimtab.certificate.measurements` measures, from the table and the limits as the user wrote them, in code
of its own: it shares nothing with the rules' kernel but the way to compile. The checker knows what excuses a limit. Sums
have half of the checker's tolerance here: adding in another order never makes the screen the milder of the two.
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

# A bucket with its limits; inf (0 for the minimum) where there is none. Shape (nodes of all limits,).
BUCKET_LIMITS = _record(
    ("parent", "i8"),
    ("max_positions", "f8"),
    ("max_allocation", "f8"),
    ("min_allocation", "f8"),
    ("usual_positions", "f8"),  # what the general limits would say where `unknown_bucket = "hold"` removes them
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
    bounds["sized_by"] = {"desired": _DESIRED, "inverse_volatility": _VOLATILITY}.get(limits.sizing_mode, 0)
    return bounds


def bucket_limits_of(checked: CheckedNodes, limits: RebalancingLimits) -> NDArray[Any]:
    """The records of `BUCKET_LIMITS` of the checker's nodes, shape (nodes,)."""
    buckets = np.zeros(len(checked.nodes), BUCKET_LIMITS)
    for bucket, node in zip(buckets, checked.nodes, strict=True):
        usual = [math.inf, math.inf]
        if node.closed and node.parent == 0:
            if limits.enforce_position_limits:
                usual[0] = limits.max_positions_per_bucket
            if limits.enforce_allocation_limits:
                usual[1] = limits.max_allocation_per_bucket
        ceilings = (node.max_positions, node.max_allocation, *usual)
        bucket["parent"] = node.parent
        bucket["max_positions"], bucket["max_allocation"] = ceilings[:2]
        bucket["usual_positions"], bucket["usual_allocation"] = usual
        bucket["min_allocation"] = node.min_allocation
        bucket["checks"] = sum(limit < math.inf for limit in ceilings) + (node.min_allocation > 0)
        bucket["counts"], bucket["closed"], bucket["named"] = node.counts, node.closed, node.path in checked.named
    return buckets


class ScreenLimits(NamedTuple):
    """All limits of a batch, as the checker knows them."""

    bounds: Any  # `BOUNDS`, (limits,)
    buckets: Any  # `BUCKET_LIMITS`, (nodes of all limits,)
    bucket_start: Any  # (limits + 1,): where those of each limits begin
    leaf_of: Any  # (limits, buckets), the last for none
    forbids_selling: Any  # by the code of a restriction
    forbids_buying: Any


class ScreenColumns(NamedTuple):
    """The columns of a block, (rows,), in the order in which they came in."""

    bucket: Any
    restriction: Any
    score: Any
    current: Any
    max_weight: Any
    desired: Any
    volatility: Any
    target: Any
    proposed: Any
    selected: Any


class _Sums(NamedTuple):
    """What an account holds at each node, (nodes,)."""

    count: Any
    weight: Any
    present: Any


@compiled
def _limits_met(buckets: Any, bounds: Any, sums: _Sums, rounding: float) -> int:
    """How many limits the portfolio and its buckets have, or -1; the sums at the leaves become those under each node."""
    count, weight, present = sums
    for node in range(buckets.size - 1, 0, -1):
        above = buckets[node].parent
        count[above] += count[node]
        weight[above] += weight[node]
        present[above] |= present[node]
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


@compiled
def _row_kind(columns: ScreenColumns, row: int, bounds: Any, no_sell: bool, closed: bool) -> tuple[bool, bool, bool]:
    """Whether a row is dust, must keep its weight, and is fixed (rules, section 3)."""
    current, score = columns.current[row], columns.score[row]
    held = current > 0.0
    dust = held and current < bounds.dust_weight
    unscored = held and math.isnan(score) and bounds.holds_unscored
    unsizable = (bounds.sized_by == _DESIRED and math.isnan(columns.desired[row])) or (
        bounds.sized_by == _VOLATILITY and math.isnan(columns.volatility[row])
    )
    qualifies = score >= bounds.min_score_threshold
    kept = unscored or (held and qualifies and not no_sell and (unsizable or (dust and closed)))
    return dust, kept, kept or (held and no_sell)


@compiled
def _account_met(columns: ScreenColumns, rows: tuple[int, int], limits: ScreenLimits, number: int, sums: _Sums) -> int:
    """How many limits an account has, all clearly met, or -1."""
    bounds = limits.bounds[number]
    buckets = limits.buckets[limits.bucket_start[number] : limits.bucket_start[number + 1]]
    begin, end = rows
    new_positions, closed_positions, sold = 0, 0, 0.0
    for row in range(begin, end):
        leaf = limits.leaf_of[number, columns.bucket[row]]
        current, target, score = columns.current[row], columns.target[row], columns.score[row]
        sums.present[leaf] = True
        held, closed = current > 0.0, buckets[leaf].closed
        if not target >= 0.0 or target == math.inf or target != columns.proposed[row]:
            return -1
        if not held and target == 0.0 and not columns.selected[row]:
            continue
        no_sell = limits.forbids_selling[columns.restriction[row]]
        no_buy = limits.forbids_buying[columns.restriction[row]] or closed
        cap = min(bounds.max_position_weight, columns.max_weight[row])  # the first where the second is none
        dust, kept, fixed = _row_kind(columns, row, bounds, no_sell, closed)
        takes_place = columns.selected[row] and not (fixed and dust)
        new = takes_place and target > 0.0 and not fixed and (not held or dust)
        min_weight = min(bounds.min_position_weight, cap, current) if no_buy else bounds.min_position_weight
        min_score = bounds.min_new_score if new else bounds.min_score_threshold
        if (
            (target > 0.0 and target - cap > EPSILON)
            or (takes_place and not fixed and target < min_weight - EPSILON)
            or (no_sell and held and target < current)
            or (no_buy and target > current)
            or (kept and target != current)
            or (target > 0.0 and not fixed and not score >= min_score)
        ):
            return -1
        if new:
            new_positions += 1
        if target < current:
            sold += current - target
            if target == 0.0 and not dust:
                closed_positions += 1
        if takes_place and target > 0.0:
            sums.count[leaf] += 1.0
        sums.weight[leaf] += target
    if sold > bounds.brake_sold_weight + SUM_EPSILON or closed_positions > bounds.brake_closed_positions:
        return -1
    if new_positions > bounds.max_new_positions:
        return -1
    met: int = _limits_met(buckets, bounds, sums, (end - begin) * ROUNDING)
    return met


@entry
def screen_block(
    start: Any, left_out: Any, limits_of: Any, columns: ScreenColumns, limits: ScreenLimits, proven: Any, drifted: Any
) -> None:
    """Fill `proven` (accounts,): how many limits an account has, all clearly met, or -1 where that is not proven; and
    `drifted` (accounts,): of the proven, whether its total is above its aim, inside the cash band.

    Account i has the rows start[i] to start[i + 1], and the limits `limits_of[i]`.
    """
    largest = 0
    for number in range(limits.bucket_start.size - 1):
        largest = max(largest, limits.bucket_start[number + 1] - limits.bucket_start[number])
    sums = _Sums(np.zeros(largest), np.zeros(largest), np.zeros(largest, np.bool_))
    for account in range(start.size - 1):
        proven[account] = -1
        if left_out[account]:
            continue
        number = limits_of[account]
        sums.count[:] = 0.0
        sums.weight[:] = 0.0
        sums.present[:] = False
        proven[account] = _account_met(columns, (start[account], start[account + 1]), limits, number, sums)
        aim = limits.bounds[number].target_invested
        drifted[account] = proven[account] > 0 and sums.weight[0] > aim + EPSILON
