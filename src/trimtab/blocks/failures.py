"""Why accounts fail."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from trimtab.blocks.arrow_columns import COLUMNS, LIMITS_ID, BlockColumns
from trimtab.blocks.prepared_limits import PreparedLimits
from trimtab.candidates.read import read
from trimtab.errors import Fault, InputError, nearest


def faults_of(block: BlockColumns, prepared: PreparedLimits, account: int, limits: int) -> str:
    """The faults of one account, empty for a sound one; rows are counted from the account's first."""
    begin, end = int(block.start[account]), int(block.start[account + 1])
    names = [name for name in block.table.column_names if name in COLUMNS and name != LIMITS_ID]
    candidates = read(block.table.select(names).slice(begin, end - begin), prepared.known[limits], many=True)
    faults = candidates.faults.get(0) or _unvoted_buckets(block, prepared, account, limits)
    return str(InputError(faults)) if faults else ""


def _unvoted_buckets(block: BlockColumns, prepared: PreparedLimits, account: int, limits: int) -> list[Fault]:
    """The rows whose bucket is not in the tree of limits: nothing would limit them."""
    if not prepared.limits[limits].enable_bucket_diversification:
        return []
    begin, end = int(block.start[account]), int(block.start[account + 1])
    unknown = prepared.bucket_nodes(tuple(block.bucket.names)).bad[limits][block.bucket.codes[begin:end]]
    problem, advice = "the bucket was not counted beforehand", "count the buckets of all rows first"
    name = block.accounts[account].as_py()
    return [
        Fault(problem, advice, column="bucket", row=row + 1, value=block.bucket.at(begin + row), account=name)
        for row in np.flatnonzero(unknown).tolist()
    ]


def limits_fault(block: BlockColumns, prepared: PreparedLimits, account: int) -> str:
    """The fault of the `limits_id` of an account."""
    begin, end = int(block.start[account]), int(block.start[account + 1])
    limits_ids = sorted({block.limits.at(row) or "" for row in range(begin, end)})
    if len(limits_ids) > 1:
        fault = Fault("the rows of the account name two sets of limits", "name one", value=limits_ids)
    elif not limits_ids[0]:
        fault = Fault("the account names no limits", "fill it in")
    else:
        advice = nearest(limits_ids[0], [str(name) for name in prepared.ids])
        fault = Fault("no such limits", advice, value=limits_ids[0])
    return str(InputError([replace(fault, column=LIMITS_ID, account=block.accounts[account].as_py())]))


def listed_failures(failed: dict[int, str], accounts: pa.Array) -> pa.Table:
    """The failed accounts in the order that they came in, each with its reason."""
    numbers = sorted(failed)
    reasons = pa.array([failed[number] for number in numbers], pa.string())
    return pa.table({"account": accounts.take(pa.array(numbers, pa.int64())), "reason": reasons})
