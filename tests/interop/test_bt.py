"""The rules inside the library `bt`: the decisions are those of `rebalance`, and the equity that of `trimtab.backtest`."""

from __future__ import annotations

import warnings
from typing import Any

import pandas as pd
import pytest
from backtest_runs import BUCKETS, LIMITS, days

import trimtab
from trimtab import InputError, LimitsError

with warnings.catch_warnings():  # of what bt brings
    warnings.simplefilter("ignore")
    import bt

    from trimtab.interop.bt import BucketRebalance

pytestmark = pytest.mark.filterwarnings("ignore")


def market() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Prices without gaps, and scores of every fifth session."""
    index = pd.DatetimeIndex(days(60))
    moves = {
        name: [((index * (7 + seed) + seed) % 11 - 5) / 200 for index in range(60)] for seed, name in enumerate(BUCKETS)
    }
    prices = 10 * (1 + pd.DataFrame(moves, index=index)).cumprod()
    levels = {name: [((index * (3 + seed)) % 17) / 16 for index in range(60)] for seed, name in enumerate(BUCKETS)}
    return prices, pd.DataFrame(levels, index=index).iloc[4::5]


def run(algo: BucketRebalance, prices: pd.DataFrame, *before: Any) -> tuple[pd.Series, Any]:
    """The equity, and the decisions by day."""
    strategy = bt.Strategy("mine", [*before, algo, bt.algos.Rebalance()])
    test = bt.Backtest(strategy, prices, integer_positions=False, progress_bar=False)
    test.run()
    return test.strategy.prices, test.strategy.perm["decisions"]


def test_equal_to_a_backtest_that_trades_on_the_same_closes() -> None:
    """bt decides and trades on one close; the same targets come from a backtest that decides on it and trades at the
    next, where the next close is the same: every session appears twice.
    """
    prices, scores = market()
    limits = LIMITS.replace(no_trade_band=0.0, min_trade=0.0)
    theirs, decisions = run(BucketRebalance(scores, limits, BUCKETS), prices, bt.algos.RunOnDate(*scores.index))
    twice = pd.concat([prices, prices.set_axis(prices.index + pd.Timedelta(hours=12))]).sort_index()
    twice.index = pd.date_range("2020-01-01", periods=len(twice))
    place = {day: 2 * index for index, day in enumerate(prices.index)}
    asked = [twice.index[place[day]] for day in scores.index]
    result = trimtab.backtest(
        twice, limits, scores=scores.set_axis(asked), classification=BUCKETS, every=[day.date() for day in asked]
    )
    mine = result.equity["equity"].to_numpy()[1::2]
    both = theirs[scores.index[0] :].to_numpy()
    assert len(both) == len(mine) == 56
    assert abs(both / both[0] / mine - 1).max() < 1e-9
    assert abs(mine[-1] - 1) > 0.001
    assert list(decisions) == list(scores.index)
    for day, entry in zip(asked, decisions.values(), strict=True):
        weights = {row["asset"]: row["target_weight"] for row in entry.targets}
        rows = result.decisions.filter(result.decisions["date"] == day.date())
        assert weights == pytest.approx(dict(rows.select("asset", "target_weight").iter_rows()), abs=1e-12)


def test_selected_and_missing_prices() -> None:
    """Only what was selected before is a candidate; what has no price now is not bought."""
    prices, scores = market()
    prices.loc[prices.index[:20], "A"] = float("nan")
    algo = BucketRebalance(scores, LIMITS.replace(min_buckets_represented=0), BUCKETS)
    _, decisions = run(
        algo,
        prices,
        bt.algos.RunOnDate(prices.index[0], scores.index[0]),
        bt.algos.SelectThese(["A", "B"], include_no_data=True),
    )
    assert list(decisions) == [scores.index[0]]  # on the first session there was no score
    first = decisions[scores.index[0]].targets
    assert [(row["asset"], row["reason"]) for row in first] == [("A", "restricted"), ("B", "added")]


def test_wrong_input_is_refused() -> None:
    _, scores = market()
    for wrong in (scores[::-1], scores.iloc[:0], [1]):
        with pytest.raises(InputError, match="the scores are not a frame"):
            BucketRebalance(wrong)
    with pytest.raises(LimitsError, match="limits must be RebalancingLimits"):
        BucketRebalance(scores, 5)  # type: ignore[arg-type]
