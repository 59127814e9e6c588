"""The example of the rules, section 20, for tests."""

from __future__ import annotations

from typing import Any

import trimtab
from trimtab import Plan, RebalancingLimits

LIMITS = RebalancingLimits(enable_bucket_diversification=True, max_position_weight=0.25, max_allocation_per_bucket=0.5)
COLUMNS = ("asset", "bucket", "score", "price", "lot", "shares")
ROWS: list[dict[str, Any]] = [
    dict(zip(COLUMNS, row, strict=True))
    for row in (
        ("AAA", "Tech", 0.90, 180, 1, 18),
        ("BBB", "Tech", 0.80, "95.50", 0.01, 10),
        ("CCC", "Bond", 0.50, "51.20", 1, 30),
        ("DDD", "Bond", 0.85, "102.50", 1, 0),
        ("EEE", "Health", 0.70, 412, 1, 4),
        ("FFF", "Health", 0.95, 2600, 1, 0),
        ("GGG", "Tech", 0.30, 10, 1, 0),
    )
]


def example(rows: list[dict[str, Any]] = ROWS, **more: Any) -> Plan:
    """The example of the rules, section 20."""
    return trimtab.plan(rows, LIMITS, **{"cash": 2621, "fees": {"per_order": 1}, **more})
