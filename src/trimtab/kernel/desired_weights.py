"""Desired relative sizes and the bounds of each position (rules, section 5)."""

from __future__ import annotations

from typing import Any

from trimtab.kernel.compilation import compiled
from trimtab.kernel.eligibility import base_cap, is_sizable
from trimtab.kernel.records import SizingMode
from trimtab.reasons import Restriction

_MIN_SCORE_SIZE = 0.001


@compiled
def desired_weight_of(row: Any, settings: Any) -> float:
    """The desired size of an asset, relative to the others (a weight in the mode `desired`)."""
    mode = settings.sizing_mode
    if mode == SizingMode.SCORE_WEIGHTED:
        return max(row.score, _MIN_SCORE_SIZE)
    if mode == SizingMode.ADAPTIVE:
        if row.score >= 0.9:
            return 1.5
        if row.score >= 0.8:
            return 1.2
        if row.score >= 0.7:
            return 1.0
        if row.score >= 0.6:
            return 0.8
        return 0.5
    if mode == SizingMode.INVERSE_VOLATILITY:
        return 1.0 / row.sizing_input
    if mode >= SizingMode.DESIRED:
        return row.sizing_input
    return 1.0


@compiled
def bounds_of(row: Any, fixed: bool, closed: bool, settings: Any) -> tuple[float, float]:
    """The lowest and the highest weight of a selected asset. `closed`: nothing in its bucket is bought."""
    cap = base_cap(row, settings)
    if fixed:
        may_grow = (
            row.restriction == Restriction.NO_SELL
            and row.current >= settings.dust_weight
            and row.score >= settings.min_score_threshold
            and is_sizable(row.sizing_input, settings)
            and not closed
        )
        return row.current, max(cap, row.current) if may_grow else row.current
    if row.restriction == Restriction.NO_BUY or closed:
        max_weight = min(cap, row.current)
        return min(settings.min_position_weight, max_weight), max_weight
    return settings.min_position_weight, cap
