"""How much of each selected asset: nested water-filling (rules, section 5).

w = clip(level * desired, min, max), where an asset's level is the portfolio's, clipped from the top of its path to the
leaf into the window of each node: [level that reaches its minimum, level that reaches its maximum]. This is the
projection of the desired sizes in relative entropy on the limits, at the largest total that can be reached up to the aim.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from trimtab.kernel.compilation import allocating, compiled
from trimtab.kernel.desired_weights import bounds_of, desired_weight_of
from trimtab.kernel.eligibility import FIXED, base_cap
from trimtab.kernel.records import (
    COUNT_TOLERANCE,
    MEMBER,
    NO_NODE,
    ROOT,
    SPAN,
    WEIGHT_TOLERANCE,
    Ints,
    Records,
    SizingMode,
)
from trimtab.reasons import Restriction, SizeReason

# A sum within this of a goal is at the goal.
_SUM_TOLERANCE = 1e-13


@allocating
def _arrange(
    rows: Records, tree: Records, settings: Any, choices: Records, capacity: Records
) -> tuple[Records, Records, Ints]:
    """The selected rows grouped by node (a counting sort on leaves), with desired sizes and bounds; the spans of nodes;
    and for each selected row, in canonical order, its place among the members.
    """
    spans = np.zeros(tree.size, SPAN)
    for row in range(rows.size):
        if choices[row].taken:
            spans[rows[row].leaf].own_end += 1
    count = 0
    for node in range(tree.size):
        own = spans[node].own_end
        spans[node].begin = count
        spans[node].own_end = count
        count += own
        spans[node].max_level = math.inf
        spans[node].fixed_weight = capacity[node].fixed_weight
        limit = settings.target_invested if node == ROOT else tree[node].max_allocation
        spans[node].cap = max(limit, capacity[node].fixed_weight)
    for node in range(tree.size):
        stop = tree[node].stop
        spans[node].end = spans[stop].begin if stop < tree.size else count
    members, place_of, selected = np.zeros(count, MEMBER), np.empty(count, np.int64), 0
    for row in range(rows.size):
        if choices[row].taken:
            candidate = rows[row]
            span = spans[candidate.leaf]
            member = members[span.own_end]
            place_of[selected] = span.own_end
            selected += 1
            span.own_end += 1
            member.row = row
            member.node = NO_NODE
            member.fixed = choices[row].kind == FIXED
            closed = tree[candidate.leaf].closed
            member.min_weight, member.max_weight = bounds_of(candidate, member.fixed, closed, settings)
            is_pinned = member.fixed and member.min_weight >= member.max_weight
            member.desired = 1.0 if is_pinned else desired_weight_of(candidate, settings)
    return members, spans, place_of


@compiled
def _reachable_minima(tree: Records, members: Records, spans: Records) -> None:
    """Each node's minimum, at most what its positions and the limits below can hold."""
    for node in range(tree.size):
        spans[node].need = 0.0
    for node in range(tree.size - 1, -1, -1):
        capacity = spans[node].need
        for index in range(spans[node].begin, spans[node].own_end):
            capacity += members[index].max_weight
        capacity = min(capacity, spans[node].cap)
        spans[node].minimum = min(tree[node].min_allocation, capacity)
        if node != ROOT:
            spans[tree[node].parent].need += capacity


@compiled
def _need_below(tree: Records, members: Records, spans: Records, top: int, scale: float) -> float:
    """The weight that the rows and nodes under `top` need at least, with the minima below it times `scale`.

    Leaves in `spans[top].slope` the slope of that need in `scale`.
    """
    for node in range(top, tree[top].stop):
        spans[node].need = 0.0
        spans[node].slope = 0.0
    for node in range(tree[top].stop - 1, top - 1, -1):
        span = spans[node]
        for index in range(span.begin, span.own_end):
            span.need += members[index].min_weight
        if node != top:
            minimum = scale * span.minimum
            if minimum > span.need:
                span.need = minimum
                span.slope = span.minimum
            spans[tree[node].parent].need += span.need
            spans[tree[node].parent].slope += span.slope
    return spans[top].need


@compiled
def _scale_minima(tree: Records, members: Records, spans: Records, top: int) -> None:
    """Scale the minima below `top` by the largest factor with which they fit.

    The need is convex and piecewise linear in the factor, so Newton's steps from 1 downwards never pass the solution
    and end after at most one step for each piece.
    """
    scale = 1.0
    for _ in range(tree[top].stop - top + 1):
        excess = max(0.0, _need_below(tree, members, spans, top, scale) - spans[top].cap)
        scale = max(0.0, scale - excess / spans[top].slope) if spans[top].slope > 0.0 else scale
    for node in range(top + 1, tree[top].stop):
        spans[node].minimum *= scale


