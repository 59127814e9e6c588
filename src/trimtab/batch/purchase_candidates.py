"""Which assets an account that holds something else is offered, compiled: of each bucket the best that it does not hold.

Nothing is lost by it. An asset that an account does not hold is selected only if all before it in its bucket are, that may be
bought like it: they have the same limits above them, come first in every walk, and what did not fit once does not fit later.
All of these are new positions. So an asset with as many before it as may be new positions is never selected, and whether it is
a candidate changes nothing ([the walk](../../../docs/rules.md#4-selection)).
"""

from __future__ import annotations

import numpy as np

from trimtab.kernel.compilation import entry
from trimtab.kernel.records import Flags, Ints


@entry
def list_purchase_candidates(
    start: Ints,
    held: Ints,
    limits_of: Ints,
    ranked: Ints,
    bucket: Ints,
    plain: Flags,
    wanted: Ints,
    row: Ints,
    asset: Ints,
    size: Ints,
) -> int:
    """List the candidates of each account: what it holds, then what it is offered; returns how many rows that are.

    Account i holds the assets held[start[i] : start[i + 1]], -1 for one that is not known. Of limits l, `ranked[l]` (assets)
    lists assets by bucket and then best first, ended by -1; `bucket[l]` (assets) is the bucket of each asset, `plain[l]` whether
    nothing but its score and its bucket decides whether it may be bought; wanted[l] of the plain are offered, and those between
    them. Filled, as far as they reach: `row` and `asset` (candidates,), the number of the holding or -1, and the asset; and
    `size` (accounts,).
    """
    seen = np.full(bucket.shape[1], -1, np.int64)
    count = 0
    for account in range(start.size - 1):
        before, limits = count, limits_of[account]
        for at in range(start[account], start[account + 1]):
            if held[at] >= 0:
                seen[held[at]] = account
            if count < row.size:
                row[count], asset[count] = at, held[at]
            count += 1
        found, last, at = 0, -1, -1
        while ranked[limits, at + 1] >= 0:
            at += 1
            one = ranked[limits, at]
            if bucket[limits, one] != last:
                found, last = 0, bucket[limits, one]
            if found >= wanted[limits] or seen[one] == account:
                continue
            found += plain[limits, one]
            if count < row.size:
                row[count], asset[count] = -1, one
            count += 1
        size[account] = count - before
    return count
