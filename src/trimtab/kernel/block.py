"""One block of many accounts in one call of compiled code, on the calling thread: the loop of a batch.

It only moves values from columns to records and back, in canonical order: every account goes through
`rebalance_account`. Several threads may each be in a block of their own.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from trimtab.kernel.account import rebalance_account
from trimtab.kernel.compilation import allocating, compiled, entry
from trimtab.kernel.records import ANSWER, NO_NODE, ROW, Exposed, Flags, Floats, Ints, Records, SizingMode, record
from trimtab.reasons import Action, SizeReason

# The totals of an account, summed in canonical order. Shape (accounts,).
OUTCOME = record(
    ("total", "f8"),  # target weight
    ("bought", "f8"),
    ("sold", "f8"),
    ("positions", "i8"),  # dust left alone does not count
    ("held", "i8"),  # positions before, dust left out
    ("closed", "i8"),  # of these, those that end at 0
    ("braked", "?"),
)


class Accounts(NamedTuple):
    """The accounts of a block. Account i has the rows start[i] to start[i + 1] and the limits number limits[i]."""

    start: Ints  # shape (accounts + 1,)
    limits: Ints  # shape (accounts,)


class Columns(NamedTuple):
    """The columns of a block, shape (rows,). Codes of text are -1 for missing."""

    asset: Ints
    bucket: Ints
    restriction: Ints
    score: Floats
    current_weight: Floats
    max_weight: Floats  # NaN = none
    desired_weight: Floats
    volatility: Floats


class Prepared(NamedTuple):
    """Limits, ready for the kernel. The buckets of limits l are the nodes trees[tree_start[l] : tree_start[l + 1]]."""

    settings: Records  # shape (limits,)
    trees: Records
    tree_start: Ints  # shape (limits + 1,)
    node_of: Ints  # shape (limits, buckets + 1): the node of each bucket, the last for none


class BlockExposures(NamedTuple):
    """The exposures of a block, ready for the kernel. Limits l have the rows rows[row_start[l] : row_start[l + 1]], and the
    parts of profile p in them are parts[first[l, p] : first[l, p + 1]].
    """

    rows: Records  # `EXPOSURE_ROW`
    row_start: Ints  # shape (limits + 1,)
    parts: Records  # `EXPOSURE_PART`
    first: Ints  # shape (limits, profiles + 1)
    profile: Ints  # shape (rows of the block,)
    concentration: Records  # `CONCENTRATION`, shape (limits,)


class Decided(NamedTuple):
    """The records that the kernel fills."""

    target: Floats  # shape (rows,), weights
    proposed: Floats  # shape (rows,): weights before a brake
    codes: Records  # shape (rows, 4): action, reason, size reason, selected
    outcome: Records  # `OUTCOME`, shape (accounts,)


@compiled
def fill_row(
    row: Any, score: float, current: float, max_weight: float, desired: float, volatility: float, settings: Any
) -> None:
    """Fill one record of `ROW` from the values of its columns; NaN means no weight limit, and no sizing input."""
    row.score = score
    row.current = current
    row.max_weight = math.inf if math.isnan(max_weight) else max_weight
    row.sizing_input = math.nan
    if settings.sizing_mode >= SizingMode.DESIRED:
        row.sizing_input = desired
    elif settings.sizing_mode == SizingMode.INVERSE_VOLATILITY:
        row.sizing_input = volatility


@compiled
def clear_answer(answer: Any) -> None:
    """Reset an answer to that of `empty_answer`."""
    answer.target = 0.0
    answer.proposed = 0.0
    answer.reason_node = NO_NODE
    answer.size_node = NO_NODE
    answer.selected = False
    answer.action = Action.NONE
    answer.reason = 0
    answer.size_reason = SizeReason.EMPTY


@compiled
def sum_up(outcome: Any, current: float, target: float, dust_weight: float) -> None:
    """Add a row to the totals of its account."""
    outcome.total += target
    outcome.bought += max(target - current, 0.0)
    outcome.sold += max(current - target, 0.0)
    if target > 0.0 and not (target == current and current < dust_weight):
        outcome.positions += 1
    if current > 0.0 and current >= dust_weight:
        outcome.held += 1
        if target <= 0.0:
            outcome.closed += 1


@allocating
def exposed_of(exposures: BlockExposures, limits: int, order: Ints, profile: Ints) -> Exposed:
    """The exposures of an account: `order` lists its rows by asset name, `profile` has a place for each of them."""
    for number in range(order.size):
        profile[number] = exposures.profile[order[number]]
    rows = exposures.rows[exposures.row_start[limits] : exposures.row_start[limits + 1]]
    concentration = exposures.concentration[limits : limits + 1]
    return Exposed(rows, exposures.parts, exposures.first[limits], profile[: order.size], concentration)


@entry
def rebalance_block(
    accounts: Accounts,
    left_out: Flags,
    order: Ints,
    columns: Columns,
    prepared: Prepared,
    exposures: BlockExposures | None,
    decided: Decided,
) -> None:
    """Decide every account of a block, except those left out.

    `left_out` has shape (accounts,); `order` (rows,) lists the rows of each account by asset name; `exposures`: None
    if exposures are not limited.
    """
    start, max_rows = accounts.start, 0
    for account in range(start.size - 1):
        max_rows = max(max_rows, start[account + 1] - start[account])
    rows, answers, profile = np.zeros(max_rows, ROW), np.zeros(max_rows, ANSWER), np.zeros(max_rows, np.int64)
    no_partners = np.zeros(0, np.int64)  # a block has no correlations: limits with `max_correlation` are refused
    for account in range(start.size - 1):
        if left_out[account]:
            continue
        begin, count, limits = start[account], start[account + 1] - start[account], accounts.limits[account]
        settings = prepared.settings[limits]
        for number in range(count):
            row = order[begin + number]
            fill_row(
                rows[number],
                columns.score[row],
                columns.current_weight[row],
                columns.max_weight[row],
                columns.desired_weight[row],
                columns.volatility[row],
                settings,
            )
            rows[number].leaf = prepared.node_of[limits, columns.bucket[row]]
            rows[number].restriction = columns.restriction[row]
            clear_answer(answers[number])
        tree = prepared.trees[prepared.tree_start[limits] : prepared.tree_start[limits + 1]]
        outcome = decided.outcome[account]
        mine = rows[:count]
        if exposures is None:
            outcome.braked = rebalance_account(mine, tree, settings, no_partners, None, answers[:count])
        else:
            exposed = exposed_of(exposures, limits, order[begin : begin + count], profile)
            outcome.braked = rebalance_account(mine, tree, settings, no_partners, exposed, answers[:count])
        for number in range(count):
            row, answer = order[begin + number], answers[number]
            decided.target[row] = answer.target
            decided.proposed[row] = answer.proposed
            decided.codes[row, 0] = answer.action
            decided.codes[row, 1] = answer.reason
            decided.codes[row, 2] = answer.size_reason
            decided.codes[row, 3] = answer.selected
            sum_up(outcome, rows[number].current, answer.target, settings.dust_weight)
