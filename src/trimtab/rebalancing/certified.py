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

_CELLS = 2_000_000  # accounts times buckets that are measured at once


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
    for first, stop in _parts(candidates):
        part, rows = candidates.between(first, stop)
        answer = decided[rows]
        checks, errors = certify(
            part,
            limits,
            target=answer["target"],
            proposed=answer["proposed"],
            selected=answer["selected"],
            braked=braked[first:stop],
        )
        broken |= {first + account: error for account, error in errors.items()}
        for check in checks:
            unmet[first:stop] |= check.status == UNMET
    return Certified(unmet, broken, checks if count == 1 else [])


def unmet_sentence(constraint: Constraint) -> str:
    """An unmet limit in words: the value reached, the limit, and the cause."""
    name = f"{constraint.name}{f' of {constraint.node}' if constraint.node else ''}"
    return f"{name} is {figure(constraint.measured)} instead of {figure(constraint.limit)}: {constraint.note}"


def _parts(candidates: Candidates) -> Iterator[tuple[int, int]]:
    """Ranges of accounts that are measured at once."""
    count = len(candidates.accounts)
    size = max(1, _CELLS // max(1, len(candidates.bucket.names)))
    for first in range(0, count, size):
        yield first, min(first + size, count)
