"""The verdict on a sweep: is its best policy more than luck?"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

from trimtab.statistics.checked_arrays import Floats, matrix
from trimtab.statistics.overfitting import Deflated, Overfitting, deflated_sharpe, overfitting
from trimtab.statistics.performance import YEAR, sharpe_ratio
from trimtab.statistics.walk_forward import WalkForward, purged_splits, walk_forward

SURE = 0.95  # of the deflated Sharpe ratio: from here on chance is refused at 5 %
COIN = 0.5  # of the probability of overfitting: from here on the choice is worth no more than a coin
_BLOCKS = 16


@dataclass(frozen=True, slots=True)
class SweepVerdict:
    """The three measures of a sweep. Sharpe ratios are per year here; None where one is not defined.

    `deflated` measures the best policy against cash, `relative` against the mean of all policies: a rising market lifts
    every policy above cash, so only the second judges the choice. `forward_sharpe` switches each quarter to the policy
    that was best until a month before; `best_forward_sharpe` is that of the best policy of the whole history in
    the same sessions.
    """

    deflated: Deflated | None
    relative: Deflated | None
    overfitting: Overfitting | None
    forward: WalkForward | None
    best_sharpe: float | None
    forward_sharpe: float | None
    best_forward_sharpe: float | None
    year: int = YEAR

    @property
    def is_likely_luck(self) -> bool:
        """Whether the best policy is likely luck: chance is not refused at 5 %, above cash and above the mean of all
        policies, or the choice is worth no more than a coin.
        """
        for deflated in (self.deflated, self.relative):
            if deflated is None or deflated.probability < SURE:
                return True
        return self.overfitting is not None and self.overfitting.probability >= COIN

    @property
    def is_likely(self) -> bool:
        """The old name of `is_likely_luck`, until 1.0."""
        warnings.warn("is_likely is now called is_likely_luck", DeprecationWarning, stacklevel=2)
        return self.is_likely_luck

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        best = self.deflated
        if best is None:
            return "All policies are flat, so no policy is best."
        verdict = "likely luck" if self.is_likely_luck else "more than luck explains"
        relative = "" if self.relative is None else f", and {self.relative.probability:.1%} above the mean of all"
        sentences = [
            f"The best of {best.policies:,} different policies is {verdict}.",
            f"The probability that its Sharpe ratio beats luck is {best.probability:.1%} above cash{relative} "
            f"(deflated Sharpe ratio; {SURE:.0%} or more refuses chance).",
            f"Its Sharpe ratio is {self.best_sharpe:.2f}; with this many tries, luck alone would reach "
            f"{best.expected * self.year**0.5:.2f}.",
        ]
        if self.overfitting is not None:
            sentences.append(
                f"In {self.overfitting.probability:.1%} of the ways to split history in half, the best policy of one "
                "half was below the median in the other (probability of overfitting)."
            )
        if self.forward_sharpe is not None and self.best_forward_sharpe is not None:
            sentences.append(
                f"Choosing the best policy again each quarter would have earned a Sharpe ratio of {self.forward_sharpe:.2f}; the best "
                f"in hindsight had {self.best_forward_sharpe:.2f}."
            )
        return " ".join(sentences)


def sweep_verdict(returns: Any, year: int = YEAR) -> SweepVerdict:
    """The verdict on policies that walked the same sessions.

    Parameters
    ----------
    returns
        Above cash, shape (sessions, policies), at least 3 sessions. Every policy that was tried.
    year
        Sessions in a year.

    Notes
    -----
    History is cut into 16 blocks, or fewer if it has less than 32 sessions. The walk forward begins after a third of
    history, tests a quarter (63 of 252 sessions) at a time, and does not choose on the month and week before it (21 and 5
    sessions); a history that is too short leaves it out.

    Examples
    --------
    >>> import numpy as np
    >>> sweep_verdict(np.random.default_rng(1).normal(0.0, 0.01, (500, 20))).is_likely_luck
    True
    """
    values = matrix(returns, "returns", min_count=3)
    sessions = len(values)
    deflated = deflated_sharpe(values)
    blocks = min(_BLOCKS, sessions // 4 * 2)
    forward = _forward(values, year)
    tested = 0 if forward is None else len(forward.returns)
    return SweepVerdict(
        deflated=deflated,
        relative=deflated_sharpe(values - values.mean(axis=1, keepdims=True)) if values.shape[1] > 1 else None,
        overfitting=overfitting(values, blocks) if blocks >= 2 else None,
        forward=forward,
        best_sharpe=None if deflated is None else deflated.sharpe * year**0.5,
        forward_sharpe=None if forward is None else sharpe_ratio(forward.returns, year),
        best_forward_sharpe=sharpe_ratio(values[-tested:, deflated.best], year) if deflated and tested else None,
        year=year,
    )


def _forward(values: Floats, year: int) -> WalkForward | None:
    """The walk forward, None where history is too short or there is nothing to choose from."""
    train, gap = len(values) // 3, round(year / 12) + round(year / 52)
    if values.shape[1] < 2 or train < 2 or len(values) <= train + gap:
        return None
    test, horizon, embargo = max(1, round(year / 4)), round(year / 12), round(year / 52)
    return walk_forward(values, purged_splits(len(values), train=train, test=test, horizon=horizon, embargo=embargo))
