"""Unwanted cash: how far the targets fall short of the total that the rules aim at."""

from __future__ import annotations

import numpy as np

from trimtab.candidates.candidates import Candidates
from trimtab.kernel.records import Floats, Records
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.reasons import FIXED_REASONS, Reason
from trimtab.tolerances import LIMIT_TOLERANCE


def cash_left(candidates: Candidates, limits: RebalancingLimits, decided: Records) -> Floats:
    """The unwanted cash of each account; 0 up to `cash_band`. Shape (accounts,).

    The aim is that of section 5 of the rules: `full_investment_positions` lowers it for few positions, and in the mode
    `desired` it is no more than the desired weights of what was selected, unless no row has one. With
    `residual_strategy = "cash"` no cash is unwanted. `decided` has shape (rows,), in the order of the table; its would-be targets count.
    """
    if limits.residual_strategy == "cash":
        return np.zeros(len(candidates.accounts))
    order, summed = candidates.order, candidates.per_account
    answer, current = decided[order], candidates.current_weight[order]
    dust = current < limits.dust_weight
    fixed = np.isin(answer["reason"], FIXED_REASONS) | ((answer["reason"] == Reason.KEPT) & dust)
    fixed_weight = summed(np.where(fixed, current, 0.0))
    aim = np.maximum(limits.target_invested - fixed_weight, 0.0)
    if limits.full_investment_positions is not None:
        positions = summed(np.where(answer["selected"] & ~(fixed & dust), 1.0, 0.0))
        aim = aim * np.minimum(1.0, positions / limits.full_investment_positions)
    if limits.sizing_mode == "desired":
        desired = candidates.desired_weight[order]
        wanted = summed(np.where(answer["selected"] & ~fixed, np.nan_to_num(desired), 0.0))
        aim = np.where(summed(np.where(np.isnan(desired), 0.0, 1.0)) > 0, np.minimum(aim, wanted), aim)
    missing = fixed_weight + aim - summed(answer["proposed"])
    has_rows = np.diff(candidates.start) > 0  # a failed account has no rows
    return np.where(has_rows & (missing > limits.cash_band + LIMIT_TOLERANCE), missing, 0.0)
