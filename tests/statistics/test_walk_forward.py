"""Walk-forward splits: by hand, by their properties, and against a loop."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from thorough import mostly_thorough

from trimtab.errors import InputError
from trimtab.statistics.walk_forward import Split, purged_splits, walk_forward


def test_splits_by_hand() -> None:
    splits = purged_splits(20, train=6, test=4, horizon=2, embargo=1)
    assert splits == (
        Split(range(6), range(9, 13)),
        Split(range(10), range(13, 17)),
        Split(range(14), range(17, 20)),
    )
    rolling = purged_splits(20, train=6, test=4, horizon=2, embargo=1, anchored=False)
    assert [entry.train for entry in rolling] == [range(6), range(4, 10), range(8, 14)]


@pytest.mark.parametrize("seed", mostly_thorough(range(200), 40))
def test_nothing_tested_was_trained_on_or_shows_in_training(seed: int) -> None:
    rng = random.Random(seed)
    sessions, train, test = rng.randint(30, 300), rng.randint(1, 20), rng.randint(1, 40)
    horizon, embargo = rng.randint(0, 5), rng.randint(0, 4)
    anchored = rng.random() < 0.5
    splits = purged_splits(sessions, train=train, test=test, horizon=horizon, embargo=embargo, anchored=anchored)
    tested = [session for entry in splits for session in entry.test]
    assert tested == list(range(train + horizon + embargo, sessions))
    for entry in splits:
        assert all(session + horizon + embargo < entry.test.start for session in entry.train)
        assert entry.train.stop - 1 + horizon + embargo == entry.test.start - 1
        assert len(entry.train) >= train if anchored else len(entry.train) == train
        assert entry.train.start == 0 or not anchored


@pytest.mark.parametrize("seed", range(20))
def test_walking_forward_is_a_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    returns = rng.normal(0, 0.01, (120, 6))
    returns[:, 2] = 0.0
    splits = purged_splits(120, train=30, test=17, horizon=2, anchored=seed % 2 == 0)
    walked = walk_forward(returns, splits)
    expected = []
    for split, chosen in zip(splits, walked.chosen, strict=True):
        part = returns[split.train]
        ratios = [0.0 if index == 2 else part[:, index].mean() / part[:, index].std(ddof=1) for index in range(6)]
        assert chosen == int(np.argmax(ratios))
        expected += returns[list(split.test), chosen].tolist()
    assert walked.returns.tolist() == expected


def test_skill_lasts() -> None:
    returns = np.random.default_rng(3).normal([0.0] * 5 + [0.005], 0.01, (500, 6))
    walked = walk_forward(returns, purged_splits(500, train=200, test=50))
    assert set(walked.chosen) == {5}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: purged_splits(10, train=0, test=1), "train is out of range (received 0): give at least 1"),
        (lambda: purged_splits(10, train=1, test=1, embargo=-1), "embargo is out of range (received -1)"),
        (lambda: purged_splits(10, train=8, test=1, horizon=2), "no session is left to test (received 10): give more"),
        (lambda: walk_forward(np.ones((9, 2)), purged_splits(10, train=4, test=2)), "the splits are of other sessions"),
        (lambda: walk_forward(np.ones((9, 2)), ()), "the splits are of other sessions (received 0): make them of 9"),
        (lambda: walk_forward(np.ones((9, 2)), purged_splits(9, train=1, test=2)), "a training stretch is too short"),
    ],
)
def test_what_is_refused(call: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert str(caught.value).startswith(said)
