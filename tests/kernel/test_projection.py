"""The projection with exposures: random problems against the optimality conditions."""

from __future__ import annotations

import pytest
from exposure_problems import first_level, problem_of_case, random_case, residual
from thorough import mostly_thorough

from trimtab.kernel.compilation import undecorated
from trimtab.kernel.projection import project

plain_project = undecorated(project)


@pytest.mark.parametrize("first", mostly_thorough(range(0, 2000, 50)))
def test_weights_and_tolls_meet_the_optimality_conditions(first: int) -> None:
    for seed in range(first, first + 50):
        case = random_case(seed)
        problem = problem_of_case(case)
        plain_project(problem, first_level(case, problem), case.highest, 0)
        assert residual(case, problem) <= 1e-12, f"seed {seed}"
