"""A first, compiled check of the rows of a block: which accounts may be faulty, and the canonical order of the rest. It
only flags. `trimtab.candidates.read.read`, which reads single tables too, then names the faults; a test
holds the two against each other.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from trimtab.candidates.checks import MAX_TOTAL_WEIGHT, SIZING_INPUT_RANGE
from trimtab.kernel.block import Accounts, Columns
from trimtab.kernel.compilation import compiled, entry
from trimtab.kernel.records import Flags, Ints, Records
from trimtab.tolerances import WEIGHT_TOLERANCE

_MAX_TOTAL = MAX_TOTAL_WEIGHT + WEIGHT_TOLERANCE
_MIN_INPUT, _MAX_INPUT = SIZING_INPUT_RANGE


class Precheck(IntEnum):
    """The outcome of a first look at the rows of an account."""

    FINE = 0
    SUSPECT = 1  # something may be wrong: read the rows as `rebalance_many` does
    TWO_LIMITS = 2  # the rows name more than one `limits_id`


class Validity(NamedTuple):
    """The names and rows that are sound. `rank` and `bad_asset` have shape (names + 1,), the last for no name."""

    rank: Records  # of the asset's name among all names
    bad_asset: Flags
    bad_bucket: Flags  # shape (limits, names + 1)
    refuses_unscored: Flags  # shape (limits,)


@compiled
def _is_outside(value: float, low: float, high: float) -> bool:
    """Whether a value is outside two bounds; NaN, for none, is not."""
    return not math.isnan(value) and not (low <= value <= high)


@compiled
def _is_wrong(score: float, weight: float, max_weight: float, desired: float, volatility: float) -> bool:
    """Whether a number of a row is out of range."""
    return (
        _is_outside(score, 0.0, 1.0)
        or not 0.0 <= weight < math.inf
        or _is_outside(max_weight, 0.0, 1.0)
        or (desired != 0.0 and _is_outside(desired, _MIN_INPUT, _MAX_INPUT))
        or _is_outside(volatility, _MIN_INPUT, _MAX_INPUT)
    )


@compiled
def _sort(order: Ints, begin: int, end: int, asset: Ints, rank: Ints) -> None:
    """Sort the rows order[begin:end] by the rank of their assets' names: Shellsort, one pass if already sorted."""
    gap = 1
    while gap < (end - begin) // 9:
        gap = 3 * gap + 1
    while gap > 0:
        for first in range(begin + gap, end):
            row = order[first]
            key, place = rank[asset[row]], first
            while place >= begin + gap and rank[asset[order[place - gap]]] > key:
                order[place] = order[place - gap]
                place -= gap
            order[place] = row
        gap //= 3


@entry
def precheck_block(
    accounts: Accounts, limits_code: Ints, columns: Columns, valid: Validity, order: Ints, verdict: Ints
) -> None:
    """Fill `order` (rows,), the rows of each account by asset name, and `verdict` (accounts,), a `Precheck`.

    `limits_code` (rows,) is the code of each row's `limits_id`.
    """
    start = accounts.start
    for account in range(start.size - 1):
        begin, end, limits = start[account], start[account + 1], accounts.limits[account]
        total, worst = 0.0, 0
        for row in range(begin, end):
            order[row] = row
            weight, score = columns.current_weight[row], columns.score[row]
            if math.isfinite(weight):
                total += weight
            if (
                valid.bad_asset[columns.asset[row]]
                or valid.bad_bucket[limits, columns.bucket[row]]
                or columns.restriction[row] < 0
                or _is_wrong(
                    score, weight, columns.max_weight[row], columns.desired_weight[row], columns.volatility[row]
                )
                or (valid.refuses_unscored[limits] and math.isnan(score) and weight > 0.0)
            ):
                worst = max(worst, Precheck.SUSPECT.value)
            if limits_code[row] != limits_code[begin]:
                worst = Precheck.TWO_LIMITS.value
        if total > _MAX_TOTAL:
            worst = max(worst, Precheck.SUSPECT.value)
        _sort(order, begin, end, columns.asset, valid.rank)
        for place in range(begin + 1, end):
            if columns.asset[order[place]] == columns.asset[order[place - 1]]:
                worst = max(worst, Precheck.SUSPECT.value)
        verdict[account] = worst


@entry
def starts_of(codes: Ints) -> Ints:
    """The first row of each run of equal codes, then the number of rows. Shape (runs + 1,)."""
    runs = 1
    for row in range(1, codes.size):
        if codes[row] != codes[row - 1]:
            runs += 1
    start = np.zeros(runs + 1, np.int64)
    run = 0
    for row in range(1, codes.size):
        if codes[row] != codes[row - 1]:
            run += 1
            start[run] = row
    start[runs] = codes.size
    return start


@entry
def renumber(codes: Ints, number: Ints, used: Ints) -> int:
    """Replace each code (rows,) by its rank of first occurrence; returns how many codes occur.

    `number` (possible codes,) starts as -1; `used` (possible codes,) is filled with the code of each rank.
    """
    count = 0
    for row in range(codes.size):
        code = codes[row]
        if number[code] < 0:
            number[code] = count
            used[count] = code
            count += 1
        codes[row] = number[code]
    return count
