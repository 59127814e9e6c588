"""A projection proven in fractions: from weights close to the optimum, the optimum itself, with tolls that prove it.

Numbers of the problem are taken as the short decimals that were meant, so the problem must come from a coarse grid.
"""

from __future__ import annotations

import math
import random
from fractions import Fraction
from typing import NamedTuple

from naive_projection import Floats, Projection, solve_exactly

_CLOSE = Fraction(1, 10**8)
_TRIES = 300


class _Row(NamedTuple):
    shares: list[Fraction]
    maximum: Fraction | None
    minimum: Fraction


class _Full(NamedTuple):
    """A row or a bound that is full: its shares, what is left for the moving assets, and its sign."""

    shares: list[Fraction]
    limit: Fraction
    sign: int  # 1: a maximum, -1: a minimum
    is_bound: bool = False  # of one asset


def proven_optimum(problem: Projection, guess: Floats) -> list[Fraction]:
    """The optimum, in fractions. Raises where no tolls prove it."""
    low, high, d = ([_exact(value) for value in values] for values in (problem.low, problem.high, problem.d))
    rows = [_exact_row([_exact(share) for share in row.shares], row.maximum, row.minimum, low) for row in problem.rows]
    level, price = _exact(problem.level), _exact(problem.price)
    near = [_exact(float(value), 10**12) for value in guess]
    pull, full, lacks = [level] * len(d), [], []
    for row in rows:
        total = _sum(row.shares, near)
        if row.maximum is not None and total >= row.maximum - _CLOSE:
            full.append(_Full(row.shares, row.maximum, 1))
        lacks.append(total < row.minimum - _CLOSE)
        if lacks[-1]:
            pull = [value + price * share for value, share in zip(pull, row.shares, strict=True)]
        elif row.minimum > 0 and total <= row.minimum + _CLOSE:
            full.append(_Full(row.shares, row.minimum, -1))
    for asset, weight in enumerate(near):
        unit = [Fraction(int(asset == other)) for other in range(len(d))]
        if low[asset] == high[asset]:
            pull[asset] = low[asset] / d[asset]
        elif weight >= high[asset] - _CLOSE:
            full.append(_Full(unit, high[asset], 1, is_bound=True))
        elif weight <= low[asset] + _CLOSE:
            full.append(_Full(unit, low[asset], -1, is_bound=True))
    rng = random.Random(1)
    for _ in range(_TRIES):
        weights, tolls = _solved(full, d, pull)
        if all(_is_toll(toll, value, price) for value, toll in zip(full, tolls, strict=True)):
            _check_limits(weights, rows, lacks, low, high)
            return weights
        rng.shuffle(full)  # where rows depend on each other, another choice of tolls may do
    raise AssertionError("no tolls prove this optimum")


def _solved(full: list[_Full], d: list[Fraction], pull: list[Fraction]) -> tuple[list[Fraction], list[Fraction]]:
    target = [value * other for value, other in zip(d, pull, strict=True)]
    pulled = [[share * value for share, value in zip(row.shares, d, strict=True)] for row in full]
    matrix = [[_sum(left, row.shares) for row in full] for left in pulled]
    tolls = solve_exactly(matrix, [_sum(row.shares, target) - row.limit for row in full])
    weights = [target[asset] - d[asset] * _sum(tolls, [row.shares[asset] for row in full]) for asset in range(len(d))]
    return weights, tolls


def _is_toll(toll: Fraction, row: _Full, price: Fraction) -> bool:
    """At least 0 at a maximum; at a minimum between 0 and the price, except at the bound of an asset."""
    return toll * row.sign >= 0 and (row.sign > 0 or row.is_bound or -toll <= price)


def _check_limits(
    weights: list[Fraction], rows: list[_Row], lacks: list[bool], low: list[Fraction], high: list[Fraction]
) -> None:
    for weight, lowest, highest in zip(weights, low, high, strict=True):
        if not lowest <= weight <= highest:
            raise AssertionError("a bound does not hold")
    for row, is_lacking in zip(rows, lacks, strict=True):
        total = _sum(row.shares, weights)
        if row.maximum is not None and total > row.maximum:
            raise AssertionError("a maximum does not hold")
        if total > row.minimum if is_lacking else total < row.minimum:
            raise AssertionError("a minimum was misjudged")


def _exact(value: float, parts: int = 10**4) -> Fraction:
    return Fraction(float(value)).limit_denominator(parts)


def _exact_row(shares: list[Fraction], maximum: float, minimum: float, low: list[Fraction]) -> _Row:
    maximum = None if maximum == math.inf else max(_exact(maximum), _sum(shares, low))
    return _Row(shares, maximum, _exact(minimum))


def _sum(values: list[Fraction], others: list[Fraction]) -> Fraction:
    return sum((value * other for value, other in zip(values, others, strict=True)), Fraction(0))
