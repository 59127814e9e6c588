"""A table of candidates: loaded, checked, and built into candidates."""

from __future__ import annotations

from typing import Any

import numpy as np

from trimtab.candidates.candidates import Candidates, build
from trimtab.candidates.checks import check
from trimtab.candidates.columns import load
from trimtab.candidates.correlations import Correlations, correlations_of
from trimtab.errors import Fault, InputError, LimitsError
from trimtab.limits.rebalancing_limits import RebalancingLimits


def read(
    table: Any,
    limits: RebalancingLimits,
    *,
    many: bool,
    any_accounts: bool = False,
    may_be_empty: bool = False,
    correlations: Any = None,
) -> Candidates:
    """Read and check a table of candidates: `many` accounts (the column must be there), one, or `any_accounts`. A table
    without rows is refused unless it `may_be_empty`.

    `correlations`: what `correlations_of` takes; needed where the limits have a `max_correlation`.

    A fault of the table as a whole raises; faults in the rows of one account are kept in `faults`
    beside the good accounts.

    Raises
    ------
    InputError
        No table, no rows, a missing or misspelled column, a column of the wrong type.
    LimitsError
        Limits for a bucket that does not exist; a `max_correlation` without correlations.
    """
    related = _correlations(correlations, limits)
    raw = load(table, many=many)
    if raw.size == 0 and not may_be_empty:
        raise InputError([Fault("there are no candidates", "give a table with at least one row")])
    if not (many or any_accounts) and len(raw.accounts) > 1:
        problem = f"the table has {len(raw.accounts):,} accounts, where one is expected"
        advice = "give the rows of one account, or use trimtab.rebalance_many"
        row = int(np.argmax(raw.account_of > 0)) + 1
        raise InputError([Fault(problem, advice, column="account", row=row, value=raw.accounts[1])])
    faults = check(raw, limits)
    if faults.by_account and not (many or any_accounts):
        raise InputError(faults.by_account[0])
    return build(raw, limits, faults, related)


def _correlations(table: Any, limits: RebalancingLimits) -> Correlations | None:
    if table is not None:
        return correlations_of(table)
    if limits.max_correlation is not None:
        advice = "give the correlations of the candidates (correlations=, or --correlations), or leave it out"
        raise LimitsError([f"max_correlation is {limits.max_correlation:g}, but there are no correlations: {advice}"])
    return None
