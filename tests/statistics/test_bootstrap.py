"""The interval of a difference: its parts against slow twins and arch, its coverage, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from thorough import mostly_thorough

from trimtab.errors import InputError
from trimtab.statistics.bootstrap import Interval, block_length, difference, drawn_days
from trimtab.statistics.performance import sharpe_ratio

# seed, n, autoregression, and `arch.bootstrap.optimal_block_length` (arch 8.0.0, column stationary) of that series.
ARCH = [
    (0, 20, 0, 1.3569833799034097),
    (1, 60, 0.95, 7.308552908742029),
    (2, 250, 0.05, 0.6664577772893298),
    (3, 1000, 0.8, 22.908491464279095),
    (4, 3200, -0.4, 14.550040084021488),
    (5, 777, 0.3, 6.338237073408363),
    (6, 20, 0, 7.0),
    (7, 60, 0.95, 9.857775254093365),
    (8, 250, 0.05, 1.4949505506915501),
    (9, 1000, 0.8, 19.387981314394327),
    (10, 3200, -0.4, 10.682829186919014),
    (11, 777, 0.3, 5.069252774475027),
]


def autoregressive(seed: int, count: int, share: float) -> Any:
    shocks = np.random.default_rng(seed).normal(size=count)
    changed = shocks.copy()
    for index in range(1, count):
        changed[index] = share * changed[index - 1] + shocks[index]
    return changed


@pytest.mark.parametrize(("seed", "count", "share", "expected"), ARCH)
def test_block_length_is_that_of_arch(seed: int, count: int, share: float, expected: float) -> None:
    assert block_length(autoregressive(seed, count, share)) == pytest.approx(max(1.0, expected), rel=1e-10)


def test_a_series_that_does_not_move_has_blocks_of_one() -> None:
    assert block_length([0.3] * 50) == 1.0


def test_drawn_days_are_those_of_a_loop() -> None:
    days = drawn_days(50, 4.0, 30, np.random.default_rng(7))
    rng = np.random.default_rng(7)
    anew, starts = rng.random((30, 50)) < 0.25, rng.integers(0, 50, (30, 50))
    for sample in range(30):
        index = starts[sample, 0]
        for day in range(50):
            if day:
                index = starts[sample, day] if anew[sample, day] else (index + 1) % 50
            assert days[sample, day] == index


def test_blocks_have_the_mean_length() -> None:
    days = drawn_days(400, 8.0, 500, np.random.default_rng(1))
    follows = (days[:, 1:] == (days[:, :-1] + 1) % 400).mean()
    assert follows == pytest.approx(1 - 1 / 8, abs=0.003)


def slow_reach(values: Any, other: Any, statistic: str) -> float:
    """Student's t times the long-run deviation of 60 sessions with blocks of 3: round(60 / 24) = 2 cosine terms."""
    if statistic == "mean":
        series, scale = values - other, 252.0
    else:
        scaled = [(returns - returns.mean()) / returns.std() for returns in (values, other)]
        ratios = [returns.mean() / returns.std() for returns in (values, other)]
        parts = [z - ratio * z * z / 2 for z, ratio in zip(scaled, ratios, strict=True)]
        series, scale = parts[0] - parts[1], math.sqrt(252)
    terms = [
        math.sqrt(2 / 60)
        * sum(value * math.cos(math.pi * term * (index + 0.5) / 60) for index, value in enumerate(series))
        for term in (1, 2)
    ]
    variance = (terms[0] ** 2 + terms[1] ** 2) / 2
    return 4.302652729696142 * math.sqrt(variance / 60) * scale  # t of 2 degrees of freedom at 95 %


@pytest.mark.parametrize("statistic", ["mean", "sharpe"])
def test_the_estimate_and_the_ends_by_a_loop(statistic: Any) -> None:
    rng = np.random.default_rng(11)
    first, other = rng.normal(5e-4, 0.01, 60), rng.normal(0, 0.02, 60)
    interval = difference(first, other, statistic, samples=200, seed=5, block=3.0)
    assert interval is not None
    days = drawn_days(60, 3.0, 200, np.random.default_rng(5))
    if statistic == "mean":
        values = [252 * (first[row].mean() - other[row].mean()) for row in days]
        expected = 252 * (first.mean() - other.mean())
    else:
        values = [(sharpe_ratio(first[row]) or 0) - (sharpe_ratio(other[row]) or 0) for row in days]
        expected = (sharpe_ratio(first) or 0) - (sharpe_ratio(other) or 0)
    assert interval.estimate == pytest.approx(expected, abs=1e-10)
    low, high = np.quantile(values, [0.025, 0.975]).tolist()
    reach = slow_reach(first, other, statistic)
    assert [interval.low, interval.high] == pytest.approx(
        [min(low, expected - reach), max(high, expected + reach)], rel=1e-9
    )


