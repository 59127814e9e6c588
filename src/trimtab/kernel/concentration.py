"""How concentrated issuers may be: which of them are large (rules, section 5a).

With the set of large issuers given, the limits are rows of exposures like others, and the sizes are their projection. The
set is sought: first those that grow largest without the rule, then by exchanging, adding and leaving out one at a time.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from trimtab.kernel.compilation import allocating, compiled
from trimtab.kernel.exposure_program import Sized, Terms, solve
from trimtab.kernel.exposures import Lines, fit_bounds, sum_fixed
from trimtab.kernel.records import COUNT_TOLERANCE, WEIGHT_TOLERANCE, Exposed, Flags, Floats, Ints, Records

_ROUNDS = 20
# Values that differ by less than this part are equal, and by less than that part no progress.
_EQUAL, _PROGRESS = 1e-12, 1e-11


class Account(NamedTuple):
    """The grounds of the sizes of an account, beside the set of its large issuers."""

    rows: Records
    tree: Records
    sized: Sized
    lines: Lines
    exposed: Exposed
    terms: Terms
    lows: Floats  # the lower bounds of section 5


class Issuers(NamedTuple):
    """The issuers in the order in which they may become large; arrays have the shape (issuers,)."""

    line: Ints
    weight: Floats  # where only `largest` limits each
    forced: int  # the first of them, which are large for their fixed weight
    max_large: int


@compiled
def _is_before(rows: Records, settings: Any, first: Any, second: Any) -> bool:
    """Whether selection takes a member before another: holdings first, then by score, by weight, by name."""
    row, other = rows[first.row], rows[second.row]
    is_holding = not first.fixed and row.current >= settings.dust_weight and row.current > 0.0
    is_other = not second.fixed and other.current >= settings.dust_weight and other.current > 0.0
    if is_holding != is_other:
        return is_holding
    score, other_score = row.score, other.score
    score, other_score = 0.0 if math.isnan(score) else score, 0.0 if math.isnan(other_score) else other_score
    if score != other_score:
        return bool(score > other_score)
    if row.current != other.current:
        return bool(row.current > other.current)
    return bool(first.row < second.row)


@allocating
def _in_order(rows: Records, settings: Any, sized: Sized, lines: Lines) -> Issuers:
    """The issuers: those large for what is fixed, then by weight, by desired size, and by their first asset."""
    members, rule, count = sized.members, lines.concentration[0], lines.lines.size - 1 - lines.issuers
    line_of, weight = np.empty(count, np.int64), np.empty(count)
    desired, first = np.zeros(count), np.empty(count, np.int64)
    placed, forced = 0, 0
    for number in range(count):
        line = lines.lines[lines.issuers + number]
        first[number] = lines.entries[line.begin].member
        for place in range(line.begin, line.end):
            member = lines.entries[place].member
            desired[number] += members[member].desired
            if _is_before(rows, settings, members[member], members[first[number]]):
                first[number] = member
    for number in range(count):
        line = lines.lines[lines.issuers + number]
        is_forced, units = line.fixed_weight > rule.small, np.round(line.weight / WEIGHT_TOLERANCE)
        place = placed
        while place > 0:
            other_number = line_of[place - 1] - lines.issuers
            other = lines.lines[line_of[place - 1]]
            other_forced, other_units = other.fixed_weight > rule.small, np.round(other.weight / WEIGHT_TOLERANCE)
            if is_forced != other_forced:
                goes_first = is_forced
            elif units != other_units:
                goes_first = units > other_units
            elif desired[number] != desired[other_number]:
                goes_first = desired[number] > desired[other_number]
            else:
                goes_first = _is_before(rows, settings, members[first[number]], members[first[other_number]])
            if not goes_first:
                break
            line_of[place] = line_of[place - 1]
            place -= 1
        line_of[place] = lines.issuers + number
        placed += 1
        forced += 1 if is_forced else 0
    for number in range(count):
        weight[number] = lines.lines[line_of[number]].weight
    max_large = math.floor(rule.together / rule.small + COUNT_TOLERANCE)
    return Issuers(line_of, weight, forced, max_large)


@allocating
def _value_with(account: Account, issuers: Issuers, is_large: Flags) -> float:
    """Size the members with this set of large issuers; returns what the projection minimises."""
    lines, members, rule = account.lines, account.sized.members, account.lines.concentration[0]
    for index in range(members.size):
        members[index].min_weight = account.lows[index]
    for index in range(lines.issuers):
        lines.lines[index].cap = max(lines.lines[index].max_exposure, lines.lines[index].fixed_weight)
    counts = np.zeros(members.size)  # in the row of all large issuers
    for number in range(issuers.line.size):
        line = lines.lines[issuers.line[number]]
        line.cap = max(rule.largest if is_large[number] else rule.small, line.fixed_weight)
        for place in range(line.begin, line.end):
            counts[lines.entries[place].member] = 1.0 if is_large[number] else 0.0
    together = lines.lines[lines.lines.size - 1]
    for place in range(together.begin, together.end):
        lines.entries[place].fraction = counts[lines.entries[place].member]
    together.fixed_weight = sum_fixed(account.rows, lines, together, members)
    together.cap = max(rule.together, together.fixed_weight)
    fit_bounds(lines, members)
    return float(solve(account.rows, account.tree, account.sized, lines, account.exposed, account.terms, account.lows))


@compiled
def _first_smallest(values: Floats, count: int) -> int:
    """The first value that is the smallest, to its tolerance."""
    lowest = math.inf
    for index in range(count):
        lowest = min(lowest, values[index])
    first = 0
    while values[first] > lowest + _EQUAL * abs(lowest):
        first += 1
    return first


@allocating
def _first_set(account: Account, issuers: Issuers, is_large: Flags) -> float:
    """The best of the sets that begin the order; returns its value."""
    count = is_large.size
    last = max(min(issuers.max_large, count), issuers.forced)
    values = np.empty(count + 1)
    for number in range(issuers.forced):
        is_large[number] = True
    for size in range(issuers.forced, last + 1):
        values[size - issuers.forced] = _value_with(account, issuers, is_large)
        if size < last:
            is_large[size] = True
    best = _first_smallest(values, last + 1 - issuers.forced)
    for number in range(issuers.forced + best, count):
        is_large[number] = False
    return float(values[best])


@allocating
def _neighbours(account: Account, issuers: Issuers, is_large: Flags) -> Ints:
    """The sets one step away, as (issuer left out, issuer taken in), -1 for none. Shape (sets, 2)."""
    count, size = is_large.size, 0
    may_enter = np.zeros(count, np.bool_)
    entering, leaving = 0, 0
    for number in range(count):
        weight = max(issuers.weight[number], account.lines.lines[issuers.line[number]].weight)
        small = account.lines.concentration[0].small
        may_enter[number] = not is_large[number] and weight >= small - WEIGHT_TOLERANCE
        entering += 1 if may_enter[number] else 0
        size += 1 if is_large[number] else 0
        leaving += 1 if is_large[number] and number >= issuers.forced else 0
    may_grow = size < issuers.max_large
    sets = np.full((leaving * entering + (entering if may_grow else 0) + leaving, 2), -1)
    place = 0
    for out in range(issuers.forced, count):
        if is_large[out]:
            for number in range(count):
                if may_enter[number]:
                    sets[place, 0], sets[place, 1] = out, number
                    place += 1
    if may_grow:
        for number in range(count):
            if may_enter[number]:
                sets[place, 1] = number
                place += 1
    for out in range(issuers.forced, count):
        if is_large[out]:
            sets[place, 0] = out
            place += 1
    return sets


@compiled
def _exchange(is_large: Flags, out: int, taken: int, back: bool) -> None:
    """Take the step to a set one step away, or back."""
    if out >= 0:
        is_large[out] = back
    if taken >= 0:
        is_large[taken] = not back


@allocating
def fit_concentration(settings: Any, account: Account) -> None:
    """Give the members the sizes with the best set of large issuers; the lines have the weights without a set."""
    issuers = _in_order(account.rows, settings, account.sized, account.lines)
    is_large = np.zeros(issuers.line.size, np.bool_)
    value = _first_set(account, issuers, is_large)
    rounds, gains = 0, True
    while gains and rounds < _ROUNDS:
        _value_with(account, issuers, is_large)
        sets = _neighbours(account, issuers, is_large)
        if sets.shape[0] == 0:
            break
        values = np.empty(sets.shape[0])
        for index in range(values.size):
            _exchange(is_large, sets[index, 0], sets[index, 1], False)
            values[index] = _value_with(account, issuers, is_large)
            _exchange(is_large, sets[index, 0], sets[index, 1], True)
        best = _first_smallest(values, values.size)
        gains = values[best] < value - _PROGRESS * abs(value)
        if gains:
            value = values[best]
            _exchange(is_large, sets[best, 0], sets[best, 1], False)
        rounds += 1
    _value_with(account, issuers, is_large)
