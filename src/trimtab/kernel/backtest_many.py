"""The parallel loop over policies, and nothing else."""

from __future__ import annotations

import numba
import numpy as np

from trimtab.kernel.backtest import walk
from trimtab.kernel.compilation import parallel_entry
from trimtab.kernel.records import Flags, Floats, Ints, Records


@parallel_entry
def walk_policies(
    price: Floats,
    trade: Floats,
    seen: Flags,
    growth: Floats,
    gone: Records,
    asked: Records,
    offers: Records,
    places: Records,
    trees: Records,
    tree_start: Ints,
    leaf_of: Ints,
    settings: Records,
    cost: float,
    drift: float,
    equity: Floats,
    cash: Floats,
    steps: Records,
    answers: Records,
    ledger: Records,
    left: Floats,
) -> Ints:
    """Walk many policies over the same sessions; returns the number of decisions of each.

    Policy i has `settings[i]`, `trees[tree_start[i] : tree_start[i + 1]]` and `leaf_of[i]`, and fills `equity[i]`, `cash[i]`,
    `steps[i]` and `left[i]`. Everything else is as in `walk`; `answers` and `ledger` have the shape (0, assets), for no
    decision is kept.
    """
    decisions = np.zeros(settings.size, np.int64)
    for policy in numba.prange(settings.size):
        decisions[policy] = walk(
            price,
            trade,
            seen,
            growth,
            gone,
            asked,
            offers,
            places,
            trees[tree_start[policy] : tree_start[policy + 1]],
            leaf_of[policy],
            settings[policy],
            cost,
            drift,
            equity[policy],
            cash[policy],
            steps[policy],
            answers,
            ledger,
            left[policy],
        )
    return decisions
