"""The weights of the two scores, and their mean for one asset."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trimtab.limits.fields import check_settings, described


@dataclass(frozen=True, kw_only=True)
class ScoreWeights:
    """The weights of the two scores, relative. Frozen; all faults are reported at once when it is made.

    Examples
    --------
    >>> ScoreWeights().technical_weight
    0.6
    """

    technical_weight: float = described(0.6, float, "weight of the technical score")
    fundamental_weight: float = described(0.4, float, "weight of the fundamental score")

    def __post_init__(self) -> None:
        both_0 = ["both weights are 0: give at least one score a weight"]
        check_settings(self, lambda: () if self.technical_weight + self.fundamental_weight > 0 else both_0)


def mean_score(scores: Iterable[tuple[float, float]]) -> float | None:
    """The weighted mean of scores, None if no score has a weight; for frames `scoring.ranks.weighted_mean`.

    It never leaves the range of the scores, even by rounding: the mean of two scores at a threshold is at the threshold
    too.

    Examples
    --------
    >>> mean_score([(0.9, 0.6), (0.5, 0.4)]), mean_score([(0.65, 0.7), (0.65, 0.1)])
    (0.74, 0.65)
    """
    counted = [(score, weight) for score, weight in scores if weight > 0]
    if not counted:
        return None
    total, weights = 0.0, 0.0
    for score, weight in counted:
        total += score * weight
        weights += weight
    values = [score for score, _ in counted]
    return min(max(total / weights, min(values)), max(values))
