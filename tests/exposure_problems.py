"""Random projections, as the kernel has them, and their optimality conditions."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.kernel.compilation import undecorated
from trimtab.kernel.projection import ASSET, HIGH, IDLE, LACKING, LOW, PINNED, ROW_SUM, Problem, problem_of

Array = NDArray[Any]


@dataclass(frozen=True)
class Case:
    """Minimise the sum of (w - highest * d)^2 / (2 d) + lack * what rows lack, within bounds and maxima; row 0 is the total."""

    desired: Array
    lower: Array
    upper: Array
    fraction: Array  # (rows, assets)
    maximum: Array
    minimum: Array
    highest: float
    lack: float


def random_case(seed: int) -> Case:
    """Half of them on a coarse grid, so that ties, duplicate rows and exactly reached limits are common."""
    rng = random.Random(seed)
    coarse = rng.random() < 0.5
    count, rows = rng.randint(1, 20), rng.randint(1, 25)

    def number(low: float, high: float) -> float:
        return low + (high - low) * (rng.randint(0, 8) / 8 if coarse else rng.random())

    desired = np.array([number(0.25, 2.0) for _ in range(count)])
    upper = np.array([number(0.0, 0.4) for _ in range(count)])
    lower = np.minimum(upper, [number(0.0, 0.05) if rng.random() < 0.5 else 0.0 for _ in range(count)])
    fraction = np.zeros((rows, count))
    fraction[0] = 1.0
    for row in range(1, rows):
        if row > 1 and rng.random() < 0.15:
            fraction[row] = fraction[rng.randint(1, row - 1)]  # a duplicate
            continue
        for asset in range(count):
            if rng.random() < 0.4:
                fraction[row, asset] = 1.0 if rng.random() < 0.5 else number(0.0, 1.0)
    scale = np.where(fraction.max(axis=1) > 0, fraction.max(axis=1), 1.0)
    fraction /= scale[:, None]
    low = fraction @ lower
    maximum = np.array([number(0.0, 0.5) if rng.random() < 0.7 else math.inf for _ in range(rows)])
    maximum[0] = number(0.3, 1.0)
    maximum = np.maximum(maximum, low)
    minimum = np.array([number(0.0, 0.6) if rng.random() < 0.3 else -math.inf for _ in range(rows)])
    minimum[0] = -math.inf
    minimum = np.where(minimum > 0, np.minimum(minimum, maximum), -math.inf)
    steepest = 3.0 * float((upper / desired).max())
    highest = steepest if rng.random() < 0.7 else number(0.01, 0.3)
    return Case(desired, lower, upper, fraction, maximum, minimum, highest, 10.0 * max(steepest, highest))


def problem_of_case(case: Case) -> Problem:
    """The records of the kernel."""
    rows, count = case.fraction.shape
    assets, sums = np.zeros(count, ASSET), np.zeros(rows, ROW_SUM)
    assets["desired"], assets["lower"], assets["upper"] = case.desired, case.lower, case.upper
    sums["maximum"], sums["minimum"], sums["deepest"] = case.maximum, case.minimum, -case.lack
    row_of: list[int] = []
    fractions: list[float] = []
    fixed = case.fraction @ case.lower
    for asset in range(count):
        assets[asset]["begin"] = len(row_of)
        here = np.flatnonzero(case.fraction[:, asset] > 0).tolist()
        row_of += here
        fractions += case.fraction[here, asset].tolist()
        assets[asset]["end"] = len(row_of)
        full = any(case.maximum[row] - fixed[row] <= 1e-15 for row in here)
        if full or case.lower[asset] >= case.upper[asset]:
            assets[asset]["place"], assets[asset]["upper"] = PINNED, case.lower[asset]
    return undecorated(problem_of)(assets, sums, np.array(row_of, np.int64), np.array(fractions))


def first_level(case: Case, problem: Problem) -> float:
    """The level at which bounds alone meet the total, found slowly."""
    lower, upper = problem.assets["lower"], problem.assets["upper"]

    def total(level: float) -> float:
        return float(np.clip(level * case.desired, lower, upper).sum())

    if upper.sum() <= case.maximum[0] + 1e-13 or lower.sum() >= case.maximum[0] - 1e-13:
        return math.inf
    low, high = 0.0, 1e3
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if total(middle) < case.maximum[0] else (low, middle)
    return high


def residual(case: Case, problem: Problem) -> float:
    """How far weights and tolls are from the optimality conditions, in weight."""
    weight = problem.assets["weight"]
    tolls = problem.rows["toll"] - problem.rows["rest"]
    free = problem.assets["place"] != PINNED
    share = np.clip(case.desired * (case.highest - case.fraction.T @ tolls), case.lower, case.upper)
    sums = case.fraction @ weight
    gaps = [float(np.abs(weight - share)[free].max(initial=0.0)), float((sums - case.maximum).max())]
    gaps.append(float(np.maximum(case.lower - weight, weight - case.upper).max()))
    for row, state in enumerate(problem.rows["state"].tolist()):
        toll = float(tolls[row])
        goal = {HIGH: case.maximum[row], LOW: case.minimum[row]}
        if state in goal:
            gaps.append(abs(float(sums[row] - goal[state])))
            gaps.append(max(0.0, -toll if state == HIGH else toll, -case.lack - toll))
        elif state == LACKING:
            gaps += [float(sums[row] - case.minimum[row]), abs(toll + case.lack)]
        else:
            assert state == IDLE
            gaps += [float(case.minimum[row] - sums[row]) if np.isfinite(case.minimum[row]) else 0.0, abs(toll)]
    return max(gaps)
