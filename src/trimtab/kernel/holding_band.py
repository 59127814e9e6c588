"""Holdings left alone: the holding band and its releases (rules, section 6).

A holding near its size keeps its current weight. Then held positions are released to their sizes, one by one, until no
limit is exceeded and cash stays within its band. It ends, since everything fits at its size.
"""

from __future__ import annotations

import math
from typing import Any

from trimtab.kernel.compilation import compiled
from trimtab.kernel.exposures import Lines, are_together_too_large, sum_targets, sum_weights
from trimtab.kernel.records import NO_NODE, ROOT, WEIGHT_TOLERANCE, Records
from trimtab.reasons import SizeReason


@compiled
def _hold_near(rows: Records, settings: Any, members: Records) -> bool:
    """Let members near their size keep their current weight; returns whether any do."""
    any_held = False
    for index in range(members.size):
        member = members[index]
        current = rows[member.row].current
        member.target = member.weight
        if current > 0.0 and member.reason != SizeReason.RESTRICTED:
            band = max(settings.no_trade_band * member.weight, settings.min_trade)
            if abs(member.weight - current) <= band + WEIGHT_TOLERANCE:
                member.held = any_held = True
                member.target = current
                member.reason = SizeReason.HELD_IN_BAND
                member.node = NO_NODE
    return any_held


@compiled
def _release(member: Any, reason: SizeReason, node: int) -> None:
    member.held = False
    member.target = member.weight
    member.reason = reason
    member.node = node


@compiled
def _release_largest(members: Records, spans: Records, node: int, sign: float, reason: SizeReason) -> bool:
    """Release the held member under `node` with the largest excess (`sign` 1) or shortfall (-1); ties by name."""
    span = spans[node]
    largest = 0.0
    for index in range(span.begin, span.end):
        if members[index].held:
            largest = max(largest, sign * (members[index].target - members[index].weight))
    if largest <= 0.0:
        return False
    chosen = -1
    for index in range(span.begin, span.end):
        if members[index].held:
            distance = sign * (members[index].target - members[index].weight)
            is_largest = distance > 0.0 and distance >= largest - WEIGHT_TOLERANCE
            if is_largest and (chosen < 0 or members[index].row < members[chosen].row):
                chosen = index
    _release(members[chosen], reason, node)
    return True


@compiled
def _total(members: Records, span: Any) -> float:
    """The sum of the targets under a node."""
    total = 0.0
    for index in range(span.begin, span.end):
        total += members[index].target
    return total


@compiled
def _aim(members: Records, span: Any) -> float:
    """The sum of the sizes under a node."""
    total = 0.0
    for index in range(span.begin, span.end):
        total += members[index].weight
    return total


@compiled
def _release_positions(settings: Any, members: Records) -> bool:
    """Release held members above their own limit or below their own minimum."""
    released = False
    for index in range(members.size):
        member = members[index]
        highest = member.max_weight * (1.0 + settings.drift_tolerance) + WEIGHT_TOLERANCE
        if member.held and (member.target > highest or member.target < member.min_weight - WEIGHT_TOLERANCE):
            _release(member, SizeReason.RELEASED_FOR_LIMIT, NO_NODE)
            released = True
    return released


@compiled
def _release_while_over(members: Records, spans: Records, node: int, limit: float) -> bool:
    """Release the largest excess while the weight under a node is above the limit."""
    released = False
    while _total(members, spans[node]) > limit + WEIGHT_TOLERANCE and _release_largest(
        members, spans, node, 1.0, SizeReason.RELEASED_FOR_LIMIT
    ):
        released = True
    return released


@compiled
def _release_while_under(members: Records, spans: Records, node: int, minimum: float) -> bool:
    """Release the largest shortfall while a node is below a minimum that the sizes meet."""
    lowest = minimum - WEIGHT_TOLERANCE
    if _aim(members, spans[node]) < lowest:
        return False
    released = False
    while _total(members, spans[node]) < lowest and _release_largest(
        members, spans, node, -1.0, SizeReason.RELEASED_FOR_LIMIT
    ):
        released = True
    return released


@compiled
def _release_in_line(lines: Lines, line: Any, members: Records, node: int, sign: float) -> bool:
    """Release the held member of a row of exposures with the largest excess (`sign` 1) or shortfall (-1), weighed by its
    fraction; ties by name.
    """
    largest, chosen = 0.0, -1
    for index in range(line.begin, line.end):
        member = members[lines.entries[index].member]
        if member.held:
            largest = max(largest, sign * (member.target - member.weight) * lines.entries[index].fraction)
    for index in range(line.end - 1, line.begin - 1, -1):
        member = members[lines.entries[index].member]
        if member.held:
            distance = sign * (member.target - member.weight) * lines.entries[index].fraction
            if distance > 0.0 and distance >= largest - WEIGHT_TOLERANCE:
                chosen = lines.entries[index].member
    if chosen < 0:
        return False
    _release(members[chosen], SizeReason.RELEASED_FOR_LIMIT, node)
    return True


