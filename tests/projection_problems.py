"""Random projections on limits of exposures, from a seed: rows given twice, zero caps, caps that are reached exactly,
minima that cannot all be met; half of them on a coarse grid.
"""

from __future__ import annotations

import math
import random

import cvxpy as cp
import numpy as np
from naive_projection import Floats, Projection, Row


def random_projection(rng: random.Random, assets: int = 14, rows: int = 20, *, grid: bool | None = None) -> Projection:
    """A problem of at highest so many assets and rows beside the whole; `grid`: on a coarse grid or not."""
    size, grid = rng.randint(2, assets), rng.random() < 0.5 if grid is None else grid
    d = np.array([rng.choice([1.0, 1.0, 2.0, 0.5]) if grid else rng.uniform(0.05, 3) for _ in range(size)])
    high = np.array([rng.choice([0.1, 0.2, 0.3, 0.05]) if grid else rng.uniform(0.02, 0.3) for _ in range(size)])
    low = np.minimum(high, np.array([rng.choice([0.0, 0.01, 0.02]) for _ in range(size)]))
    aim = rng.choice([0.5, 0.95, 1.0])
    limits = [Row(np.ones(size), max(aim, float(low.sum())))]
    for _ in range(rng.randint(1, rows)):
        limits.append(_random_row(rng, limits, high))
    low, maxima = _fitting(low, limits)
    limits = [row._replace(maximum=highest) for row, highest in zip(limits, maxima, strict=True)]
    free = low < high
    level = min(3 * float((high / d)[free].max()), 1e6 * aim / float(d[free].sum())) if free.any() else 0.0
    ceiling = rng.choice([level, level, level, 0.05])  # `desired` and `cash` end at a lower level
    return Projection(d, low, high, limits, ceiling, 10 * max(level, ceiling))


def _random_row(rng: random.Random, limits: list[Row], high: Floats) -> Row:
    shares = np.array([rng.choice([1.0, 0.5, 0.25, 0.6]) if rng.random() < 0.4 else 0.0 for _ in high])
    if rng.random() < 0.15:
        shares = rng.choice(limits).shares  # once more, with limits of its own
    maximum = rng.choice([math.inf, 0.0, 0.05, 0.1, 0.2, 0.3, 0.4])
    if rng.random() < 0.1:
        maximum = float(shares @ high)  # reached exactly
    minimum = rng.choice([0.0, 0.0, 0.0, 0.05, 0.1, 0.2])
    return Row(shares, maximum, minimum if minimum <= maximum else 0.0)


def _fitting(low: Floats, limits: list[Row]) -> tuple[Floats, list[float]]:
    """Lower bounds waived until they fit, and the maxima, at least what is left of them (E4.2)."""
    while True:
        over = np.array([float(row.shares @ low) - row.maximum for row in limits])
        if over.max() <= 1e-12:
            return low, [max(row.maximum, float(row.shares @ low)) for row in limits]
        for row in np.array(limits, dtype=object)[over >= over.max() - 1e-12]:
            low = np.where(row[0] > 0, 0.0, low)


def conic_weights(problem: Projection) -> Floats:
    """The same answer from a conic solver, good to about 1e-7."""
    w = cp.Variable(len(problem.d))
    free = problem.low < problem.high
    if not free.any():
        return problem.low
    gaps = cp.multiply(1 / np.sqrt(2 * problem.d[free]), w[np.flatnonzero(free)] - problem.level * problem.d[free])
    lacks = [cp.pos(row.minimum - row.shares @ w) for row in problem.rows if row.minimum > 0]
    limits = [w >= problem.low, w <= problem.high]
    limits += [row.shares @ w <= row.maximum for row in problem.rows if row.maximum < math.inf]
    goal = cp.sum_squares(gaps) + problem.price * sum(lacks)
    program = cp.Problem(cp.Minimize(goal), limits)
    program.solve(solver=cp.CLARABEL, tol_gap_abs=1e-13, tol_gap_rel=1e-13, tol_feas=1e-11)
    return np.asarray(w.value, float)
