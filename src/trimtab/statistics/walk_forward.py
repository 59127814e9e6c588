"""Out of sample: choose a policy on one stretch of history, and count only the next one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from trimtab.errors import Fault, InputError
from trimtab.statistics.checked_arrays import Floats, matrix


@dataclass(frozen=True, slots=True)
class Split:
    """Sessions to choose on, `train`, and sessions that count, `test`: numbers from 0, ascending, never in both."""

    train: range
    test: range


@dataclass(frozen=True, slots=True)
class WalkForward:
    """The result of choosing the best policy again and again.

    `splits` are the stretches, `chosen` the column that was best in each training stretch, `returns` their returns in
    the following test stretches, shape (sessions tested,).
    """

    splits: tuple[Split, ...]
    chosen: tuple[int, ...]
    returns: Floats


def purged_splits(
    sessions: int, *, train: int, test: int, horizon: int = 0, embargo: int = 0, anchored: bool = True
) -> tuple[Split, ...]:
    """Walk-forward splits, purged and with an embargo.

    Test stretches follow one another without gap to the last session; the last may be shorter. Training ends `horizon +
    embargo` sessions before its test: a decision shows its outcome up to `horizon` sessions later, which must not reach
    into the test (purging), and neighbouring sessions are alike (embargo). Nothing after a test is trained on.
    Source: Lopez de Prado, "Advances in Financial Machine Learning", 2018, chapters 7 and 12.

    Parameters
    ----------
    sessions
        How many there are.
    train
        Sessions of the first training stretch, and of every one if not `anchored`.
    test
        Sessions of a test stretch.
    horizon, embargo
        Sessions, see above.
    anchored
        Every training begins with the first session and grows; otherwise it rolls.

    Raises
    ------
    InputError
        A number out of range, or no session left to test.

    Examples
    --------
    >>> [(split.train, split.test) for split in purged_splits(10, train=4, test=3, horizon=1)]
    [(range(0, 4), range(5, 8)), (range(0, 7), range(8, 10))]
    """
    wanted = {"train": (train, 1), "test": (test, 1), "horizon": (horizon, 0), "embargo": (embargo, 0)}
    wrong = [
        Fault(f"{name} is out of range", f"give at least {minimum}", value=value)
        for name, (value, minimum) in wanted.items()
        if value < minimum
    ]
    gap = horizon + embargo
    if not wrong and sessions <= train + gap:
        advice = f"give more than {train + gap} sessions, or a shorter train"
        wrong.append(Fault("no session is left to test", advice, value=sessions))
    if wrong:
        raise InputError(wrong)
    return tuple(
        Split(
            range(0 if anchored else start - gap - train, start - gap),
            range(start, min(start + test, sessions)),
        )
        for start in range(train + gap, sessions, test)
    )


def walk_forward(returns: Any, splits: tuple[Split, ...]) -> WalkForward:
    """The policy with the best Sharpe ratio in each training stretch, followed through the test after it.

    A policy that does not move in training has the ratio 0 there; of equals the first column is taken.

    Parameters
    ----------
    returns
        Above cash, shape (sessions, policies).
    splits
        From `purged_splits` of as many sessions.

    Raises
    ------
    InputError
        Another shape, numbers that are not finite, splits of other sessions, or a training stretch of fewer than two.

    Examples
    --------
    >>> returns = [[0.01, 0.0], [0.02, 0.0], [0.01, -0.01], [0.03, 0.01]]
    >>> walk = walk_forward(returns, purged_splits(4, train=2, test=2))
    >>> walk.chosen, walk.returns.tolist()
    ((0,), [0.01, 0.03])
    """
    values = matrix(returns, "returns", min_count=3)
    reaching = max((split.test.stop for split in splits), default=0)
    shortest = min((len(split.train) for split in splits), default=0)
    if reaching != len(values):
        raise InputError([Fault("the splits are of other sessions", f"make them of {len(values)}", value=reaching)])
    if shortest < 2:
        raise InputError([Fault("a training stretch is too short", "give a train of at least 2", value=shortest)])
    chosen = tuple(_best(values[split.train.start : split.train.stop]) for split in splits)
    after = [values[split.test.start : split.test.stop, index] for split, index in zip(splits, chosen, strict=True)]
    return WalkForward(splits, chosen, np.concatenate(after))


def _best(returns: Floats) -> int:
    deviation = returns.std(axis=0, ddof=1)
    moving = deviation > 1e-14
    ratios = np.divide(returns.mean(axis=0), deviation, out=np.zeros(len(deviation)), where=moving)
    return int(np.argmax(ratios))
