"""The projection of exposures, solved by other means than the kernel: an interior point method, then exact fractions.

The interior point method (Mehrotra) tells which limits are full. The weights follow from these by one linear system in
fractions. `kkt_residual` then proves or refutes them, whatever they came from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog, lsq_linear

Floats = NDArray[np.float64]
_STEPS = 80


class Row(NamedTuple):
    """A limit of weights: the share of each asset that counts, and what they may and should come to."""

    shares: Floats
    maximum: float = math.inf
    minimum: float = 0.0


@dataclass(frozen=True)
class Projection:
    """Minimise the sum of (w - level * d)² / (2d), plus `price` for each unit of weight that a minimum lacks, over low
    ≤ w ≤ high and the maxima of all rows. Assets with low = high are settled. `low` must respect the maxima.
    """

    d: Floats
    low: Floats
    high: Floats
    rows: list[Row]
    level: float
    price: float

    @property
    def free(self) -> NDArray[np.bool_]:
        """Which assets have any choice: a row that `low` fills settles what lies in it."""
        free = self.low < self.high
        for row in self.rows:
            if float(row.shares @ self.low) >= row.maximum - 1e-13:
                free &= row.shares <= 0
        return free

    def lacks(self, weights: Floats) -> Floats:
        """What each row lacks to its minimum."""
        return np.array([max(row.minimum - math.fsum(row.shares * weights), 0.0) for row in self.rows])

    def value(self, weights: Floats) -> float:
        """The objective over the assets that have low < high."""
        open_, d = self.low < self.high, self.d
        gaps = (weights - self.level * d) ** 2 / (2 * d)
        return math.fsum(gaps[open_]) + self.price * math.fsum(self.lacks(weights))


def project(problem: Projection) -> Floats:
    """The one answer, good to the last digits. Raises where the conditions of the optimum do not hold."""
    free = problem.free
    weights = problem.low.copy()
    if not free.any():
        return weights
    best, lowest = weights, math.inf
    for corrected in (True, False):
        guess, tolls = _interior_point(problem, free, corrected)
        for close in (1e-8, 1e-9, 1e-7, 1e-10, 1e-6, 1e-11, 1e-5):
            weights = problem.low.copy()
            weights[free] = guess
            polished = _polished(problem, free, weights, tolls, close)
            residual = kkt_residual(problem, polished)
            if residual < lowest:
                best, lowest = polished, residual
            if lowest <= 1e-13:
                return best
    if lowest > 1e-11:
        raise AssertionError(f"no optimum: the conditions are off by {lowest}")
    return best


def _interior_point(problem: Projection, free: NDArray[np.bool_], corrected: bool) -> tuple[Floats, Floats]:
    """The free weights, and the toll of each row (above 0 at a maximum, below 0 at a minimum), to about 1e-9."""
    scale = float(problem.d[free].sum())
    d, size = problem.d[free] / scale, int(free.sum())
    level, price = problem.level * scale, problem.price * scale
    settled = np.where(free, 0.0, problem.low)
    inside = [(row, row.shares[free], float(row.shares @ settled)) for row in problem.rows]
    maxima = [number for number, (row, shares, _) in enumerate(inside) if row.maximum < math.inf and shares.any()]
    minima = [number for number, (row, shares, _) in enumerate(inside) if row.minimum > 0 and shares.any()]
    lacking = len(minima)
    rows: list[Floats] = []
    bounds: list[float] = []
    lack_of = np.eye(lacking)
    for asset in range(size):
        unit = np.eye(size)[asset]
        rows += [np.r_[unit, np.zeros(lacking)], np.r_[-unit, np.zeros(lacking)]]
        bounds += [problem.high[free][asset], -problem.low[free][asset]]
    for number in maxima:
        row, shares, used = inside[number]
        rows.append(np.r_[shares, np.zeros(lacking)])
        bounds.append(row.maximum - used)
    for place, number in enumerate(minima):
        row, shares, used = inside[number]
        rows += [np.r_[-shares, -lack_of[place]], np.r_[np.zeros(size), -lack_of[place]]]
        bounds += [used - row.minimum, 0.0]
    matrix, bound = np.array(rows), np.array(bounds)
    curvature = np.r_[1 / d, np.zeros(lacking)]
    slope = np.r_[np.full(size, -level), np.full(lacking, price)]
    x, duals = _quadratic_program(curvature, slope, matrix, bound, corrected)
    tolls = np.zeros(len(problem.rows))
    first = 2 * size + len(maxima)
    tolls[maxima] = duals[2 * size : first] / scale
    tolls[minima] -= duals[first::2] / scale
    return x[:size], tolls


def _quadratic_program(
    curvature: Floats, slope: Floats, matrix: Floats, bound: Floats, corrected: bool
) -> tuple[Floats, Floats]:
    """Minimise x'Cx/2 + slope·x subject to matrix·x ≤ bound: Mehrotra's predictor and corrector; without the latter it
    takes more steps, but does not get stuck.
    """
    x = np.linalg.lstsq(matrix, bound - np.abs(bound) * 0.5 - 0.01, rcond=None)[0]
    slack = np.maximum(bound - matrix @ x, 0.1)
    dual = np.full(len(bound), max(1.0, float(np.abs(slope).max()) / 10))
    best, lowest = (x, dual), math.inf
    for _ in range(_STEPS):
        stationary = curvature * x + slope + matrix.T @ dual
        primal = matrix @ x + slack - bound
        gap = float(slack @ dual) / len(bound)
        worth = max(float(np.abs(primal).max()), gap / max(1.0, float(np.abs(slope).max())))
        if worth < lowest:
            best, lowest = (x.copy(), dual.copy()), worth
        if worth < 1e-15 or not math.isfinite(worth):
            break
        system = np.diag(curvature) + matrix.T @ ((dual / slack)[:, None] * matrix)
        state = (system, matrix, slack, dual, stationary, primal)
        if corrected:
            _, ds, dl = _step(*state, slack * dual)
            reach = min(_reach(slack, ds), _reach(dual, dl))
            centre = (float((slack + reach * ds) @ (dual + reach * dl)) / len(bound) / gap) ** 3 * gap
            dx, ds, dl = _step(*state, slack * dual + ds * dl - centre)
        else:
            dx, ds, dl = _step(*state, slack * dual - gap / 5)
        reach = 0.995 * min(_reach(slack, ds), _reach(dual, dl))
        x, slack, dual = x + reach * dx, slack + reach * ds, dual + reach * dl
    return best


def _step(
    system: Floats, matrix: Floats, slack: Floats, dual: Floats, stationary: Floats, primal: Floats, centred: Floats
) -> tuple[Floats, Floats, Floats]:
    """Newton's step: changes of x, of the slacks and of the duals."""
    weight = dual / slack
    right = -stationary - matrix.T @ (weight * primal - centred / slack)
    dx = np.linalg.lstsq(system, right, rcond=None)[0]
    ds = -primal - matrix @ dx
    return dx, ds, -centred / slack - weight * ds


