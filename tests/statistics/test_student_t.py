"""Student's t against printed tables, and against its own density."""

from __future__ import annotations

import math

import pytest

from trimtab.statistics.student_t import t_quantile, t_within

# Degrees of freedom -> the two-sided 95 % and 99 % points (Abramowitz and Stegun, table 26.10).
TABLE = {
    1: (12.706, 63.657),
    2: (4.303, 9.925),
    3: (3.182, 5.841),
    7: (2.365, 3.499),
    30: (2.042, 2.750),
    120: (1.980, 2.617),
}


@pytest.mark.parametrize("degrees", TABLE)
def test_the_printed_table(degrees: int) -> None:
    assert [t_quantile(level, degrees) for level in (0.95, 0.99)] == pytest.approx(list(TABLE[degrees]), abs=6e-4)


@pytest.mark.parametrize("degrees", [1, 2, 5, 8, 33])
def test_the_probability_is_the_area_under_the_density(degrees: int) -> None:
    scale = math.gamma((degrees + 1) / 2) / math.gamma(degrees / 2) / math.sqrt(degrees * math.pi)
    step = 1e-4
    points = [(index + 0.5) * step for index in range(15_000)]
    area = 2 * step * sum(scale * (1 + point * point / degrees) ** (-(degrees + 1) / 2) for point in points)
    assert t_within(1.5, degrees) == pytest.approx(area, abs=1e-8)
