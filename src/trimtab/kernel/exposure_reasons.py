"""Why an asset has its size where exposures decided (rules, section 5a): by weights alone, whatever the method."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from trimtab.kernel.compilation import allocating, compiled
from trimtab.kernel.exposures import Lines
from trimtab.kernel.records import NO_NODE, ROOT, WEIGHT_TOLERANCE, Floats, Ints, Records
from trimtab.reasons import Restriction, SizeReason


@allocating
def _named(lines: Lines, count: int, is_full: bool) -> Ints:
    """For each member, of its full rows (or else of those at their minimum) the one with its largest fraction, the first of
    equals; -1 without one. Shape (members,).
    """
    row_of, largest = np.full(count, -1), np.zeros(count)
    for index in range(lines.lines.size):
        line = lines.lines[index]
        full = line.weight >= line.cap - WEIGHT_TOLERANCE
        lifted = not full and line.min_exposure > 0.0 and line.weight <= line.min_exposure + WEIGHT_TOLERANCE
        if full if is_full else lifted:
            for place in range(line.begin, line.end):
                entry = lines.entries[place]
                if entry.fraction > largest[entry.member]:
                    largest[entry.member], row_of[entry.member] = entry.fraction, line.row
    return row_of


@compiled
def _is_restricted(row: Any, closed: bool, member: Any) -> bool:
    if member.fixed:
        return bool(member.min_weight >= member.max_weight or member.weight <= member.min_weight + WEIGHT_TOLERANCE)
    not_bought = row.current > 0.0 and (row.restriction == Restriction.NO_BUY or closed)
    return bool(
        not_bought and member.max_weight == row.current and member.weight >= member.max_weight - WEIGHT_TOLERANCE
    )


@compiled
def _node_reason(tree: Records, spans: Records, weights: Floats, leaf: int) -> tuple[SizeReason, int]:
    """The deepest node of a path that is at its minimum, or else at its maximum."""
    node = leaf
    while node != ROOT:
        span = spans[node]
        if span.minimum > 0.0 and weights[node] <= span.minimum + WEIGHT_TOLERANCE and span.minimum < span.cap:
            return SizeReason.LIFTED_FOR_BUCKET_MINIMUM, node
        node = tree[node].parent
    node = leaf
    while node != ROOT:
        if spans[node].cap < math.inf and weights[node] >= spans[node].cap - WEIGHT_TOLERANCE:
            return SizeReason.CAPPED_BUCKET, node
        node = tree[node].parent
    return SizeReason.AT_WISH, NO_NODE


@allocating
def set_reasons(
    rows: Records,
    tree: Records,
    members: Records,
    spans: Records,
    lines: Lines,
    before: Floats,
) -> None:
    """Set the size reason of every member; `before` has the sizes without exposures. Shape (members,)."""
    full_row, minimum_row = _named(lines, members.size, True), _named(lines, members.size, False)
    weights = np.zeros(tree.size)
    for node in range(tree.size):
        for index in range(spans[node].begin, spans[node].end):
            weights[node] += members[index].weight
    for index in range(members.size):
        member = members[index]
        row = rows[member.row]
        full, lifting = full_row[index], minimum_row[index]
        is_less = member.weight < before[index] - WEIGHT_TOLERANCE
        is_more = member.weight > before[index] + WEIGHT_TOLERANCE
        member.node = NO_NODE
        if _is_restricted(row, tree[row.leaf].closed, member):
            member.reason = SizeReason.RESTRICTED
        elif is_less and full >= 0:
            member.reason, member.node = SizeReason.CAPPED_EXPOSURE, tree.size + full
        elif is_more and lifting >= 0:
            member.reason, member.node = SizeReason.LIFTED_FOR_EXPOSURE, tree.size + lifting
        elif is_less:
            member.reason = SizeReason.MADE_ROOM
        elif member.weight >= member.max_weight - WEIGHT_TOLERANCE:
            member.reason = SizeReason.CAPPED_POSITION
        elif member.min_weight > 0.0 and member.weight <= member.min_weight + WEIGHT_TOLERANCE:
            member.reason = SizeReason.LIFTED_TO_MINIMUM
        else:
            member.reason, member.node = _node_reason(tree, spans, weights, row.leaf)
