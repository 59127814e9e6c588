"""The widest limits: each field at the value at which it limits nothing."""

from __future__ import annotations

from typing import Any

from trimtab.limits.fields import MAX_COUNT

# Fields that are not about buckets. An allocation is then scaled, never filled up.
WIDEST: dict[str, Any] = {
    "max_total_positions": MAX_COUNT,
    "max_new_positions": MAX_COUNT,
    "min_score_threshold": 0.0,
    "min_score_diversification": 0.0,
    "min_score_new_position": 0.0,
    "target_invested": 1.0,
    "max_position_weight": 1.0,
    "min_position_weight": 0.0,
    "dust_weight": 0.0,
    "no_trade_band": 0.0,
    "min_trade": 0.0,
}
