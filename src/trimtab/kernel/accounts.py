"""The parallel loop over accounts, and nothing else."""

from __future__ import annotations

import numba
import numpy as np

from trimtab.kernel.account import rebalance_account
from trimtab.kernel.compilation import parallel_entry
from trimtab.kernel.tables import Flags, Ints, Records


@parallel_entry
def rebalance_accounts(rows: Records, start: Ints, tree: Records, settings: Records, answer: Records) -> Flags:
    """Fill the answer for many accounts; account i has the rows start[i] : start[i + 1]. Returns which are braked.

    `settings` has shape (1,): a parallel loop cannot take a lone record.
    """
    braked = np.zeros(start.size - 1, np.bool_)
    for account in numba.prange(start.size - 1):
        begin, end = start[account], start[account + 1]
        braked[account] = rebalance_account(rows[begin:end], tree, settings[0], answer[begin:end])
    return braked
