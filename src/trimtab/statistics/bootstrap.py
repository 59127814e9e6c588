"""Is one policy better than another? An interval for the difference, by the stationary bootstrap.

Days are not independent: volatility comes in clusters, and two policies that hold the same assets move together. So
blocks of days are drawn, the same days for both, and the difference is computed on each such history. Source: Politis
and Romano, "The Stationary Bootstrap", Journal of the American Statistical Association 89, 1994. The mean length of a
block comes from the data: Politis and White, "Automatic Block-Length Selection for the Dependent Bootstrap", Econometric
Reviews 23, 2004, with the correction by Patton, Politis and White, Econometric Reviews 28, 2009.

On a short or strongly autocorrelated history its percentiles lie too close together. So each end is at least as far from
the estimate as Student's t with the long-run deviation from a few cosine terms says. Source: Lazarus, Lewis, Stock and
Watson, "HAR Inference: Recommendations for Practice", Journal of Business and Economic Statistics 36, 2018.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from trimtab.errors import Fault, InputError
from trimtab.statistics.checked_arrays import Floats, vector
from trimtab.statistics.performance import YEAR, sharpe_ratio
from trimtab.statistics.student_t import t_quantile

Compared = Literal["mean", "sharpe"]
COMPARED: tuple[Compared, ...] = ("mean", "sharpe")
SAMPLES = 5_000
_AT_ONCE = 2_000_000  # drawn days that are in memory at once
_FEWEST = 20  # sessions; with fewer, blocks tell nothing
_BLOCKS_PER_TERM = 8
_MAX_TERMS = 400


@dataclass(frozen=True, slots=True)
class Interval:
    """The first policy less the second: `estimate` from the data, between `low` and `high`.

    `statistic` is `mean` (return of a year, a fraction) or `sharpe`. `level` is the share of such intervals that should
    hold the true difference (docs/statistics.md has the measured shares), `block` the mean length of a block in sessions,
    `samples` how many histories were drawn, from `seed`.
    """

    statistic: Compared
    estimate: float
    low: float
    high: float
    level: float
    block: float
    samples: int
    seed: int

    @property
    def holds_zero(self) -> bool:
        """Whether the data allow that there is no difference."""
        return self.low <= 0.0 <= self.high


def difference(
    first: Any,
    second: Any,
    statistic: Compared = "mean",
    *,
    level: float = 0.95,
    samples: int = SAMPLES,
    seed: int = 0,
    block: float | None = None,
    year: int = YEAR,
) -> Interval | None:
    """The interval of the difference of two policies on the same sessions.

    Its ends are percentiles of the difference over the drawn histories, or further out where the history is too short or
    too autocorrelated for these.

    Parameters
    ----------
    first, second
        Returns of the same sessions, fractions, shape (sessions,), at least 20; for the Sharpe ratio those above cash.
    statistic
        `mean`: mean return times `year`. `sharpe`: the Sharpe ratio of a year.
    level
        Between 0 and 1.
    samples
        Histories that are drawn.
    seed
        The same seed gives the same interval.
    block
        The mean length of a block; None: from the data, see `block_length`.
    year
        Sessions in a year.

    Returns
    -------
    Interval or None
        None where a policy that does not move has no Sharpe ratio.

    Raises
    ------
    InputError
        Series of other shapes or lengths, numbers that are not finite, an option out of range.

    Examples
    --------
    >>> rng = np.random.default_rng(3)
    >>> worse = rng.normal(0.0, 0.01, 1000)
    >>> gap = difference(worse + 0.001, worse)
    >>> round(gap.estimate, 3), round(gap.low, 3), round(gap.high, 3), gap.holds_zero
    (0.252, 0.252, 0.252, False)
    """
    first_returns = vector(first, "first", min_count=_FEWEST)
    other = vector(second, "second", length=len(first_returns))
    _check(statistic, level, samples, block)
    pair = np.column_stack([first_returns, other])
    if statistic == "sharpe":
        ratios = [sharpe_ratio(first_returns, year), sharpe_ratio(other, year)]
        if ratios[0] is None or ratios[1] is None:
            return None
        estimate = ratios[0] - ratios[1]
    else:
        estimate = float((first_returns - other).mean()) * year
    influence = _influence(pair, statistic)
    length = block_length(influence) if block is None else float(block)
    drawn = _differences(pair, statistic, length, samples, seed)
    scale = math.sqrt(year) if statistic == "sharpe" else year
    low, high = (float(end) * scale for end in np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2]))
    reach = _student_reach(influence, length, level) * scale
    low, high = min(low, estimate - reach), max(high, estimate + reach)
    return Interval(statistic, estimate, low, high, level, length, samples, seed)


def block_length(series: Any) -> float:
    """The mean block length for the stationary bootstrap of a series' mean, at least 1.

    Parameters
    ----------
    series
        Shape (n,), at least 20.

    Notes
    -----
    With R(k) the autocovariances, lambda a flat-top window of half width M / 2 and M twice the first lag from which on
    five autocorrelations (or log10 n of them) are below 2 sqrt(log10(n) / n): g = sum of lambda |k| R(k), s = sum of
    lambda R(k), and the length is (g ** 2 / s ** 2) ** (1 / 3) * n ** (1 / 3), at most 3 sqrt(n) or n / 3.

    Examples
    --------
    >>> block_length([0.0] * 20)
    1.0
    """
    values = vector(series, "series", min_count=_FEWEST)
    count = len(values)
    around = values - values.mean()
    if not float(np.abs(around).max()) > 1e-14 * max(1.0, float(np.abs(values).max())):
        return 1.0
    enough = max(5, int(math.log10(count)))
    longest = min(math.ceil(math.sqrt(count)) + enough, count - 2)
    products = np.array([around[lag:] @ around[: count - lag] for lag in range(longest + 1)])
    before = np.array([around[: count - lag - 1] @ around[: count - lag - 1] for lag in range(longest + 1)])
    after = np.array([around[lag + 1 :] @ around[lag + 1 :] for lag in range(longest + 1)])
    small = np.abs(products) < 2.0 * math.sqrt(math.log10(count) / count) * np.sqrt(before * after)
    first = next((lag for lag in range(longest - enough + 1) if small[lag : lag + enough].all()), None)
    width = longest if first is None else min(2 * max(first, 1), longest)
    lags = np.arange(1, width + 1)
    window = np.where(lags <= width / 2, 1.0, 2.0 * (1.0 - lags / width))
    covariances = products[1 : width + 1] / count
    weighted = 2.0 * float((window * lags) @ covariances)
    spectrum = float(products[0]) / count + 2.0 * float(window @ covariances)
    length: float = (weighted * weighted / (spectrum * spectrum) * count) ** (1 / 3) if spectrum else math.inf
    return float(max(1.0, min(length, math.ceil(min(3.0 * math.sqrt(count), count / 3)))))


def _student_reach(influence: Floats, length: float, level: float) -> float:
    """How far from a mean the ends of its interval are at least: t times the long-run deviation over sqrt(n).

    The long-run variance is the mean of the squares of the first K cosine transforms, which has K degrees of freedom. K is
    a term for every 8 blocks, at least 2.
    """
    count = len(influence)
    terms = min(max(round(count / (_BLOCKS_PER_TERM * length)), 2), count // 2, _MAX_TERMS)
    numbers = np.arange(1, terms + 1)
    transform = np.fft.rfft(influence, 2 * count)[1 : terms + 1] * np.exp(-0.5j * np.pi * numbers / count)
    variance = 2.0 / count * float(np.square(transform.real).mean())
    return t_quantile(level, terms) * math.sqrt(variance / count)


def drawn_days(count: int, length: float, samples: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Days of histories, shape (samples, count), numbers from 0 to count - 1.

    A day follows the day before it, around the end to the start, or, with the chance 1 / length, is drawn afresh.
    """
    days = np.arange(count)
    fresh = rng.random((samples, count)) < 1.0 / length
    fresh[:, 0] = True
    starts = rng.integers(0, count, (samples, count))
    since = np.maximum.accumulate(np.where(fresh, days, 0), axis=1)
    drawn: npt.NDArray[np.int64] = (np.take_along_axis(starts, since, axis=1) + days - since) % count
    return drawn


