"""The walk: capacities, and taking assets in order while they fit (rules, section 4)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from trimtab.kernel.compilation import allocating, compiled
from trimtab.kernel.eligibility import FIXED, HOLDING, STRONG, WEAK
from trimtab.kernel.records import (
    CAPACITY,
    COUNT_TOLERANCE,
    NO_LIMIT,
    NO_NODE,
    ROOT,
    WEIGHT_TOLERANCE,
    Floats,
    Ints,
    Records,
)
from trimtab.kernel.selection_queue import sort_one_more

# The counters of a walk.
NEW, BUCKETS = 0, 1


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
def measure_capacity(rows: Records, tree: Records, settings: Any, choices: Records) -> Records:
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
def has_taken_partner(partners: Ints, choices: Records, at: int) -> bool:
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
        counts[BUCKETS] += 1


@compiled
def _take(tree: Records, capacity: Records, counts: Ints, choice: Any, leaf: int) -> None:
    choice.taken = True
    if choice.kind != HOLDING:
        counts[NEW] += 1
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
        if leaders_only and counts[BUCKETS] >= settings.buckets_to_represent:
            return
        if place < queue.sorted:
            sort_one_more(scores, members, rows, queue)
        choice = choices[members[place]]
        if choice.kind != HOLDING and counts[NEW] >= settings.max_new_positions:
            return
        leaf = rows[members[place]].leaf
        if leaders_only:
            bucket = tree[leaf].represents
            if bucket == NO_NODE or capacity[bucket].represented:
                continue
        if choice.taken or (choice.kind != HOLDING and has_taken_partner(partners, choices, members[place])):
            continue
        if _has_room(tree, capacity, leaf, settings.overflow and choice.kind == HOLDING):
            _take(tree, capacity, counts, choice, leaf)


@allocating
def walk_assets(
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
