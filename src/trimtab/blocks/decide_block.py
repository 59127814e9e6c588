"""The block function: whole accounts in, their targets out. The unit of every batch, on one machine or on many.

It gives the same bits as `rebalance_many` for the same rows, and runs on the calling thread; compiled code and Arrow
release the interpreter, so several threads may each be in a block of their own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from trimtab.blocks.arrow_columns import LIMITS_ID, BlockColumns, read_block_columns
from trimtab.blocks.counts import Counts
from trimtab.blocks.failures import faults_of, limits_fault, listed_failures
from trimtab.blocks.full_check import check_fully
from trimtab.blocks.precheck import Precheck, Validity, precheck_block
from trimtab.blocks.prepared_limits import BucketNodes, PreparedLimits
from trimtab.candidates.asset_names import name_fault
from trimtab.certificate.screen import ScreenLimits, screen_block
from trimtab.errors import Fault, InputError
from trimtab.kernel.block import OUTCOME, Accounts, Decided, Prepared, rebalance_block
from trimtab.kernel.records import Flags, Ints, Records
from trimtab.reasons import Action, Reason, SizeReason

_ACTIONS = [member.code for member in Action]
_REASONS = list(dict.fromkeys(member.code for member in Reason))
_REASON_CODE = np.array([_REASONS.index(member.code) for member in Reason], np.int8)
_SIZE_REASONS = [member.code for member in SizeReason]
_CASH_TOLERANCE = 1e-12


@dataclass(frozen=True)
class Block:
    """The targets of the good accounts, the failed accounts with their reasons, and what was counted.

    `targets` keeps the order of the rows that came in: `account`, `asset`, `target_weight`, `proposed_weight` (null except
    in braked accounts), and as dictionary codes `action`, `reason`, `size_reason`. `failed` has `account` and `reason`.
    """

    targets: pa.Table
    failed: pa.Table
    counts: Counts


@dataclass(frozen=True)
class _Decisions:
    """A block that is decided and checked. Rows have shape (rows,), accounts (accounts,)."""

    block: BlockColumns
    decided: Decided
    failed: dict[int, str]  # the reason, by account
    counts: Counts

    @property
    def left_out(self) -> Flags:
        """Which accounts failed."""
        return _flags(self.failed, len(self.block.accounts))


def decide_block(table: pa.Table, limits: PreparedLimits) -> Block:
    """Rebalance whole accounts that come one after another.

    Raises
    ------
    InputError
        A table in which no account can be read, no rows, or an account in two places.
    """
    decisions = _decisions_of(table, limits)
    return Block(
        _targets(decisions),
        listed_failures(decisions.failed, decisions.block.accounts),
        decisions.counts,
    )


def _decisions_of(table: pa.Table, limits: PreparedLimits) -> _Decisions:
    """Decide and check whole accounts that come one after another.

    Raises
    ------
    InputError
        As `decide_block`.
    """
    if table.num_rows == 0:
        raise InputError([Fault("there are no candidates", "give a table with at least one row")])
    block = read_block_columns(table)
    limits_of, failed = _limits_of(block, limits)
    accounts = Accounts(block.start, limits_of)
    nodes = limits.bucket_nodes(tuple(block.bucket.names))
    order, verdicts = _prechecked(block, accounts, limits, nodes)
    for account in np.flatnonzero(verdicts).tolist():
        if account not in failed:
            fault = limits_fault(block, limits, account) if verdicts[account] == Precheck.TWO_LIMITS else ""
            fault = fault or faults_of(block, limits, account, int(limits_of[account]))
            if fault:
                failed[account] = fault
    left_out = _flags(failed, len(block.accounts))
    decided = _decided(block, accounts, left_out, order, limits.kernel(nodes))
    braked = decided.outcome["braked"]
    proven, drifted = _screened(block, accounts, left_out | braked, decided, limits.screen(nodes))
    unproven = np.flatnonzero((proven < 0) & ~left_out)
    checked = check_fully(block, limits, accounts, unproven, order, decided)
    failed |= checked.failed
    statuses = checked.statuses
    statuses["met"] += int(proven[proven > 0].sum() - drifted.sum())
    statuses["drifted"] += int(drifted.sum())
    counts = _counted(block, accounts, decided, _flags(failed, len(block.accounts)), limits)
    counts |= {"certificate": {name: count for name, count in statuses.items() if count}}
    counts |= {"unmet": checked.unmet, "unmet_causes": dict(checked.causes), "fully_checked": len(unproven)}
    return _Decisions(block, decided, failed, Counts.total([Counts(**counts)]))


def _flags(failed: Iterable[int], accounts: int) -> Flags:
    flags = np.zeros(accounts, np.bool_)
    flags[list(failed)] = True
    return flags


def _limits_of(block: BlockColumns, limits: PreparedLimits) -> tuple[Ints, dict[int, str]]:
    """The number of each account's limits, and the accounts without limits."""
    if tuple(limits.ids) == (None,):
        return np.zeros(len(block.accounts), np.int64), {}
    if LIMITS_ID not in block.table.column_names:
        advice = "add it, or give one set of limits for all accounts"
        raise InputError([Fault("the column is missing", advice, column=LIMITS_ID)])
    number_of_code = np.array([*(limits.ids.get(name, -1) for name in block.limits.names), -1], np.int64)
    numbers = number_of_code[block.limits.codes[block.start[:-1]]]
    without = np.flatnonzero(numbers < 0).tolist()
    return np.maximum(numbers, 0), {account: limits_fault(block, limits, account) for account in without}


