"""Sizes are the projection of the wish on the limits: KKT conditions, and a conic solver."""

from __future__ import annotations

import numpy as np
import pytest
from oracles import conic_sizes, kkt_residual
from sizing_problems import random_problem
from thorough import mostly_thorough


@pytest.mark.parametrize("first", mostly_thorough(range(0, 6000, 1000)))
@pytest.mark.thorough
def test_the_kkt_conditions_hold(first: int) -> None:
    checked = 0
    for seed in range(first, first + 1000):
        problem = random_problem(seed)
        if problem is None:
            continue
        residual = kkt_residual(
            problem.weights,
            problem.desired,
            problem.lower,
            problem.upper,
            problem.groups,
            problem.total,
            at_most=problem.at_most,
        )
        assert residual <= 1e-10, f"seed {seed}"
        for members, lowest, highest in problem.groups:
            weight = problem.weights[list(members)].sum()
            assert lowest - 1e-12 <= weight <= highest + 1e-12, f"seed {seed}"
        checked += 1
    assert checked > 900


@pytest.mark.parametrize("first", mostly_thorough(range(50_000, 50_360, 60)))
def test_sizes_equal_the_conic_solver(first: int) -> None:
    for seed in range(first, first + 60):
        problem = random_problem(seed)
        if problem is not None:
            expected = conic_sizes(
                problem.desired, problem.lower, problem.upper, problem.groups, problem.total, at_most=problem.at_most
            )
            assert np.abs(expected - problem.weights).max() <= 5e-5, f"seed {seed}"
