"""Exactness on many more cases than the tests run: selection against HiGHS, sizes against KKT and a conic solver.

python benchmarks/exactness.py [--selection 20000] [--sizing 20000] [--conic 1000] [--twin 20000] [--seed 1000000]
"""

from __future__ import annotations

import harness
import numpy as np
from kernel_runs import differences, run
from oracles import conic_sizes, kkt_residual, milp_selection, objective_of, selection_violations
from sizing_problems import random_problem


def selection(seeds: range) -> None:
    unequal = 0
    for _, rows, limits in harness.random_accounts(seeds, 14):
        selected = run(rows, limits).selected
        feasible = selection_violations(rows, limits, selected) == []
        unequal += not feasible or objective_of(rows, limits, selected) != milp_selection(rows, limits)
    print(f"selection: {len(seeds)} cases, {unequal} with another objective than the integer program")


def sizing(seeds: range) -> None:
    residuals, excess = [], 0.0
    for seed in seeds:
        problem = random_problem(seed)
        if problem is None:
            continue
        arguments = (problem.desired, problem.lower, problem.upper, problem.groups, problem.total)
        residuals.append(kkt_residual(problem.weights, *arguments, at_most=problem.at_most))
        for members, minimum, maximum in problem.groups:
            weight = problem.weights[list(members)].sum()
            excess = max(excess, weight - maximum, minimum - weight)
    print(
        f"sizing: {len(residuals)} cases, largest KKT residual {max(residuals):.1e}, largest excess over a limit {excess:.1e}"
    )


def conic(seeds: range) -> None:
    distances = []
    for seed in seeds:
        problem = random_problem(seed)
        if problem is not None:
            arguments = (problem.desired, problem.lower, problem.upper, problem.groups, problem.total)
            distances.append(np.abs(conic_sizes(*arguments, at_most=problem.at_most) - problem.weights).max())
    print(f"conic: {len(distances)} cases, largest distance {max(distances):.1e}")


def twin(seeds: range) -> None:
    different = 0
    for _, rows, limits in harness.random_accounts(seeds):
        different += bool(differences(run(rows, limits), rows, limits))
    print(f"naive twin: {len(seeds)} accounts, {different} decided otherwise")


def main() -> None:
    options = harness.options(__doc__, selection=20_000, sizing=20_000, conic=1000, twin=20_000, seed=1_000_000)
    for check in (selection, sizing, conic, twin):
        count = getattr(options, check.__name__)
        if count:
            check(range(options.seed, options.seed + count))


if __name__ == "__main__":
    main()