@compiled
def _fit(tree: Records, settings: Any, members: Records, spans: Records, top: int) -> None:
    """Fit the lower bounds below `top` into its maximum: by tolerance, then waive, then scale."""
    begin, end, cap = spans[top].begin, spans[top].end, spans[top].cap
    bound, unfixed = 0.0, 0.0
    for index in range(begin, end):
        bound += members[index].min_weight
        if not members[index].fixed:
            unfixed += members[index].min_weight
    for node in range(top + 1, tree[top].stop):
        bound += spans[node].minimum
    if bound <= cap + _SUM_TOLERANCE:
        return
    excess = _need_below(tree, members, spans, top, 1.0) - cap
    if (
        _SUM_TOLERANCE < excess <= COUNT_TOLERANCE * settings.min_position_weight
        and unfixed > cap - spans[top].fixed_weight
    ):
        share = (cap - spans[top].fixed_weight) / unfixed
        for index in range(begin, end):
            if not members[index].fixed:
                members[index].min_weight *= share
        excess = _need_below(tree, members, spans, top, 1.0) - cap
    if excess <= WEIGHT_TOLERANCE:
        return
    for index in range(begin, end):
        if not members[index].fixed:
            members[index].min_weight = 0.0
    if _need_below(tree, members, spans, top, 1.0) > cap + WEIGHT_TOLERANCE:
        _scale_minima(tree, members, spans, top)


@compiled
def _sum_at(members: Records, begin: int, end: int, level: float) -> float:
    total = 0.0
    for index in range(begin, end):
        member = members[index]
        total += min(max(level * member.desired, member.window_min), member.window_max)
    return total


@allocating
def level_at(members: Records, begin: int, end: int, goal: float) -> float:
    """The smallest level at which the members from `begin` to `end` reach a total of `goal`.

    The total is piecewise linear in the level; `goal` must lie above the sum of the lower bounds, and not above that of
    the upper ones. The piece is found by bisection over the sorted ends of the pieces, the level on it exactly.
    """
    ends = np.empty(2 * (end - begin))
    for index in range(begin, end):
        ends[2 * (index - begin)] = members[index].window_min / members[index].desired
        ends[2 * (index - begin) + 1] = members[index].window_max / members[index].desired
    ends.sort()
    before, after = 0, ends.size - 1  # the total at ends[after] reaches the goal, the one at ends[before] does not
    while after - before > 1:
        middle = (before + after) // 2
        if _sum_at(members, begin, end, ends[middle]) >= goal - _SUM_TOLERANCE:
            after = middle
        else:
            before = middle
    pinned, free = 0.0, 0.0
    for index in range(begin, end):
        member = members[index]
        if member.window_min / member.desired >= ends[after]:
            pinned += member.window_min
        elif member.window_max / member.desired <= ends[before]:
            pinned += member.window_max
        else:
            free += member.desired
    level = (goal - pinned) / free if free > 0.0 else ends[after]
    return float(min(max(level, ends[before]), ends[after]))


@allocating
def _find_window(members: Records, span: Any) -> None:
    """The levels between which a node's limits leave its members free; narrows the members' bounds to it."""
    lowest, highest = 0.0, 0.0
    for index in range(span.begin, span.end):
        lowest += members[index].window_min
        highest += members[index].window_max
    if lowest < span.minimum - _SUM_TOLERANCE:
        enough = highest > span.minimum + _SUM_TOLERANCE
        span.min_level = level_at(members, span.begin, span.end, span.minimum) if enough else math.inf
    if highest > span.cap + _SUM_TOLERANCE:
        span.max_level = (
            level_at(members, span.begin, span.end, span.cap) if lowest < span.cap - _SUM_TOLERANCE else 0.0
        )
    if span.min_level > 0.0 or span.max_level < math.inf:
        for index in range(span.begin, span.end):
            member = members[index]
            lower, upper = member.window_min, member.window_max
            member.window_max = min(max(span.max_level * member.desired, lower), upper)
            member.window_min = min(max(span.min_level * member.desired, lower), member.window_max)