def _reach(values: Floats, steps: Floats) -> float:
    """How far along the steps the values stay above 0, at most 1."""
    down = steps < 0
    return min(1.0, float((-values[down] / steps[down]).min())) if down.any() else 1.0


def _polished(problem: Projection, free: NDArray[np.bool_], weights: Floats, tolls: Floats, close: float) -> Floats:
    """The weights that follow exactly from which bounds and rows are full, judged within `close`."""
    low, high = problem.low, problem.high
    at_low = ~free | (weights - low <= close)
    at_high = free & ~at_low & (high - weights <= close)
    moving = np.flatnonzero(~at_low & ~at_high)
    settled = [Fraction(float(high[i])) if at_high[i] else Fraction(float(low[i])) for i in range(len(low))]
    d = [Fraction(float(value)) for value in problem.d]
    pull = {i: Fraction(problem.level) for i in moving.tolist()}
    full: list[tuple[list[Fraction], Fraction]] = []
    for number, row in enumerate(problem.rows):
        shares = [Fraction(float(share)) for share in row.shares]
        total = float(row.shares @ weights)
        if not any(shares[i] for i in pull):
            continue
        for limit, is_full in (
            (row.maximum, total >= row.maximum - close),
            (row.minimum, row.minimum > 0 and abs(total - row.minimum) <= close and tolls[number] < 0),
        ):
            if is_full:
                used = sum((shares[i] * settled[i] for i in range(len(d)) if i not in pull), Fraction(0))
                full.append((shares, Fraction(limit) - used))
        if total < row.minimum - close:
            for i in pull:
                pull[i] += Fraction(problem.price) * shares[i]
    owed = solve_exactly(
        [[sum((a[i] * d[i] * b[i] for i in pull), Fraction(0)) for b, _ in full] for a, _ in full],
        [sum((a[i] * d[i] * pull[i] for i in pull), Fraction(0)) - limit for a, limit in full],
    )
    result = np.array([float(value) for value in settled])
    for i, level in pull.items():
        result[i] = float(
            d[i] * (level - sum((a[i] * toll for (a, _), toll in zip(full, owed, strict=True)), Fraction(0)))
        )
    return np.where(free, np.clip(result, low, high), low)


