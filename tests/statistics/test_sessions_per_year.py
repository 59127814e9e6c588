"""Sessions a year, read from days: what trades every day, exchanges with other weekends, weeks, months, holes."""

from __future__ import annotations

import datetime as dt

import pytest

from trimtab.statistics.sessions_per_year import sessions_per_year

START = dt.date(2021, 3, 1)  # a Monday


def days(step: int, count: int, weekdays: tuple[int, ...] = tuple(range(7))) -> list[dt.date]:
    every = (START + dt.timedelta(days=step * index) for index in range(count))
    return [day for day in every if day.weekday() in weekdays]


@pytest.mark.parametrize(
    ("sessions", "expected"),
    [
        (days(1, 1100), 365),
        (days(1, 14), 365),
        (days(1, 1100, (0, 1, 2, 3, 4)), 252),
        (days(1, 7, (0, 1, 2, 3, 4)), 252),
        (days(1, 400, (6, 0, 1, 2, 3)), 252),  # Sunday to Thursday
        (days(1, 400, (0, 1, 2, 3, 4, 5)), 313),
        ([*days(1, 400, (0, 1, 2, 3, 4)), dt.date(2021, 5, 1), dt.date(2021, 10, 30)], 252),  # Saturdays now and then
        (days(7, 60), 52),
        (days(14, 60), 26),
        ([dt.date(2019 + index // 12, index % 12 + 1, 28) for index in range(40)], 12),
        ([dt.date(2010 + index // 4, index % 4 * 3 + 1, 1) for index in range(20)], 4),
        ([dt.date(2010 + index // 2, index % 2 * 6 + 1, 1) for index in range(9)], 2),
        ([dt.date(2000 + index, 12, 31) for index in range(9)], 1),
        (days(3, 200), 122),
        (days(500, 9), 1),
        ([START], 252),
        ([], 252),
        ([dt.date(2024, 1, 5), dt.date(2024, 1, 8)], 252),  # over a weekend
    ],
)
def test_sessions_of_a_year(sessions: list[dt.date], expected: int) -> None:
    assert sessions_per_year(sessions) == expected
    assert sessions_per_year(reversed(sessions)) == expected


def test_a_hole_changes_nothing() -> None:
    whole = days(1, 800, (0, 1, 2, 3, 4))
    assert sessions_per_year(whole[:100] + whole[400:]) == 252
    assert sessions_per_year([*days(7, 20), *(day + dt.timedelta(days=2000) for day in days(7, 20))]) == 52
