"""One block of many accounts in one call of compiled code, on the thread that calls: the loop of a batch.

It moves values from columns to records and back, in canonical order, and decides nothing: every account goes through
`rebalance_account`. Many threads may each be in a block of their own.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from trimtab.kernel.account import rebalance_account
from trimtab.kernel.compilation import compiled, entry
from trimtab.kernel.records import ANSWER, NO_NODE, ROW, Flags, Floats, Ints, Records, SizingMode, record
from trimtab.reasons import Action, SizeReason

# What an account ends with; sums run in canonical order. Shape (accounts,).
OUTCOME = record(
    ("total", "f8"),  # target weight
    ("bought", "f8"),
    ("sold", "f8"),
    ("positions", "i8"),  # dust that is only left alone is none
    ("held", "i8"),  # positions before, without dust
    ("closed", "i8"),  # of these, how many end at 0
    ("braked", "?"),
)


@compiled
def fill_row(
    row: Any, score: float, current: float, most: float, desired: float, volatility: float, settings: Any
) -> None:
    """One record of `ROW` from the values of its columns; NaN is no limit of its own, and no wish."""
    row.score = score
    row.current = current
    row.max_weight = math.inf if math.isnan(most) else most
    row.sizing_input = math.nan
    if settings.sizing_mode == SizingMode.DESIRED:
        row.sizing_input = desired
    elif settings.sizing_mode == SizingMode.INVERSE_VOLATILITY:
        row.sizing_input = volatility


@compiled
def clear_answer(answer: Any) -> None:
    """An answer as `empty_answer` makes it."""
    answer.target = 0.0
    answer.proposed = 0.0
    answer.reason_node = NO_NODE
    answer.size_node = NO_NODE
    answer.selected = False
    answer.action = Action.NONE
    answer.reason = 0
    answer.size_reason = SizeReason.EMPTY


@compiled
def _sum_up(outcome: Any, current: float, target: float, dust_weight: float) -> None:
    """Add a row to what its account ends with."""
    outcome.total += target
    outcome.bought += max(target - current, 0.0)
    outcome.sold += max(current - target, 0.0)
    if target > 0.0 and not (target == current and current < dust_weight):
        outcome.positions += 1
    if current > 0.0 and current >= dust_weight:
        outcome.held += 1
        if target <= 0.0:
            outcome.closed += 1


@entry
def rebalance_block(
    order: Ints,
    start: Ints,
    left_out: Flags,
    limits_of: Ints,
    bucket: Ints,
    leaf_of: Ints,
    restriction: Ints,
    score: Floats,
    current: Floats,
    most: Floats,
    desired: Floats,
    volatility: Floats,
    settings: Records,
    trees: Records,
    tree_start: Ints,
    target: Floats,
    proposed: Floats,
    codes: Ints,
    outcome: Records,
) -> None:
    """Decide every account of a block that is not left out.

    Columns have shape (rows,); account i has the rows order[start[i] : start[i + 1]], by asset name, under the limits
    `limits_of[i]`: `settings` (limits,), `trees[tree_start[l] : tree_start[l + 1]]`, and `leaf_of` (limits, buckets), whose
    last column is that of the bucket -1. Filled: `target` and `proposed` (rows,), weights; `codes` (rows, 4): action,
    reason, size reason, selected; `outcome` (accounts,).
    """
    largest = 0
    for account in range(start.size - 1):
        largest = max(largest, start[account + 1] - start[account])
    rows, answers = np.zeros(largest, ROW), np.zeros(largest, ANSWER)
    no_partners = np.zeros(0, np.int64)  # a block has no correlations: limits with `max_correlation` do not come here
    for account in range(start.size - 1):
        if left_out[account]:
            continue
        begin, count, limits = start[account], start[account + 1] - start[account], limits_of[account]
        chosen = settings[limits]
        for at in range(count):
            row = order[begin + at]
            fill_row(rows[at], score[row], current[row], most[row], desired[row], volatility[row], chosen)
            rows[at].leaf = leaf_of[limits, bucket[row]]
            rows[at].restriction = restriction[row]
            clear_answer(answers[at])
        tree = trees[tree_start[limits] : tree_start[limits + 1]]
        outcome[account].braked = rebalance_account(rows[:count], tree, chosen, no_partners, answers[:count])
        for at in range(count):
            row, answer = order[begin + at], answers[at]
            target[row] = answer.target
            proposed[row] = answer.proposed
            codes[row, 0] = answer.action
            codes[row, 1] = answer.reason
            codes[row, 2] = answer.size_reason
            codes[row, 3] = answer.selected
            _sum_up(outcome[account], rows[at].current, answer.target, chosen.dust_weight)
