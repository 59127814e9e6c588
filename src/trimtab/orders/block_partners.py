"""The pairs of a block's assets that are too correlated, in the order of its records."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from trimtab.blocks.decide_block import CheckedBlock
from trimtab.blocks.prepared_limits import PreparedLimits
from trimtab.candidates.correlations import partners_of
from trimtab.kernel.records import NO_PARTNERS, Ints


class BlockPartners(NamedTuple):
    """The pairs in the kernel's form; those of account i are pairs[start[i]:start[i + 1]]."""

    pairs: Ints
    start: Ints

    def identity(self, account: int) -> bytes:
        """The part of the identity of its orders that the correlations of an account add; empty without a limit on them."""
        return self.pairs[self.start[account] : self.start[account + 1]].tobytes()


def block_partners(limits: PreparedLimits, checked: CheckedBlock) -> BlockPartners:
    """The pairs that the limits of each account forbid."""
    block, correlations = checked.block, limits.correlations
    none = NO_PARTNERS, np.zeros(len(block.start), np.int64)
    if correlations is None:
        return BlockPartners(*none)
    asset = np.append(correlations.places(block.asset.names), -1)[block.asset.codes[checked.order]]
    codes, by_limits = block.bucket.codes[checked.order], []
    for number, chosen in enumerate(limits.limits):
        if chosen.max_correlation is None:
            by_limits.append(none)
            continue
        bucket = limits.trees[number].level_node_of[checked.nodes.kernel[number][codes]]
        by_limits.append(partners_of(correlations, chosen.max_correlation, asset, bucket, block.start))
    parts = []
    for account, number in enumerate(checked.accounts.limits.tolist()):
        pairs, start = by_limits[number]
        parts.append(pairs[start[account] : start[account + 1]])
    return BlockPartners(np.concatenate(parts), np.cumsum([0, *map(len, parts)]))
