"""Which assets are held: classes, the order, the walk, the reasons (rules, sections 3, 4 and 8).

The walk is greedy and exact: bucket trees and the total are a laminar family of capacities, so taking in order is
optimal (a matroid), and taking the first of each missing bucket first does not cost more than representation must.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from trimtab.kernel.compilation import compiled
from trimtab.kernel.tables import (
    CAPACITY,
    CHOICE,
    COUNT_TOLERANCE,
    NO_LIMIT,
    NO_NODE,
    ROOT,
    WEIGHT_TOLERANCE,
    Floats,
    Ints,
    Records,
    SizingMode,
    Unscored,
)
from trimtab.reasons import Reason, Restriction

# What the walk sees of a row.
OUT, FIXED, HOLDING, STRONG, WEAK = 0, 1, 2, 3, 4
# The counters of a walk.
_NEW, _BUCKETS = 0, 1
_INSERTION_RUN = 8


@compiled
def is_sizable(sizing_input: float, settings: Any) -> bool:
    """Whether the sizing mode has what it needs of a row."""
    needs_input = settings.sizing_mode == SizingMode.INVERSE_VOLATILITY or settings.sizing_mode == SizingMode.DESIRED
    return not (needs_input and math.isnan(sizing_input))


@compiled
def base_cap(max_weight: float, settings: Any) -> float:
    """The largest weight of an asset, before restrictions."""
    return min(settings.max_position_weight, max_weight)


@compiled
def _class_of_holding(row: Any, closed: bool, settings: Any) -> tuple[int, Reason]:
    if row.restriction == Restriction.NO_TRADE or row.restriction == Restriction.NO_SELL:
        return FIXED, Reason.RESTRICTED
    if math.isnan(row.score):
        if settings.unscored == Unscored.HOLD:
            return FIXED, Reason.HELD_UNSCORED
        return OUT, Reason.NOT_SCORED
    qualifies = row.score >= settings.min_score_threshold
    if qualifies and not is_sizable(row.sizing_input, settings):
        return FIXED, Reason.HELD_NOT_SIZABLE
    if row.current >= settings.dust_weight:
        if qualifies:
            return HOLDING, Reason.KEPT
        return OUT, Reason.BELOW_THRESHOLD
    if closed:  # a missing classification never sells, and nothing is bought there
        if qualifies:
            return FIXED, Reason.KEPT
        return OUT, Reason.BELOW_THRESHOLD
    if row.restriction == Restriction.NO_BUY:
        return OUT, Reason.RESTRICTED_OUT
    if row.score >= settings.min_score_new_position:
        return STRONG, Reason.ADDED
    if row.score >= settings.min_score_diversification:
        return WEAK, Reason.ADDED
    if qualifies:
        return OUT, Reason.DUST
    return OUT, Reason.BELOW_THRESHOLD


@compiled
def _class_of_new(row: Any, closed: bool, settings: Any) -> tuple[int, Reason]:
    if math.isnan(row.score):
        return OUT, Reason.NOT_SCORED
    if row.restriction == Restriction.NO_TRADE or row.restriction == Restriction.NO_BUY:
        return OUT, Reason.RESTRICTED_OUT
    if closed:
        return OUT, Reason.UNCLASSIFIED
    if not is_sizable(row.sizing_input, settings):
        return OUT, Reason.NOT_SIZABLE
    if row.score >= settings.min_score_new_position:
        return STRONG, Reason.ADDED
    if row.score >= settings.min_score_diversification:
        return WEAK, Reason.ADDED
    return OUT, Reason.BELOW_THRESHOLD


@compiled
def _classify(rows: Records, tree: Records, settings: Any, choices: Records, answer: Records) -> None:
    """The class of each row; a row that is out, or fixed, has its reason from here."""
    for at in range(rows.size):
        row = rows[at]
        closed = tree[row.leaf].closed
        if row.current > 0.0:
            kind, reason = _class_of_holding(row, closed, settings)
        else:
            kind, reason = _class_of_new(row, closed, settings)
        choices[at].kind = kind
        answer[at].reason = reason


@compiled
def _room(remaining: float, settings: Any) -> int:
    """How many positions of the least weight fit into what is left of an allocation."""
    if remaining <= WEIGHT_TOLERANCE:
        return 0
    if settings.min_position_weight <= 0.0:
        return NO_LIMIT
    quotient = remaining / settings.min_position_weight
    return NO_LIMIT if quotient >= 1e15 else int(math.floor(quotient + COUNT_TOLERANCE))


@compiled
def _measure(rows: Records, tree: Records, settings: Any, choices: Records) -> Records:
    """The capacity of each node, given the fixed positions."""
    capacity = np.zeros(tree.size, CAPACITY)
    for at in range(rows.size):
        if choices[at].kind == FIXED:
            slot = 1 if rows[at].current >= settings.dust_weight else 0
            node = rows[at].leaf
            while node != NO_NODE:
                capacity[node].fixed_positions += slot
                capacity[node].fixed_weight += rows[at].current
                node = tree[node].parent
    for node in range(tree.size):
        here = capacity[node]
        allocation = settings.target_invested if node == ROOT else tree[node].max_allocation
        most = settings.max_total_positions if node == ROOT else tree[node].max_positions
        here.room = NO_LIMIT
        here.protected = NO_LIMIT
        if allocation < math.inf:
            remaining = allocation - here.fixed_weight
            left = _room(remaining, settings)
            if left < NO_LIMIT:
                here.room = here.fixed_positions + left
            if remaining <= WEIGHT_TOLERANCE:
                here.protected = 0
        here.positions = min(most, here.room)
    capacity[ROOT].protected = capacity[ROOT].positions
    return capacity


@compiled
def _in_order(members: Ints, scores: Floats, rows: Records) -> Ints:
    """The members by score, then current weight (both high first), then as they stand (by name).

    A stable merge sort that starts from short insertion-sorted runs; `scores`, those of the members, move with them.
    """
    count = members.size
    for start in range(0, count, _INSERTION_RUN):
        for at in range(start + 1, min(start + _INSERTION_RUN, count)):
            member, score = members[at], scores[at]
            slot = at - 1
            while slot >= start and (
                scores[slot] < score
                or (scores[slot] == score and rows[members[slot]].current < rows[member].current)
            ):
                members[slot + 1], scores[slot + 1] = members[slot], scores[slot]
                slot -= 1
            members[slot + 1], scores[slot + 1] = member, score
    if count <= _INSERTION_RUN:
        return members
    merged, merged_scores = np.empty_like(members), np.empty_like(scores)
    width = _INSERTION_RUN
    while width < count:
        for start in range(0, count, 2 * width):
            middle, end = min(start + width, count), min(start + 2 * width, count)
            left, right, at = start, middle, start
            while left < middle and right < end:  # no branch on the scores: which side is next is a coin toss
                score, other = scores[left], scores[right]
                from_right = other > score
                if other == score:
                    from_right = rows[members[right]].current > rows[members[left]].current
                chosen = right if from_right else left
                merged[at], merged_scores[at] = members[chosen], scores[chosen]
                step = 1 if from_right else 0
                right += step
                left += 1 - step
                at += 1
            while left < middle:
                merged[at], merged_scores[at] = members[left], scores[left]
                left += 1
                at += 1
            while right < end:
                merged[at], merged_scores[at] = members[right], scores[right]
                right += 1
                at += 1
        members, merged = merged, members
        scores, merged_scores = merged_scores, scores
        width *= 2
    return members


@compiled
def _rank(rows: Records, settings: Any, choices: Records) -> tuple[Ints, int, int]:
    """The rows that can be held at all in the order of the walk: holdings, strong and weak assets, one after another.

    Returns them, where the strong begin and where the weak begin. An asset whose own limit lies below the least weight
    of a position, or at 0, cannot be held.
    """
    ends = np.zeros(WEAK + 1, np.int64)
    for at in range(choices.size):
        cap = base_cap(rows[at].max_weight, settings)
        if choices[at].kind >= HOLDING and cap >= settings.min_position_weight and cap > 0.0:
            ends[choices[at].kind] += 1
    strong_begin = ends[HOLDING]
    weak_begin = strong_begin + ends[STRONG]
    count = weak_begin + ends[WEAK]
    ends[HOLDING], ends[STRONG], ends[WEAK] = 0, strong_begin, weak_begin
    members, scores = np.empty(count, np.int64), np.empty(count)
    for at in range(choices.size):
        cap = base_cap(rows[at].max_weight, settings)
        if choices[at].kind >= HOLDING and cap >= settings.min_position_weight and cap > 0.0:
            place = ends[choices[at].kind]
            members[place], scores[place] = at, rows[at].score
            ends[choices[at].kind] += 1
    members[:strong_begin] = _in_order(members[:strong_begin], scores[:strong_begin], rows)
    members[strong_begin:weak_begin] = _in_order(
        members[strong_begin:weak_begin], scores[strong_begin:weak_begin], rows
    )
    members[weak_begin:] = _in_order(members[weak_begin:], scores[weak_begin:], rows)
    return members, strong_begin, weak_begin


@compiled
def _has_room(tree: Records, capacity: Records, leaf: int, protected: bool) -> bool:
    """Whether every node from the leaf to the root has a free position."""
    node = leaf
    while node != NO_NODE:
        here = capacity[node]
        if here.used >= (here.protected if protected else here.positions):
            return False
        node = tree[node].parent
    return True


@compiled
def _represent(tree: Records, capacity: Records, counts: Ints, leaf: int) -> None:
    bucket = tree[leaf].represents
    if bucket != NO_NODE and not capacity[bucket].represented:
        capacity[bucket].represented = True
        counts[_BUCKETS] += 1


@compiled
def _take(tree: Records, capacity: Records, counts: Ints, choice: Any, leaf: int) -> None:
    choice.taken = True
    if choice.kind != HOLDING:
        counts[_NEW] += 1
    node = leaf
    while node != NO_NODE:
        if capacity[node].used >= tree[node].max_positions:
            choice.protected = True
        capacity[node].used += 1
        node = tree[node].parent
    _represent(tree, capacity, counts, leaf)


@compiled
def _take_all(
    rows: Records,
    tree: Records,
    settings: Any,
    capacity: Records,
    counts: Ints,
    choices: Records,
    members: Ints,
    leaders_only: bool,
) -> None:
    """Take every takeable member; or only the first of each bucket not yet represented, until there are enough."""
    for at in members:
        choice = choices[at]
        if capacity[ROOT].used >= capacity[ROOT].positions:
            return
        if choice.kind != HOLDING and counts[_NEW] >= settings.max_new_positions:
            return
        leaf = rows[at].leaf
        if leaders_only:
            if counts[_BUCKETS] >= settings.buckets_to_represent:
                return
            bucket = tree[leaf].represents
            if bucket == NO_NODE or capacity[bucket].represented:
                continue
        if not choice.taken and _has_room(tree, capacity, leaf, settings.overflow and choice.kind == HOLDING):
            _take(tree, capacity, counts, choice, leaf)


@compiled
def _walk(
    rows: Records,
    tree: Records,
    settings: Any,
    capacity: Records,
    choices: Records,
    holdings: Ints,
    strong: Ints,
    weak: Ints,
    representing: bool,
) -> Ints:
    """The steps of section 4 in their order; returns the counters."""
    counts = np.zeros(2, np.int64)
    for node in range(tree.size):
        capacity[node].used = capacity[node].fixed_positions
        capacity[node].represented = False
    for at in range(rows.size):
        fixed = choices[at].kind == FIXED
        choices[at].taken = fixed
        choices[at].protected = False
        if fixed and rows[at].current >= settings.dust_weight:
            _represent(tree, capacity, counts, rows[at].leaf)
    if settings.overflow:
        _take_all(rows, tree, settings, capacity, counts, choices, holdings, False)
    if representing:
        _take_all(rows, tree, settings, capacity, counts, choices, holdings, True)
        _take_all(rows, tree, settings, capacity, counts, choices, strong, True)
    _take_all(rows, tree, settings, capacity, counts, choices, holdings, False)
    if representing:
        _take_all(rows, tree, settings, capacity, counts, choices, weak, True)
    _take_all(rows, tree, settings, capacity, counts, choices, strong, False)
    return counts


@compiled
def _standing_limit(
    tree: Records, settings: Any, capacity: Records, new_count: int, leaf: int, is_new: bool
) -> tuple[Reason, int]:
    """The first limit, in the order of precedence, that stands against a row when the walk is over; and its node."""
    protected = settings.overflow and not is_new
    if capacity[ROOT].used >= settings.max_total_positions:
        return Reason.TOTAL_POSITION_LIMIT, ROOT
    if is_new and new_count >= settings.max_new_positions:
        return Reason.NEW_POSITION_LIMIT, ROOT
    full, short = NO_NODE, NO_NODE  # the first from the root: by positions, by weight
    node = leaf
    while node != ROOT:
        here = capacity[node]
        if here.used >= tree[node].max_positions and not protected:
            full = node
        if here.used >= (here.protected if protected else here.room):
            short = node
        node = tree[node].parent
    if full != NO_NODE:
        return Reason.BUCKET_POSITION_LIMIT, full
    if capacity[ROOT].used >= capacity[ROOT].room:
        short = ROOT
    return Reason.MIN_POSITION_CAPACITY, short


@compiled
def _explain(rows: Records, tree: Records, settings: Any, capacity: Records, counts: Ints, choices: Records, answer: Records) -> None:
    """The deciding reason of every row that the walk saw."""
    short_of_buckets = counts[_BUCKETS] < settings.buckets_to_represent
    for at in range(rows.size):
        choice, row = choices[at], rows[at]
        kind = choice.kind
        answer[at].selected = choice.taken
        if kind == OUT or kind == FIXED:
            continue
        if choice.taken:
            if not choice.taken_without:
                answer[at].reason = Reason.ADDED_FOR_REPRESENTATION
            elif choice.protected:
                answer[at].reason = Reason.OVERFLOW_PROTECTED
            continue
        if kind == WEAK:
            bucket = tree[row.leaf].represents
            is_missed = short_of_buckets and bucket != NO_NODE and not capacity[bucket].represented
            if not is_missed and row.current <= 0.0:
                answer[at].reason = Reason.BELOW_THRESHOLD
                continue
        if kind != HOLDING and row.current > 0.0:
            answer[at].reason = Reason.DUST
        elif choice.taken_without:
            answer[at].reason = Reason.DISPLACED_FOR_REPRESENTATION
        else:
            reason, node = _standing_limit(tree, settings, capacity, counts[_NEW], row.leaf, kind != HOLDING)
            answer[at].reason = reason
            answer[at].reason_node = node


@compiled
def select(rows: Records, tree: Records, settings: Any, answer: Records) -> tuple[Records, Records]:
    """Fill `selected`, `reason` and `reason_node` of the answer; returns the choices and the capacity."""
    choices = np.zeros(rows.size, CHOICE)
    _classify(rows, tree, settings, choices, answer)
    capacity = _measure(rows, tree, settings, choices)
    members, strong_begin, weak_begin = _rank(rows, settings, choices)
    holdings, strong, weak = members[:strong_begin], members[strong_begin:weak_begin], members[weak_begin:]
    representing = settings.buckets_to_represent > 0
    counts = _walk(rows, tree, settings, capacity, choices, holdings, strong, weak, False)
    for at in range(rows.size):
        choices[at].taken_without = choices[at].taken
    if representing:
        counts = _walk(rows, tree, settings, capacity, choices, holdings, strong, weak, True)
    _explain(rows, tree, settings, capacity, counts, choices, answer)
    return choices, capacity
