"""The pre-flight: what a rebalance would report, without its targets (rules, section 10).

The rules run as usual, and only what they could not do is kept. So no warning is a guess.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimtab.candidates.candidates import Candidates
from trimtab.candidates.read import read
from trimtab.candidates.unused_inputs import unused_inputs
from trimtab.certificate.certificate import Constraint
from trimtab.errors import Fault, InputError, LimitsError, listed
from trimtab.explanations.conflicts import Conflict, conflicts_of
from trimtab.explanations.reruns import Reruns
from trimtab.facts.cash import cash_left_sentence
from trimtab.kernel.records import ROOT, Records
from trimtab.limits.given_limits import given_limits
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.reasons import ENTERED_REASONS, Reason
from trimtab.rebalancing.cash_left import cash_left
from trimtab.rebalancing.certified import Certified, certified, unmet_sentence
from trimtab.rebalancing.decide import decide
from trimtab.text import counted, figure, percent

_REASONED = 200  # accounts whose cash is explained; the others only get the amount
_UNUSED = {  # warnings, not just notes
    *("all_unknown", "buckets_off", "correlations_off", "near_bucket", "no_effect", "no_sizing_input"),
}
_CODES = {"min_buckets_represented": "representation", "min_allocation": "minimum_unreachable"}


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
    candidates: Any, limits: RebalancingLimits | None = None, *, correlations: Any = None, explain: bool = False
) -> Preflight:
    """Report what a rebalance of these candidates would refuse, leave unmet or leave in cash; changes nothing.

    Takes what `rebalance` and `rebalance_many` take (an `account` column makes it many), and `correlations` as they do.
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
        table = read(candidates, limits, many=False, any_accounts=True, correlations=correlations)
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
    concerned = measured.unmet | braked | (left > 0) | _has_full_account(table, limits, decided)
    concerned[list(measured.broken)] = True
    for number, account in enumerate(np.flatnonzero(concerned).tolist()):
        name = table.accounts[account]
        alone, rows = table.only(account)
        if account in measured.broken:
            yield Finding("error", "broken", str(measured.broken[account]), name)
        if measured.unmet[account]:
            yield from _unmet(certified(alone, limits, decided[rows], braked[account : account + 1]), name)
        if braked[account]:
            yield Finding("warning", "braked", "A brake would keep every weight unchanged", name)
        elif left[account] > 0:
            reruns = Reruns.of(alone, limits, decided[rows]) if number < _REASONED else None
            amount = percent(float(left[account]))
            target = f"target_invested {figure(limits.target_invested)}"
            text = (
                f"{amount} stays in cash that {target} would invest"
                if reruns is None
                else cash_left_sentence(reruns, float(left[account]))
            )
            yield Finding("warning", "cash_forced", text, name)
        yield from _full_account(alone, limits, decided[rows], name)


def _unmet(measured: Certified, name: Any) -> Iterator[Finding]:
    for constraint in _constraints(measured):
        yield Finding("warning", _CODES[constraint.name], unmet_sentence(constraint), name)


def _constraints(measured: Certified) -> Iterator[Constraint]:
    for check_ in measured.checks:  # of one account alone: each is about it
        constraint = check_.constraint(0)
        if constraint.status == "unmet":
            yield constraint


def _has_full_account(table: Candidates, limits: RebalancingLimits, decided: Records) -> Any:
    """Accounts in which holdings take every position and keep a new asset out. Shape (accounts,)."""
    waiting = (decided["reason"] == Reason.TOTAL_POSITION_LIMIT) & (table.current_weight <= 0)
    holding = (table.current_weight > 0) & (table.current_weight >= limits.dust_weight)
    entered = np.isin(decided["reason"], ENTERED_REASONS) & ~holding
    count = len(table.accounts)
    return (np.bincount(table.account_of[waiting], minlength=count) > 0) & (
        np.bincount(table.account_of[entered], minlength=count) == 0
    )


def _full_account(alone: Candidates, limits: RebalancingLimits, decided: Records, name: Any) -> Iterator[Finding]:
    if _has_full_account(alone, limits, decided)[0]:
        positions = Reruns.of(alone, limits, decided).places.positions(ROOT)
        yield Finding(
            "warning",
            "slots_taken",
            f"{counted(positions, 'holding')} that stay take all of max_total_positions {limits.max_total_positions}: nothing new can be bought",
            name,
        )
