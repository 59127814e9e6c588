"""The deciding reason of every row that the walk saw (rules, section 8)."""

from __future__ import annotations

from trimtab.kernel.compilation import compiled
from trimtab.kernel.eligibility import FIXED, HOLDING, OUT, WEAK
from trimtab.kernel.records import NO_NODE, ROOT, Records
from trimtab.kernel.selection_walk import BUCKETS, NEW, Account, Walk, has_taken_partner
from trimtab.reasons import Reason


@compiled
def _standing_limit(account: Account, walk: Walk, row: int, is_new: bool) -> tuple[Reason, int]:
    """The first limit, by precedence, that keeps a row out after the walk; and its node."""
    tree, settings, capacity = account.tree, account.settings, walk.capacity
    protected = settings.overflow and not is_new
    if capacity[ROOT].used >= settings.max_total_positions:
        return Reason.TOTAL_POSITION_LIMIT, ROOT
    if is_new and walk.counts[NEW] >= settings.max_new_positions:
        return Reason.NEW_POSITION_LIMIT, ROOT
    full_node, short_node = NO_NODE, NO_NODE  # nearest to the root: full by positions, by weight
    node = account.rows[row].leaf
    while node != ROOT:
        here = capacity[node]
        if here.used >= tree[node].max_positions and not protected:
            full_node = node
        if here.used >= (here.max_protected if protected else here.max_by_weight):
            short_node = node
        node = tree[node].parent
    if full_node != NO_NODE:
        return Reason.BUCKET_POSITION_LIMIT, full_node
    if capacity[ROOT].used >= capacity[ROOT].max_by_weight:
        short_node = ROOT
    if account.shut_by.size > 0 and account.shut_by[row] >= 0:
        short_node = tree.size + account.shut_by[row]
    return Reason.MIN_POSITION_CAPACITY, short_node


@compiled
def _bucket_of(tree: Records, leaf: int) -> int:
    """The node of a leaf at `bucket_level` (or `Unknown`)."""
    node = leaf
    while tree[node].parent != ROOT:
        node = tree[node].parent
    return node


@compiled
def explain_selection(account: Account, walk: Walk, representing: bool, answer: Records) -> None:
    """The deciding reason of every row that the walk saw."""
    rows, tree, choices = account.rows, account.tree, walk.choices
    short_of_buckets = walk.counts[BUCKETS] < account.settings.buckets_to_represent
    for row in range(rows.size):
        choice, candidate = choices[row], rows[row]
        kind = choice.kind
        answer[row].selected = choice.taken
        if kind == OUT or kind == FIXED:
            continue
        if choice.taken:
            if representing and not choice.taken_before:
                answer[row].reason = Reason.ADDED_FOR_REPRESENTATION
            elif choice.protected:
                answer[row].reason = Reason.OVERFLOW_PROTECTED
            continue
        if kind == WEAK:
            bucket = tree[candidate.leaf].represents
            is_missed = short_of_buckets and bucket != NO_NODE and not walk.capacity[bucket].represented
            if not is_missed and candidate.current <= 0.0:
                answer[row].reason = Reason.BELOW_THRESHOLD
                continue
        if kind != HOLDING and candidate.current > 0.0:
            answer[row].reason = Reason.DUST
        elif kind != HOLDING and has_taken_partner(account.partners, choices, row):
            answer[row].reason = Reason.TOO_CORRELATED
            answer[row].reason_node = _bucket_of(tree, candidate.leaf)
        elif representing and choice.taken_before:
            answer[row].reason = Reason.DISPLACED_FOR_REPRESENTATION
        else:
            reason, node = _standing_limit(account, walk, row, kind != HOLDING)
            answer[row].reason = reason
            answer[row].reason_node = node
