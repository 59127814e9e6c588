"""The projection of exposures against solvers of another kind, and against its conditions."""

from __future__ import annotations

import random

import numpy as np
import pytest
from exact_projection import proven_optimum
from exposure_runs import kernel_weights
from naive_projection import kkt_residual, project
from projection_problems import conic_weights, random_projection
from thorough import mostly_thorough


@pytest.mark.parametrize("first", mostly_thorough(range(0, 2000, 20)))
def test_its_conditions_hold_and_the_twin_agrees(first: int) -> None:
    for seed in range(first, first + 20):
        problem = random_projection(random.Random(seed))
        weights = kernel_weights(problem)
        assert kkt_residual(problem, weights) <= 1e-12, f"seed {seed}"
        assert np.abs(weights - project(problem)).max() <= 1e-12, f"seed {seed}"


@pytest.mark.parametrize("first", mostly_thorough(range(5000, 5100, 2)))
def test_a_conic_solver_agrees(first: int) -> None:
    for seed in range(first, first + 2):
        problem = random_projection(random.Random(seed))
        assert np.abs(kernel_weights(problem) - conic_weights(problem)).max() <= 1e-6, f"seed {seed}"


@pytest.mark.parametrize("first", mostly_thorough(range(7000, 7100, 2)))
def test_fractions_prove_it(first: int) -> None:
    for seed in range(first, first + 2):
        problem = random_projection(random.Random(seed), 8, 8, grid=True)
        weights = kernel_weights(problem)
        exact = np.array([float(weight) for weight in proven_optimum(problem, weights)])
        assert np.abs(weights - exact).max() <= 1e-12, f"seed {seed}"
