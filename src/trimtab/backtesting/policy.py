"""Limits as the walk wants them: settings, the bucket tree, and the leaf of each bucket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trimtab.candidates import bucket_spellings
from trimtab.candidates.bucket_tree import BucketTree, grow
from trimtab.candidates.candidates import settings_of
from trimtab.errors import LimitsError
from trimtab.kernel.records import Ints, Records
from trimtab.limits.rebalancing_limits import RebalancingLimits


@dataclass(frozen=True, eq=False)
class Policy:
    """One policy: limits, `settings` of shape (1,), its tree, and `leaf_of` of shape (buckets,)."""

    limits: RebalancingLimits
    settings: Records
    tree: BucketTree
    leaf_of: Ints


def policy_of(limits: RebalancingLimits, buckets: Sequence[str]) -> Policy:
    """The policy of these limits among these buckets.

    Raises
    ------
    LimitsError
        Limits for a bucket that does not exist, or `max_correlation`, for which a walk has no correlations.
    """
    _refuse_correlations(limits)
    tree = grow(buckets, limits)
    return Policy(limits, settings_of(limits), tree, np.array([tree.leaf_of[name] for name in buckets], np.int64))


def check_buckets(buckets: Sequence[str], limits: RebalancingLimits) -> None:
    """Refuse paths that are malformed, and two spellings of one bucket, as a rebalance does.

    Raises
    ------
    InputError
        With the bucket.
    LimitsError
        As `policy_of`.
    """
    _refuse_correlations(limits)
    bucket_spellings.check_buckets(buckets, limits)


def _refuse_correlations(limits: RebalancingLimits) -> None:
    if limits.max_correlation is not None:
        raise LimitsError(["max_correlation is not walked: a backtest knows no correlations as of a day; leave it out"])