def _check(statistic: str, level: float, samples: int, block: float | None) -> None:
    wrong: list[Fault] = []
    if statistic not in COMPARED:
        wrong.append(Fault("the statistic is unknown", "give 'mean' or 'sharpe'", value=statistic))
    if not 0.0 < level < 1.0:
        wrong.append(Fault("level is out of range", "give a fraction between 0 and 1", value=level))
    if samples < 100:
        wrong.append(Fault("too few samples for the ends of an interval", "give at least 100", value=samples))
    if block is not None and not block >= 1.0:
        wrong.append(Fault("block is too short", "give at least 1", value=block))
    if wrong:
        raise InputError(wrong)


def _influence(pair: Floats, statistic: str) -> Floats:
    """The contribution of each session to the difference, to first order: the series whose dependence the blocks must keep.

    For the mean r1 - r2. For the Sharpe ratio z - S z ** 2 / 2 of each, z = (r - mean) / deviation (Lo, "The Statistics
    of Sharpe Ratios", Financial Analysts Journal 58, 2002).
    """
    if statistic == "mean":
        return np.asarray(pair[:, 0] - pair[:, 1])
    mean, deviation = pair.mean(axis=0), pair.std(axis=0)
    scaled = (pair - mean) / deviation
    each = scaled - mean / deviation * np.square(scaled) / 2.0
    return np.asarray(each[:, 0] - each[:, 1])


def _differences(pair: Floats, statistic: str, length: float, samples: int, seed: int) -> Floats:
    """The difference on each drawn history, of one session, shape (samples,)."""
    rng = np.random.default_rng(seed)
    count, differences = len(pair), np.empty(samples)
    step = max(1, _AT_ONCE // count)
    for start in range(0, samples, step):
        stop = min(start + step, samples)
        days = drawn_days(count, length, stop - start, rng)
        if statistic == "mean":
            differences[start:stop] = (pair[:, 0] - pair[:, 1])[days].mean(axis=1)
        else:
            differences[start:stop] = _ratios(pair[days, 0]) - _ratios(pair[days, 1])
    return differences


def _ratios(drawn: Floats) -> Floats:
    """Sharpe ratios of one session of histories, shape (samples, sessions); 0 for one that does not move."""
    deviation = drawn.std(axis=1, ddof=1)
    moves = deviation > 1e-14
    ratios: Floats = np.divide(drawn.mean(axis=1), deviation, out=np.zeros(len(drawn)), where=moves)
    return ratios