def solve_exactly(matrix: list[list[Fraction]], right: Sequence[Fraction]) -> list[Fraction]:
    """Gauss; unknowns that depend on others are 0."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    size, pivots, done = len(rows), [], 0
    for column in range(size):
        place = next((k for k in range(done, size) if rows[k][column] != 0), None)
        if place is None:
            continue
        rows[done], rows[place] = rows[place], rows[done]
        head = rows[done]
        for k in range(size):
            if k != done and rows[k][column] != 0:
                factor = rows[k][column] / head[column]
                rows[k] = [value - factor * other for value, other in zip(rows[k], head, strict=True)]
        pivots.append(column)
        done += 1
    answer = [Fraction(0)] * size
    for k, column in enumerate(pivots):
        answer[column] = rows[k][-1] / rows[k][column]
    return answer


def kkt_residual(problem: Projection, weights: Floats, active: float = 1e-12) -> float:
    """How far weights are from the conditions of the optimum, in units of weight; no solver of programs.

    Limits hold; and there are tolls, at least 0 at a full row, and between 0 and the price at a row at its minimum (the
    price itself where it lacks), with w = d · (level - Σ share · toll) for what no bound stops. They are sought by least
    squares; the largest gap that is left is the residual. Where the whole is full, the level below it is sought, so that
    no large numbers cancel.
    """
    w, d, low, high = weights, problem.d, problem.low, problem.high
    worst = max(0.0, float((low - w).max()), float((w - high).max()))
    free = low < high
    worst = max(worst, *(math.fsum(row.shares * w) - row.maximum for row in problem.rows), 0.0)
    if not free.any():
        return worst
    pull, columns, bounds = np.full(len(d), problem.level), [], []
    whole = False
    for row in problem.rows:
        total = math.fsum(row.shares * w)
        if total >= row.maximum - active:
            if (row.shares == 1).all() and not whole:
                whole = True  # a level in place of the toll
                columns.append(np.full(len(d), -1.0))
                bounds.append((-math.inf, problem.level))
                pull -= problem.level
            else:
                columns.append(row.shares)
                bounds.append((0.0, math.inf))
        if row.minimum > 0 and total < row.minimum - active:
            pull += problem.price * row.shares
        elif row.minimum > 0 and problem.price > 0 and total <= row.minimum + active:
            columns.append(-row.shares)
            bounds.append((0.0, problem.price))
    for i in np.flatnonzero(free):
        unit = np.eye(len(d))[i]
        if w[i] >= high[i] - active:
            columns.append(unit)
            bounds.append((0.0, math.inf))
        elif w[i] <= low[i] + active:
            columns.append(-unit)
            bounds.append((0.0, math.inf))
    wanted = (d * pull - w)[free]
    if not columns:
        return max(worst, float(np.abs(wanted).max()))
    matrix = np.array(columns).T[free] * d[free, None]
    size = np.maximum(np.abs(matrix).max(axis=0), 1e-300)
    lows, highs = (np.array(ends) * size for ends in zip(*bounds, strict=True))
    sought = lsq_linear(matrix / size, wanted, (lows, highs), method="bvls", tol=1e-16, max_iter=1000)
    misfit = _misfit(matrix / size, sought.x, wanted, lows, highs)
    if misfit > 1e-12:  # least squares may get stuck in a corner; a linear program does not
        misfit = min(misfit, _misfit(matrix / size, _nearest(matrix / size, wanted, lows, highs), wanted, lows, highs))
    return max(worst, misfit)


def _nearest(matrix: Floats, wanted: Floats, lows: Floats, highs: Floats) -> Floats:
    """The tolls with the smallest largest gap."""
    ones = np.ones((len(wanted), 1))
    sides = np.vstack([np.hstack([matrix, -ones]), np.hstack([-matrix, -ones])])
    cost = np.r_[np.zeros(len(lows)), 1.0]
    ends = [*zip(lows, highs, strict=True), (0.0, None)]
    return np.asarray(linprog(cost, sides, np.r_[wanted, -wanted], bounds=ends).x[:-1], np.float64)


def _misfit(matrix: Floats, tolls: Floats, wanted: Floats, lows: Floats, highs: Floats) -> float:
    """The largest gap that tolls leave, after what least squares in double precision missed is added in longer numbers."""
    exact, inside = matrix.astype(np.longdouble), (tolls > lows) & (tolls < highs)
    tolls, lowest = tolls.astype(np.longdouble), math.inf
    for _ in range(4):
        gaps = wanted - exact @ tolls
        if float(np.abs(gaps).max()) >= lowest or not inside.any():
            break
        lowest = float(np.abs(gaps).max())
        missing = np.linalg.lstsq(matrix[:, inside], np.asarray(gaps, np.float64), rcond=None)[0]
        tolls[inside] = np.clip(tolls[inside] + missing, lows[inside], highs[inside])
    return min(lowest, float(np.abs(wanted - exact @ tolls).max()))
