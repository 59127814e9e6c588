"""A table of candidates: loaded, checked, and built into candidates."""

from __future__ import annotations

from typing import Any

import numpy as np

from trimtab.candidates.candidates import Candidates, build
from trimtab.candidates.checks import check
from trimtab.candidates.columns import load
from trimtab.candidates.correlations import Correlations, correlations_of
from trimtab.candidates.exposure_rows import exposure_rows
from trimtab.candidates.exposures import Exposures, account_numbers, exposures_of
from trimtab.errors import Fault, InputError, LimitsError
from trimtab.limits.exposure_limits import limits_exposures
from trimtab.limits.rebalancing_limits import RebalancingLimits


def read(
    table: Any,
    limits: RebalancingLimits,
    *,
    many: bool,
    any_accounts: bool = False,
    may_be_empty: bool = False,
    correlations: Any = None,
    exposures: Any = None,
) -> Candidates:
    """Read and check a table of candidates: `many` accounts (the column must be there), one, or `any_accounts`. A table
    without rows is refused unless it `may_be_empty`.

    `correlations`: what `correlations_of` takes; needed where the limits have a `max_correlation`. `exposures`: what
    `exposures_of` takes; needed where the limits have exposures.

    A fault of the table as a whole raises; faults in the rows of one account are kept in `faults`
    beside the good accounts.

    Raises
    ------
    InputError
        No table, no rows, a missing or misspelled column, a column of the wrong type.
    LimitsError
        Limits for a bucket or a scheme that does not exist; a `max_correlation` without correlations, or limits of
        exposures without a table of them.
    """
    related = _correlations(correlations, limits)
    raw = load(table, many=many)
    exposed = _exposures(exposures, limits, raw.accounts)
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
    return build(raw, limits, faults, related, exposed)


def _correlations(table: Any, limits: RebalancingLimits) -> Correlations | None:
    if table is not None:
        return correlations_of(table)
    if limits.max_correlation is not None:
        advice = "give the correlations of the candidates (correlations=, or --correlations), or leave it out"
        raise LimitsError([f"max_correlation is {limits.max_correlation:g}, but there are no correlations: {advice}"])
    return None


def _exposures(exposures: Any, limits: RebalancingLimits, accounts: list[Any]) -> Exposures | None:
    if exposures is not None:
        table = exposures_of(exposures)
        exposure_rows(table, limits)
        if table.accounts:
            account_numbers(table, accounts)
        return table
    if limits_exposures(limits):
        advice = "give the exposures of the candidates (exposures=, or --exposures), leave them out, or set enforce_exposure_limits to false"
        raise LimitsError([f"exposures have limits, but there is no table of exposures here: {advice}"])
    return None
