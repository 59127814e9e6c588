"""Which assets are held: classes, the order, the walk, the reasons (rules, sections 3, 4 and 8).

The walk is greedy and exact: bucket trees and the total are a laminar family of capacities, so taking in order is
optimal (a matroid), and taking the first of each missing bucket first does not cost more than representation must.
Where partners are given (`max_correlation`) it is greedy and no longer an optimum.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from trimtab.kernel.compilation import allocating, compiled
from trimtab.kernel.tables import (
    CAPACITY,
    CHOICE,
    COUNT_TOLERANCE,
    NO_LIMIT,
    NO_NODE,
    QUEUE,
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
def _class_of(row: Any, closed: bool, settings: Any) -> tuple[int, Reason]:
    """The class of a row, and its reason if it is out or fixed (rules, section 3)."""
    if row.current > 0.0:
        return _class_of_holding(row, closed, settings)
    return _class_of_new(row, closed, settings)


@compiled
def _classify(rows: Records, tree: Records, settings: Any, choices: Records, answer: Records) -> None:
    """The class of each row; a row that is out, or fixed, has its reason from here."""
    for at in range(rows.size):
        row = rows[at]
        kind, reason = _class_of(row, tree[row.leaf].closed, settings)
        cap = base_cap(row.max_weight, settings)
        choices[at].kind = kind
        choices[at].holdable = cap >= settings.min_position_weight and cap > 0.0
        answer[at].reason = reason


@compiled
def _room(remaining: float, settings: Any) -> int:
    """How many positions of the least weight fit into what is left of an allocation."""
    if remaining <= WEIGHT_TOLERANCE:
        return 0
    if settings.min_position_weight <= 0.0:
        return NO_LIMIT
    quotient = remaining / settings.min_position_weight
    return NO_LIMIT if quotient >= 1e15 else int(quotient + COUNT_TOLERANCE)


@allocating
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
def _goes_before(scores: Floats, members: Ints, rows: Records, one: int, other: int) -> bool:
    """The order of the walk inside a class: score, current weight (both high first), then as the rows stand (by name)."""
    if scores[one] != scores[other]:
        return bool(scores[one] > scores[other])
    if rows[members[one]].current != rows[members[other]].current:
        return bool(rows[members[one]].current > rows[members[other]].current)
    return bool(members[one] < members[other])


@compiled
def _sift_down(scores: Floats, members: Ints, rows: Records, begin: int, end: int, place: int) -> None:
    """Let a member of the heap [begin, end) sink to where it belongs."""
    while True:
        child = 2 * (place - begin) + 1 + begin
        if child >= end:
            return
        if child + 1 < end and _goes_before(scores, members, rows, child + 1, child):
            child += 1
        if not _goes_before(scores, members, rows, child, place):
            return
        members[place], members[child] = members[child], members[place]
        scores[place], scores[child] = scores[child], scores[place]
        place = child


@allocating
def _queue_up(rows: Records, choices: Records) -> tuple[Ints, Floats, Records]:
    """The rows that can be held at all, one class after another, each a heap: the walk seldom needs more than a few."""
    queues = np.zeros(WEAK + 1, QUEUE)
    for at in range(choices.size):
        if choices[at].kind >= HOLDING and choices[at].holdable:
            queues[choices[at].kind].end += 1
    count = 0
    for kind in range(HOLDING, WEAK + 1):
        queues[kind].begin = count
        count += queues[kind].end
        queues[kind].end = queues[kind].begin
    members, scores = np.empty(count, np.int64), np.empty(count)
    for at in range(choices.size):
        if choices[at].kind >= HOLDING and choices[at].holdable:
            queue = queues[choices[at].kind]
            members[queue.end], scores[queue.end] = at, rows[at].score
            queue.end += 1
    for kind in range(HOLDING, WEAK + 1):
        begin, end = queues[kind].begin, queues[kind].end
        queues[kind].sorted = end
        for place in range(begin + (end - begin) // 2 - 1, begin - 1, -1):
            _sift_down(scores, members, rows, begin, end, place)
    return members, scores, queues


@compiled
def _sort_one_more(scores: Floats, members: Ints, rows: Records, queue: Any) -> None:
    """Move the first of the heap in front of those that are already sorted."""
    queue.sorted -= 1
    first, last = queue.begin, queue.sorted
    members[first], members[last] = members[last], members[first]
    scores[first], scores[last] = scores[last], scores[first]
    _sift_down(scores, members, rows, first, last, first)


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
def _has_taken_partner(partners: Ints, choices: Records, at: int) -> bool:
    """Whether something is taken with which a new asset is too correlated (rules, section 4, `max_correlation`)."""
    if partners.size == 0:
        return False
    for place in range(partners[at], partners[at + 1]):
        if choices[partners[place]].taken:
            return True
    return False


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
    partners: Ints,
    capacity: Records,
    counts: Ints,
    choices: Records,
    scores: Floats,
    members: Ints,
    queue: Any,
    leaders_only: bool,
) -> None:
    """Take every takeable member of a class; or only the first of each missing bucket, until there are enough."""
    for place in range(queue.end - 1, queue.begin - 1, -1):
        if capacity[ROOT].used >= capacity[ROOT].positions:
            return
        if leaders_only and counts[_BUCKETS] >= settings.buckets_to_represent:
            return
        if place < queue.sorted:
            _sort_one_more(scores, members, rows, queue)
        choice = choices[members[place]]
        if choice.kind != HOLDING and counts[_NEW] >= settings.max_new_positions:
            return
        leaf = rows[members[place]].leaf
        if leaders_only:
            bucket = tree[leaf].represents
            if bucket == NO_NODE or capacity[bucket].represented:
                continue
        if choice.taken or (choice.kind != HOLDING and _has_taken_partner(partners, choices, members[place])):
            continue
        if _has_room(tree, capacity, leaf, settings.overflow and choice.kind == HOLDING):
            _take(tree, capacity, counts, choice, leaf)


@allocating
def _walk(
    rows: Records,
    tree: Records,
    settings: Any,
    partners: Ints,
    capacity: Records,
    choices: Records,
    scores: Floats,
    members: Ints,
    queues: Records,
    representing: bool,
) -> Ints:
    """The steps of section 4 in their order; returns the counters."""
    counts = np.zeros(2, np.int64)
    for node in range(tree.size):
        capacity[node].used = capacity[node].fixed_positions
        capacity[node].represented = False
    for at in range(rows.size):
        fixed = choices[at].kind == FIXED
        choices[at].taken_before = choices[at].taken
        choices[at].taken = fixed
        choices[at].protected = False
        if fixed and rows[at].current >= settings.dust_weight:
            _represent(tree, capacity, counts, rows[at].leaf)
    holdings, strong, weak = queues[HOLDING], queues[STRONG], queues[WEAK]
    if settings.overflow:
        _take_all(rows, tree, settings, partners, capacity, counts, choices, scores, members, holdings, False)
    if representing:
        _take_all(rows, tree, settings, partners, capacity, counts, choices, scores, members, holdings, True)
        _take_all(rows, tree, settings, partners, capacity, counts, choices, scores, members, strong, True)
    _take_all(rows, tree, settings, partners, capacity, counts, choices, scores, members, holdings, False)
    if representing:
        _take_all(rows, tree, settings, partners, capacity, counts, choices, scores, members, weak, True)
    _take_all(rows, tree, settings, partners, capacity, counts, choices, scores, members, strong, False)
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
def _bucket_of(tree: Records, leaf: int) -> int:
    """The node at `bucket_level` (or `Unknown`) that a leaf lies in."""
    node = leaf
    while tree[node].parent != ROOT:
        node = tree[node].parent
    return node


@compiled
def _explain(
    rows: Records,
    tree: Records,
    settings: Any,
    partners: Ints,
    capacity: Records,
    counts: Ints,
    choices: Records,
    representing: bool,
    answer: Records,
) -> None:
    """The deciding reason of every row that the walk saw."""
    short_of_buckets = counts[_BUCKETS] < settings.buckets_to_represent
    for at in range(rows.size):
        choice, row = choices[at], rows[at]
        kind = choice.kind
        answer[at].selected = choice.taken
        if kind == OUT or kind == FIXED:
            continue
        if choice.taken:
            if representing and not choice.taken_before:
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
        elif kind != HOLDING and _has_taken_partner(partners, choices, at):
            answer[at].reason = Reason.TOO_CORRELATED
            answer[at].reason_node = _bucket_of(tree, row.leaf)
        elif representing and choice.taken_before:
            answer[at].reason = Reason.DISPLACED_FOR_REPRESENTATION
        else:
            reason, node = _standing_limit(tree, settings, capacity, counts[_NEW], row.leaf, kind != HOLDING)
            answer[at].reason = reason
            answer[at].reason_node = node


@allocating
def select(rows: Records, tree: Records, settings: Any, partners: Ints, answer: Records) -> tuple[Records, Records]:
    """Fill `selected`, `reason` and `reason_node` of the answer; returns the choices and the capacity."""
    choices = np.zeros(rows.size, CHOICE)
    _classify(rows, tree, settings, choices, answer)
    capacity = _measure(rows, tree, settings, choices)
    members, scores, queues = _queue_up(rows, choices)
    counts = _walk(rows, tree, settings, partners, capacity, choices, scores, members, queues, False)
    # A walk that represents enough buckets by itself is the best with representation, too.
    representing = counts[_BUCKETS] < settings.buckets_to_represent
    if representing:
        counts = _walk(rows, tree, settings, partners, capacity, choices, scores, members, queues, True)
    _explain(rows, tree, settings, partners, capacity, counts, choices, representing, answer)
    return choices, capacity


@allocating
def selected_before(rows: Records, tree: Records, settings: Any, answer: Records) -> tuple[Records, Records]:
    """The choices and the capacity that the later stages need, where `selected` of the answer says who is held."""
    choices = np.zeros(rows.size, CHOICE)
    for at in range(rows.size):
        row = rows[at]
        kind, _ = _class_of(row, tree[row.leaf].closed, settings)
        choices[at].kind = kind
        choices[at].taken = answer[at].selected
    capacity = _measure(rows, tree, settings, choices)
    capacity[ROOT].used = capacity[ROOT].fixed_positions
    for at in range(rows.size):
        if choices[at].taken and choices[at].kind != FIXED:
            capacity[ROOT].used += 1
    return choices, capacity
