"""The block function: whole accounts in, their targets out. The unit of every batch, on one machine or on many.

It gives the same bits as `rebalance_many` for the same rows, and runs on the calling thread; compiled code and Arrow
release the interpreter, so several threads may each be in a block of their own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
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
from trimtab.certificate.screen_exposures import screen_exposures_of
from trimtab.errors import Fault, InputError
from trimtab.kernel.block import OUTCOME, Accounts, Decided, rebalance_block
from trimtab.kernel.records import Flags, Ints, Records
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.reasons import Action, Reason, SizeReason
from trimtab.tolerances import WEIGHT_TOLERANCE

_ACTIONS = [member.code for member in Action]
_REASONS = list(dict.fromkeys(member.code for member in Reason))
_REASON_CODE = np.array([_REASONS.index(member.code) for member in Reason], np.int8)
_SIZE_REASONS = [member.code for member in SizeReason]
NO_OWN: Mapping[int, RebalancingLimits] = MappingProxyType({})


@dataclass(frozen=True)
class Block:
    """The targets of the good accounts, the failed accounts with their reasons, and what was counted.

    `targets` keeps the order of the rows that came in: `account`, `asset`, `target_weight`, `proposed_weight` (null except
    in braked accounts), and as dictionary codes `action`, `reason`, `size_reason`. `failed` has `account` and `reason`.
    """

    targets: pa.Table
    failed: pa.Table
    counts: Counts
    reasons: Mapping[int, str] = field(default_factory=dict)  # why accounts failed, by number


@dataclass(frozen=True)
class CheckedBlock:
    """A block whose rows are read and checked. `order` (rows,) lists the rows of each account by asset name."""

    block: BlockColumns
    accounts: Accounts
    order: Ints
    nodes: BucketNodes
    failed: dict[int, str]  # the reason, by account

    @property
    def left_out(self) -> Flags:
        """Which accounts failed. Shape (accounts,)."""
        flags = np.zeros(len(self.block.accounts), np.bool_)
        flags[list(self.failed)] = True
        return flags


def decide_block(table: pa.Table, limits: PreparedLimits) -> Block:
    """Rebalance whole accounts that come one after another.

    Raises
    ------
    InputError
        A table in which no account can be read, no rows, or an account in two places.
    """
    checked = checked_block(block_of(table), limits)
    decided = empty_decisions(checked.block.size, len(checked.block.accounts))
    rebalance_block(
        checked.accounts,
        checked.left_out,
        checked.order,
        checked.block.columns,
        limits.kernel(checked.nodes),
        None if checked.block.exposures is None else checked.block.exposures.kernel,
        decided,
    )
    return measured_block(checked, limits, decided)


def empty_decisions(rows: int, accounts: int) -> Decided:
    """Decisions to be filled."""
    return Decided(np.zeros(rows), np.zeros(rows), np.zeros((rows, 4), np.int8), np.zeros(accounts, OUTCOME))


def block_of(table: pa.Table) -> BlockColumns:
    """The columns of a table with at least one row.

    Raises
    ------
    InputError
        As `decide_block`.
    """
    if table.num_rows == 0:
        raise InputError([Fault("there are no candidates", "give a table with at least one row")])
    return read_block_columns(table)


def checked_block(block: BlockColumns, limits: PreparedLimits) -> CheckedBlock:
    """Check the rows of whole accounts.

    Raises
    ------
    InputError
        No column `limits_id`, where the limits have names.
    """
    block = limits.with_exposures(block)
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
    return CheckedBlock(block, accounts, order, nodes, failed)


def measured_block(
    checked: CheckedBlock, limits: PreparedLimits, decided: Decided, own: Mapping[int, RebalancingLimits] = NO_OWN
) -> Block:
    """The targets of a decided block, with every limit measured; accounts whose targets break one fail.

    `own`: by account, limits that are its own.
    """
    block, accounts, left_out = checked.block, checked.accounts, checked.left_out
    screened = left_out | decided.outcome["braked"]
    screened[list(own)] = True
    proven, drifted = _screened(block, accounts, screened, decided, limits.screen(checked.nodes))
    proven[limits.is_correlated[accounts.limits] & ~screened] = -1  # the screen knows no correlations
    unproven = np.flatnonzero((proven < 0) & ~left_out)
    shared = np.setdiff1d(unproven, list(own))
    verdict = check_fully(block, limits, accounts, shared, checked.order, decided)
    for account in sorted(set(own) - set(checked.failed)):
        verdict.add(check_fully(block, limits, accounts, np.array([account]), checked.order, decided, own[account]))
    checked = replace(checked, failed=checked.failed | verdict.failed)
    statuses = verdict.statuses
    statuses["met"] += int(proven[proven > 0].sum() - drifted.sum())
    statuses["drifted"] += int(drifted.sum())
    counts = _counted(block, accounts, decided, checked.left_out, limits)
    counts |= {"certificate": {name: count for name, count in statuses.items() if count}}
    counts |= {"unmet": verdict.unmet, "unmet_causes": dict(verdict.causes), "fully_checked": len(unproven)}
    failures = listed_failures(checked.failed, block.accounts)
    return Block(_targets(checked, decided), failures, Counts.total([Counts(**counts)]), checked.failed)


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


def _screened(
    block: BlockColumns, accounts: Accounts, left_out: Flags, decided: Decided, limits: ScreenLimits
) -> tuple[Ints, Flags]:
    """How many limits each account has, all met (-1: not proven), and which of the proven have drifted."""
    proven, drifted = np.zeros(len(block.accounts), np.int64), np.zeros(len(block.accounts), np.bool_)
    screen_block(accounts, left_out, block.columns, decided, limits, proven, drifted)
    if block.exposures is not None:
        screen_exposures_of(accounts, block.exposures.screen, decided.target, proven, drifted)
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
        "cash_forced": math.fsum(np.maximum(cash - (1.0 - aims) - WEIGHT_TOLERANCE, 0.0)),
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


def _targets(checked: CheckedBlock, decided: Decided) -> pa.Table:
    block, left_out = checked.block, checked.left_out
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
