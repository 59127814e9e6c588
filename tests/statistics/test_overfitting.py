"""SweepVerdict: published examples, hand-worked numbers, and slow twins written from the formulas."""

from __future__ import annotations

import itertools
import math
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from scipy import stats

from trimtab.backtesting.sweep_verdict import SweepVerdict
from trimtab.errors import InputError
from trimtab.kernel.compilation import undecorated
from trimtab.statistics.cscv import rank_in_sample_best
from trimtab.statistics.overfitting import (
    Deflated,
    Overfitting,
    deflated_sharpe,
    expected_best,
    overfitting,
    probabilistic_sharpe,
    probability_above,
)

# --- probabilistic and deflated Sharpe ratio ------------------------------------------------------------------------


def test_the_example_of_the_deflated_sharpe_ratio() -> None:
    """Bailey and Lopez de Prado (2014): ratio 2.5 a year of 1,250 days, variance 0.5, skewness -3, kurtosis 10.

    100 trials: the threshold is 0.1132 a day, and the probability 0.9004. 46 trials would give 0.9505; so would 88, if
    the returns were normal.
    """
    ratio, variance = 2.5 / math.sqrt(250), 0.5 / 250
    assert expected_best(variance, 100) == pytest.approx(0.1132, abs=5e-5)
    assert probability_above(ratio, expected_best(variance, 100), 1250, -3, 10) == pytest.approx(0.9004, abs=5e-5)
    assert probability_above(ratio, expected_best(variance, 46), 1250, -3, 10) == pytest.approx(0.9505, abs=5e-5)
    assert probability_above(ratio, expected_best(variance, 88), 1250, 0, 3) == pytest.approx(0.9505, abs=5e-5)


