"""The pre-flight: what a rebalance would report, without its targets (rules, section 10).

The rules run as usual, and only what they could not do is kept. So no warning is a guess.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimtab.candidates.candidates import Candidates
from trimtab.candidates.read import read
from trimtab.candidates.unused_inputs import unused_inputs
from trimtab.candidates.user_table import table_in
from trimtab.errors import Fault, InputError, LimitsError, listed
from trimtab.explanations.conflicts import Conflict, conflicts_of
from trimtab.explanations.reruns import Reruns
from trimtab.facts.cash import cash_left_sentence
from trimtab.kernel.records import Ints, Records
from trimtab.limits.given_limits import given_limits
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.reasons import ENTERED_REASONS, Reason
from trimtab.rebalancing.cash_left import cash_left
from trimtab.rebalancing.certified import certified, unmet_limits, unmet_sentence
from trimtab.rebalancing.decide import decide
from trimtab.rebalancing.exposure_findings import full_exposures, unknown_schemes
from trimtab.text import counted, figure, percent

_REASONED = 200  # accounts whose cash is explained; the others only get the amount
_UNUSED = {  # warnings, not just notes
    *(
        "all_unknown",
        "buckets_off",
        "correlations_off",
        "exposures_off",
        "near_asset",
        "near_bucket",
        "no_effect",
        "no_sizing_input",
    ),
}
_CODES = {
    "min_buckets_represented": "representation",
    "min_allocation": "minimum_unreachable",
    "min_exposure": "exposure_unreachable",
}


@dataclass(frozen=True)
class Finding:
    """One thing found: `level` is `error` (nothing can be decided) or `warning`."""

    level: str
    code: str
    text: str
    account: Any = None
    fault: Fault | None = None  # set if the text is that of a fault in the table


@dataclass(frozen=True)
class Preflight:
    """All findings, errors first; and with `explain`, which limits conflict in which account."""

    findings: tuple[Finding, ...]
    conflicts: tuple[tuple[Any, Conflict], ...] = ()  # each with its account

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that prevent a rebalance."""
        return tuple(finding for finding in self.findings if finding.level == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings about unmet limits, cash and surprises."""
        return tuple(finding for finding in self.findings if finding.level == "warning")

    @property
    def ok(self) -> bool:
        """Whether there are no errors."""
        return not self.errors


def check(
    candidates: Any,
    limits: RebalancingLimits | None = None,
    *,
    correlations: Any = None,
    exposures: Any = None,
    explain: bool = False,
) -> Preflight:
    """Report what a rebalance of these candidates would refuse, leave unmet or leave in cash; changes nothing.

    Takes what `rebalance` and `rebalance_many` take (an `account` column makes it many), and `correlations` and `exposures` as they do.
    `explain` also finds, for each limit that will be unmet and for cash that will be left, the limits that conflict and
    what would help.

    Examples
    --------
    >>> import trimtab
    >>> limits = trimtab.RebalancingLimits(enable_bucket_diversification=True, min_buckets_represented=2)
    >>> preflight = trimtab.check([{"asset": "AAA", "score": 0.9, "bucket": "Tech"}], limits)
    >>> [finding.code for finding in preflight.warnings]
    ['representation', 'cash_forced']
    """
    limits = given_limits(limits)
    try:
        table = read(
            table_in(candidates), limits, many=False, any_accounts=True, correlations=correlations, exposures=exposures
        )
    except InputError as error:
        return Preflight(
            tuple(Finding("error", "input", fault.sentence(), fault.account, fault) for fault in error.faults)
        )
    except LimitsError as error:
        return Preflight(tuple(Finding("error", "limits", fault) for fault in error.faults))
    errors = [
        Finding("error", "input", fault.sentence(), table.accounts[account], fault)
        for account, faults in table.faults.items()
        for fault in faults
    ]
    return Preflight(
        (*errors, *_general(table, limits), *_decided(table, limits)),
        tuple(_conflicts(table, limits)) if explain else (),
    )


def _conflicts(table: Candidates, limits: RebalancingLimits) -> Iterator[tuple[Any, Conflict]]:
    for account, name in enumerate(table.accounts):
        if account not in table.faults:
            alone, _ = table.only(account)
            yield from ((name, conflict) for conflict in conflicts_of(Reruns.of(alone, limits)))


def _general(table: Candidates, limits: RebalancingLimits) -> Iterator[Finding]:
    """The findings about the whole table."""
    yield from (Finding("warning", code, text) for code, text in unused_inputs(table, limits) if code in _UNUSED)
    yield from (Finding("warning", "exposure_table", text) for text in unknown_schemes(table, limits))
    if table.correlations is not None and limits.max_correlation is not None:
        unknown = sorted({name for name in table.asset.names if name not in table.correlations.place_of})
        if unknown:
            yield Finding(
                "warning",
                "correlations_missing",
                f"{counted(len(unknown), 'candidate')} without correlations; an unknown one counts as above max_correlation "
                f"{figure(limits.max_correlation)}, so such an asset is bought only into an empty bucket: {listed(unknown)}",
            )


def _decided(table: Candidates, limits: RebalancingLimits) -> Iterator[Finding]:
    """The findings about each account."""
    decided, braked = decide(table, limits)
    measured, left = certified(table, limits, decided, braked), cash_left(table, limits, decided)
    filled = full_exposures(table, limits, decided)
    unmet, full = unmet_limits(table, limits, decided, braked, measured), _holdings_of_full(table, limits, decided)
    concerned = measured.unmet | braked | (left > 0) | (full > 0)
    concerned[[*measured.broken, *filled]] = True
    concerned[list(table.faults)] = False  # nothing is decided there
    for number, account in enumerate(np.flatnonzero(concerned).tolist()):
        name = table.accounts[account]
        if account in measured.broken:
            yield Finding("error", "broken", str(measured.broken[account]), name)
        yield from (
            Finding("warning", _CODES[constraint.name], unmet_sentence(constraint), name)
            for constraint in unmet.get(account, ())
        )
        if braked[account]:
            yield Finding("warning", "braked", "A brake would keep every weight unchanged", name)
        elif left[account] > 0:
            alone, rows = table.only(account) if number < _REASONED else (None, None)
            reruns = None if alone is None else Reruns.of(alone, limits, decided[rows])
            yield Finding("warning", "cash_forced", _cash_forced(reruns, float(left[account]), limits), name)
        yield from (Finding("warning", "exposure_full", text, name) for text in filled.get(account, ()))
        if full[account]:
            holdings = counted(int(full[account]), "holding")
            text = f"{holdings} that stay take all of max_total_positions {limits.max_total_positions}: nothing new can be bought"
            yield Finding("warning", "slots_taken", text, name)


def _cash_forced(reruns: Reruns | None, left: float, limits: RebalancingLimits) -> str:
    """The unwanted cash of an account; with its reruns also what holds it, and how much can be invested."""
    if reruns is None:
        return f"{percent(left)} stays in cash that target_invested {figure(limits.target_invested)} would invest"
    proposed = float(reruns.answer["proposed"].sum())  # held inside its band, an asset may be above its size
    maximum = math.ceil(1000 * max(float(reruns.sizes.sum()), proposed) - 1e-6) / 1000
    return f"{cash_left_sentence(reruns, left)}; at most {maximum:.1%} can be invested in the selected assets"


def _holdings_of_full(table: Candidates, limits: RebalancingLimits, decided: Records) -> Ints:
    """The positions of accounts in which holdings take every one and keep a new asset out; 0 of others. Shape (accounts,)."""
    count, account = len(table.accounts), table.account_of
    entered = np.isin(decided["reason"], ENTERED_REASONS)
    waiting = (decided["reason"] == Reason.TOTAL_POSITION_LIMIT) & (table.current_weight <= 0)
    is_new = ~((table.current_weight > 0) & (table.current_weight >= limits.dust_weight))
    positions = decided["selected"] & (entered | (table.current_weight >= limits.dust_weight))
    sets = (waiting, entered & is_new, positions)
    kept_out, added, held = (np.bincount(account[rows], minlength=count) for rows in sets)
    return np.where((kept_out > 0) & (added == 0), held, 0)
