"""The parallel loop over policies, and nothing else."""

from __future__ import annotations

import numba
import numpy as np

from trimtab.kernel.backtest import backtest_policy
from trimtab.kernel.backtest_records import Market, PolicyRecords, RunRecords, WholeLots
from trimtab.kernel.block import BlockExposures
from trimtab.kernel.compilation import parallel_entry
from trimtab.kernel.records import Ints


@parallel_entry
def backtest_policies(
    market: Market,
    policies: PolicyRecords,
    tree_start: Ints,
    whole: WholeLots | None,
    exposures: BlockExposures | None,
    runs: RunRecords,
) -> Ints:
    """Run many policies over the same sessions; returns the number of decisions of each.

    Policy i has `settings[i]`, `account[i]`, `tree[tree_start[i] : tree_start[i + 1]]` and `leaf_of[i]`, and fills `equity[i]`, `cash[i]`,
    `steps[i]` and `proceeds[i]`. The other records are shared and empty: decisions are not kept.
    """
    decisions = np.zeros(policies.settings.size, np.int64)
    for index in numba.prange(policies.settings.size):
        tree = policies.tree[tree_start[index] : tree_start[index + 1]]
        policy = PolicyRecords(
            tree, policies.leaf_of[index], policies.settings[index], policies.account[index], policies.number + index
        )
        run = RunRecords(
            runs.equity[index],
            runs.cash[index],
            runs.steps[index],
            runs.answers,
            runs.ledger,
            runs.proceeds[index],
            runs.orders,
            runs.plans,
        )
        decisions[index] = backtest_policy(market, policy, whole, exposures, run)
    return decisions