def test_probabilistic_sharpe_by_hand() -> None:
    """0.02 and -0.01 in turn, six sessions: mean 0.005, deviation sqrt(0.00027), skewness 0, kurtosis 1."""
    probability = probabilistic_sharpe([0.02, -0.01] * 3)
    ratio = 0.005 / math.sqrt(0.00027)
    assert probability == pytest.approx(NormalDist().cdf(ratio * math.sqrt(5)), abs=1e-12)
    assert probabilistic_sharpe([0.02, -0.01] * 3, ratio) == pytest.approx(0.5, abs=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_probabilistic_sharpe_with_moments_of_scipy(seed: int) -> None:
    values = stats.skewnorm.rvs(5, size=200, random_state=seed) * 0.01
    ratio = values.mean() / values.std(ddof=1)
    error = 1 - stats.skew(values) * ratio + (stats.kurtosis(values, fisher=False) - 1) / 4 * ratio**2
    expected = stats.norm.cdf((ratio - 0.3) * math.sqrt(199 / error))
    assert probabilistic_sharpe(values, 0.3) == pytest.approx(expected, abs=1e-12)


def test_the_expected_best_is_that_of_simulated_luck() -> None:
    best = np.random.default_rng(1).normal(size=(20_000, 50)).max(axis=1).mean()
    assert expected_best(1.0, 50) == pytest.approx(best, rel=0.02)


def test_one_trial_is_no_choice() -> None:
    assert expected_best(1.0, 1.0) == 0.0
    values = np.random.default_rng(1).normal(0.001, 0.01, (300, 1))
    deflated = deflated_sharpe(np.hstack([values, values]))
    assert deflated is not None
    assert (deflated.policies, deflated.expected, deflated.best) == (1, 0.0, 0)
    assert deflated.probability == probabilistic_sharpe(values[:, 0])


@pytest.mark.parametrize("seed", range(20))
def test_deflated_sharpe_by_its_parts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = 0.01 * (rng.normal(size=(250, 1)) * rng.uniform(0, 2) + rng.normal(size=(250, 9)))
    values = np.hstack([values[:, :4], np.zeros((250, 1)), values[:, 4:], values[:, :2]])  # one rests, two are double
    deflated = deflated_sharpe(values)
    assert deflated is not None
    tried = np.delete(values, [4, 10, 11], axis=1)
    ratios = tried.mean(axis=0) / tried.std(axis=0, ddof=1)
    assert deflated.policies == 9
    assert deflated.best == [0, 1, 2, 3, 5, 6, 7, 8, 9][int(np.argmax(ratios))]
    assert deflated.sharpe == pytest.approx(ratios.max(), abs=1e-12)
    assert deflated.expected == pytest.approx(expected_best(ratios.var(ddof=1), 9), abs=1e-12)
    assert deflated.probability == pytest.approx(
        probabilistic_sharpe(tried[:, np.argmax(ratios)], deflated.expected), abs=1e-12
    )


@pytest.mark.parametrize("alike", [0.8, 0.95])
def test_chance_is_refused_about_as_often_as_it_says(alike: float) -> None:
    """400 sweeps of 20 policies without skill that are alike, as those of a sweep are: inside the 99 % interval of 5 %."""
    refused = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        noise = math.sqrt(alike) * rng.normal(size=(250, 1)) + math.sqrt(1 - alike) * rng.normal(size=(250, 20))
        deflated = deflated_sharpe(0.01 * noise)
        assert deflated is not None
        refused += deflated.probability >= 0.95
    low, high = stats.binom.interval(0.99, 400, 0.05)
    assert low <= refused <= high


def test_policies_that_rest_have_no_sharpe_ratio() -> None:
    assert probabilistic_sharpe([0.01] * 5) is None
    assert deflated_sharpe(np.full((30, 3), 0.001)) is None


# --- CSCV -----------------------------------------------------------------------------------------------------------


def slow(returns: Any, blocks: int) -> tuple[float, list[float]]:
    """CSCV as its authors tell it: halves put together again, ratios and ranks one by one."""
    parts = np.array_split(returns, blocks)
    below, logits = [], []
    for chosen in itertools.combinations(range(blocks), blocks // 2):
        inside = np.concatenate([parts[index] for index in chosen])
        outside = np.concatenate([parts[index] for index in range(blocks) if index not in chosen])
        best = int(np.argmax(inside.mean(axis=0) / inside.std(axis=0, ddof=1)))
        rank = stats.rankdata(outside.mean(axis=0) / outside.std(axis=0, ddof=1))[best] / (returns.shape[1] + 1)
        logits.append(math.log(rank / (1 - rank)))
        below.append(1.0 if rank < 0.5 else 0.5 if rank == 0.5 else 0.0)
    return float(np.mean(below)), logits


@pytest.mark.parametrize("seed", range(20))
def test_overfitting_is_that_of_a_slow_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    blocks = 2 * int(rng.integers(1, 6))
    returns = rng.normal(
        rng.normal(0, 2e-3, 1 + seed % 9 + 1), 0.01, (int(rng.integers(4 * blocks, 200)), seed % 9 + 2)
    )
    verdict = overfitting(returns, blocks)
    assert verdict is not None
    expected, logits = slow(returns, blocks)
    assert verdict.probability == pytest.approx(expected, abs=1e-12)
    assert verdict.logits == pytest.approx(logits, abs=1e-9)
    assert verdict.splits == math.comb(blocks, blocks // 2)


def test_overfitting_by_hand() -> None:
    """Two halves, three policies. A is best in the first and worst in the second, B the reverse: always overfitted."""
    up, down, flat = [0.03, 0.01], [-0.03, -0.01], [0.011, -0.01]
    verdict = overfitting(np.array([up + down, down + up, flat + flat]).T, 2)
    assert verdict is not None
    assert verdict.probability == 1.0
    assert verdict.logits.tolist() == pytest.approx([math.log(0.25 / 0.75)] * 2)
    assert verdict.in_sample.tolist() == pytest.approx([0.02 / math.sqrt(2e-4)] * 2)
    assert verdict.out_of_sample.tolist() == pytest.approx([-0.02 / math.sqrt(2e-4)] * 2)
    # C is always in the middle; alone with A it is the best where A is not.
    middle = overfitting(np.array([flat + flat, [0.02, 0.01, 0.02, 0.01], down + down]).T, 2)
    assert middle is not None
    assert middle.probability == 0.0


def test_exactly_in_the_middle_counts_half() -> None:
    """The best in the first half is the middle one of three in the second."""
    rows = [[0.03, 0.01, 0.011, -0.01], [0.011, -0.01, 0.03, 0.01], [-0.03, -0.01, -0.03, -0.01]]
    verdict = overfitting(np.array(rows).T, 2)
    assert verdict is not None
    assert verdict.probability == 0.5
    assert verdict.logits.tolist() == pytest.approx([0.0, 0.0])


def test_equal_columns_are_one_policy_and_one_policy_is_no_choice() -> None:
    values = np.random.default_rng(1).normal(0, 0.01, (64, 3))
    alone, double = overfitting(values, 4), overfitting(np.hstack([values, values]), 4)
    assert alone is not None
    assert double is not None
    assert (alone.probability, alone.policies) == (double.probability, double.policies)
    assert overfitting(values[:, [0, 0]], 4) is None


def test_noise_is_in_the_middle_and_skill_is_not_overfitted() -> None:
    probabilities = []
    for seed in range(60):
        verdict = overfitting(np.random.default_rng(seed).normal(0, 0.01, (256, 20)), 8)
        assert verdict is not None
        probabilities.append(verdict.probability)
    assert np.mean(probabilities) == pytest.approx(0.5, abs=0.08)
    skill = np.random.default_rng(1).normal([0.0] * 9 + [0.004], 0.01, (1000, 10))
    verdict, deflated = overfitting(skill), deflated_sharpe(skill)
    assert verdict is not None
    assert deflated is not None
    assert verdict.probability < 0.01
    assert (deflated.best, deflated.probability > 0.95) == (9, True)


def test_a_policy_that_rests_in_a_half_has_the_ratio_zero_there() -> None:
    """Compiled and plain: the same."""
    rng = np.random.default_rng(4)
    moments = np.stack([[rows.sum(0), np.square(rows).sum(0)] for rows in rng.normal(0, 1, (4, 8, 5))])
    moments[0, :, 2] = moments[1, :, 2] = 0.0
    sizes = np.full(4, 8.0)
    halves = np.array([[True, True, False, False], [False, False, True, True], [True, False, True, False]])
    fast, plain = np.empty((3, 4)), np.empty((3, 4))
    rank_in_sample_best(halves, sizes, moments, fast)
    undecorated(rank_in_sample_best)(halves, sizes, moments, plain)
    assert fast.tobytes() == plain.tobytes()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda: overfitting(np.ones((40, 2)), 3),
            "blocks is out of range (received 3): give an even number from 2 to 20",
        ),
        (lambda: overfitting(np.ones((40, 2)), 22), "blocks is out of range (received 22)"),
        (
            lambda: overfitting(np.ones((7, 2)), 4),
            "the history is too short for its blocks (received 7): give at least 8",
        ),
        (lambda: deflated_sharpe([[0.1, math.nan]] * 3), "row 1, column '2': returns must be finite"),
        (lambda: probabilistic_sharpe([0.1, 0.2]), "returns has too few values (received 2): give at least 3"),
    ],
)
def test_what_is_refused(call: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("above_cash", "above_the_mean", "overfit", "likely"),
    [
        (0.96, 0.96, 0.10, False),
        (0.95, 0.95, 0.49, False),  # from 0.95 on chance is refused
        (0.94, 0.96, 0.10, True),
        (0.96, 0.94, 0.10, True),  # a rising market alone
        (0.96, 0.96, 0.50, True),  # a coin
        (None, None, None, True),  # nothing moves
        (0.96, 0.96, None, False),  # history is too short to be halved
    ],
)
def test_the_verdict_needs_all_three(
    above_cash: float | None, above_the_mean: float | None, overfit: float | None, *, likely: bool
) -> None:
    ratios = [None if entry is None else Deflated(0, 0.1, 0.05, entry, 4) for entry in (above_cash, above_the_mean)]
    none = np.zeros(0)
    halves = None if overfit is None else Overfitting(overfit, none, none, none, 4)
    assert SweepVerdict(ratios[0], ratios[1], halves, None, 1.6, None, None).is_likely_luck is likely
