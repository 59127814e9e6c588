"""The block function: whole accounts in, their targets out. The unit of every batch, on one machine or on many.

It gives the same bits as `rebalance_many` for the same rows, and runs on the thread that calls; compiled code and Arrow
release the interpreter, so several threads may each be in a block of their own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trimtab.blocks.arrow_columns import LIMITS_ID, BlockColumns, read_block_columns
from trimtab.blocks.counts import Counts
from trimtab.blocks.failures import faults_of, limits_fault, listed_failures
from trimtab.blocks.full_check import check_fully
from trimtab.blocks.precheck import precheck_block
from trimtab.blocks.prepared_limits import BucketNodes, PreparedLimits
from trimtab.candidates.arrow_values import Text
from trimtab.candidates.checks import RESTRICTIONS
from trimtab.certificate.screen import ScreenColumns, ScreenLimits, screen_block
from trimtab.errors import Fault, InputError
from trimtab.kernel.block import OUTCOME, rebalance_block
from trimtab.kernel.records import Flags, Floats, Ints, Records
from trimtab.reasons import Action, Reason, SizeReason

_ACTIONS = [member.code for member in Action]
_REASONS = list(dict.fromkeys(member.code for member in Reason))
_REASON_CODE = np.array([_REASONS.index(member.code) for member in Reason], np.int8)
_SIZE_REASONS = [member.code for member in SizeReason]
_FORBIDS_SELLING = np.array([code in {"no_sell", "no_trade"} for code in RESTRICTIONS])
_FORBIDS_BUYING = np.array([code in {"no_buy", "no_trade"} for code in RESTRICTIONS])
_PLAY = 1e-12


@dataclass(frozen=True)
class Block:
    """The targets of the good accounts, the failed ones with their reason, and what was counted.

    `targets` has the rows in the order that they came in: `account`, `asset`, `target_weight`, `proposed_weight` (null but
    in braked accounts), and as dictionary codes `action`, `reason`, `size_reason`. `failed` has `account` and `reason`.
    """

    targets: pa.Table
    failed: pa.Table
    counts: Counts


@dataclass(frozen=True)
class _Decided:
    """What the kernel decides. Shape (rows,), `codes` (rows, 4), `outcome` (accounts,)."""

    target: Floats
    proposed: Floats
    codes: Records
    outcome: Records


def decide_block(table: pa.Table, rules: PreparedLimits) -> Block:
    """Rebalance whole accounts that stand one after another.

    Raises
    ------
    InputError
        A table of which no account can be read, no rows, or an account in two places.
    """
    if table.num_rows == 0:
        raise InputError([Fault("there are no candidates", "give a table with at least one row")])
    block = read_block_columns(table)
    limits_of, failed = _limits_of(block, rules)
    bucket_nodes = rules.bucket_nodes(tuple(block.bucket.names))
    order, wrong = _prechecked(block, rules, bucket_nodes, limits_of)
    for account in np.flatnonzero(wrong).tolist():
        if account not in failed:
            by_limits = wrong[account] > 1
            fault = limits_fault(block, rules, account) if by_limits else ""
            fault = fault or faults_of(block, rules, account, int(limits_of[account]))
            if fault:
                failed[account] = fault
    left_out = _flags(failed, len(block.accounts))
    decided = _decided(block, rules, bucket_nodes, limits_of, order, left_out)
    selected, braked = decided.codes[:, 3] > 0, decided.outcome["braked"]
    proven, drifted = _screened(block, rules, bucket_nodes, limits_of, left_out | braked, decided, selected)
    close = np.flatnonzero((proven < 0) & ~left_out)
    found = check_fully(
        block,
        rules,
        close,
        limits_of,
        order,
        target=decided.target,
        proposed=decided.proposed,
        selected=selected,
        braked=braked,
    )
    failed |= found.failed
    left_out = _flags(failed, len(block.accounts))
    statuses = found.statuses
    statuses["met"] += int(proven[proven > 0].sum() - drifted.sum())
    statuses["drifted"] += int(drifted.sum())
    counts = _counted(block, rules, limits_of, decided, left_out)
    counts |= {"certificate": {name: count for name, count in statuses.items() if count}}
    counts |= {"unmet": found.unmet, "unmet_causes": dict(found.causes), "fully_checked": len(close)}
    return Block(
        _targets(block, decided, left_out),
        listed_failures(failed, block.accounts, failed),
        Counts.total([Counts(**counts)]),
    )


def _flags(failed: dict[int, str], accounts: int) -> Flags:
    found = np.zeros(accounts, np.bool_)
    found[list(failed)] = True
    return found


def _limits_of(block: BlockColumns, rules: PreparedLimits) -> tuple[Ints, dict[int, str]]:
    """The limits of each account, and the accounts that have none."""
    if tuple(rules.ids) == (None,):
        return np.zeros(len(block.accounts), np.int64), {}
    if LIMITS_ID not in block.table.column_names:
        advice = "add it, or give one set of limits for all accounts"
        raise InputError([Fault("the column is missing", advice, column=LIMITS_ID)])
    number = np.array([*(rules.ids.get(name, -1) for name in block.limits.names), -1], np.int64)
    found = number[block.limits.codes[block.start[:-1]]]
    without = np.flatnonzero(found < 0).tolist()
    return np.maximum(found, 0), {account: limits_fault(block, rules, account) for account in without}


def _prechecked(
    block: BlockColumns, rules: PreparedLimits, bucket_nodes: BucketNodes, limits_of: Ints
) -> tuple[Records, Records]:
    names = block.asset.names
    rank = np.zeros(len(names) + 1, np.int32)
    rank[np.array(sorted(range(len(names)), key=names.__getitem__), np.int64)] = np.arange(len(names))
    bad = np.array([*(not name.strip() or name != name.strip() for name in names), True], np.bool_)
    order, wrong = np.zeros(block.size, np.int32), np.zeros(len(block.accounts), np.int8)
    limits = block.limits if tuple(rules.ids) != (None,) else Text(np.zeros(block.size, np.int32), [])
    precheck_block(
        block.start,
        limits_of,
        limits.codes,
        block.asset.codes,
        rank,
        bad,
        block.bucket.codes,
        bucket_nodes.bad,
        block.restriction,
        block.score,
        block.current_weight,
        block.max_weight,
        block.desired_weight,
        block.volatility,
        rules.refuses_unscored,
        order,
        wrong,
    )
    return order, wrong


def _decided(
    block: BlockColumns, rules: PreparedLimits, bucket_nodes: BucketNodes, limits_of: Ints, order: Ints, left_out: Flags
) -> _Decided:
    found = _Decided(
        np.zeros(block.size),
        np.zeros(block.size),
        np.zeros((block.size, 4), np.int8),
        np.zeros(len(block.accounts), OUTCOME),
    )
    rebalance_block(
        order,
        block.start,
        left_out,
        limits_of,
        block.bucket.codes,
        bucket_nodes.kernel,
        block.restriction,
        block.score,
        block.current_weight,
        block.max_weight,
        block.desired_weight,
        block.volatility,
        rules.settings,
        rules.trees,
        rules.tree_start,
        found.target,
        found.proposed,
        found.codes,
        found.outcome,
    )
    return found


def _screened(
    block: BlockColumns,
    rules: PreparedLimits,
    bucket_nodes: BucketNodes,
    limits_of: Ints,
    left_out: Flags,
    decided: _Decided,
    selected: Flags,
) -> tuple[Ints, Flags]:
    proven, drifted = np.zeros(len(block.accounts), np.int64), np.zeros(len(block.accounts), np.bool_)
    columns = ScreenColumns(
        block.bucket.codes,
        block.restriction,
        block.score,
        block.current_weight,
        block.max_weight,
        block.desired_weight,
        block.volatility,
        decided.target,
        decided.proposed,
        selected,
    )
    limits = ScreenLimits(
        rules.bounds,
        rules.bucket_limits,
        rules.bucket_limits_start,
        bucket_nodes.checker,
        _FORBIDS_SELLING,
        _FORBIDS_BUYING,
    )
    screen_block(block.start, left_out, limits_of, columns, limits, proven, drifted)
    return proven, drifted


def _counted(
    block: BlockColumns, rules: PreparedLimits, limits_of: Ints, decided: _Decided, left_out: Flags
) -> dict[str, Any]:
    """The fields of `Counts` that come from the decisions."""
    sizes = np.diff(block.start)
    good_row = np.repeat(~left_out, sizes)
    outcome, limits = decided.outcome[~left_out], limits_of[~left_out]
    turnover = np.maximum(outcome["bought"], outcome["sold"])
    aims = np.array([one.target_invested for one in rules.limits])[limits]
    cash = 1.0 - outcome["total"]
    codes = decided.codes if good_row.all() else decided.codes[good_row]
    return {
        "rows": block.size,
        "accounts": len(left_out),
        "failed": int(left_out.sum()),
        "traded": int((turnover > 0).sum()),
        "braked": int(outcome["braked"].sum()),
        "positions": int(outcome["positions"].sum()),
        "held": int(outcome["held"].sum()),
        "closed": int(outcome["closed"].sum()),
        "turnover": math.fsum(turnover),
        "cash": math.fsum(cash),
        "cash_forced": math.fsum(np.maximum(cash - (1.0 - aims) - _PLAY, 0.0)),
        "actions": _tally(codes[:, 0], _ACTIONS),
        "reasons": _tally(_REASON_CODE[codes[:, 1]], _REASONS),
        "size_reasons": _tally(codes[:, 2], _SIZE_REASONS),
    }


def _tally(codes: Records, names: list[str]) -> dict[str, int]:
    counts = np.bincount(codes, minlength=len(names)).tolist()
    return {name: count for name, count in zip(names, counts, strict=True) if count and name}


def _targets(block: BlockColumns, decided: _Decided, left_out: Flags) -> pa.Table:
    braked = decided.outcome["braked"]
    proposed = pa.nulls(block.size, pa.float64())
    if braked.any():
        proposed = pa.array(decided.proposed, mask=np.repeat(~braked, np.diff(block.start)))
    table = pa.table(
        {
            "account": block.account_column,
            "asset": block.asset_column,
            "target_weight": pa.array(decided.target),
            "proposed_weight": proposed,
            "action": _coded_column(decided.codes[:, 0], _ACTIONS),
            "reason": _coded_column(_REASON_CODE[decided.codes[:, 1]], _REASONS),
            "size_reason": _coded_column(decided.codes[:, 2], _SIZE_REASONS),
        }
    )
    if not left_out.any():
        return table
    return table.filter(pc.invert(pa.array(np.repeat(left_out, np.diff(block.start)))))


def _coded_column(codes: Records, names: list[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(np.ascontiguousarray(codes)), pa.array(names))
