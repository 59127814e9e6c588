"""Protection: what keeps a position in the portfolio, and what it costs the others.

python examples/03_protect_what_you_hold.py

One crowded bucket, two places in it. Overflow, restrictions, missing scores, the holding band and the brake each
protect in their own way; the certificate says which limit was waived, and for which positions. Examples, no advice.
"""

from __future__ import annotations

from typing import Any

import trimtab

ROWS: list[dict[str, Any]] = [
    {"asset": "AAA", "bucket": "Tech", "score": 0.91, "current_weight": 0.16},
    {"asset": "BBB", "bucket": "Tech", "score": 0.84, "current_weight": 0.14},
    {"asset": "CCC", "bucket": "Tech", "score": 0.72, "current_weight": 0.11},
    {"asset": "DDD", "bucket": "Tech", "score": 0.66, "current_weight": 0.10},
    {"asset": "EEE", "bucket": "Energy", "score": 0.88, "current_weight": 0.12},
    {"asset": "FFF", "bucket": "Energy", "score": 0.79, "current_weight": 0.0},
    {"asset": "GGG", "bucket": "Health", "score": 0.83, "current_weight": 0.0},
]
LIMITS = trimtab.RebalancingLimits(
    enable_bucket_diversification=True, max_positions_per_bucket=2, max_allocation_per_bucket=0.35
)


def show(title: str, rows: list[dict[str, Any]], limits: trimtab.RebalancingLimits) -> None:
    result = trimtab.rebalance(rows, limits)
    print(f"\n{title} ({result.status})")
    for row, why in zip(result.targets, result.details(), strict=True):
        print(f"  {row['asset']} {row['current_weight']:6.1%} -> {row['target_weight']:6.1%}  {why}")
    for constraint in result.certificate:
        if constraint.status != "met":
            print(f"  {constraint.status}: {constraint.name} {constraint.node}: {constraint.note}")


def changed(asset: str, **values: Any) -> list[dict[str, Any]]:
    return [{**row, **values} if row["asset"] == asset else row for row in ROWS]


def main() -> None:
    show("nothing protected: the two best of Tech stay", ROWS, LIMITS)
    show(
        "overflow: all of Tech stays, and shares what Tech may weigh", ROWS, LIMITS.replace(allow_bucket_overflow=True)
    )
    show("no_sell: DDD stays, takes a place, and may grow", changed("DDD", restriction="no_sell"), LIMITS)
    show("no score for DDD today: missing data never sells it", changed("DDD", score=None), LIMITS)
    show("a brake: if sales would exceed a tenth, nothing is traded", ROWS, LIMITS.replace(brake_sold_weight=0.1))


if __name__ == "__main__":
    main()
