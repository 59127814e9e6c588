"""The accounts of a block that compiled code cannot settle: what is wrong with them, and what excuses their limits."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from trimtab.blocks.arrow_columns import BlockColumns
from trimtab.blocks.prepared_limits import PreparedLimits
from trimtab.candidates.arrow_values import Text
from trimtab.candidates.candidates import Candidates
from trimtab.candidates.columns import with_unknown
from trimtab.certificate.causes import Cause
from trimtab.certificate.certificate import STATUSES, UNMET, Constraint
from trimtab.certificate.checker import certify
from trimtab.errors import InputError
from trimtab.kernel.records import Flags, Floats, Ints
from trimtab.rebalancing.doors import broken_fault, unmet_faults


@dataclass
class CheckedAccounts:
    """What the checker says of some accounts: statuses of limits, causes of the unmet, and accounts that fail by it."""

    statuses: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    unmet: int = 0
    failed: dict[int, str] = field(default_factory=dict)


def check_fully(
    block: BlockColumns,
    rules: PreparedLimits,
    accounts: Ints,
    limits_of: Ints,
    order: Ints,
    *,
    target: Floats,
    proposed: Floats,
    selected: Flags,
    braked: Flags,
) -> CheckedAccounts:
    """Every limit of these accounts (their numbers), measured by the certificate's checker."""
    found = CheckedAccounts()
    for limits in np.unique(limits_of[accounts]).tolist():
        mine = accounts[limits_of[accounts] == limits]
        chosen, rows = _only(block, rules, mine, order, limits)
        checks, broken = certify(
            chosen,
            rules.limits[limits],
            target=target[rows],
            proposed=proposed[rows],
            selected=selected[rows],
            braked=braked[mine],
        )
        failing = {at: str(InputError([broken_fault(error, chosen.accounts[at])])) for at, error in broken.items()}
        statuses = np.zeros((len(mine), len(STATUSES)), np.int64)
        for check in checks:
            about = np.ones(len(mine), np.bool_) if check.concerns is None else check.concerns
            np.add.at(statuses, (np.flatnonzero(about), check.status[about]), 1)
        unmet = np.flatnonzero(statuses[:, UNMET] > 0).tolist()
        for at in unmet:
            lines = [check.constraint(at) for check in checks if check.is_about(at) and check.status[at] == UNMET]
            if rules.limits[limits].on_unmet == "raise" and at not in failing:
                failing[at] = str(InputError(unmet_faults(lines, chosen.accounts[at])))
            elif at not in failing:
                found.unmet += 1
                found.causes.update(_cause(line) for line in lines)
        sound = np.array([at not in failing for at in range(len(mine))], np.bool_)
        summed = statuses[sound].sum(axis=0).tolist()
        found.statuses.update({name: count for name, count in zip(STATUSES, summed, strict=True) if count})
        found.failed |= {int(mine[at]): sentence for at, sentence in failing.items()}
    return found


def _cause(line: Constraint) -> str:
    """Why a limit is unmet, without the facts of one account."""
    return f"{line.name}{' of ' + line.node if line.node else ''}: {Cause(line.cause).phrase}"


def _only(
    block: BlockColumns, rules: PreparedLimits, accounts: Ints, order: Ints, limits: int
) -> tuple[Candidates, Ints]:
    """Some good accounts as if only their rows had come in; and which rows of the block these are."""
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
        leaf=rules.bucket_nodes(tuple(block.bucket.names)).kernel[limits][codes],
        tree=rules.grown[limits],
    )
    return candidates, rows
