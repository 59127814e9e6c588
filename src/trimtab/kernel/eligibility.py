"""Who may be selected: the class of each row (rules, section 3)."""

from __future__ import annotations

import math
from typing import Any

from trimtab.kernel.compilation import compiled
from trimtab.kernel.records import Records, SizingMode, Unscored
from trimtab.reasons import Reason, Restriction

# The class of a row in the walk.
OUT, FIXED, HOLDING, STRONG, WEAK = 0, 1, 2, 3, 4


@compiled
def is_sizable(sizing_input: float, settings: Any) -> bool:
    """Whether a row has the input of the sizing mode."""
    needs_input = settings.sizing_mode >= SizingMode.INVERSE_VOLATILITY
    return not (needs_input and math.isnan(sizing_input))


@compiled
def base_cap(row: Any, settings: Any) -> float:
    """The largest weight of an asset, before restrictions: 0 for a desired weight of 0."""
    if settings.sizing_mode >= SizingMode.DESIRED and row.sizing_input == 0.0:
        return 0.0
    return min(settings.max_position_weight, row.max_weight)


@compiled
def _class_of_holding(row: Any, closed: bool, settings: Any) -> tuple[int, Reason]:
    if row.restriction == Restriction.NO_TRADE or row.restriction == Restriction.NO_SELL:
        return FIXED, Reason.RESTRICTED
    if math.isnan(row.score):
        if settings.unscored == Unscored.HOLD:
            return FIXED, Reason.HELD_UNSCORED
        return OUT, Reason.NOT_SCORED
    qualifies = row.score >= settings.min_score_threshold
    if qualifies and not is_sizable(row.sizing_input, settings):
        return FIXED, Reason.HELD_NOT_SIZABLE
    if row.current >= settings.dust_weight:
        if qualifies:
            return HOLDING, Reason.KEPT
        return OUT, Reason.BELOW_THRESHOLD
    if closed:  # a missing classification never forces a sale, and blocks purchases
        if qualifies:
            return FIXED, Reason.KEPT
        return OUT, Reason.BELOW_THRESHOLD
    if row.restriction == Restriction.NO_BUY:
        return OUT, Reason.RESTRICTED_OUT
    if row.score >= settings.min_score_new_position:
        return STRONG, Reason.ADDED
    if row.score >= settings.min_score_diversification:
        return WEAK, Reason.ADDED
    if qualifies:
        return OUT, Reason.DUST
    return OUT, Reason.BELOW_THRESHOLD


@compiled
def _class_of_new(row: Any, closed: bool, settings: Any) -> tuple[int, Reason]:
    if math.isnan(row.score):
        return OUT, Reason.NOT_SCORED
    if row.restriction == Restriction.NO_TRADE or row.restriction == Restriction.NO_BUY:
        return OUT, Reason.RESTRICTED_OUT
    if closed:
        return OUT, Reason.UNCLASSIFIED
    if not is_sizable(row.sizing_input, settings):
        return OUT, Reason.NOT_SIZABLE
    if row.score >= settings.min_score_new_position:
        return STRONG, Reason.ADDED
    if row.score >= settings.min_score_diversification:
        return WEAK, Reason.ADDED
    return OUT, Reason.BELOW_THRESHOLD


@compiled
def class_of(row: Any, closed: bool, settings: Any) -> tuple[int, Reason]:
    """The class of a row, and its reason if it is out or fixed (rules, section 3)."""
    if row.current > 0.0:
        return _class_of_holding(row, closed, settings)
    return _class_of_new(row, closed, settings)


@compiled
def classify(rows: Records, tree: Records, settings: Any, choices: Records, answer: Records) -> None:
    """The class of each row; a row that is out, or fixed, has its reason from here."""
    for row in range(rows.size):
        kind, reason = class_of(rows[row], tree[rows[row].leaf].closed, settings)
        cap = base_cap(rows[row], settings)
        choices[row].kind = kind
        choices[row].holdable = cap >= settings.min_position_weight and cap > 0.0
        answer[row].reason = reason
