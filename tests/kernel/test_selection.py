"""Selection is the lexicographic optimum of section 4: equal to a mixed-integer program, not close."""

from __future__ import annotations

import random

import pytest
from cases import random_limits, random_rows
from kernel_runs import run
from oracles import milp_selection, objective_of, selection_violations
from thorough import mostly_thorough


@pytest.mark.parametrize("first", mostly_thorough(range(0, 2400, 200), 2))
def test_selection_equals_the_integer_program(first: int) -> None:
    for seed in range(first, first + 200):
        rng = random.Random(seed)
        rows, limits = random_rows(rng, 14), random_limits(rng)
        selected = run(rows, limits).selected
        assert selection_violations(rows, limits, selected) == [], f"seed {seed}"
        assert objective_of(rows, limits, selected) == milp_selection(rows, limits), f"seed {seed}"
