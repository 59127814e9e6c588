"""The projection of section 5a: the nearest weights to the wish inside every limit, by a finite dual method.

It minimises the sum of (w - W d)^2 / (2 d), plus Q times what rows lack of their minimum, inside the bounds and under the
maxima of rows. Each row has a *toll*: above 0 at its maximum, below 0 (down to -Q) at its minimum. A free asset weighs
d * (level - sum of fraction * toll); the others sit at a bound. The method is that of Goldfarb and Idnani: start where
bounds and the total alone decide, then take in one violated limit after another, each time letting go of those whose
toll turns. Every full step raises the value of the dual, so no set of limits comes twice, and it ends.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from trimtab.kernel.compilation import allocating, compiled
from trimtab.kernel.records import Floats, Ints, Records, record

# Weights and row sums within this of a limit are at the limit.
_TOLERANCE = 1e-14
# A direction with less of its length than this left lies in the span of the limits that hold.
_DEPENDENT = 1e-12

# An asset of the projection. Shape (assets,).
ASSET = record(
    ("desired", "f8"),
    ("lower", "f8"),
    ("upper", "f8"),
    ("weight", "f8"),
    ("force", "f8"),  # at a bound: how hard it presses, above 0 at the upper one, below 0 at the lower one
    ("push", "f8"),  # the change of the toll that it pays, in a step
    ("begin", "i8"),  # its parts are parts[begin:end]
    ("end", "i8"),
    ("place", "i1"),  # FREE, UPPER, LOWER, PINNED
)
FREE, UPPER, LOWER, PINNED = 0, 1, -1, 2

# A row: a limit on a sum. Fractions and limits are scaled so that the largest fraction is 1. Shape (rows,).
ROW_SUM = record(
    ("maximum", "f8"),  # inf = none
    ("minimum", "f8"),  # -inf = none
    ("toll", "f8"),
    ("rest", "f8"),  # the toll at which the row does nothing
    ("deepest", "f8"),  # the toll at which a minimum is given up
    ("total", "f8"),
    ("step", "f8"),  # the change of its toll, in a step
    ("state", "i1"),  # IDLE, HIGH (at its maximum), LOW (at its minimum), LACKING
    ("slot", "i8"),  # its place among the rows that hold, -1 for the others
)
IDLE, HIGH, LOW, LACKING = 0, 1, 2, 3


class Problem(NamedTuple):
    """A projection; the work arrays have room for as many rows as can hold at once."""

    assets: Records  # `ASSET`
    rows: Records  # `ROW_SUM`
    row_of: Ints  # of each part
    fraction: Floats  # of each part
    held: Ints  # the rows that hold
    matrix: Floats  # (held, held): of the equations of a step
    right: Floats  # (held,)
    factored: Ints  # (1,): the number of first rows of the matrix that are up to date
    slots: Ints  # (rows,): of an asset's parts in the rows that hold, their slots
    shares: Floats  # (rows,): and their fractions


@allocating
def problem_of(assets: Records, rows: Records, row_of: Ints, fraction: Floats) -> Problem:
    """A projection with its work arrays."""
    size = min(assets.size, rows.size) + 1
    return Problem(
        assets,
        rows,
        row_of,
        fraction,
        np.zeros(size, np.int64),
        np.zeros((size, size)),
        np.zeros(size),
        np.zeros(1, np.int64),
        np.zeros(rows.size, np.int64),
        np.zeros(rows.size),
    )


@compiled
def sum_up(problem: Problem) -> None:
    """The sum of every row, part by part in the order of assets."""
    for row in range(problem.rows.size):
        problem.rows[row].total = 0.0
    for index in range(problem.assets.size):
        asset = problem.assets[index]
        for part in range(asset.begin, asset.end):
            problem.rows[problem.row_of[part]].total += problem.fraction[part] * asset.weight


@compiled
def _hold(problem: Problem, count: int, row: int, state: int) -> int:
    problem.held[count] = row
    problem.rows[row].slot = count
    problem.rows[row].state = state
    return count + 1


@compiled
def _let_go(problem: Problem, count: int, row: int) -> int:
    """Take a row out of those that hold; its toll says whether it rests, or is given up."""
    gone = problem.rows[row]
    gone.state = IDLE if gone.toll == gone.rest else LACKING
    last = problem.held[count - 1]
    problem.held[gone.slot] = last
    problem.rows[last].slot = gone.slot
    problem.factored[0] = min(problem.factored[0], gone.slot)
    gone.slot = -1
    return count - 1


@compiled
def _factor(problem: Problem, count: int) -> None:
    """The matrix of the rows that hold, over the free assets, as its Cholesky factor; rows that are up to date stay."""
    matrix, begin = problem.matrix, problem.factored[0]
    problem.factored[0] = count
    if begin >= count:
        return
    for first in range(begin, count):
        for second in range(first + 1):
            matrix[first, second] = 0.0
    for index in range(problem.assets.size):
        asset = problem.assets[index]
        if asset.place != FREE:
            continue
        size = 0
        for part in range(asset.begin, asset.end):
            slot = problem.rows[problem.row_of[part]].slot
            if slot >= 0:
                problem.slots[size], problem.shares[size] = slot, problem.fraction[part]
                size += 1
        for place in range(size):
            first = problem.slots[place]
            if first < begin:
                continue
            scaled = asset.desired * problem.shares[place]
            for other in range(size):
                second = problem.slots[other]
                if second <= first:
                    matrix[first, second] += scaled * problem.shares[other]
    for first in range(begin, count):
        for second in range(first + 1):
            value = matrix[first, second]
            for before in range(second):
                value -= matrix[first, before] * matrix[second, before]
            if second < first:
                matrix[first, second] = value / matrix[second, second]
            else:
                matrix[first, first] = math.sqrt(max(value, 1e-300))


@compiled
def _solve(problem: Problem, count: int) -> None:
    """Solve the factored equations for `right`, in place."""
    matrix, right = problem.matrix, problem.right
    for first in range(count):
        value = right[first]
        for before in range(first):
            value -= matrix[first, before] * right[before]
        right[first] = value / matrix[first, first]
    for first in range(count - 1, -1, -1):
        value = right[first]
        for after in range(first + 1, count):
            value -= matrix[after, first] * right[after]
        right[first] = value / matrix[first, first]


@compiled
def _direct(problem: Problem, count: int, asset_in: int, row_in: int, sign: float) -> float:
    """The step that takes in a bound or a row, for a toll of 1 on it: the `push` of each asset and the `step` of each row.

    Returns how fast it ends the violation; 0 where the limits that hold already decide it.
    """
    assets, rows = problem.assets, problem.rows
    for slot in range(count):
        problem.right[slot] = 0.0
    for index in range(assets.size):
        asset = assets[index]
        own = sign if index == asset_in else 0.0
        for part in range(asset.begin, asset.end):
            if problem.row_of[part] == row_in:
                own += sign * problem.fraction[part]
        asset.push = own
        if asset.place == FREE and own != 0.0:
            for part in range(asset.begin, asset.end):
                slot = rows[problem.row_of[part]].slot
                if slot >= 0:
                    problem.right[slot] -= asset.desired * own * problem.fraction[part]
    _factor(problem, count)
    _solve(problem, count)
    length, left = 0.0, 0.0
    for slot in range(count):
        rows[problem.held[slot]].step = problem.right[slot]
    for index in range(assets.size):
        asset = assets[index]
        own = asset.push
        for part in range(asset.begin, asset.end):
            slot = rows[problem.row_of[part]].slot
            if slot >= 0:
                asset.push += problem.fraction[part] * problem.right[slot]
        if asset.place == FREE:
            length += asset.desired * own * own
            left += asset.desired * asset.push * asset.push
    return left if left > _DEPENDENT * length else 0.0


@compiled
def _blocked(problem: Problem, count: int, limit: float) -> tuple[float, int, int]:
    """How long the step can be, up to `limit`, before a held limit lets go: and the asset or the slot that does."""
    longest, asset_out, slot_out = limit, -1, -1
    for slot in range(count):
        row = problem.rows[problem.held[slot]]
        if row.step < 0.0:
            bound = row.rest if row.state == HIGH else row.deepest
        elif row.step > 0.0 and row.state == LOW:
            bound = row.rest
        else:
            continue
        length = max((bound - row.toll) / row.step, 0.0)
        if length < longest:
            longest, asset_out, slot_out = length, -1, slot
    for index in range(problem.assets.size):
        asset = problem.assets[index]
        if (asset.place == UPPER and asset.push > 0.0) or (asset.place == LOWER and asset.push < 0.0):
            length = max(asset.force / asset.push, 0.0)
            if length < longest:
                longest, asset_out, slot_out = length, index, -1
    return longest, asset_out, slot_out


@compiled
def _walk(problem: Problem, count: int, length: float, moves: bool) -> None:
    """Take a step: tolls, the forces at bounds, and, unless the direction is spent, weights and sums."""
    for slot in range(count):
        row = problem.rows[problem.held[slot]]
        row.toll += length * row.step
    for index in range(problem.assets.size):
        asset = problem.assets[index]
        if asset.place == UPPER or asset.place == LOWER:
            asset.force -= length * asset.push
        elif asset.place == FREE and moves:
            change = length * asset.desired * asset.push
            asset.weight -= change
            for part in range(asset.begin, asset.end):
                problem.rows[problem.row_of[part]].total -= problem.fraction[part] * change


@compiled
def _worst(problem: Problem) -> tuple[float, int, int, float]:
    """The largest violation: how large, the asset or the row, and whether it must fall (1) or rise (-1)."""
    largest, asset_in, row_in, sign = _TOLERANCE, -1, -1, 1.0
    for index in range(problem.assets.size):
        asset = problem.assets[index]
        if asset.place == FREE:
            if asset.weight - asset.upper > largest:
                largest, asset_in, sign = asset.weight - asset.upper, index, 1.0
            if asset.lower - asset.weight > largest:
                largest, asset_in, sign = asset.lower - asset.weight, index, -1.0
    for index in range(problem.rows.size):
        row = problem.rows[index]
        if row.state == LACKING and row.total - row.minimum > largest:
            largest, asset_in, row_in, sign = row.total - row.minimum, -1, index, 1.0
        elif row.state == IDLE and row.total - row.maximum > largest:
            largest, asset_in, row_in, sign = row.total - row.maximum, -1, index, 1.0
        elif row.state == IDLE and row.minimum - row.total > largest:
            largest, asset_in, row_in, sign = row.minimum - row.total, -1, index, -1.0
    return largest, asset_in, row_in, sign


@compiled
def _range_left(row: Any, sign: float) -> float:
    """How far the toll of a row may move before the row rests again, or is given up."""
    if row.state == LACKING:
        return float(row.rest - row.toll)
    return math.inf if sign > 0.0 else float(row.toll - row.deepest)


@compiled
def _take_in(problem: Problem, count: int, asset_in: int, row_in: int, sign: float) -> int:
    """Move the toll of a violated bound or row until the violation ends; returns how many rows hold then."""
    force = 0.0
    while True:
        speed = _direct(problem, count, asset_in, row_in, sign)
        if row_in >= 0:
            row = problem.rows[row_in]
            goal = row.maximum if sign > 0.0 and row.state == IDLE else row.minimum
            violation, range_left = sign * (row.total - goal), _range_left(row, sign)
        else:
            asset = problem.assets[asset_in]
            violation, range_left = sign * (asset.weight - (asset.upper if sign > 0.0 else asset.lower)), math.inf
        full = max(violation, 0.0) / speed if speed > 0.0 else math.inf
        length, asset_out, slot_out = _blocked(problem, count, min(full, range_left))
        if length == math.inf:  # nothing gives way: the limits leave no freedom here
            return count
        _walk(problem, count, length, speed > 0.0)
        force += sign * length
        if row_in >= 0:
            problem.rows[row_in].toll += sign * length
        if slot_out >= 0:
            row = problem.rows[problem.held[slot_out]]
            row.toll = row.rest if row.state == HIGH or row.step > 0.0 else row.deepest
            count = _let_go(problem, count, problem.held[slot_out])
        elif asset_out >= 0:
            problem.assets[asset_out].place = FREE
            problem.factored[0] = 0
        elif row_in < 0:
            asset = problem.assets[asset_in]
            asset.place = UPPER if sign > 0.0 else LOWER
            asset.weight = asset.upper if sign > 0.0 else asset.lower
            asset.force = force
            problem.factored[0] = 0
            return count
        elif range_left <= full:
            row = problem.rows[row_in]
            row.toll = row.deepest if row.state == IDLE else row.rest
            row.state = LACKING if row.state == IDLE else IDLE
            return count
        else:
            is_high = sign > 0.0 and problem.rows[row_in].state == IDLE
            return _hold(problem, count, row_in, HIGH if is_high else LOW)


@compiled
def _polish(problem: Problem, count: int) -> None:
    """Bring the sums of the rows that hold to their limits, to the last bits."""
    _factor(problem, count)
    for _ in range(2):
        sum_up(problem)
        for slot in range(count):
            row = problem.rows[problem.held[slot]]
            problem.right[slot] = (row.maximum if row.state == HIGH else row.minimum) - row.total
        _solve(problem, count)
        for index in range(problem.assets.size):
            asset = problem.assets[index]
            if asset.place == FREE:
                change = 0.0
                for part in range(asset.begin, asset.end):
                    slot = problem.rows[problem.row_of[part]].slot
                    if slot >= 0:
                        change += problem.fraction[part] * problem.right[slot]
                asset.weight += asset.desired * change
    sum_up(problem)


@compiled
def _start(problem: Problem, level: float, total: int) -> int:
    """Every asset at its share of a level, inside its bounds; the total holds, if that row is given and an asset is free."""
    free = 0
    problem.factored[0] = 0
    for index in range(problem.assets.size):
        asset = problem.assets[index]
        asset.weight = level * asset.desired
        asset.force = 0.0
        if asset.place == PINNED:
            asset.weight = asset.lower
        elif asset.weight >= asset.upper:
            asset.place = UPPER
            asset.force = level - asset.upper / asset.desired
            asset.weight = asset.upper
        elif asset.weight <= asset.lower:
            asset.place = LOWER
            asset.force = level - asset.lower / asset.desired
            asset.weight = asset.lower
        else:
            asset.place = FREE
            free += 1
    for index in range(problem.rows.size):
        row = problem.rows[index]
        row.slot = -1
        row.state = IDLE
        row.toll = row.rest
    if total >= 0:
        problem.rows[total].toll = 0.0
    return free


@compiled
def project(problem: Problem, level: float, highest: float, total: int) -> None:
    """Set the weights of a projection. `highest` is W; `level` a guess of the level at which bounds and the total alone
    are met, where `total` is the row of the total: it is used if an asset is free there.
    """
    rows, count = problem.rows, 0
    rows[total].rest = 0.0
    if level < highest:
        rows[total].rest = level - highest
        if _start(problem, level, total) > 0:
            count = _hold(problem, count, total, HIGH)
        else:
            rows[total].rest = 0.0
    if count == 0:
        _start(problem, highest, -1)
    sum_up(problem)
    polished = False
    for _ in range(100 + 20 * (problem.assets.size + rows.size)):
        _, asset_in, row_in, sign = _worst(problem)
        if asset_in >= 0 or row_in >= 0:
            count = _take_in(problem, count, asset_in, row_in, sign)
            polished = False
        elif polished:
            break
        else:
            _polish(problem, count)
            polished = True
    for index in range(problem.assets.size):
        asset = problem.assets[index]
        if asset.weight <= asset.lower + _TOLERANCE:  # no bit above a bound: that would be a trade
            asset.weight = asset.lower
        elif asset.weight >= asset.upper - _TOLERANCE:
            asset.weight = asset.upper
