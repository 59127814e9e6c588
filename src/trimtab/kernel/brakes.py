"""Brakes (rules, section 7)."""

from __future__ import annotations

from typing import Any

from trimtab.kernel.compilation import compiled
from trimtab.kernel.records import WEIGHT_TOLERANCE, Records


@compiled
def must_brake(rows: Records, settings: Any, answer: Records) -> bool:
    """Whether more would be sold, or more positions closed, than the brakes allow (rules, section 7)."""
    sold, closed = 0.0, 0
    for row in range(rows.size):
        current, proposed = rows[row].current, answer[row].proposed
        if proposed < current:
            sold += current - proposed
            if proposed <= 0.0 and current >= settings.dust_weight:
                closed += 1
    return sold > settings.brake_sold_weight + WEIGHT_TOLERANCE or closed > settings.brake_closed_positions
