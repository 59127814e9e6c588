"""The result of many accounts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from trimtab.candidates.equality import is_equal
from trimtab.candidates.user_table import take_rows
from trimtab.errors import Fault, InputError, nearest
from trimtab.rebalancing.certified import certified
from trimtab.rebalancing.decided_pass import STATUSES, Pass
from trimtab.rebalancing.result import RebalanceResult
from trimtab.statistics.turnover import turnover
from trimtab.text import counted


@dataclass(frozen=True, eq=False)
class RebalanceManyResult:
    """The outcome of many accounts; bad accounts are marked as failed."""

    _pass: Pass

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {status}" for status, count in self.counts.items())
        return f"<RebalanceManyResult {counted(len(self._accounts), 'account')}: {counts}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RebalanceManyResult) and is_equal(self._pass.content, other._pass.content)

    def __hash__(self) -> int:
        return hash((self._pass.limits, len(self._pass.candidates.accounts)))

    def __getstate__(self) -> dict[str, Any]:
        """The state for a pickle or a copy, without anything that can be recomputed."""
        return {"_pass": replace(self._pass, checks=[])}

    @property
    def targets(self) -> Any:
        """The table that came in with the result's columns; rows of failed accounts have NaN and the action `failed`."""
        return self._pass.targets

    @property
    def accounts(self) -> list[dict[str, Any]]:
        """One row an account, in the order they first appear: account, status, error, positions, cash_weight, turnover.

        `status` is `ok`, `cash_left` (unwanted cash), `unmet`, `braked` or `failed`. The rows are the caller's.
        """
        return [dict(row) for row in self._accounts]

    @cached_property
    def _accounts(self) -> tuple[dict[str, Any], ...]:
        candidates, decided = self._pass.candidates, self._pass.decided
        count = len(candidates.accounts)
        target, current = decided["target"], candidates.current_weight
        totals, bought, sold = self._pass.totals
        traded = turnover(bought, sold)
        left_alone = (target == current) & (current < self._pass.limits.dust_weight)
        positions = np.bincount(candidates.account_of, (target > 0) & ~left_alone, minlength=count)
        rows = []
        for account, name in enumerate(candidates.accounts):
            faults = candidates.faults.get(account)
            rows.append(
                {
                    "account": name,
                    "status": self._pass.status(account),
                    "error": str(InputError(faults)) if faults else "",
                    "positions": None if faults else int(positions[account]),
                    "cash_weight": None if faults else 1.0 - float(totals[account]),
                    "turnover": None if faults else float(traded[account]),
                }
            )
        return tuple(rows)

    @property
    def counts(self) -> dict[str, int]:
        """How many accounts have each status."""
        statuses = [row["status"] for row in self._accounts]
        return {status: statuses.count(status) for status in STATUSES if status in statuses}

    @property
    def faults(self) -> dict[Any, tuple[Fault, ...]]:
        """The fault of each failed account."""
        candidates = self._pass.candidates
        return {candidates.accounts[account]: tuple(faults) for account, faults in candidates.faults.items()}

    def result(self, account: Any) -> RebalanceResult:
        """The result of one account, as `rebalance` gives it.

        Raises
        ------
        InputError
            The account failed, or is not in the table.
        """
        candidates = self._pass.candidates
        if account not in candidates.accounts:
            advice = nearest(str(account), [str(name) for name in candidates.accounts])
            raise InputError([Fault("the account is not in the table", advice, column="account", value=account)])
        index = candidates.accounts.index(account)
        if index in candidates.faults:
            raise InputError(candidates.faults[index])
        return alone(self._pass, index)


def alone(decided_pass: Pass, account: int) -> RebalanceResult:
    """The result of one good account, as if it had been rebalanced alone."""
    candidates, rows = decided_pass.candidates.only(account)
    decided, braked = decided_pass.decided[rows], decided_pass.braked[account : account + 1]
    measured = certified(candidates, decided_pass.limits, decided, braked)
    targets = take_rows(decided_pass.targets, rows)
    return RebalanceResult(
        Pass(candidates, decided_pass.limits, decided, braked, measured.unmet, measured.checks, targets)
    )
