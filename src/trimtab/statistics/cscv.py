"""The best of one half of history, looked up in the other half: the inner loop of CSCV, compiled."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from trimtab.kernel.compilation import compiled, entry

STILL = 1e-12  # a variance up to this share of the mean square is rounding


@compiled
def _ratio(count: float, total: float, squares: float) -> float:
    """The Sharpe ratio of `count` returns with this sum and sum of squares; 0 where they do not move."""
    variance = (squares - total * (total / count)) / (count - 1.0)
    if variance <= STILL * squares / count:
        return 0.0
    return total / count / math.sqrt(variance)


@compiled
def _add(chosen: Any, wanted: bool, sizes: Any, moments: Any, sums: Any) -> float:
    """The moments of all blocks that are chosen (or not), added up in order of time; returns how many sessions."""
    count = 0.0
    sums[:] = 0.0
    for block in range(len(chosen)):
        if chosen[block] == wanted:
            count += sizes[block]
            for policy in range(sums.shape[1]):
                sums[0, policy] += moments[block, 0, policy]
                sums[1, policy] += moments[block, 1, policy]
    return count


@entry
def rank_in_sample_best(half_masks: Any, sizes: Any, moments: Any, ranks: Any) -> None:
    """For each half of the blocks, fill `ranks` for the policy with the highest Sharpe ratio in it (the first of equals).

    Parameters
    ----------
    half_masks
        Which blocks are in the half, bool, shape (half_masks, blocks).
    sizes
        Sessions of each block, shape (blocks,).
    moments
        Of each block, the sum and the sum of squares of the returns of each policy, shape (blocks, 2, policies).
    ranks
        Filled, shape (half_masks, 4): its ratio in the half, its ratio in the other half, how many policies are worse than it
        there, how many equal (itself among them).
    """
    policies = moments.shape[2]
    sums = np.empty((2, policies))
    outside = np.empty(policies)
    for half in range(len(half_masks)):
        count = _add(half_masks[half], True, sizes, moments, sums)
        best, highest = 0, -math.inf
        for policy in range(policies):
            ratio = _ratio(count, sums[0, policy], sums[1, policy])
            if ratio > highest:
                best, highest = policy, ratio
        count = _add(half_masks[half], False, sizes, moments, sums)
        for policy in range(policies):
            outside[policy] = _ratio(count, sums[0, policy], sums[1, policy])
        worse, equal = 0, 0
        for policy in range(policies):
            worse += outside[policy] < outside[best]
            equal += outside[policy] == outside[best]
        ranks[half, 0], ranks[half, 1] = highest, outside[best]
        ranks[half, 2], ranks[half, 3] = worse, equal
