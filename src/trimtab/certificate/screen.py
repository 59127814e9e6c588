"""The screen before the certificate's checker, compiled: it proves the plain case, that every limit is plainly met, or
that all are but the total, which is plainly inside the cash band; that no brake was called for; and that the targets are
what was measured.

It measures as `trimtab.certificate.measurements` does, from the table and the limits as the user wrote them, in code of its own: nothing
of the rules' kernel is used, only the way to compile. An account for which it cannot prove the plain case goes through
`Checker`, which knows what excuses a limit. Sums have half of the checker's tolerance here, so that another order of
summing never makes the screen the milder of the two.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.certificate.bucket_nodes import CheckedNodes
from trimtab.kernel.compilation import compiled, entry
from trimtab.limits.rebalancing_limits import RebalancingLimits

EPSILON = 1e-12
SUM_EPSILON = EPSILON / 2
_GENERAL = 8  # limits that every account has
_DESIRED, _VOLATILITY = 1, 2


def _record(*fields: tuple[str, str]) -> np.dtype[Any]:
    return np.dtype((np.record, np.dtype(list(fields), align=True)))


# The limits that are numbers. Shape (limits,).
BOUNDS = _record(
    ("max_total_positions", "f8"),
    ("max_new_positions", "f8"),
    ("target_invested", "f8"),
    ("most_invested", "f8"),  # with the cash band
    ("max_position_weight", "f8"),
    ("min_position_weight", "f8"),
    ("dust_weight", "f8"),
    ("min_score_threshold", "f8"),
    ("least_new_score", "f8"),
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
    found = np.zeros(1, BOUNDS)
    for name in BOUNDS.names or ():
        if hasattr(limits, name):
            value = getattr(limits, name)
            found[name] = math.inf if value is None else value
    found["most_invested"] = min(1.0, limits.target_invested + limits.cash_band)
    found["least_new_score"] = limits.min_score_diversification if wanted > 0 else limits.min_score_new_position
    found["buckets_wanted"] = wanted
    found["holds_unscored"] = limits.unscored_positions == "hold"
    found["sized_by"] = {"desired": _DESIRED, "inverse_volatility": _VOLATILITY}.get(limits.sizing_mode, 0)
    return found


def bucket_limits_of(found: CheckedNodes, limits: RebalancingLimits) -> NDArray[Any]:
    """The records of `BUCKET_LIMITS` of the checker's nodes, shape (nodes,)."""
    places = np.zeros(len(found.nodes), BUCKET_LIMITS)
    for place, node in zip(places, found.nodes, strict=True):
        usual = [math.inf, math.inf]
        if node.closed and node.parent == 0:
            if limits.enforce_position_limits:
                usual[0] = limits.max_positions_per_bucket
            if limits.enforce_allocation_limits:
                usual[1] = limits.max_allocation_per_bucket
        most = (node.max_positions, node.max_allocation, *usual)
        place["parent"] = node.parent
        place["max_positions"], place["max_allocation"] = most[:2]
        place["usual_positions"], place["usual_allocation"] = usual
        place["min_allocation"] = node.min_allocation
        place["checks"] = sum(limit < math.inf for limit in most) + (node.min_allocation > 0)
        place["counts"], place["closed"], place["named"] = node.counts, node.closed, node.path in found.named
    return places


@compiled
def _nodes_met(places: Any, bounds: Any, count: Any, weight: Any, present: Any) -> int:
    """How many limits the portfolio and its buckets have, or -1; the sums at the leaves become those under each node."""
    for at in range(places.size - 1, 0, -1):
        above = places[at].parent
        count[above] += count[at]
        weight[above] += weight[at]
        present[above] |= present[at]
    if count[0] > bounds.max_total_positions or not weight[0] <= bounds.most_invested + SUM_EPSILON:
        return -1
    if bounds.target_invested + SUM_EPSILON < weight[0] <= bounds.target_invested + 2.0 * EPSILON:
        return -1
    met, represented = _GENERAL, 0
    for at in range(1, places.size):
        place = places[at]
        if count[at] > min(place.max_positions, place.usual_positions):
            return -1
        if not weight[at] <= min(place.max_allocation, place.usual_allocation) + SUM_EPSILON:
            return -1
        if weight[at] < place.min_allocation - SUM_EPSILON and place.min_allocation > 0.0:
            return -1
        if place.named or present[at]:
            met += place.checks
        if place.counts and count[at] > 0:
            represented += 1
    if represented < bounds.buckets_wanted:
        return -1
    return met + 1 if bounds.buckets_wanted > 0 else met