def test_independent_days_give_the_textbook_interval() -> None:
    """Mean: 1.96 standard errors. Sharpe ratio: those of Lo (2002), sqrt((1 + S ** 2 / 2) / n) of one session."""
    rng = np.random.default_rng(2)
    first, still = rng.normal(0.001, 0.01, 4000), rng.normal(0, 1e-3, 4000)
    interval = difference(first, still, block=1.0)
    error = 252 * float((first - still).std()) / math.sqrt(4000)
    assert interval is not None
    assert [interval.low, interval.high] == pytest.approx(
        [interval.estimate - 1.96 * error, interval.estimate + 1.96 * error], abs=0.1 * error
    )
    ratio = difference(first, still, "sharpe", block=1.0)
    assert ratio is not None
    error = math.sqrt(252) * math.sqrt((2 + float(first.mean() / first.std()) ** 2 / 2) / 4000)
    assert ratio.high - ratio.low == pytest.approx(2 * 1.96 * error, rel=0.05)


@pytest.mark.parametrize("share", mostly_thorough([0.0, 0.3]))
@pytest.mark.parametrize("statistic", mostly_thorough(["mean", "sharpe"]))
@pytest.mark.thorough
def test_the_intervals_hold_the_truth_as_often_as_they_say(statistic: Any, share: float) -> None:
    """300 pairs without a difference: 95 % of them, within the 99.9 % binomial interval and one point of the bias."""
    held = 0
    for seed in range(300):
        moves = 0.01 * autoregressive(seed, 1000, share).reshape(2, 500) + 0.01 * autoregressive(
            9000 + seed, 500, share
        )
        interval = difference(moves[0], moves[1], statistic, samples=400, seed=seed)
        assert interval is not None
        held += interval.holds_zero
    spread = 3.3 * math.sqrt(0.95 * 0.05 / 300)
    assert 0.95 - spread - 0.01 <= held / 300 <= 0.95 + spread


@pytest.mark.parametrize(
    "cell", mostly_thorough([(20, 0.0), (250, 0.8), (20, 0.3), (40, 0.6), (60, 0.3), (125, 0.8), (500, 0.9)], quick=2)
)
def test_short_and_dependent_histories_are_covered_too(cell: tuple[int, float]) -> None:
    """300 pairs without a difference, one of them autoregressive: the same bound."""
    sessions, share = cell
    held = 0
    for seed in range(300):
        moves = 0.01 * autoregressive(seed, sessions, share)
        still = 0.01 * autoregressive(9000 + seed, sessions, 0.0)
        interval = difference(moves, still, samples=200, seed=seed)
        assert interval is not None
        held += interval.holds_zero
    assert held / 300 >= 0.95 - 3.3 * math.sqrt(0.95 * 0.05 / 300) - 0.01


def test_dependent_days_widen_the_interval() -> None:
    moves = 0.01 * autoregressive(3, 2000, 0.7)
    zero = np.zeros(2000)
    blocks, days = difference(moves, zero), difference(moves, zero, block=1.0)
    assert blocks is not None
    assert days is not None
    assert blocks.high - blocks.low > 1.2 * (days.high - days.low)  # the cosine terms see some of it with blocks of 1


def test_the_same_seed_gives_the_same_interval_and_another_one_another() -> None:
    first, other = (np.random.default_rng(seed).normal(0, 0.01, 300) for seed in (1, 2))
    assert difference(first, other, seed=4) == difference(first, other, seed=4)
    assert difference(first, other, seed=4) != difference(first, other, seed=5)


def test_the_same_policy_twice() -> None:
    first = np.random.default_rng(1).normal(0, 0.01, 300)
    assert difference(first, first) == Interval("mean", 0.0, 0.0, 0.0, 0.95, 1.0, 5000, 0)


def test_cash_has_no_sharpe_ratio_but_a_mean() -> None:
    first = np.random.default_rng(1).normal(0, 0.01, 300)
    assert difference(first, np.zeros(300), "sharpe") is None
    assert difference(first, np.zeros(300)) is not None


def test_a_policy_that_rests_in_some_histories() -> None:
    """Only one session moves: histories without it have the ratio 0."""
    first = np.random.default_rng(1).normal(0, 0.01, 30)
    rare = np.zeros(30)
    rare[7] = 0.1
    interval = difference(rare, first, "sharpe", samples=500)
    assert interval is not None
    assert all(map(math.isfinite, (interval.low, interval.high)))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"second": [0.1] * 19}, "second has another length (received 19): give 30"),
        ({"first": [0.1] * 19}, "first has too few values (received 19): give at least 20"),
        ({"statistic": "sortino"}, "the statistic is unknown (received 'sortino'): give 'mean' or 'sharpe'"),
        ({"level": 1.0}, "level is out of range (received 1.0): give a fraction between 0 and 1"),
        ({"samples": 10}, "too few samples for the ends of an interval (received 10): give at least 100"),
        ({"block": 0.5}, "block is too short (received 0.5): give at least 1"),
        ({"first": [math.nan] * 30}, "row 1: first must be finite"),
    ],
)
def test_what_is_refused(options: Any, said: str) -> None:
    values = {"first": [0.1] * 30, "second": [0.1] * 30, **options}
    with pytest.raises(InputError) as caught:
        difference(**values)
    assert str(caught.value).startswith(said)
