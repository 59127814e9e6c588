"""The walk: capacities, and taking assets in order while they fit (rules, section 4)."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

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
    Ints,
    Records,
)
from trimtab.kernel.selection_queue import Queues, sort_one_more

# The counters of a walk.
NEW, BUCKETS = 0, 1


class Account(NamedTuple):
    """One account as selection sees it."""

    rows: Records  # `ROW`
    tree: Records  # `NODE`
    settings: Any  # one record of `SETTINGS`
    partners: Ints  # as `NO_PARTNERS` says
    shut_by: Ints  # the row of exposures that shuts out each row, -1 for none; empty without exposures


class Walk(NamedTuple):
    """The records that a walk fills."""

    choices: Records  # `CHOICE`
    capacity: Records  # `CAPACITY`
    counts: Ints  # new assets taken, buckets represented


@compiled
def _positions_that_fit(remaining: float, settings: Any) -> int:
    """How many positions of `min_position_weight` fit into the rest of an allocation."""
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
    for row in range(rows.size):
        if choices[row].kind == FIXED:
            position = 1 if rows[row].current >= settings.dust_weight else 0
            node = rows[row].leaf
            while node != NO_NODE:
                capacity[node].fixed_positions += position
                capacity[node].fixed_weight += rows[row].current
                node = tree[node].parent
    for node in range(tree.size):
        here = capacity[node]
        allocation = settings.target_invested if node == ROOT else tree[node].max_allocation
        max_positions = settings.max_total_positions if node == ROOT else tree[node].max_positions
        here.max_by_weight = NO_LIMIT
        here.max_protected = NO_LIMIT
        if allocation < math.inf:
            remaining = allocation - here.fixed_weight
            fitting = _positions_that_fit(remaining, settings)
            if fitting < NO_LIMIT:
                here.max_by_weight = here.fixed_positions + fitting
            if remaining <= WEIGHT_TOLERANCE:
                here.max_protected = 0
        here.max_positions = min(max_positions, here.max_by_weight)
    capacity[ROOT].max_protected = capacity[ROOT].max_positions
    return capacity


@compiled
def _fits(account: Account, walk: Walk, leaf: int, protected: bool) -> bool:
    """Whether every node from the leaf to the root has a free position."""
    node = leaf
    while node != NO_NODE:
        here = walk.capacity[node]
        if here.used >= (here.max_protected if protected else here.max_positions):
            return False
        node = account.tree[node].parent
    return True


@compiled
def has_taken_partner(partners: Ints, choices: Records, row: int) -> bool:
    """Whether a taken asset is too correlated with a new one (rules, section 4, `max_correlation`)."""
    if partners.size == 0:
        return False
    for index in range(partners[row], partners[row + 1]):
        if choices[partners[index]].taken:
            return True
    return False


@compiled
def _represent(account: Account, walk: Walk, leaf: int) -> None:
    bucket = account.tree[leaf].represents
    if bucket != NO_NODE and not walk.capacity[bucket].represented:
        walk.capacity[bucket].represented = True
        walk.counts[BUCKETS] += 1


@compiled
def _take(account: Account, walk: Walk, choice: Any, leaf: int) -> None:
    choice.taken = True
    if choice.kind != HOLDING:
        walk.counts[NEW] += 1
    node = leaf
    while node != NO_NODE:
        if walk.capacity[node].used >= account.tree[node].max_positions:
            choice.protected = True
        walk.capacity[node].used += 1
        node = account.tree[node].parent
    _represent(account, walk, leaf)


@compiled
def _take_all(account: Account, walk: Walk, queues: Queues, kind: int, leaders_only: bool) -> None:
    """Take every row of a class that fits; or only the first of each missing bucket, until enough are represented."""
    settings, capacity, queue = account.settings, walk.capacity, queues.classes[kind]
    for place in range(queue.end - 1, queue.begin - 1, -1):
        if capacity[ROOT].used >= capacity[ROOT].max_positions:
            return
        if leaders_only and walk.counts[BUCKETS] >= settings.buckets_to_represent:
            return
        if place < queue.sorted:
            sort_one_more(queues, account.rows, queue)
        row = queues.row[place]
        choice = walk.choices[row]
        if kind != HOLDING and walk.counts[NEW] >= settings.max_new_positions:
            return
        leaf = account.rows[row].leaf
        if leaders_only:
            bucket = account.tree[leaf].represents
            if bucket == NO_NODE or capacity[bucket].represented:
                continue
        if choice.taken or (kind != HOLDING and has_taken_partner(account.partners, walk.choices, row)):
            continue
        if _fits(account, walk, leaf, settings.overflow and kind == HOLDING):
            _take(account, walk, choice, leaf)


@compiled
def walk_assets(account: Account, walk: Walk, queues: Queues, representing: bool) -> None:
    """The steps of section 4 in their order."""
    rows, choices, capacity = account.rows, walk.choices, walk.capacity
    walk.counts[NEW] = 0
    walk.counts[BUCKETS] = 0
    for node in range(account.tree.size):
        capacity[node].used = capacity[node].fixed_positions
        capacity[node].represented = False
    for row in range(rows.size):
        fixed = choices[row].kind == FIXED
        choices[row].taken_before = choices[row].taken
        choices[row].taken = fixed
        choices[row].protected = False
        if fixed and rows[row].current >= account.settings.dust_weight:
            _represent(account, walk, rows[row].leaf)
    if account.settings.overflow:
        _take_all(account, walk, queues, HOLDING, False)
    if representing:
        _take_all(account, walk, queues, HOLDING, True)
        _take_all(account, walk, queues, STRONG, True)
    _take_all(account, walk, queues, HOLDING, False)
    if representing:
        _take_all(account, walk, queues, WEAK, True)
    _take_all(account, walk, queues, STRONG, False)