def _prechecked(
    block: BlockColumns, accounts: Accounts, limits: PreparedLimits, nodes: BucketNodes
) -> tuple[Records, Records]:
    """The rows of each account by asset name, and a `Precheck` of each account."""
    names = block.asset.names
    rank = np.zeros(len(names) + 1, np.int32)
    rank[np.array(sorted(range(len(names)), key=names.__getitem__), np.int64)] = np.arange(len(names))
    bad_asset = np.array([*(name_fault(name) is not None for name in names), True], np.bool_)
    order, verdicts = np.zeros(block.size, np.int32), np.zeros(len(block.accounts), np.int8)
    limits_code = np.zeros(block.size, np.int32) if tuple(limits.ids) == (None,) else block.limits.codes
    valid = Validity(rank, bad_asset, nodes.bad, limits.refuses_unscored)
    precheck_block(accounts, limits_code, block.columns, valid, order, verdicts)
    return order, verdicts


def _decided(block: BlockColumns, accounts: Accounts, left_out: Flags, order: Records, prepared: Prepared) -> Decided:
    rows, count = block.size, len(block.accounts)
    decided = Decided(np.zeros(rows), np.zeros(rows), np.zeros((rows, 4), np.int8), np.zeros(count, OUTCOME))
    rebalance_block(accounts, left_out, order, block.columns, prepared, decided)
    return decided


def _screened(
    block: BlockColumns, accounts: Accounts, left_out: Flags, decided: Decided, limits: ScreenLimits
) -> tuple[Ints, Flags]:
    """How many limits each account has, all met (-1: not proven), and which of the proven have drifted."""
    proven, drifted = np.zeros(len(block.accounts), np.int64), np.zeros(len(block.accounts), np.bool_)
    screen_block(accounts, left_out, block.columns, decided, limits, proven, drifted)
    return proven, drifted


def _counted(
    block: BlockColumns, accounts: Accounts, decided: Decided, left_out: Flags, limits: PreparedLimits
) -> dict[str, Any]:
    """The fields of `Counts` that come from the decisions."""
    good_row = np.repeat(~left_out, np.diff(block.start))
    outcome = decided.outcome[~left_out]
    turnover = np.maximum(outcome["bought"], outcome["sold"])
    aims = np.array([each.target_invested for each in limits.limits])[accounts.limits[~left_out]]
    cash = 1.0 - outcome["total"]
    codes = decided.codes if good_row.all() else decided.codes[good_row]
    return {
        "rows": block.size,
        "accounts": len(left_out),
        "failed": int(left_out.sum()),
        "unscored": int((_unscored(block) & ~left_out).sum()),
        "traded": int((turnover > 0).sum()),
        "braked": int(outcome["braked"].sum()),
        "positions": int(outcome["positions"].sum()),
        "held": int(outcome["held"].sum()),
        "closed": int(outcome["closed"].sum()),
        "turnover": math.fsum(turnover),
        "cash": math.fsum(cash),
        "cash_forced": math.fsum(np.maximum(cash - (1.0 - aims) - _CASH_TOLERANCE, 0.0)),
        "actions": _tally(codes[:, 0], _ACTIONS),
        "reasons": _tally(_REASON_CODE[codes[:, 1]], _REASONS),
        "size_reasons": _tally(codes[:, 2], _SIZE_REASONS),
    }


def _unscored(block: BlockColumns) -> Flags:
    """Which accounts lack the scores for at least half of what they hold; if they hold nothing, of all candidates."""
    missing = np.isnan(block.score)
    held = np.clip(np.nan_to_num(block.current_weight), 0.0, 1.0)  # what cannot be a weight fails later
    first = block.start[:-1]
    total = np.add.reduceat(held, first)
    without = np.add.reduceat(np.where(missing, held, 0.0), first)
    all_missing = np.logical_and.reduceat(missing, first)
    return np.where(total > 0.0, without >= 0.5 * total, all_missing)


def _tally(codes: Records, names: list[str]) -> dict[str, int]:
    counts = np.bincount(codes, minlength=len(names)).tolist()
    return {name: count for name, count in zip(names, counts, strict=True) if count and name}


def _targets(decisions: _Decisions) -> pa.Table:
    block, decided, left_out = decisions.block, decisions.decided, decisions.left_out
    braked, sizes = decided.outcome["braked"], np.diff(block.start)
    proposed = pa.nulls(block.size, pa.float64())
    if braked.any():
        proposed = pa.array(decided.proposed, mask=np.repeat(~braked, sizes))
    table = pa.table(
        {
            "account": block.account_column,
            "asset": block.asset_column,
            "target_weight": pa.array(decided.target),
            "proposed_weight": proposed,
            "action": _code_column(decided.codes[:, 0], _ACTIONS),
            "reason": _code_column(_REASON_CODE[decided.codes[:, 1]], _REASONS),
            "size_reason": _code_column(decided.codes[:, 2], _SIZE_REASONS),
        }
    )
    return table.filter(pa.array(np.repeat(~left_out, sizes))) if left_out.any() else table


def _code_column(codes: Records, names: list[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(np.ascontiguousarray(codes)), pa.array(names))
