"""A first rebalance: a table in, the same table with targets out, and a reason for every row.

python examples/01_first_rebalance.py

The candidates are the sample that ships: real prices behind the scores, an invented portfolio. No advice.
"""

from __future__ import annotations

import trimtab
from trimtab.data.samples import sample_candidates


def main() -> None:
    candidates = sample_candidates()  # any pandas, polars or pyarrow table, or a list of dicts
    limits = trimtab.RebalancingLimits(
        enable_bucket_diversification=True,
        max_positions_per_bucket=4,
        max_allocation_per_bucket=0.5,
        min_buckets_represented=2,
        buckets={"Factor ETFs": {"max_positions": 2, "max_allocation": 0.3}},
    )

    for finding in trimtab.check(candidates, limits).findings:
        print(f"before: {finding.level}: {finding.text}")

    result = trimtab.rebalance(candidates, limits)
    print(f"{result.positions} positions, {result.cash_weight:.1%} in cash, {result.turnover:.1%} turned over")
    for row, why in zip(result.targets.to_pylist(), result.details(), strict=True):
        print(f"{row['asset']:5} {row['current_weight']:7.2%} -> {row['target_weight']:7.2%}  {why}")

    print("what the limits measure in these targets:")
    for constraint in result.certificate:
        where = f" of {constraint.node}" if constraint.node else ""
        print(f"  {constraint.name}{where}: {constraint.measured:g}, limit {constraint.limit:g}: {constraint.status}")


if __name__ == "__main__":
    main()
