"""The compiled rules over candidates: one account, or all of them on all cores."""

from __future__ import annotations

import os
import threading

import numpy as np

from trimtab.candidates.candidates import Candidates, settings_of
from trimtab.errors import SetupError
from trimtab.kernel.account import rebalance_account
from trimtab.kernel.records import Flags, Records, empty_answer
from trimtab.limits.rebalancing_limits import RebalancingLimits


class ParallelLayer:
    """Numba's parallel layer: one thread at a time, and never again in a process forked after it was entered.

    Otherwise it may abort the process.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._was_entered = False
        self.is_closed = False
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._after_fork)

    def _after_fork(self) -> None:
        self._lock = threading.Lock()  # a thread lost in the fork may hold the old lock
        self.is_closed = self._was_entered

    def __enter__(self) -> None:
        if self.is_closed:
            raise SetupError(
                "this process was forked from one that had already used all cores",
                'start worker processes with "spawn" or "forkserver"',
            )
        self._lock.acquire()
        self._was_entered = True

    def __exit__(self, *_: object) -> None:
        self._lock.release()


PARALLEL = ParallelLayer()


def decide(candidates: Candidates, limits: RebalancingLimits) -> tuple[Records, Flags]:
    """The decision of the rules about every good row, in the order of the table; and which accounts are braked.

    Shapes (rows,) and (accounts,). Failed accounts have zeros.
    """
    answer, rows = empty_answer(len(candidates.order)), candidates.rows(limits)
    partners, partners_start = candidates.partners(limits.max_correlation)
    exposed = candidates.exposed(limits)
    tree, settings, start = candidates.tree.nodes, settings_of(limits), candidates.start
    if len(candidates.accounts) == 1 or PARALLEL.is_closed:
        braked = np.zeros(len(candidates.accounts), np.bool_)
        for account in range(len(braked)):
            mine = slice(start[account], start[account + 1])
            own = partners[partners_start[account] : partners_start[account + 1]]
            mine_exposed = None if exposed is None else exposed.of(mine)
            braked[account] = rebalance_account(rows[mine], tree, settings[0], own, mine_exposed, answer[mine])
        return candidates.in_table_order(answer), braked
    from trimtab.kernel.accounts import rebalance_accounts  # noqa: PLC0415 - numba's parallel layer, only for many

    with PARALLEL:
        braked = rebalance_accounts(rows, start, tree, settings, partners, partners_start, exposed, answer)
    return candidates.in_table_order(answer), braked
