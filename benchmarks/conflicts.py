"""Conflicts: each set of limits is irreducible, and each relaxation works, carried out through `trimtab.rebalance`.

python benchmarks/conflicts.py [--conflicts 2000] [--seed 3000000]

"Irreducible": with only the goal and the members in force, the goal is missed; without any one member it is reached.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from cases import Row, random_limits, random_rows
from counterfactuals import changed, only, reaches

from trimtab import RebalancingLimits, rebalance
from trimtab.conflicts import Conflict
from trimtab.relaxations import Relaxation


def faults(rows: list[Row], limits: RebalancingLimits, found: Conflict) -> list[str]:
    """What is not true of a conflict."""
    wrong = []
    goal = (found.goal.limit, found.goal.node)
    members = {(member.limit, member.node) for member in found.members}
    if reaches(rows, limits, *goal, found.goal.value):
        wrong.append("the goal is reached")
    if found.members and reaches(*only(rows, limits, {goal, *members}), *goal, found.goal.value):
        wrong.append("the members do not conflict")
    needless = [
        member
        for member in sorted(members)
        if not reaches(*only(rows, limits, {goal, *(members - {member})}), *goal, found.goal.value)
    ]
    suggested = [[member.relaxation] for member in (*found.members, found.goal) if member.relaxation]
    suggested += [list(found.together)] if found.together else []
    useless = [changes for changes in suggested if not works(rows, limits, found, changes)]
    wrong += [f"not irreducible: {member} is not needed" for member in needless]
    wrong += [f"does not help: {changes}" for changes in useless]
    return wrong


def works(rows: list[Row], limits: RebalancingLimits, found: Conflict, changes: list[Relaxation]) -> bool:
    """Whether the goal is reached with some changes; a goal that is lowered, as far as it then goes."""
    goal = found.goal.value
    for one in changes:
        asset = one.node if one.change in ("restriction", "max_weight") else ""
        rows, limits = changed(rows, limits, asset, one.change, one.node, one.value)
        if (one.change, one.node) == (found.goal.limit, found.goal.node):
            goal = one.value
    return reaches(rows, limits, found.goal.limit, found.goal.node, goal)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--conflicts", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=3_000_000)
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    seed = options.seed
    while counts["conflicts"] < options.conflicts:
        rng = random.Random(seed)
        rows = random_rows(rng)
        limits = random_limits(rng, no_trade_band=0.0, min_trade=0.0, brake_turnover=None, brake_closed_positions=None)
        for found in rebalance(rows, limits).conflicts:
            if not found.members:
                counts["the candidates alone"] += 1
                continue
            counts["conflicts"] += 1
            counts[f"goal {found.goal.limit}"] += 1
            counts["members"] += len(found.members)
            counts["relaxations"] += sum(member.relaxation is not None for member in found.members)
            counts["conflicts that one change solves"] += any(member.relaxation for member in found.members)
            counts["conflicts that only several changes solve"] += bool(found.together)
            wrong = faults(rows, limits, found)
            counts["conflicts with a fault"] += bool(wrong)
            for fault in wrong:
                print(f"  seed {seed}: {found.text}: {fault}")
        seed += 1
    for name, count in counts.items():
        print(f"{name}: {count}")


if __name__ == "__main__":
    main()
