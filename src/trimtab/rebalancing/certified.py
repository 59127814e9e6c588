"""A pass with every limit measured: of one account in full, of many in parts, to keep memory bounded with many accounts
and many buckets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from trimtab.candidates.candidates import Candidates
from trimtab.certificate.certificate import UNMET, Constraint, Measured
from trimtab.certificate.checker import certify
from trimtab.errors import BrokenLimitError
from trimtab.kernel.records import Flags, Records
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.text import figure

_CELLS = 2_000_000  # accounts times buckets, of the tree or of all schemes, that are measured at once
_EXCUSED = 64  # accounts whose unmet limits get their causes at once


class Certified(NamedTuple):
    """Which accounts have an unmet limit (shape (accounts,)), what is broken by account, and the limits of a single one."""

    unmet: Flags
    broken: dict[int, BrokenLimitError]
    checks: list[Measured]


def certified(candidates: Candidates, limits: RebalancingLimits, decided: Records, braked: Flags) -> Certified:
    """Every limit of every good account, measured in `decided`, which has shape (rows,), in the order of the table."""
    count = len(candidates.accounts)
    unmet = np.zeros(count, np.bool_)
    broken: dict[int, BrokenLimitError] = {}
    checks: list[Measured] = []
    for first, stop in _parts(candidates, limits):
        part, rows = candidates.between(first, stop)
        checks, errors = _certify(part, limits, decided[rows], braked[first:stop])
        broken |= {first + account: error for account, error in errors.items()}
        for check in checks:
            unmet[first:stop] |= check.status == UNMET
    return Certified(unmet, broken, checks if count == 1 else [])


def _certify(
    part: Candidates, limits: RebalancingLimits, decided: Records, braked: Flags
) -> tuple[list[Measured], dict[int, BrokenLimitError]]:
    target, proposed, selected = (decided[name] for name in ("target", "proposed", "selected"))
    return certify(part, limits, target=target, proposed=proposed, selected=selected, braked=braked)


def unmet_limits(
    candidates: Candidates, limits: RebalancingLimits, decided: Records, braked: Flags, measured: Certified
) -> dict[int, list[Constraint]]:
    """The unmet limits of each account that has any. A cause looks at all rows it is given, so few accounts at a time."""
    outcome: dict[int, list[Constraint]] = {}
    for first, stop in _parts(candidates, limits, _EXCUSED):
        if measured.unmet[first:stop].any():
            part, rows = candidates.between(first, stop)
            for check in _certify(part, limits, decided[rows], braked[first:stop])[0]:
                for account in np.flatnonzero(check.status == UNMET).tolist():
                    outcome.setdefault(first + account, []).append(check.constraint(account))
    return outcome


def unmet_sentence(constraint: Constraint) -> str:
    """An unmet limit in words: the value reached, the limit, and the cause."""
    name = f"{constraint.name}{f' of {constraint.node}' if constraint.node else ''}"
    return f"{name} is {figure(constraint.measured)} instead of {figure(constraint.limit)}: {constraint.note}"


def _parts(candidates: Candidates, limits: RebalancingLimits, max_accounts: int = _CELLS) -> Iterator[tuple[int, int]]:
    """Ranges of at most `max_accounts` accounts, measured together."""
    count = len(candidates.accounts)
    buckets = max(len(candidates.bucket.names), len(candidates.exposure_rows(limits).rows))
    size = max(1, min(max_accounts, _CELLS // max(1, buckets)))
    for first in range(0, count, size):
        yield first, min(first + size, count)
