"""Exposures in the kernel, for tests: a projection alone, and a whole account beside the twin's."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from cases import Row, random_limits, random_rows
from exposure_cases import random_exposure_limits, random_exposures
from kernel_runs import Passed, differences_from, run
from naive import smallest_level
from naive_exposures import naive_exposed
from naive_projection import Floats, Projection

from trimtab.errors import LimitsError
from trimtab.kernel.compilation import undecorated
from trimtab.kernel.projection import ASSET, PINNED, ROW_SUM, problem_of, project
from trimtab.limits.rebalancing_limits import RebalancingLimits

plain_problem_of, plain_project = undecorated(problem_of), undecorated(project)
Case = tuple[list[Row], RebalancingLimits, list[Row], dict[str, dict[str, Any]]]
Concentration = dict[str, float]


def kernel_weights(problem: Projection) -> Floats:
    """The kernel's answer, undecorated. Its rows are scaled to a largest fraction of 1, and it starts from the level of the total."""
    assets, rows = np.zeros(len(problem.d), ASSET), np.zeros(len(problem.rows), ROW_SUM)
    assets["desired"], assets["lower"], assets["upper"] = problem.d, problem.low, problem.high
    free = problem.free
    assets["place"] = np.where(free, 0, PINNED)
    assets["upper"] = np.where(free, problem.high, problem.low)
    scales = [max(float(row.shares.max()), 1e-300) for row in problem.rows]
    row_of: list[int] = []
    fractions: list[float] = []
    for number, (row, scale) in enumerate(zip(problem.rows, scales, strict=True)):
        rows[number]["maximum"] = row.maximum / scale
        rows[number]["minimum"] = row.minimum / scale if row.minimum > 0 else -np.inf
        rows[number]["deepest"] = -problem.price * scale
    for asset in range(len(assets)):
        assets[asset]["begin"] = len(row_of)
        for number, row in enumerate(problem.rows):
            if row.shares[asset] > 0:
                row_of.append(number)
                fractions.append(row.shares[asset] / scales[number])
        assets[asset]["end"] = len(row_of)
    program = plain_problem_of(assets, rows, np.array(row_of, np.int64), np.array(fractions))
    positions = list(zip(problem.d.tolist(), problem.low.tolist(), assets["upper"].tolist(), strict=True))
    level = min(smallest_level(positions, problem.rows[0].maximum), problem.level)
    plain_project(program, level, problem.level, 0)
    return np.array(program.assets["weight"])


def random_case(seed: int, *, tight: bool = True, **fixed: Any) -> Case | None:
    """An account with its limits, exposures and their limits; None where these contradict each other."""
    rng = random.Random(seed)
    rows, limits = random_rows(rng), random_limits(rng, **fixed)
    exposures = random_exposures(rng, rows)
    own = random_exposure_limits(rng, exposures, tight=tight)
    if not exposures:
        return None
    try:
        limits.replace(exposures=own)
    except LimitsError:
        return None
    return rows, limits, exposures, own


RULES = ((0.05, 0.1, 0.4), (0.05, 0.25, 0.5), (0.1, 0.2, 0.3), (0.02, 0.3, 0.3), (0.15, 0.3, 0.6), (0.1, 0.1, 0.5))


def random_concentration(seed: int, **fixed: Any) -> tuple[Case, Concentration] | None:
    """An account whose issuers are limited, half of them with limits of exposures, too."""
    case = random_case(seed, **fixed)
    if case is None:
        return None
    rows, limits, exposures, own = case
    rng = random.Random(10**9 + seed)
    names = [f"I{number}" for number in range(rng.randint(2, 8))] + ["Unknown"]
    issuers = [
        {"asset": row["asset"], "scheme": "issuer", "bucket": rng.choice(names), "fraction": 1.0}
        for row in rows
        if rng.random() < 0.9
    ]
    rule = dict(zip(("small", "largest", "together"), rng.choice(RULES), strict=True))
    own = own if rng.random() < 0.5 else {}
    return ((rows, limits, exposures + issuers, own), rule) if issuers else None


def run_case(case: Case, concentration: Concentration | None = None, *, compiled: bool = True) -> Passed:
    """The kernel's answer."""
    rows, limits, exposures, own = case
    limits = limits.replace(exposures=own, concentration={"issuer": concentration} if concentration else {})
    return run(rows, limits, compiled=compiled, exposures=exposures)


def twin_differences(case: Case, concentration: Concentration | None = None, *, compiled: bool = True) -> list[str]:
    """What the kernel decides otherwise than the twin."""
    rows, limits, exposures, own = case
    issuers = {"scheme": "issuer", **concentration} if concentration else None
    twin = naive_exposed(rows, limits, exposures, own, issuers)
    return differences_from(twin, run_case(case, concentration, compiled=compiled))
