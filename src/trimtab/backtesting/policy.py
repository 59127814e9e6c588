"""Limits as the kernel takes them; limits and buckets that a backtest refuses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trimtab.backtesting.market_history import MarketHistory
from trimtab.backtesting.settings import BacktestSettings
from trimtab.backtesting.whole_lots import order_settings
from trimtab.candidates.bucket_spellings import check_buckets
from trimtab.candidates.bucket_tree import grow
from trimtab.candidates.candidates import settings_of
from trimtab.errors import LimitsError
from trimtab.kernel.backtest_records import PolicyRecords
from trimtab.kernel.order_records import ORDER_ACCOUNT
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.orders.block_records import account_records


def policy_records(limits: RebalancingLimits, buckets: Sequence[str], settings: BacktestSettings) -> PolicyRecords:
    """The records of these limits among these buckets.

    Raises
    ------
    LimitsError
        Limits for a bucket that does not exist, or `max_correlation`, which a backtest cannot measure, or settings of orders that
        it cannot follow.
    """
    _refuse_unmeasured(limits)
    tree = grow(buckets, limits)
    leaf_of = np.array([tree.leaf_of[name] for name in buckets], np.int64)
    account = np.zeros(1, ORDER_ACCOUNT)
    if settings.start_value is not None:
        account = account_records(order_settings(limits, settings), np.zeros(1, np.int64), np.zeros(1, np.int64))
    return PolicyRecords(tree.nodes, leaf_of, settings_of(limits)[0], account[0], number=0)


def check_limits(history: MarketHistory, limits: RebalancingLimits) -> None:
    """Refuse malformed paths, two spellings of one bucket, and limits that a backtest cannot measure.

    Raises
    ------
    InputError
        With the bucket.
    LimitsError
        As `policy_records`.
    """
    _refuse_unmeasured(limits)
    check_buckets(history.buckets, limits)
    grow(history.buckets, limits)


def _refuse_unmeasured(limits: RebalancingLimits) -> None:
    if limits.max_correlation is not None:
        problem = "max_correlation cannot be used in a backtest, which knows no correlations as of a day: leave it out"
        raise LimitsError([problem])
