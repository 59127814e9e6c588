"""The parallel loop over accounts, and nothing else."""

from __future__ import annotations

import numba
import numpy as np

from trimtab.kernel.account import rebalance_account
from trimtab.kernel.compilation import parallel_entry
from trimtab.kernel.records import Exposed, Flags, Ints, Records


@parallel_entry
def rebalance_accounts(
    rows: Records,
    start: Ints,
    tree: Records,
    settings: Records,
    partners: Ints,
    partners_start: Ints,
    exposed: Exposed | None,
    answer: Records,
) -> Flags:
    """Fill the answer for many accounts; account i has the rows start[i] : start[i + 1]. Returns which are braked.

    `settings` has shape (1,): a parallel loop cannot take a lone record. The partners of account i's rows are
    partners[partners_start[i] : partners_start[i + 1]], in the form of `NO_PARTNERS`.
    """
    braked = np.zeros(start.size - 1, np.bool_)
    for account in numba.prange(start.size - 1):
        begin, end = start[account], start[account + 1]
        alike = partners[partners_start[account] : partners_start[account + 1]]
        if exposed is None:
            braked[account] = rebalance_account(rows[begin:end], tree, settings[0], alike, None, answer[begin:end])
        else:
            profile = exposed.profile[begin:end]
            own = Exposed(exposed.rows, exposed.parts, exposed.first, profile, exposed.concentration)
            braked[account] = rebalance_account(rows[begin:end], tree, settings[0], alike, own, answer[begin:end])
    return braked
