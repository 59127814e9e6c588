"""The door of a block, compiled: which accounts need a closer look, and the canonical order of the others' rows.

It says only that something may be wrong. What is wrong, and in which words, is said by `trimtab.candidates.read.read`, the
same door that a table goes through; a test holds the two against each other.
"""

from __future__ import annotations

import math

import numpy as np

from trimtab.candidates.checks import MAX_TOTAL_WEIGHT, SIZING_INPUT_RANGE
from trimtab.kernel.compilation import compiled, entry
from trimtab.kernel.records import Flags, Floats, Ints
from trimtab.tolerances import WEIGHT_TOLERANCE

_MAX_TOTAL = MAX_TOTAL_WEIGHT + WEIGHT_TOLERANCE
_MIN_INPUT, _MAX_INPUT = SIZING_INPUT_RANGE
_ELSEWHERE = 2


@compiled
def _is_outside(value: float, low: float, high: float) -> bool:
    """Whether a value that may be NaN, for none, is not between two bounds."""
    return not math.isnan(value) and not (low <= value <= high)


@compiled
def _is_wrong(score: float, weight: float, most: float, desired: float, volatility: float) -> bool:
    """Whether a number of a row cannot be what it stands for."""
    return (
        _is_outside(score, 0.0, 1.0)
        or not 0.0 <= weight < math.inf
        or _is_outside(most, 0.0, 1.0)
        or _is_outside(desired, _MIN_INPUT, _MAX_INPUT)
        or _is_outside(volatility, _MIN_INPUT, _MAX_INPUT)
    )


@compiled
def _sort(order: Ints, begin: int, end: int, asset: Ints, rank: Ints) -> None:
    """Sort the rows order[begin:end] by the rank of their assets' names: Shell's sort, one pass where they are sorted."""
    gap = 1
    while gap < (end - begin) // 9:
        gap = 3 * gap + 1
    while gap > 0:
        for at in range(begin + gap, end):
            row = order[at]
            key, place = rank[asset[row]], at
            while place >= begin + gap and rank[asset[order[place - gap]]] > key:
                order[place] = order[place - gap]
                place -= gap
            order[place] = row
        gap //= 3


@entry
def precheck_block(
    start: Ints,
    limits_of: Ints,
    limits_code: Ints,
    asset: Ints,
    rank: Ints,
    bad_asset: Flags,
    bucket: Ints,
    bad_bucket: Flags,
    restriction: Ints,
    score: Floats,
    weight: Floats,
    most: Floats,
    desired: Floats,
    volatility: Floats,
    refuses_unscored: Flags,
    order: Ints,
    wrong: Ints,
) -> None:
    """Fill `order` (rows,), the rows of each account by asset name, and `wrong` (accounts,): 0 nothing, 1 look closer, 2
    rows of one account under two limits.

    Columns have shape (rows,), codes of text -1 where there is none; `rank` and `bad_asset` (names + 1,), `bad_bucket`
    (limits, names + 1), whose last is for none; `restriction` is -1 where not known.
    """
    for account in range(start.size - 1):
        begin, end, limits = start[account], start[account + 1], limits_of[account]
        total, found = 0.0, 0
        for row in range(begin, end):
            order[row] = row
            if math.isfinite(weight[row]):
                total += weight[row]
            if (
                bad_asset[asset[row]]
                or bad_bucket[limits, bucket[row]]
                or restriction[row] < 0
                or _is_wrong(score[row], weight[row], most[row], desired[row], volatility[row])
                or (refuses_unscored[limits] and math.isnan(score[row]) and weight[row] > 0.0)
            ):
                found = max(found, 1)
            if limits_code[row] != limits_code[begin]:
                found = _ELSEWHERE
        if total > _MAX_TOTAL:
            found = max(found, 1)
        _sort(order, begin, end, asset, rank)
        for at in range(begin + 1, end):
            if asset[order[at]] == asset[order[at - 1]]:
                found = max(found, 1)
        wrong[account] = found


@entry
def starts_of(codes: Ints) -> Ints:
    """Where a run of equal codes starts, and the number of rows as the last. Shape (runs + 1,)."""
    runs = 1
    for row in range(1, codes.size):
        if codes[row] != codes[row - 1]:
            runs += 1
    start = np.zeros(runs + 1, np.int64)
    at = 0
    for row in range(1, codes.size):
        if codes[row] != codes[row - 1]:
            at += 1
            start[at] = row
    start[runs] = codes.size
    return start


@entry
def renumbered(codes: Ints, place: Ints, used: Ints) -> int:
    """Number the codes (rows,) that occur as they first occur, and replace each by its number; returns how many there are.

    `place` (codes there may be,) begins as -1; `used` (the same) is filled: the code with each number.
    """
    count = 0
    for row in range(codes.size):
        code = codes[row]
        if place[code] < 0:
            place[code] = count
            used[count] = code
            count += 1
        codes[row] = place[code]
    return count
