"""The assets that an account could buy, compiled: of each bucket the best that it does not hold.

Leaving out the rest loses nothing. An asset that an account does not hold is selected only if every asset before it
in its bucket that may be bought like it is: they have the same limits above them, come first in every walk, and what did
not fit once does not fit later. All of these are new positions. So an asset is never selected if as many come before it
as new positions are allowed, and leaving it out changes nothing ([the walk](../../../docs/rules.md#4-selection)).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from trimtab.kernel.compilation import entry
from trimtab.kernel.records import Flags, Ints

UNKNOWN_ASSET = -1
NOTHING_HELD = -2  # a row with weight 0 and an unknown asset


class RankedAssets(NamedTuple):
    """The assets that all accounts share, under each of the limits."""

    ranked: Ints  # shape (limits, assets + 1): assets by bucket, then best first; ended by -1
    bucket: Ints  # shape (limits, assets)
    plain: Flags  # shape (limits, assets): only score and bucket decide whether it may be bought
    wanted: Ints  # shape (limits,): how many plain ones of each bucket an account needs


@entry
def list_purchase_candidates(
    start: Ints, held: Ints, limits_of: Ints, assets: RankedAssets, row: Ints, asset: Ints, size: Ints
) -> int:
    """List the candidates of each account, first what it holds, then what it could buy; returns how many there are.

    Account i holds the assets held[start[i] : start[i + 1]]. Filled as far as they reach: `row` and `asset` (candidates,),
    the row of the holding or -1, and the asset; and `size` (accounts,).
    """
    seen = np.full(assets.bucket.shape[1], -1, np.int64)
    count = 0
    for account in range(start.size - 1):
        before, limits = count, limits_of[account]
        for holding in range(start[account], start[account + 1]):
            if held[holding] == NOTHING_HELD:
                continue
            if held[holding] >= 0:
                seen[held[holding]] = account
            if count < row.size:
                row[count], asset[count] = holding, held[holding]
            count += 1
        index, listed, last_bucket = 0, 0, -1
        while assets.ranked[limits, index] >= 0:
            candidate = assets.ranked[limits, index]
            index += 1
            if assets.bucket[limits, candidate] != last_bucket:
                listed, last_bucket = 0, assets.bucket[limits, candidate]
            if listed >= assets.wanted[limits] or seen[candidate] == account:
                continue
            listed += assets.plain[limits, candidate]
            if count < row.size:
                row[count], asset[count] = -1, candidate
            count += 1
        if count == before:  # keep an account with nothing to buy
            if count < row.size:
                row[count], asset[count] = start[account], UNKNOWN_ASSET
            count += 1
        size[account] = count - before
    return count