@allocating
def _portfolio_level(settings: Any, capacity: Records, grouped: Records, place_of: Ints) -> tuple[float, float]:
    """The level at which the total reaches its aim, infinite if it cannot; and that aim.

    It sums row by row whatever the buckets, so a bucket that limits nothing cannot change the last bit of a weight.
    """
    members = np.empty(grouped.size, MEMBER)
    for index in range(grouped.size):
        members[index] = grouped[place_of[index]]
    fixed = capacity[ROOT].fixed_weight
    desired, lowest, highest = 0.0, 0.0, 0.0
    for index in range(members.size):
        member = members[index]
        lowest += member.window_min
        highest += member.window_max
        if not member.fixed:
            desired += member.desired
    unfixed_aim = max(settings.target_invested - fixed, 0.0)
    if settings.full_investment_positions > 0:
        unfixed_aim *= min(1.0, capacity[ROOT].used / settings.full_investment_positions)
    aim = max(fixed + unfixed_aim, lowest)
    if highest <= aim + _SUM_TOLERANCE:
        level = math.inf
    elif lowest >= aim - _SUM_TOLERANCE:
        level = 0.0
    else:
        level = level_at(members, 0, members.size, aim)
    if settings.sizing_mode == SizingMode.DESIRED:
        level = min(level, 1.0)
    if settings.residual_to_cash and desired > 0.0:
        level = min(level, (aim - fixed) / desired)
    return level, aim


@compiled
def _pass_down(tree: Records, spans: Records, level: float) -> None:
    """The portfolio's level as it reaches each node, clipped from the top; and the last nodes that moved it."""
    spans[ROOT].level = level
    spans[ROOT].lowered_by = NO_NODE
    spans[ROOT].raised_by = NO_NODE
    for node in range(1, tree.size):
        span, above = spans[node], spans[tree[node].parent]
        span.level = min(max(above.level, span.min_level), span.max_level)
        span.lowered_by = node if span.level < above.level else above.lowered_by
        span.raised_by = node if span.level > above.level else above.raised_by


@compiled
def _weight_at(member: Any, level: float) -> float:
    return min(max(level * member.desired, member.min_weight), member.max_weight)


@compiled
def _size_reason(row: Any, closed: bool, settings: Any, member: Any, span: Any, level: float) -> SizeReason:
    """The reason for the weight. `span` is that of the member's leaf, `level` the portfolio's."""
    at_own_level = span.level * member.desired
    if member.fixed and (member.min_weight >= member.max_weight or at_own_level < member.min_weight - WEIGHT_TOLERANCE):
        return SizeReason.RESTRICTED
    if at_own_level > member.max_weight + WEIGHT_TOLERANCE:
        not_bought = row.restriction == Restriction.NO_BUY or closed
        if not_bought and row.current <= base_cap(row, settings):
            return SizeReason.RESTRICTED
        return SizeReason.CAPPED_POSITION
    if at_own_level < member.min_weight - WEIGHT_TOLERANCE:
        return SizeReason.LIFTED_TO_MINIMUM
    share = _weight_at(member, level)
    if member.weight > share + WEIGHT_TOLERANCE:
        return SizeReason.LIFTED_FOR_BUCKET_MINIMUM
    if member.weight < share - WEIGHT_TOLERANCE:
        return SizeReason.CAPPED_BUCKET
    return SizeReason.AT_WISH


@allocating
def size(
    rows: Records, tree: Records, settings: Any, choices: Records, capacity: Records
) -> tuple[Records, Records, Ints, float]:
    """The selected assets with their weights and the reasons for these; the spans of the nodes; the place of each
    selected row among the members, by name; and the aim of the total.
    """
    members, spans, place_of = _arrange(rows, tree, settings, choices, capacity)
    _reachable_minima(tree, members, spans)
    for step in range(tree.size):
        node = tree[step].bottom_up
        if spans[node].cap < math.inf and spans[node].begin < spans[node].end:
            _fit(tree, settings, members, spans, node)
    for index in range(members.size):
        members[index].window_min = members[index].min_weight
        members[index].window_max = members[index].max_weight
    for step in range(tree.size - 1):
        node = tree[step].bottom_up
        if spans[node].begin < spans[node].end and (spans[node].cap < math.inf or spans[node].minimum > 0.0):
            _find_window(members, spans[node])
    level, aim = _portfolio_level(settings, capacity, members, place_of)
    _pass_down(tree, spans, level)
    for index in range(members.size):
        member = members[index]
        row = rows[member.row]
        span = spans[row.leaf]
        member.weight = _weight_at(member, span.level)
        reason = _size_reason(row, tree[row.leaf].closed, settings, member, span, level)
        member.reason = reason
        if reason == SizeReason.CAPPED_BUCKET:
            member.node = span.lowered_by
        elif reason == SizeReason.LIFTED_FOR_BUCKET_MINIMUM:
            member.node = span.raised_by
    return members, spans, place_of, aim
