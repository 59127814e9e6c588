"""Is the best of many policies more than luck? Try enough of them, and noise alone yields a good one.

Three measures, each with its source: the probabilistic Sharpe ratio (how sure is it that one policy's ratio is above a
given one), the deflated Sharpe ratio (the same against what the best of as many tries would reach by chance), and the
probability of backtest overfitting (how often the best of one half of history is below the middle in the other).

Sharpe ratios here are of one session, not of a year, unless the name says so: the formulas are made for these.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from trimtab.errors import Fault, InputError
from trimtab.statistics.checked_arrays import Floats, matrix, vector
from trimtab.statistics.cscv import STILL, rank_in_sample_best

_EULER = 0.5772156649015329  # the Euler-Mascheroni constant
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Deflated:
    """The best of many policies, and the probability that its Sharpe ratio beats luck.

    `best` is its column, `sharpe` its ratio of one session, `expected` what the best of as many policies without
    skill would have. `probability` is the deflated Sharpe ratio: from 0.95 on, chance is refused at 5 %. `policies` are the
    different columns that were tried.
    """

    best: int
    sharpe: float
    expected: float
    probability: float
    policies: int


@dataclass(frozen=True, slots=True)
class Overfitting:
    """How often the best policy of one half of history is below the middle in the other.

    `probability` is that share of `splits`. `logits` are ln(rank / (1 - rank)) of the best one's rank in the other half,
    shape (splits,): below 0 it is in the worse half. `in_sample`, `out_of_sample` are its Sharpe ratios of one session in
    the two halves, shape (splits,). `policies` are the different columns.
    """

    probability: float
    logits: Floats
    in_sample: Floats
    out_of_sample: Floats
    policies: int

    @property
    def splits(self) -> int:
        """How many ways to halve history were tried."""
        return len(self.logits)


def probabilistic_sharpe(returns: Any, threshold: float = 0.0) -> float | None:
    """The probability that the true Sharpe ratio is above a threshold.

    Phi((S - threshold) sqrt(n - 1) / sqrt(1 - g3 S + (g4 - 1) / 4 S ** 2)), with S the Sharpe ratio (n - 1 in the
    deviation), g3 the skewness and g4 the kurtosis (3 for a normal) of the returns. Source: Bailey and Lopez de Prado,
    "The Sharpe Ratio Efficient Frontier", Journal of Risk 15, 2012; Mertens, 2002, for the deviation.

    Parameters
    ----------
    returns
        Above cash, shape (sessions,), at least 3.
    threshold
        A Sharpe ratio of one session.

    Returns
    -------
    float or None
        None for returns that do not move.

    Raises
    ------
    InputError
        Too few returns, or one that is not finite.

    Examples
    --------
    >>> round(probabilistic_sharpe([0.02, -0.01, 0.02, -0.01, 0.02, -0.01]), 4)
    0.7519
    """
    values = vector(returns, "returns", min_count=3)
    return _probability(values, threshold) if _moves(values) else None


def _probability(returns: Floats, threshold: float) -> float:
    """`probabilistic_sharpe` of returns that move."""
    around = returns - returns.mean()
    variance = float(np.square(around).mean())
    skewness = float((around**3).mean()) / variance**1.5
    kurtosis = float((around**4).mean()) / variance**2
    ratio = float(returns.mean() / returns.std(ddof=1))
    return probability_above(ratio, threshold, len(returns), skewness, kurtosis)


def probability_above(ratio: float, threshold: float, sessions: int, skewness: float, kurtosis: float) -> float:
    """The formula of `probabilistic_sharpe`, from its parts.

    Examples
    --------
    >>> round(probability_above(2.5 / 250**0.5, expected_best(0.5 / 250, 100), 1250, -3.0, 10.0), 4)
    0.9004
    """
    error = math.sqrt(max(1.0 - skewness * ratio + (kurtosis - 1.0) / 4.0 * ratio * ratio, 1e-300))
    return _NORMAL.cdf((ratio - threshold) * math.sqrt(sessions - 1) / error)


def expected_best(variance: float, trials: float) -> float:
    """The Sharpe ratio that the best of this number of policies has by luck alone.

    sqrt(variance) ((1 - c) Phi^-1(1 - 1 / N) + c Phi^-1(1 - 1 / (N e))), c the Euler-Mascheroni constant. Source: Bailey
    and Lopez de Prado, "The Deflated Sharpe Ratio", Journal of Portfolio Management 40, 2014.

    Parameters
    ----------
    variance
        Of the Sharpe ratios of the trials, of one session.
    trials
        Independent ones, at least 1. A single trial leaves no choice: 0.

    Examples
    --------
    >>> round(expected_best(0.5 / 250, 100), 4)
    0.1132
    """
    if trials <= 1.0:
        return 0.0
    extreme = (1.0 - _EULER) * _NORMAL.inv_cdf(1.0 - 1.0 / trials)
    extreme += _EULER * _NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(variance) * max(extreme, 0.0)


def deflated_sharpe(returns: Any) -> Deflated | None:
    """The deflated Sharpe ratio of the best policy of a sweep.

    `probabilistic_sharpe` of the best against `expected_best` of all. Policies whose returns are equal to the last bit are
    one. Policies that are alike lower the variance of the ratios, and so the part of luck: sqrt(1 - p) times as much
    with
    the correlation p, which is exact where all pairs have it. So N is the number of different policies. The paper's
    appendix also offers p + (1 - p) M for it; with the variance of the same ratios that would count likeness twice, and on
    random walks it refused chance twice as often as it should.

    Parameters
    ----------
    returns
        Above cash, shape (sessions, policies), at least 3 sessions. Every policy that was tried: leaving any out makes
        the answer too good.

    Returns
    -------
    Deflated or None
        None where no policy moves.

    Raises
    ------
    InputError
        Another shape, or numbers that are not finite.

    Examples
    --------
    >>> noise = np.random.default_rng(1).normal(0, 0.01, (500, 50))
    >>> deflated_sharpe(noise).probability < 0.95
    True
    """
    kept, series = _columns(matrix(returns, "returns", min_count=3))
    moving = [index for index, row in enumerate(series) if _moves(row)]
    if not moving:
        return None
    tried, count = (series if len(moving) == len(series) else series[moving]), len(moving)
    ratios = tried.mean(axis=1) / tried.std(axis=1, ddof=1)
    best = int(np.argmax(ratios))
    expected = expected_best(float(ratios.var(ddof=1)), count) if count > 1 else 0.0
    return Deflated(
        best=kept[moving[best]],
        sharpe=float(ratios[best]),
        expected=expected,
        probability=_probability(tried[best], expected),
        policies=count,
    )


def overfitting(returns: Any, blocks: int = 16) -> Overfitting | None:
    """The probability of backtest overfitting, by combinatorially symmetric cross-validation (CSCV).

    History is cut into blocks of neighbouring sessions. For each half of the blocks, the policy with the best Sharpe ratio
    in it is ranked in the other half: r among N policies, as r / (N + 1). The probability is the share of
    halves in which that is below the middle; exactly in the middle counts half. Source: Bailey, Borwein, Lopez de Prado and
    Zhu, "The Probability of Backtest Overfitting", Journal of Computational Finance 20, 2017.

    Parameters
    ----------
    returns
        Above cash, shape (sessions, policies). Every policy that was tried. Equal columns are one policy. A policy that
        does not move in a half has the ratio 0 there; equals share their rank.
    blocks
        An even number from 2 to 20, in which history is cut as evenly as it can be, of at least 2 sessions each.

    Returns
    -------
    Overfitting or None
        None with fewer than two different policies, which leave no choice.

    Raises
    ------
    InputError
        Another shape, numbers that are not finite, blocks out of range.

    Examples
    --------
    >>> skill = np.random.default_rng(1).normal([0.0, 0.0, 0.0, 0.005], 0.01, (400, 4))
    >>> overfitting(skill, blocks=8).probability
    0.0
    """
    values = matrix(returns, "returns", min_count=1)
    if blocks % 2 or not 2 <= blocks <= 20:
        raise InputError([Fault("blocks is out of range", "give an even number from 2 to 20", value=blocks)])
    if len(values) < 2 * blocks:
        advice = f"give at least {2 * blocks} sessions, or fewer blocks"
        raise InputError([Fault("the history is too short for its blocks", advice, value=len(values))])
    _, tried = _columns(values)
    if len(tried) < 2:
        return None
    half_masks = _half_masks(blocks)
    ranks = np.empty((len(half_masks), 4))
    rank_in_sample_best(half_masks, *_moments(tried, blocks), ranks)
    inside, outside, worse, equal = (np.ascontiguousarray(column) for column in ranks.T)
    rank = (worse + (equal + 1.0) / 2.0) / (len(tried) + 1.0)
    below = np.where(rank < 0.5, 1.0, np.where(rank > 0.5, 0.0, 0.5))
    return Overfitting(float(below.mean()), np.log(rank / (1.0 - rank)), inside, outside, len(tried))


def different(columns: Floats) -> list[int]:
    """The rows of shape (policies, sessions), in order, without those that are equal to an earlier one to the last bit."""
    seen: dict[bytes, int] = {}
    for index, row in enumerate(columns):
        seen.setdefault(hashlib.sha256((row + 0.0).tobytes()).digest(), index)
    return list(seen.values())


def _columns(returns: Floats) -> tuple[list[int], Floats]:
    """The different policies and their returns, shape (policies, sessions)."""
    columns = np.ascontiguousarray(returns.T)
    kept = different(columns)
    return kept, columns if len(kept) == len(columns) else columns[kept]


def _moves(returns: Floats) -> bool:
    return bool(returns.var() > STILL * float(np.square(returns).mean()))


def _moments(tried: Floats, blocks: int) -> tuple[Floats, Floats]:
    """Sessions of each block; sum and sum of squares of each policy in it, shape (blocks, 2, policies)."""
    sizes, block_sizes = np.empty(blocks), np.empty((blocks, 2, len(tried)))
    for index, part in enumerate(np.array_split(tried, blocks, axis=1)):
        sizes[index] = part.shape[1]
        block_sizes[index, 0] = part.sum(axis=1)
        block_sizes[index, 1] = np.einsum("ps,ps->p", part, part)
    return sizes, block_sizes


def _half_masks(blocks: int) -> npt.NDArray[np.bool_]:
    """All ways to choose half of the blocks, shape (halves, blocks)."""
    chosen = np.array(list(itertools.combinations(range(blocks), blocks // 2)))
    masks = np.zeros((len(chosen), blocks), dtype=np.bool_)
    np.put_along_axis(masks, chosen, True, axis=1)
    return masks