@entry
def screen_block(
    start: Any,
    left_out: Any,
    limits_of: Any,
    bucket: Any,
    leaf_of: Any,
    restriction: Any,
    forbids_selling: Any,
    forbids_buying: Any,
    score: Any,
    current: Any,
    most: Any,
    desired: Any,
    volatility: Any,
    target: Any,
    proposed: Any,
    selected: Any,
    all_bounds: Any,
    all_places: Any,
    place_start: Any,
    proven: Any,
    drifted: Any,
) -> None:
    """Fill `proven` (accounts,): how many limits an account has, all plainly met, or -1 where that is not proven; and
    `drifted` (accounts,): of the proven, whether its total is above its aim, inside the cash band.

    Columns have shape (rows,), in the order that came in: account i has the rows start[i] to start[i + 1]. `leaf_of`
    (limits, buckets), the last for none; `forbids_selling` and `forbids_buying` by the code in `restriction`.
    """
    size = 0
    for limits in range(place_start.size - 1):
        size = max(size, place_start[limits + 1] - place_start[limits])
    count, weight, present = np.zeros(size), np.zeros(size), np.zeros(size, np.bool_)
    for account in range(start.size - 1):
        proven[account] = -1
        if left_out[account]:
            continue
        limits = limits_of[account]
        bounds = all_bounds[limits]
        places = all_places[place_start[limits] : place_start[limits + 1]]
        count[:], weight[:], present[:] = 0.0, 0.0, False
        sound, new_positions, closed_positions, sold = True, 0, 0, 0.0
        for row in range(start[account], start[account + 1]):
            leaf, now, then, points = leaf_of[limits, bucket[row]], current[row], target[row], score[row]
            present[leaf] = True
            held, closed = now > 0.0, places[leaf].closed
            if not then >= 0.0 or then == math.inf or then != proposed[row]:
                sound = False
                break
            if not held and then == 0.0 and not selected[row]:
                continue
            no_sell = forbids_selling[restriction[row]]
            no_buy = forbids_buying[restriction[row]] or closed
            cap = min(bounds.max_position_weight, most[row])  # the first where the second is none
            dust = held and now < bounds.dust_weight
            qualifies = points >= bounds.min_score_threshold
            unscored = held and math.isnan(points) and bounds.holds_unscored
            unsizable = (bounds.sized_by == _DESIRED and math.isnan(desired[row])) or (
                bounds.sized_by == _VOLATILITY and math.isnan(volatility[row])
            )
            kept = unscored or (held and qualifies and not no_sell and (unsizable or (dust and closed)))
            fixed = kept or (held and no_sell)
            slot = selected[row] and not (fixed and dust)
            new = slot and then > 0.0 and not fixed and (not held or dust)
            low = min(bounds.min_position_weight, cap, now) if no_buy else bounds.min_position_weight
            least = bounds.least_new_score if new else bounds.min_score_threshold
            sound = not (
                (then > 0.0 and then - cap > EPSILON)
                or (slot and not fixed and then < low - EPSILON)
                or (no_sell and held and then < now)
                or (no_buy and then > now)
                or (kept and then != now)
                or (then > 0.0 and not fixed and not points >= least)
            )
            if not sound:
                break
            if new:
                new_positions += 1
            if then < now:
                sold += now - then
                if then == 0.0 and not dust:
                    closed_positions += 1
            if slot and then > 0.0:
                count[leaf] += 1.0
            weight[leaf] += then
        calm = sold <= bounds.brake_sold_weight + SUM_EPSILON and closed_positions <= bounds.brake_closed_positions
        if sound and calm and new_positions <= bounds.max_new_positions:
            size = place_start[limits + 1] - place_start[limits]
            proven[account] = _nodes_met(places, bounds, count[:size], weight[:size], present[:size])
            drifted[account] = proven[account] > 0 and weight[0] > bounds.target_invested + EPSILON
