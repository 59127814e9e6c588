"""Whole accounts with exposures: the kernel, compiled and plain, and the naive twin written from the rules' text."""

from __future__ import annotations

import pytest
from exposure_runs import random_case, twin_differences
from kernel_runs import run
from thorough import mostly_thorough

from trimtab.reasons import SizeReason

DECIDED = (SizeReason.CAPPED_EXPOSURE, SizeReason.LIFTED_FOR_EXPOSURE, SizeReason.MADE_ROOM)


@pytest.mark.parametrize("first", mostly_thorough(range(0, 4200, 40)))
def test_compiled_equals_naive_twin(first: int) -> None:
    compared = 0
    for seed in range(first, first + 40):
        case = random_case(seed)
        if case is not None:
            assert twin_differences(case) == [], f"seed {seed}"
            compared += 1
    assert compared >= 35


@pytest.mark.parametrize("first", mostly_thorough(range(20_000, 20_400, 20)))
def test_plain_equals_compiled_to_the_last_bit(first: int) -> None:
    decided = 0
    for seed in range(first, first + 20):
        case = random_case(seed)
        if case is not None:
            rows, limits, exposures, own = case
            limits = limits.replace(exposures=own)
            plain, compiled = (run(rows, limits, compiled=which, exposures=exposures) for which in (False, True))
            assert plain.answer.tobytes() == compiled.answer.tobytes(), f"seed {seed}"
            assert plain.braked == compiled.braked
            decided += any(reason in compiled.answer["size_reason"] for reason in DECIDED)
    assert decided > 0


@pytest.mark.parametrize("first", mostly_thorough(range(30_000, 50_000, 100)))
def test_exposures_that_do_not_bind_change_no_bit(first: int) -> None:
    """All limits at 1, which no account reaches."""
    for seed in range(first, first + 100):
        case = random_case(seed)
        if case is not None:
            rows, limits, exposures, own = case
            loose = {scheme: {"max_exposure": 1.0} for scheme in own}
            without, within = run(rows, limits), run(rows, limits.replace(exposures=loose), exposures=exposures)
            total = sum(row["current_weight"] for row in rows)
            if total <= 1.0:
                assert without.answer.tobytes() == within.answer.tobytes(), f"seed {seed}"
