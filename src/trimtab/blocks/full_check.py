"""The accounts of a block that the compiled screen could not settle: every limit measured by the checker."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from trimtab.blocks.arrow_columns import BlockColumns
from trimtab.blocks.prepared_limits import PreparedLimits
from trimtab.candidates.arrow_values import Text
from trimtab.candidates.candidates import Candidates
from trimtab.candidates.columns import with_unknown
from trimtab.certificate.causes import Cause
from trimtab.certificate.certificate import STATUSES, UNMET
from trimtab.certificate.checker import certify
from trimtab.errors import InputError
from trimtab.kernel.block import Accounts, Decided
from trimtab.kernel.records import Ints
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.rebalancing.doors import broken_fault, unmet_faults


@dataclass
class CheckedAccounts:
    """The checker's verdict on some accounts: statuses of limits, unmet limits and their causes, and who fails."""

    statuses: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    unmet: int = 0  # accounts
    failed: dict[int, str] = field(default_factory=dict)

    def add(self, other: CheckedAccounts) -> None:
        """Add the verdict on other accounts."""
        self.statuses.update(other.statuses)
        self.causes.update(other.causes)
        self.unmet += other.unmet
        self.failed |= other.failed


def check_fully(
    block: BlockColumns,
    limits: PreparedLimits,
    accounts: Accounts,
    numbers: Ints,
    order: Ints,
    decided: Decided,
    own: RebalancingLimits | None = None,
) -> CheckedAccounts:
    """Measure every limit of the accounts with these numbers, with the certificate's checker; under limits of their `own`,
    if given, with the buckets of the others.
    """
    checked = CheckedAccounts()
    limits_of = accounts.limits[numbers]
    for number in np.unique(limits_of).tolist():
        candidates, rows = _candidates_of(block, limits, numbers[limits_of == number], order, number)
        checked.add(_check_under(candidates, own or limits.limits[number], numbers[limits_of == number], rows, decided))
    return checked


def _check_under(
    candidates: Candidates, limits: RebalancingLimits, accounts: Ints, rows: Ints, decided: Decided
) -> CheckedAccounts:
    """The checker's verdict on some accounts, whose rows in the block these are."""
    checked = CheckedAccounts()
    constraints, broken = certify(
        candidates,
        limits,
        target=decided.target[rows],
        proposed=decided.proposed[rows],
        selected=decided.codes[rows, 3] > 0,
        braked=decided.outcome["braked"][accounts],
    )
    names = candidates.accounts
    failing = {place: str(InputError([broken_fault(error, names[place])])) for place, error in broken.items()}
    statuses = np.zeros((len(accounts), len(STATUSES)), np.int64)
    for constraint in constraints:
        about = np.ones(len(accounts), np.bool_) if constraint.concerns is None else constraint.concerns
        np.add.at(statuses, (np.flatnonzero(about), constraint.status[about]), 1)
    for place in np.flatnonzero(statuses[:, UNMET] > 0).tolist():
        if place in failing:
            continue
        unmet = [each for each in constraints if each.is_about(place) and each.status[place] == UNMET]
        lines = [each.constraint(place) for each in unmet]
        if limits.on_unmet == "raise":
            failing[place] = str(InputError(unmet_faults(lines, names[place])))
        else:
            checked.unmet += 1
            named = (f"{line.name} of {line.node}" if line.node else line.name for line in lines)
            checked.causes.update(
                f"{name}: {Cause(line.cause).phrase}" for name, line in zip(named, lines, strict=True)
            )
    sound = np.array([place not in failing for place in range(len(accounts))], np.bool_)
    totals = statuses[sound].sum(axis=0).tolist()
    checked.statuses.update({name: count for name, count in zip(STATUSES, totals, strict=True) if count})
    checked.failed |= {int(accounts[place]): sentence for place, sentence in failing.items()}
    return checked


def _candidates_of(
    block: BlockColumns, prepared: PreparedLimits, accounts: Ints, order: Ints, limits: int
) -> tuple[Candidates, Ints]:
    """Some good accounts under the same limits, as if only their rows had come in; and which rows of the block these are."""
    sizes = np.diff(block.start)[accounts]
    start = np.concatenate([[0], np.cumsum(sizes)])
    rows = np.repeat(block.start[accounts] - start[:-1], sizes) + np.arange(start[-1])
    codes = block.bucket.codes[rows]
    candidates = Candidates.from_block(
        block,
        rows,
        accounts=block.accounts.take(pa.array(accounts)).to_pylist(),
        start=start,
        order=order[rows] - rows + np.arange(start[-1]),
        bucket=with_unknown(Text(codes, block.bucket.names)),
        leaf=prepared.bucket_nodes(tuple(block.bucket.names)).kernel[limits][codes],
        tree=prepared.trees[limits],
    )
    return replace(candidates, correlations=prepared.correlations), rows
