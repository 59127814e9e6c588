"""Limits as the kernel takes them, and what limits and buckets a backtest refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

<<<<<<< HEAD
from trimtab.candidates.bucket_spellings import check_buckets
from trimtab.candidates.bucket_tree import grow
from trimtab.candidates.candidates import settings_of
from trimtab.candidates.checks import FaultsByAccount
from trimtab.candidates.columns import Text
from trimtab.errors import InputError, LimitsError
from trimtab.kernel.backtest_records import PolicyRecords
=======
from trimtab.candidates import bucket_spellings
from trimtab.candidates.bucket_tree import BucketTree, grow
from trimtab.candidates.candidates import settings_of
from trimtab.errors import LimitsError
from trimtab.kernel.records import Ints, Records
>>>>>>> house
from trimtab.limits.rebalancing_limits import RebalancingLimits


def policy_records(limits: RebalancingLimits, buckets: Sequence[str]) -> PolicyRecords:
    """The records of these limits among these buckets.

    Raises
    ------
    LimitsError
        Limits for a bucket that does not exist, or `max_correlation`, which a backtest cannot measure.
    """
    _refuse_correlations(limits)
    tree = grow(buckets, limits)
    leaf_of = np.array([tree.leaf_of[name] for name in buckets], np.int64)
    return PolicyRecords(tree.nodes, leaf_of, settings_of(limits)[0])


def check_bucket_paths(buckets: Sequence[str], limits: RebalancingLimits) -> None:
    """Refuse malformed paths, and two spellings of one bucket, as a rebalance does.

    Raises
    ------
    InputError
        With the bucket.
    LimitsError
        As `policy_records`.
    """
    _refuse_correlations(limits)
<<<<<<< HEAD
    faults = FaultsByAccount(np.zeros(len(buckets), np.int64), None)
    check_buckets(Text(np.arange(len(buckets)), list(buckets)), limits, faults)
    if faults.found:
        raise InputError([replace(fault, row=None) for fault in faults.found[0]], "the classification")
    grow(buckets, limits)
=======
    bucket_spellings.check_buckets(buckets, limits)
>>>>>>> house


def _refuse_correlations(limits: RebalancingLimits) -> None:
    if limits.max_correlation is not None:
        problem = "max_correlation cannot be used in a backtest, which knows no correlations as of a day: leave it out"
        raise LimitsError([problem])
