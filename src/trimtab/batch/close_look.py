"""The accounts of a block that compiled code cannot settle: what is wrong with them, and what excuses their limits."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from trimtab.batch.coded import COLUMNS, LIMITS_ID, Coded
from trimtab.batch.rules import Rules
from trimtab.candidates import Candidates, read
from trimtab.certificate import STATUSES, UNMET
from trimtab.checker import certify
from trimtab.columns import Text
from trimtab.errors import Fault, InputError, nearest
from trimtab.kernel.tables import Flags, Floats, Ints
from trimtab.rebalancing import broken_fault, unmet_faults

_CAUSE_ENDS = re.compile(r"[;:]| for ")


@dataclass
class Findings:
    """What the checker says of some accounts: statuses of limits, causes of the unmet, and accounts that fail by it."""

    statuses: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    unmet: int = 0
    failed: dict[int, str] = field(default_factory=dict)


def faults_of(block: Coded, rules: Rules, account: int, limits: int) -> str:
    """What is wrong with one account, empty where nothing is; rows are counted from the account's first."""
    begin, end = int(block.start[account]), int(block.start[account + 1])
    names = [name for name in block.table.column_names if name in COLUMNS and name != LIMITS_ID]
    found = read(block.table.select(names).slice(begin, end - begin), rules.known[limits], many=True)
    faults = found.faults.get(0) or _unvoted_buckets(block, rules, account, limits)
    return str(InputError(faults)) if faults else ""


def _unvoted_buckets(block: Coded, rules: Rules, account: int, limits: int) -> list[Fault]:
    """The rows whose bucket the rules do not know: without a place in the tree they would have no limits."""
    if not rules.limits[limits].enable_bucket_diversification:
        return []
    begin, end = int(block.start[account]), int(block.start[account + 1])
    unknown = rules.leaves(tuple(block.bucket.names)).bad[limits][block.bucket.codes[begin:end]]
    problem, advice = "the bucket is none of those that the rules were made for", "count the buckets of all rows first"
    name = block.accounts[account].as_py()
    return [
        Fault(problem, advice, column="bucket", row=at + 1, value=block.bucket.at(begin + at), account=name)
        for at in np.flatnonzero(unknown).tolist()
    ]


def limits_fault(block: Coded, rules: Rules, account: int) -> str:
    """What is wrong with the `limits_id` of an account."""
    begin, end = int(block.start[account]), int(block.start[account + 1])
    name, given = block.accounts[account].as_py(), sorted({block.limits.at(row) or "" for row in range(begin, end)})
    if len(given) > 1:
        fault = Fault(
            "the rows of one account name two limits", "name one", column=LIMITS_ID, account=name, value=given
        )
    elif not given[0]:
        fault = Fault("the account names no limits", "fill it in", column=LIMITS_ID, account=name)
    else:
        advice = nearest(given[0], [str(one) for one in rules.ids])
        fault = Fault("there are no such limits", advice, column=LIMITS_ID, account=name, value=given[0])
    return str(InputError([fault]))


def check_closely(
    block: Coded,
    rules: Rules,
    accounts: Ints,
    limits_of: Ints,
    order: Ints,
    *,
    target: Floats,
    proposed: Floats,
    selected: Flags,
    braked: Flags,
) -> Findings:
    """Every limit of these accounts (their numbers), measured by the certificate's checker."""
    found = Findings()
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
                found.causes.update(_cause(line.name, line.node, line.note) for line in lines)
        sound = np.array([at not in failing for at in range(len(mine))], np.bool_)
        summed = statuses[sound].sum(axis=0).tolist()
        found.statuses.update({name: count for name, count in zip(STATUSES, summed, strict=True) if count})
        found.failed |= {int(mine[at]): sentence for at, sentence in failing.items()}
    return found


def _cause(name: str, node: str, note: str) -> str:
    """Why a limit is unmet, without what is of one account alone."""
    return f"{name}{' of ' + node if node else ''}: {_CAUSE_ENDS.split(note)[0]}"


def _only(block: Coded, rules: Rules, accounts: Ints, order: Ints, limits: int) -> tuple[Candidates, Ints]:
    """Some good accounts as if only their rows had come in; and which rows of the block these are."""
    sizes = np.diff(block.start)[accounts]
    start = np.concatenate([[0], np.cumsum(sizes)])
    rows = np.repeat(block.start[accounts] - start[:-1], sizes) + np.arange(start[-1])
    names = [name if name.strip() else "Unknown" for name in block.bucket.names] + ["Unknown"]
    unique = list(dict.fromkeys(names))
    number = {name: at for at, name in enumerate(unique)}
    code = np.array([number[name] for name in names], np.int64)[block.bucket.codes[rows]]
    most = block.max_weight[rows]
    return (
        Candidates(
            accounts=block.accounts.take(pa.array(accounts)).to_pylist(),
            account_of=np.repeat(np.arange(len(accounts)), sizes),
            asset=Text(block.asset.codes[rows], block.asset.names),
            bucket=Text(code, unique),
            bucket_given=True,
            restriction=block.restriction[rows].astype(np.int64),
            score=block.score[rows],
            current_weight=block.current_weight[rows],
            max_weight=np.where(np.isnan(most), math.inf, most),
            desired_weight=block.desired_weight[rows],
            volatility=block.volatility[rows],
            order=order[rows] - rows + np.arange(start[-1]),
            start=start,
            leaf=rules.leaves(tuple(block.bucket.names)).kernel[limits][block.bucket.codes[rows]],
            tree=rules.grown[limits],
            faults={},
            unused_columns=(),
        ),
        rows,
    )


def listed_failures(failed: dict[int, str], accounts: pa.Array, reported: Iterable[int]) -> pa.Table:
    """Failed accounts, in the order that they came in, each with its reason."""
    numbers = sorted(reported)
    return pa.table(
        {
            "account": accounts.take(pa.array(numbers, pa.int64())),
            "reason": pa.array([failed[number] for number in numbers], pa.string()),
        }
    )
