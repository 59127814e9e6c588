"""The equity of a backtest against the library `bt`, on the same weights and days."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

import trimtab
from trimtab import BacktestResult, MarketData, RebalancingLimits, TradingCosts
from trimtab.data.samples import sample_candidates, sample_limits, sample_path

with warnings.catch_warnings():  # of what bt brings
    warnings.simplefilter("ignore")
    import bt

pytestmark = pytest.mark.filterwarnings("ignore")  # of bt and what it brings

SECTORS = RebalancingLimits(
    max_total_positions=20,
    max_new_positions=20,
    min_score_threshold=0.5,
    min_score_new_position=0.6,
    max_position_weight=0.1,
    min_position_weight=0.02,
    target_invested=1.0,
    no_trade_band=0.0,
    min_trade=0.0,
    enable_bucket_diversification=True,
    max_positions_per_bucket=3,
    max_allocation_per_bucket=0.3,
)


def equity_by_bt(prices: pl.DataFrame, result: BacktestResult) -> pd.Series:
    """The result of bt for the weights after the trades, on the days of the trades."""
    frame = prices.to_pandas().set_index("date")
    frame.index = pd.DatetimeIndex(frame.index)
    begun = result.equity["date"][0]
    frame = frame[frame.index >= pd.Timestamp(begun)]
    weights = result.weights.to_pandas().pivot_table(index="trade_date", columns="asset", values="weight").fillna(0.0)
    weights.index = pd.DatetimeIndex(weights.index)
    strategy = bt.Strategy("same", [bt.algos.WeighTarget(weights), bt.algos.Rebalance()])
    test = bt.Backtest(strategy, frame, integer_positions=False, progress_bar=False)
    test.run()
    return test.strategy.prices / test.strategy.prices.loc[pd.Timestamp(begun)]


def agree(prices: pl.DataFrame, result: BacktestResult) -> None:
    theirs = equity_by_bt(prices, result)
    mine = result.equity.to_pandas().set_index("date")["equity"]
    theirs = theirs[pd.DatetimeIndex(mine.index)]
    assert len(mine) == len(theirs)
    assert (theirs.to_numpy() / mine.to_numpy() - 1).max() < 1e-9
    assert (theirs.to_numpy() / mine.to_numpy() - 1).min() > -1e-9
    assert abs(mine.iloc[-1] - 1) > 0.01


def test_equal_to_bt_on_the_sample() -> None:
    buckets = sample_candidates().select(["asset", "bucket"])
    data = MarketData(sample_path("prices.parquet"), classification=buckets)
    for limits in (sample_limits(), SECTORS.replace(bucket_level=2)):
        result = trimtab.backtest(data, limits, start="2021-01-01")
        assert result.turnover.height == 23
        agree(data.as_of("2022-12-28").prices, result)


def sectors_of(folder: Path) -> dict[str, str]:
    table = pl.read_csv(folder / "instruments.csv").filter(pl.col("kind") == "stock")
    return dict(table.select("symbol", "gics_sector").iter_rows())


def whole_histories(folder: Path) -> pl.DataFrame:
    """The stocks with a price on every session, wide."""
    table = pl.read_parquet(folder / "us_stocks_close_2005_2017.parquet").with_columns(
        pl.col("symbol").cast(pl.String), pl.col("close").cast(pl.Float64)
    )
    full = table.group_by("symbol").len().filter(pl.col("len") == table["date"].n_unique())["symbol"]
    alone = table.filter(pl.col("symbol").is_in(full.to_list()))
    return alone.pivot("symbol", index="date", values="close").sort("date")  # noqa: PD010 - polars


def momentum(prices: pl.DataFrame) -> pl.DataFrame:
    """On every month end the rank of the return of the last 252 sessions, from 0 to 1; long."""
    symbols = prices.columns[1:]
    ends = prices.group_by(pl.col("date").dt.truncate("1mo"), maintain_order=True).agg(
        pl.col("date").last().alias("end")
    )
    past = prices.with_columns(pl.col(name) / pl.col(name).shift(252) - 1 for name in symbols).drop_nulls()
    long = past.filter(pl.col("date").is_in(ends["end"].to_list())).unpivot(index="date", variable_name="asset")
    rank = (pl.col("value").rank("ordinal") - 1) / (pl.len() - 1)
    return long.with_columns(rank.over("date").alias("score")).select("date", "asset", "score")


@pytest.mark.thorough
def test_equal_to_bt_on_real_data(market_data: Path) -> None:
    prices = whole_histories(market_data)
    assert prices.width > 300
    data = MarketData(prices, classification=[{"symbol": a, "bucket": b} for a, b in sectors_of(market_data).items()])
    scores = momentum(prices)
    for limits in (SECTORS, SECTORS.replace(no_trade_band=0.25, target_invested=0.95)):
        result = trimtab.backtest(data, limits, scores=scores)
        assert result.turnover.height > 135
        agree(prices, result)


def test_costs_make_it_less() -> None:
    """By what was paid, and by what that would have earned."""
    by_name: dict[float, Any] = {}
    for rate in (0.0, 20.0):
        data = MarketData(sample_path("prices.parquet"))
        result = trimtab.backtest(data, start="2021-01-01", costs=TradingCosts(commission_bps=rate))
        by_name[rate] = result.equity["equity"][-1], result.turnover["cost"].sum()
    assert by_name[0.0][1] == 0.0
    assert by_name[0.0][0] - by_name[20.0][0] == pytest.approx(by_name[20.0][1], rel=0.3)
