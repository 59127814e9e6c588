"""One decided pass, as results and explanations share it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from trimtab.candidates.candidates import Candidates
from trimtab.candidates.columns import OUTPUTS
from trimtab.candidates.user_table import with_columns
from trimtab.certificate.certificate import Measured
from trimtab.errors import Fault
from trimtab.kernel.records import Flags, Floats, Ints, Records
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.reasons import Action, Reason, SizeReason
from trimtab.rebalancing.cash_left import cash_left
from trimtab.rebalancing.certified import Certified

STATUSES = ("ok", "cash_left", "unmet", "braked", "failed")  # of an account, from good to bad
_KINDS = {"action": Action, "reason": Reason, "size_reason": SizeReason}
_CODES = {name: np.array([member.code for member in kind], object) for name, kind in _KINDS.items()}


@dataclass(frozen=True)
class Pass:
    """One pass of the kernel over all accounts of a table. `decided` has shape (rows of the table,), in their order."""

    candidates: Candidates
    limits: RebalancingLimits
    decided: Records
    braked: Flags  # (accounts,)
    unmet: Flags  # (accounts,)
    checks: list[Measured]  # of a single account
    targets: Any  # the table with the result's columns, copied at once, so later changes to the input do not matter

    @classmethod
    def of(
        cls,
        table: Any,
        candidates: Candidates,
        limits: RebalancingLimits,
        decided: Records,
        braked: Flags,
        measured: Certified,
    ) -> Pass:
        """A pass with the targets of its table."""
        targets = with_columns(table, output_columns(decided, candidates.account_of, candidates.faults))
        return cls(candidates, limits, decided, braked, measured.unmet, measured.checks, targets)

    @property
    def content(self) -> tuple[Any, ...]:
        """The identity of a pass: its input and its decision."""
        return self.candidates, self.limits, self.decided, self.braked, self.unmet, self.targets

    def status(self, account: int) -> str:
        """`ok`, `cash_left`, `unmet`, `braked` or `failed`: the worst that applies to an account."""
        if account in self.candidates.faults:
            return "failed"
        if self.braked[account]:
            return "braked"
        if self.unmet[account]:
            return "unmet"
        return "cash_left" if self.cash_left[account] > 0 else "ok"

    @cached_property
    def cash_left(self) -> Floats:
        """The unwanted cash of each account."""
        return cash_left(self.candidates, self.limits, self.decided)

    def failing(self, faults: dict[int, list[Fault]]) -> Pass:
        """The same pass with more accounts failed."""
        everything = self.candidates.faults | faults
        columns = output_columns(self.decided, self.candidates.account_of, everything)
        targets = with_columns(self.targets, columns)
        return replace(self, candidates=replace(self.candidates, faults=everything), targets=targets)

    @cached_property
    def totals(self) -> tuple[Floats, Floats, Floats]:
        """The final weight in assets, the buys and sells of each account; summed by asset name, whatever the rows' order."""
        candidates, order = self.candidates, self.candidates.order
        change = self.decided["target"][order] - candidates.current_weight[order]
        columns = (self.decided["target"][order], np.maximum(change, 0.0), np.maximum(-change, 0.0))
        weight, bought, sold = (candidates.per_account(values) for values in columns)
        return weight, bought, sold


def output_columns(decided: Records, account_of: Ints, faults: dict[int, list[Fault]]) -> dict[str, Any]:
    """The result's columns; rows of failed accounts have NaN and the action `failed`."""
    codes = [_CODES[name][decided[name]] for name in ("action", "reason", "size_reason")]
    columns: dict[str, Any] = dict(zip(OUTPUTS, (decided["target"], *codes, decided["proposed"]), strict=True))
    if faults:
        failed = np.isin(account_of, list(faults))
        for name in ("action", "reason", "size_reason"):
            columns[name] = np.where(failed, "failed" if name == "action" else "", columns[name])
        for name in ("target_weight", "proposed_weight"):
            columns[name] = np.where(failed, math.nan, columns[name])
    return columns
