"""The best of one half of history, looked up in the other half: the inner loop of CSCV, compiled."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from trimtab.kernel.compilation import compiled, entry

STILL = 1e-12  # a variance up to this share of the mean square is rounding


@compiled
def _ratio(count: float, total: float, squares: float) -> float:
    """The Sharpe ratio of so many returns with this sum and sum of squares; 0 where they do not move."""
    variance = (squares - total * (total / count)) / (count - 1.0)
    if variance <= STILL * squares / count:
        return 0.0
    return total / count / math.sqrt(variance)


@compiled
def _add(chosen: Any, wanted: bool, moments: Any, sums: Any) -> None:
    """The moments of all blocks that are chosen (or not), added up in order of time."""
    sums[:] = 0.0
    for block in range(len(chosen)):
        if chosen[block] == wanted:
            for moment in range(3):
                for policy in range(sums.shape[1]):
                    sums[moment, policy] += moments[block, moment, policy]


@entry
def rank_the_best(halves: Any, moments: Any, found: Any) -> None:
    """For each half of the blocks, fill `found` for the policy with the highest Sharpe ratio in it (the first of equals).

    Parameters
    ----------
    halves
        Which blocks are in the half, bool, shape (halves, blocks).
    moments
        Of each block, the number, the sum and the sum of squares of the returns of each policy, shape
        (blocks, 3, policies).
    found
        Filled, shape (halves, 4): its ratio in the half, its ratio in the other half, how many policies are worse than it
        there, how many equal (itself among them).
    """
    count = moments.shape[2]
    sums = np.empty((3, count))
    outside = np.empty(count)
    for half in range(len(halves)):
        _add(halves[half], True, moments, sums)
        best, highest = 0, -math.inf
        for policy in range(count):
            ratio = _ratio(sums[0, policy], sums[1, policy], sums[2, policy])
            if ratio > highest:
                best, highest = policy, ratio
        _add(halves[half], False, moments, sums)
        for policy in range(count):
            outside[policy] = _ratio(sums[0, policy], sums[1, policy], sums[2, policy])
        worse, equal = 0, 0
        for policy in range(count):
            worse += outside[policy] < outside[best]
            equal += outside[policy] == outside[best]
        found[half, 0], found[half, 1] = highest, outside[best]
        found[half, 2], found[half, 3] = worse, equal
