"""Quantiles of Student's t distribution for whole degrees of freedom."""

from __future__ import annotations

import math


def t_within(value: float, degrees: int) -> float:
    """The probability of lying between -value and value.

    Finite sums; source: Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.7.3 and 26.7.4.

    Examples
    --------
    >>> round(t_within(4.302653, 2), 6), round(t_within(2.570582, 5), 6)
    (0.95, 0.95)
    """
    angle = math.atan(value / math.sqrt(degrees))
    cosine, odd = math.cos(angle), degrees % 2
    term, total = (cosine if odd else 1.0), 0.0
    for order in range(2 + odd, degrees + 1, 2):
        total += term
        term *= (order - 1) / order * cosine * cosine
    if odd:
        return 2.0 / math.pi * (angle + math.sin(angle) * total)
    return math.sin(angle) * total


def t_quantile(level: float, degrees: int) -> float:
    """The value with `level` of the distribution between minus it and it, by bisection.

    Examples
    --------
    >>> round(t_quantile(0.95, 10), 5)
    2.22814
    """
    low, high = 0.0, 1.0
    while t_within(high, degrees) < level:
        high *= 2.0
    while high - low > 1e-12 * high:
        middle = (low + high) / 2.0
        low, high = (middle, high) if t_within(middle, degrees) < level else (low, middle)
    return high
