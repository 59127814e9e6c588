"""The verdict on a sweep: is its best policy more than luck?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trimtab.backtesting.overfitting import Deflated, Overfitting, deflated_sharpe, overfitting
from trimtab.backtesting.series import matrix
from trimtab.backtesting.splits import WalkForward, purged_splits, walk_forward
from trimtab.backtesting.statistics import YEAR, sharpe_ratio

SURE = 0.95  # of the deflated Sharpe ratio: from here on chance is refused at 5 %
COIN = 0.5  # of the probability of overfitting: from here on the choice is worth no more than a coin
_BLOCKS = 16
_QUARTER, _HORIZON, _EMBARGO = 63, 21, 5


@dataclass(frozen=True, slots=True)
class Luck:
    """What the three measures say of a sweep. Sharpe ratios are of a year here; None where there is none.

    `forward_sharpe` is that of following, quarter after quarter, the policy that was best until a month before.
    """

    deflated: Deflated | None
    overfitting: Overfitting | None
    forward: WalkForward | None
    best_sharpe: float | None
    forward_sharpe: float | None

    @property
    def is_likely(self) -> bool:
        """Whether the best policy is likely luck: chance is not refused at 5 %, or the choice is worth no more than a coin."""
        if self.deflated is None or self.deflated.probability < SURE:
            return True
        return self.overfitting is not None and self.overfitting.probability >= COIN

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        if self.deflated is None:
            return "No policy moves: there is no best one."
        one = self.deflated
        start = f"The best of {one.policies} different policies is {'likely luck' if self.is_likely else 'more than luck explains'}:"
        parts = [
            f"{start} its deflated Sharpe ratio is {one.probability:.2f} ({SURE:.2f} or more refuses chance at 5 %; luck "
            f"alone brings the best of so many to {one.expected * YEAR**0.5:.2f} a year, it has {self.best_sharpe:.2f})"
        ]
        if self.overfitting is not None:
            share = self.overfitting.probability
            parts.append(
                f"in {share:.0%} of the ways to halve history, the best of one half was below the middle in the other"
            )
        if self.forward_sharpe is not None:
            parts.append(
                f"choosing the best again each quarter would have brought a Sharpe ratio of {self.forward_sharpe:.2f}"
            )
        return "; ".join(parts) + "."


def luck_of(returns: Any) -> Luck:
    """The verdict on policies that walked the same sessions.

    Parameters
    ----------
    returns
        Above cash, shape (sessions, policies), at least 3 sessions. Every policy that was tried.

    Notes
    -----
    History is cut into 16 blocks, or fewer where it has less than 32 sessions. The walk forward begins after a third of
    history, tests a quarter (63 sessions) at a time, purges 21 sessions and leaves out 5 more; histories that are too
    short for that have none.

    Examples
    --------
    >>> import numpy as np
    >>> luck_of(np.random.default_rng(1).normal(0.0, 0.01, (500, 20))).is_likely
    True
    """
    values = matrix(returns, "returns", least=3)
    sessions = len(values)
    found = deflated_sharpe(values)
    blocks = min(_BLOCKS, sessions // 4 * 2)
    train = sessions // 3
    forward = None
    if values.shape[1] > 1 and train >= 2 and sessions > train + _HORIZON + _EMBARGO:
        splits = purged_splits(sessions, train=train, test=_QUARTER, horizon=_HORIZON, embargo=_EMBARGO)
        forward = walk_forward(values, splits)
    return Luck(
        deflated=found,
        overfitting=overfitting(values, blocks) if blocks >= 2 else None,
        forward=forward,
        best_sharpe=None if found is None else found.sharpe * YEAR**0.5,
        forward_sharpe=None if forward is None else sharpe_ratio(forward.returns),
    )
