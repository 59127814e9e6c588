"""`rebalance` and `rebalance_many`: a table of candidates in, a result out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from trimtab.candidates.candidates import Candidates
from trimtab.candidates.read import read
from trimtab.candidates.user_table import table_in
from trimtab.certificate.certificate import Constraint
from trimtab.errors import BrokenLimitError, Fault, UnmetLimitError
from trimtab.limits.given_limits import given_limits
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.rebalancing.certified import certified, unmet_sentence
from trimtab.rebalancing.decide import decide
from trimtab.rebalancing.decided_pass import Pass
from trimtab.rebalancing.many_result import RebalanceManyResult, alone
from trimtab.rebalancing.result import RebalanceResult


def rebalance(
    candidates: Any, limits: RebalancingLimits | None = None, *, correlations: Any = None, exposures: Any = None
) -> RebalanceResult:
    """Decide what one account holds, and how much of each.

    Parameters
    ----------
    candidates
        One row for each asset that the account could hold: a pandas, polars or pyarrow table or a list of dicts with
        the columns `asset` and `score` (0 to 1, null = could not be scored), and optionally `bucket` (a path such as
        "Equity/Tech"), `current_weight` (fraction of the account's total value, default 0), `restriction` ("",
        `no_buy`, `no_sell`, `no_trade`), `max_weight`, `desired_weight`, `volatility`. Also what `technical_scores` returns.
    limits
        What the rebalance may and must do; the defaults of `RebalancingLimits` where None.
    correlations
        What `max_correlation` is measured on: a square table with a column for each asset and the column `asset` (in
        pandas the index will do), or a long one with `asset`, `other`, `correlation`. Assets beyond the candidates do no
        harm. A missing or null pair is unknown: a new asset is then passed over.
    exposures
        The buckets of the schemes in `limits.exposures`: a table with the columns `asset`, `scheme`, `bucket`, and
        optionally `fraction` (above 0, at most 1; default 1) and `account`. The part of an asset that no row names lies
        in `Unknown`. Assets beyond the candidates do no harm.

    Raises
    ------
    InputError
        Candidates that cannot be rebalanced: names row, column, value and what to do.
    LimitsError
        Limits for a bucket that does not exist; a `max_correlation` without correlations, or exposures without a table.
    UnmetLimitError
        A limit cannot be met and `on_unmet` is "raise".

    Examples
    --------
    >>> import trimtab
    >>> result = trimtab.rebalance(
    ...     [
    ...         {"asset": "AAA", "score": 0.9, "current_weight": 0.5},
    ...         {"asset": "BBB", "score": 0.8},
    ...         {"asset": "CCC", "score": 0.4},
    ...     ]
    ... )
    >>> [(row["asset"], row["target_weight"], row["reason"]) for row in result.targets]
    [('AAA', 0.2, 'kept'), ('BBB', 0.2, 'added'), ('CCC', 0.0, 'below_threshold')]
    """
    limits = given_limits(limits)
    candidates = table_in(candidates)
    read_candidates = read(candidates, limits, many=False, correlations=correlations, exposures=exposures)
    passed, broken = _passed(candidates, read_candidates, limits)
    if broken:
        raise broken[0]
    result = RebalanceResult(passed)
    if limits.on_unmet == "raise" and result.certificate.unmet:
        raise UnmetLimitError(_unmet_sentences(result.certificate.unmet))
    return result


def rebalance_many(
    candidates: Any, limits: RebalancingLimits | None = None, *, correlations: Any = None, exposures: Any = None
) -> RebalanceManyResult:
    """Rebalance all accounts of a table in one call, on all cores; the column `account` assigns each row to one.

    `correlations` and `exposures` are those of all accounts, as `rebalance` takes them.

    A bad account appears in the result as failed, with its faults, and never affects the others; with `on_unmet =
    "raise"`
    that includes accounts with a limit that cannot be met.

    Raises
    ------
    InputError
        The table as a whole cannot be read: a missing column, a column of the wrong type, a row without account.
    LimitsError
        Limits for a bucket that does not exist; a `max_correlation` without correlations, or exposures without a table.
    """
    limits = given_limits(limits)
    candidates = table_in(candidates)
    read_candidates = read(candidates, limits, many=True, correlations=correlations, exposures=exposures)
    passed, broken = _passed(candidates, read_candidates, limits)
    if broken:  # a bug must not affect the others
        names = passed.candidates.accounts
        passed = passed.failing({account: [broken_fault(error, names[account])] for account, error in broken.items()})
    return RebalanceManyResult(_failing_unmet(passed) if limits.on_unmet == "raise" else passed)


def _passed(table: Any, candidates: Candidates, limits: RebalancingLimits) -> tuple[Pass, dict[int, BrokenLimitError]]:
    """The decision of the rules, with every limit measured; and by account the broken ones."""
    decided, braked = decide(candidates, limits)
    measured = certified(candidates, limits, decided, braked)
    return Pass.of(table, candidates, limits, decided, braked, measured), measured.broken


def broken_fault(error: BrokenLimitError, account: Any) -> Fault:
    """The error that fails an account whose result breaks a limit."""
    return Fault(str(error), "please report it with the account's rows", account=account)


def _failing_unmet(passed: Pass) -> Pass:
    """The same pass, with accounts that have an unmet limit marked as failed."""
    candidates = passed.candidates
    faults: dict[int, list[Fault]] = {}
    for account in np.flatnonzero(passed.unmet).tolist():
        if account not in candidates.faults:
            faults[account] = unmet_faults(alone(passed, account).certificate.unmet, candidates.accounts[account])
    return passed.failing(faults) if faults else passed


def unmet_faults(unmet: Iterable[Constraint], account: Any) -> list[Fault]:
    """The error that fails an account with an unmet limit, where `on_unmet` is "raise"."""
    advice = "change the limit or the candidates, or let on_unmet report it"
    return [Fault(f"unmet: {text}", advice, account=account) for text in _unmet_sentences(unmet)]


def _unmet_sentences(unmet: Iterable[Constraint]) -> list[str]:
    return [unmet_sentence(constraint) for constraint in unmet]
