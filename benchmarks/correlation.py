"""The correlation limit against the optimum: how often, and by how much, the greedy selection differs from an integer program.

python benchmarks/correlation.py [--cases 5000] [--seed 2000000]

Two kinds of accounts of up to 14 candidates. `mixed`: those of the tests, with bucket trees, restrictions, representation
and overflow, correlations on a coarse grid that lie exactly at the limit, some of them not known. `crowded`: two buckets,
few holdings, many places for new assets, so that the choice inside a bucket is all that counts. Both sides have the same
conflicts; the program is that of the exactness tests with one more row for each pair that must not be bought together.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable
from typing import Any

import harness
from cases import pairs, random_correlated_limits, random_correlations, random_limits, random_rows
from kernel_runs import run
from oracles import SelectionObjective, milp_selection, objective_of, selection_violations

from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.reasons import Reason

PARTS = ("represented_good", "holdings_kept", "holdings_score", "holdings_order", "represented", "weak_used")


def mixed(rng: random.Random) -> tuple[list[dict[str, Any]], RebalancingLimits]:
    return random_rows(rng, 14), random_correlated_limits(rng)


def crowded(rng: random.Random) -> tuple[list[dict[str, Any]], RebalancingLimits]:
    rows = random_rows(rng, 14, restricted=False, unscored=False)
    for row in rows:
        held = rng.random() < 0.15
        row |= {"bucket": rng.choice(["Equity", "Bond"]), "max_weight": None}
        row["current_weight"] = row["current_weight"] if held else 0.0
    limits = random_limits(
        rng,
        enable_bucket_diversification=True,
        max_correlation=rng.choice([0.3, 0.5, 0.8]),
        max_total_positions=20,
        max_new_positions=10,
        max_positions_per_bucket=4,
        max_allocation_per_bucket=1.0,
        bucket_level=1,
        min_position_weight=0.02,
        target_invested=0.95,
    )
    return rows, limits.replace(buckets={})


def compared(
    seed: int, made: Callable[[random.Random], tuple[list[dict[str, Any]], RebalancingLimits]]
) -> tuple[SelectionObjective, SelectionObjective, int, bool]:
    """What the walk and the program reach in one case, what the walk breaks, and whether the limit kept anything out."""
    rng = random.Random(seed)
    rows, limits = made(rng)
    known = random_correlations(rng, rows)
    passed = run(rows, limits, correlations=pairs(known))
    broken = len(selection_violations(rows, limits, passed.selected, known))
    best = milp_selection(rows, limits, known)
    return objective_of(rows, limits, passed.selected), best, broken, Reason.TOO_CORRELATED in passed.answer["reason"]


def report(made: Callable[[random.Random], tuple[list[dict[str, Any]], RebalancingLimits]], seeds: range) -> None:
    bound, infeasible, other_parts, behind, lost = 0, 0, 0, 0, []
    for seed in seeds:
        walk, best, broken, binds = compared(seed, made)
        bound += binds
        infeasible += bool(broken)
        if any(getattr(walk, part) != getattr(best, part) for part in PARTS):
            other_parts += 1
        elif walk.new_score != best.new_score:
            behind += 1
            lost.append(1 - walk.new_score / best.new_score)
    print(
        f"{made.__name__}: {len(seeds)} accounts, the limit keeps something out in {bound}; selections that break a rule: {infeasible}"
    )
    print(f"buckets represented, holdings kept, or weak assets differ from the optimum in {other_parts}")
    print(
        f"the total score of new assets is below the optimum in {behind} ({behind / max(bound, 1):.2%} of those {bound})"
    )
    if lost:
        print(
            f"by {statistics.mean(lost):.1%} of it on average there, {statistics.median(lost):.1%} in the median, {max(lost):.1%} at most"
        )


def main() -> None:
    options = harness.options(__doc__, cases=5000, seed=2_000_000)
    for made in (mixed, crowded):
        report(made, range(options.seed, options.seed + options.cases))


if __name__ == "__main__":
    main()
