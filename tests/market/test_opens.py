"""Opens that are adjusted in another way than the closes are found, named and not traded at."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from price_series import days

from trimtab import RebalancingLimits, backtest
from trimtab.market.opens import differing_opens

COUNT = 300
RNG = np.random.default_rng(11)
CLOSES = 50 * np.exp(np.cumsum(RNG.normal(0.0003, 0.015, (COUNT, 4)), axis=0))
OPENS = CLOSES * np.exp(RNG.normal(0, 0.01, CLOSES.shape))


def test_opens_of_the_same_kind_fit() -> None:
    assert not differing_opens(OPENS, CLOSES).any()
    missing = OPENS.copy()
    missing[::3, 1] = np.nan
    missing[:, 2] = np.nan
    assert not differing_opens(missing, CLOSES).any()


@pytest.mark.parametrize("factor", [2.0, 0.5, 4.0, 1 / 3, 100.0, 1.03, 0.97, 1.5])
@pytest.mark.parametrize("until", [60, 200, COUNT])
def test_raw_opens_beside_adjusted_closes(factor: float, until: int) -> None:
    raw = OPENS.copy()
    raw[:until, 1] *= factor
    is_off = differing_opens(raw, CLOSES)
    assert is_off[45:until, 1].all()
    assert not is_off[until + 63 :, 1].any()
    assert not is_off[:, [0, 2, 3]].any()


def test_later_opens_change_no_earlier_finding() -> None:
    raw = OPENS.copy()
    raw[150:] *= 3
    assert (differing_opens(raw[:200], CLOSES[:200]) == differing_opens(raw, CLOSES)[:200]).all()


def test_a_backtest_does_not_trade_at_them_and_says_so() -> None:
    raw = OPENS.copy()
    raw[:250, 0] *= 4
    rows = [
        {"date": day, "symbol": f"S{column}", "close": CLOSES[row, column], "open": raw[row, column]}
        for row, day in enumerate(days(COUNT))
        for column in range(4)
    ]
    scores = [{"date": days(1)[0], "asset": f"S{column}", "score": 0.9} for column in range(4)]
    limits = RebalancingLimits(min_score_threshold=0, min_score_new_position=0, min_score_diversification=0)
    result = backtest(pl.DataFrame(rows), limits, scores=scores, trade_at="open")
    (note,) = [note.text for note in result.notes if note.code == "opens"]
    assert note.startswith("S0: ")
    assert "are usually 4." in note or "are usually 3.9" in note
    filled = result.trades.filter(pl.col("filled"))
    assert filled.filter((pl.col("asset") == "S0") & (pl.col("date") < days(250)[-1])).is_empty()
    assert set(filled["asset"]) >= {"S1", "S2", "S3"}