@compiled
def _are_concentrated(lines: Lines, members: Records) -> bool:
    """Whether issuers weigh too much at the targets, which go into their lines."""
    is_too_large = False
    for index in range(lines.issuers, lines.lines.size - 1):
        line = lines.lines[index]
        line.weight = sum_targets(lines, line, members)
        highest = max(lines.concentration[0].largest, line.fixed_weight) + WEIGHT_TOLERANCE
        is_too_large = is_too_large or line.weight > highest
    return is_too_large or are_together_too_large(lines)


@compiled
def _release_of_large_issuer(lines: Lines, members: Records, node: int) -> bool:
    """Release the held member of an issuer above `small` with the largest excess; ties by name."""
    threshold, largest, chosen = lines.concentration[0].small + WEIGHT_TOLERANCE, 0.0, -1
    for index in range(lines.issuers, lines.lines.size - 1):
        line = lines.lines[index]
        for place in range(line.begin, line.end if line.weight > threshold else line.begin):
            member = members[lines.entries[place].member]
            if member.held:
                largest = max(largest, member.target - member.weight)
    if largest <= 0.0:
        return False
    for index in range(lines.issuers, lines.lines.size - 1):
        line = lines.lines[index]
        for place in range(line.begin, line.end if line.weight > threshold else line.begin):
            member = members[lines.entries[place].member]
            distance = member.target - member.weight
            is_largest = member.held and distance > 0.0 and distance >= largest - WEIGHT_TOLERANCE
            if is_largest and (chosen < 0 or member.row < members[chosen].row):
                chosen = lines.entries[place].member
    _release(members[chosen], SizeReason.RELEASED_FOR_LIMIT, node)
    return True


@compiled
def _release_for_concentration(tree: Records, members: Records, lines: Lines) -> bool:
    """Release while issuers weigh too much."""
    released = False
    while _are_concentrated(lines, members) and _release_of_large_issuer(
        lines, members, tree.size + lines.lines[lines.lines.size - 1].row
    ):
        released = True
    return released


@compiled
def _release_for_exposures(tree: Records, settings: Any, members: Records, lines: Lines | None) -> bool:
    """Release in rows of exposures above their maximum, then in those below a minimum that the sizes meet."""
    released = False
    if lines is None:
        return released
    for index in range(lines.lines.size):
        line = lines.lines[index]
        if line.max_exposure < math.inf:
            limit = max(line.max_exposure * (1.0 + settings.drift_tolerance), line.fixed_weight) + WEIGHT_TOLERANCE
            while sum_targets(lines, line, members) > limit and _release_in_line(
                lines, line, members, tree.size + line.row, 1.0
            ):
                released = True
    for index in range(lines.lines.size):
        line = lines.lines[index]
        lowest = line.min_exposure - WEIGHT_TOLERANCE
        if line.min_exposure > 0.0 and sum_weights(lines, line, members) >= lowest:
            while sum_targets(lines, line, members) < lowest and _release_in_line(
                lines, line, members, tree.size + line.row, -1.0
            ):
                released = True
    return _release_for_concentration(tree, members, lines) or released


@compiled
def _release_for_limits(tree: Records, settings: Any, members: Records, spans: Records, lines: Lines | None) -> None:
    """Step 1: until every position, node and the total is inside its limits."""
    max_total = max(min(1.0, settings.target_invested + settings.cash_band), spans[ROOT].fixed_weight)
    again = True
    while again:
        again = _release_positions(settings, members)
        for step in range(tree.size - 1):
            node = tree[step].bottom_up
            if tree[node].max_allocation < math.inf and spans[node].begin < spans[node].end:
                limit = max(tree[node].max_allocation * (1.0 + settings.drift_tolerance), spans[node].fixed_weight)
                again = _release_while_over(members, spans, node, limit) or again
        again = _release_while_over(members, spans, ROOT, max_total) or again
        for step in range(tree.size - 1):
            node = tree[step].bottom_up
            if tree[node].min_allocation > 0.0 and spans[node].begin < spans[node].end:
                again = _release_while_under(members, spans, node, tree[node].min_allocation) or again
        again = _release_for_exposures(tree, settings, members, lines) or again


@compiled
def hold(rows: Records, tree: Records, settings: Any, members: Records, spans: Records, lines: Lines | None) -> None:
    """Set the targets of the members and bring their reasons up to date."""
    if not _hold_near(rows, settings, members):
        return
    _release_for_limits(tree, settings, members, spans, lines)
    aim = _aim(members, spans[ROOT])
    while aim - _total(members, spans[ROOT]) > settings.cash_band + WEIGHT_TOLERANCE and _release_largest(
        members, spans, ROOT, -1.0, SizeReason.RELEASED_FOR_CASH
    ):
        _release_for_limits(tree, settings, members, spans, lines)
