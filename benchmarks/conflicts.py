"""Conflicts: each set of limits is irreducible, and each relaxation works, carried out through `trimtab.rebalance`.

python benchmarks/conflicts.py [--conflicts 2000] [--seed 3000000]

"Irreducible": with only the goal and the members in force, the goal is missed; without any one member it is reached. A
conflict for which no change is said to help has a fault, and so has a set of changes of which one can be left out. Ends
with 1 if there is a fault.
"""

from __future__ import annotations

import itertools
import sys
from collections import Counter

import harness
from counterfactuals import faults

from trimtab import rebalance


def main() -> None:
    options = harness.options(__doc__, conflicts=2000, seed=3_000_000)
    counts: Counter[str] = Counter()
    fixed = {"no_trade_band": 0.0, "min_trade": 0.0, "brake_sold_weight": None, "brake_closed_positions": None}
    for seed, rows, limits in harness.random_accounts(itertools.count(options.seed), **fixed):
        if counts["conflicts"] >= options.conflicts:
            break
        for result in rebalance(rows, limits).conflicts:
            if not result.members:
                counts["the candidates alone"] += 1
                continue
            counts["conflicts"] += 1
            counts[f"goal {result.goal.limit}"] += 1
            counts["members"] += len(result.members)
            counts["relaxations"] += sum(member.relaxation is not None for member in result.members)
            counts["conflicts that one change solves"] += any(member.relaxation for member in result.members)
            counts["conflicts that only several changes solve"] += bool(result.together)
            wrong = faults(rows, limits, result)
            counts["conflicts with a fault"] += bool(wrong)
            for fault in wrong:
                print(f"  seed {seed}: {result.text}: {fault}")
    for name, count in counts.items():
        print(f"{name}: {count}")
    sys.exit(counts["conflicts with a fault"] > 0)


if __name__ == "__main__":
    main()
