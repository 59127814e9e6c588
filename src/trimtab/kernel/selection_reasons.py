"""The deciding reason of every row that the walk saw (rules, section 8)."""

from __future__ import annotations

from typing import Any

from trimtab.kernel.compilation import compiled
from trimtab.kernel.eligibility import FIXED, HOLDING, OUT, WEAK
from trimtab.kernel.records import NO_NODE, ROOT, Ints, Records
from trimtab.kernel.selection_walk import BUCKETS, NEW, has_taken_partner
from trimtab.reasons import Reason


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
def explain_selection(
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
    short_of_buckets = counts[BUCKETS] < settings.buckets_to_represent
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
        elif kind != HOLDING and has_taken_partner(partners, choices, at):
            answer[at].reason = Reason.TOO_CORRELATED
            answer[at].reason_node = _bucket_of(tree, row.leaf)
        elif representing and choice.taken_before:
            answer[at].reason = Reason.DISPLACED_FOR_REPRESENTATION
        else:
            reason, node = _standing_limit(tree, settings, capacity, counts[NEW], row.leaf, kind != HOLDING)
            answer[at].reason = reason
            answer[at].reason_node = node
