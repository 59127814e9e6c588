"""One backtest from given scores against bt with an equivalent stack of algos, in the same run; and no look-ahead.

python benchmarks/backtest.py [--data ../shared/data] [--only speed|look-ahead] [--times 5]

`speed`: the stocks with a price on every session (457, 12.7 years), monthly, scores given (the rank of the return of 252
sessions), 20 with at most 3 a sector, equal weights, no costs: holdings first, then the best, as the rules have it. Both get checked prices and scores in their own
form (a `MarketData` and a long table; a pandas frame of prices and one of scores) and give the equity of every session.
bt decides and trades on one session; here is traded on the next one, so bt gets its scores one session later.

`look-ahead`: for every fourth stock, on 50 days (seed 7) x 3 policies, all later prices, scores and memberships are poisoned (missing, or times
1000); not one equity, decision, trade or removal up to that day may change, not by a bit.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import statistics
import time
import warnings
from pathlib import Path
from typing import Any

import polars as pl

import trimtab
from trimtab import BacktestResult, MarketData, RebalancingLimits, TradingCosts

DATA = Path(__file__).parents[2] / "shared" / "data"
KEEP, ENTER = 0.75, 0.85
TOP = RebalancingLimits(
    max_total_positions=20,
    max_new_positions=20,
    min_score_threshold=KEEP,
    min_score_diversification=ENTER,
    min_score_new_position=ENTER,
    target_invested=1.0,
    max_position_weight=0.1,
    min_position_weight=0.0,
    no_trade_band=0.0,
    min_trade=0.0,
    enable_bucket_diversification=True,
    max_positions_per_bucket=3,
    max_allocation_per_bucket=1.0,
    min_buckets_represented=0,
)


def whole_histories(folder: Path) -> pl.DataFrame:
    """The stocks with at least 3,190 prices, wide, with gaps filled forward."""
    table = pl.read_parquet(folder / "us_stocks_close_2005_2017.parquet").with_columns(
        pl.col("symbol").cast(pl.String), pl.col("close").cast(pl.Float64)
    )
    first, last = table["date"].min(), table["date"].max()
    spans = table.group_by("symbol").agg(begin=pl.col("date").min(), end=pl.col("date").max())
    full = spans.filter((pl.col("begin") == first) & (pl.col("end") == last))["symbol"]
    alone = table.filter(pl.col("symbol").is_in(full.to_list()))
    wide = alone.pivot("symbol", index="date", values="close").sort("date")
    return wide.with_columns(pl.exclude("date").forward_fill())


def sectors(folder: Path) -> dict[str, str]:
    table = pl.read_csv(folder / "instruments.csv").filter(pl.col("kind") == "stock")
    return dict(table.select("symbol", "gics_sector").iter_rows())


def momentum(prices: pl.DataFrame) -> pl.DataFrame:
    """On every month end the rank of the return of the last 252 sessions, from 0 to 1; long."""
    symbols = prices.columns[1:]
    ends = prices.group_by(pl.col("date").dt.truncate("1mo"), maintain_order=True).agg(
        pl.col("date").last().alias("end")
    )
    past = prices.with_columns(pl.col(name) / pl.col(name).shift(252) - 1 for name in symbols).drop_nulls()
    long = past.filter(pl.col("date").is_in(ends["end"][:-1].to_list())).unpivot(index="date", variable_name="asset")
    rank = (pl.col("value").rank("ordinal") - 1) / (pl.len() - 1)
    return long.with_columns(rank.over("date").alias("score")).select("date", "asset", "score")


def market(folder: Path, prices: pl.DataFrame) -> MarketData:
    buckets = [{"symbol": symbol, "bucket": bucket} for symbol, bucket in sectors(folder).items()]
    return MarketData(prices, classification=buckets)


def ours(data: MarketData, scores: pl.DataFrame) -> BacktestResult:
    result = trimtab.backtest(data, TOP, scores=scores)
    _ = result.equity, result.weights, result.turnover
    return result


def by_bt(bt: Any, frame: Any, scores: Any, sector_of: dict[str, str]) -> Any:
    """An algo that selects, equal weights, Rebalance. Holdings that score enough go first, as they do in the rules."""
    days = set(scores.index)
    ranked = {day: scores.loc[day].sort_values(ascending=False, kind="stable") for day in scores.index}

    class SelectInSectors(bt.Algo):  # type: ignore[misc]
        def __call__(self, target: Any) -> bool:
            if target.now not in days:
                return False
            chosen: list[str] = []
            count: dict[str, int] = {}
            row = ranked[target.now]
            held = {name for name, child in target.children.items() if child.weight > 0}
            for lowest, may in ((KEEP, held), (ENTER, None)):
                for name, score in row.items():
                    if score < lowest or len(chosen) == 20:
                        break
                    sector = sector_of[name]
                    if (may is None or name in may) and name not in chosen and count.get(sector, 0) < 3:
                        count[sector] = count.get(sector, 0) + 1
                        chosen.append(name)
            target.temp["selected"] = chosen
            return True

    strategy = bt.Strategy("sectors", [SelectInSectors(), bt.algos.WeighEqually(), bt.algos.Rebalance()])
    test = bt.Backtest(strategy, frame, integer_positions=False, progress_bar=False)
    test.run()
    return test.strategy.prices


def speed(folder: Path, times: int) -> None:
    warnings.simplefilter("ignore")
    import bt

    prices, sector_of = whole_histories(folder), sectors(folder)
    scores = momentum(prices)
    print(f"{prices.width - 1} symbols, {prices.height} sessions, {scores['date'].n_unique()} decisions")
    frame = prices.to_pandas().set_index("date")
    frame.index = frame.index.astype("datetime64[ns]")
    wide = scores.to_pandas().pivot_table(index="date", columns="asset", values="score")
    wide.index = wide.index.astype("datetime64[ns]")
    place = {day: index for index, day in enumerate(frame.index)}
    wide.index = [frame.index[place[day] + 1] for day in wide.index]  # bt trades where it decides
    began = time.perf_counter()
    data = market(folder, prices)
    print(f"the prices, read and checked by MarketData, once: {time.perf_counter() - began:.2f} s")
    ours(data, scores)
    for clock, called in ((time.perf_counter, "by the clock"), (time.process_time, "of the processor")):
        seconds: dict[str, list[float]] = {"trimtab": [], "bt": []}
        for _ in range(times):
            began = clock()
            result = ours(data, scores)
            seconds["trimtab"].append(clock() - began)
            began = clock()
            theirs = by_bt(bt, frame, wide, sector_of)
            seconds["bt"].append(clock() - began)
        mine, other = (statistics.median(seconds[name]) for name in ("trimtab", "bt"))
        told = f"trimtab {mine * 1e3:.1f} ms, bt {other:.3f} s: {other / mine:.0f} times; wanted 20, aim 50"
        print(f"medians of {times}, time {called}: {told}")
    begun = result.equity["date"][0]
    both = theirs[str(begun) :].to_numpy()
    apart = max(abs(both / both[0] / result.equity["equity"].to_numpy() - 1))
    print(
        f"the end of both: {result.equity['equity'][-1]:.6f}; largest difference on any session {apart:.1e}; wanted 1e-9"
    )


POLICIES = (
    TOP,
    TOP.replace(max_total_positions=10, no_trade_band=0.3, target_invested=0.95, unscored_positions="close"),
    TOP.replace(max_allocation_per_bucket=0.2, min_buckets_represented=8, sizing_mode="score_weighted"),
)
COSTS = TradingCosts(commission_bps=2, spread_bps=6, slippage_bps=5)


def poisoned(table: pl.DataFrame, day: dt.date, column: str, factor: float | None) -> pl.DataFrame:
    bad = pl.lit(None, pl.Float64) if factor is None else pl.col(column) * factor
    return table.with_columns(pl.when(pl.col("date") > day).then(bad).otherwise(pl.col(column)).alias(column))


def past(result: BacktestResult, day: dt.date, *, ended: bool) -> list[pl.DataFrame]:
    """What is known at the close of the day: of its own decision everything but the trade.

    `ended`: no session follows in one of the two walks, so that it could not ask on that day.
    """
    asked = pl.col("date") < day if ended else pl.col("date") <= day
    untraded = result.decisions.filter(asked).drop("trade_date")
    return [
        untraded,
        *(getattr(result, name).filter(pl.col("date") <= day) for name in ("equity", "trades", "removed")),
    ]


def look_ahead(folder: Path, dates: int) -> None:
    prices = pl.read_parquet(folder / "us_stocks_close_2005_2017.parquet").with_columns(
        pl.col("symbol").cast(pl.String), pl.col("close").cast(pl.Float64)
    )
    some = prices["symbol"].unique().sort().to_list()[::4]
    prices = prices.filter(pl.col("symbol").is_in(some))
    scores = momentum(whole_histories(folder)).filter(pl.col("asset").is_in(some))
    buckets = [{"symbol": symbol, "bucket": bucket} for symbol, bucket in sectors(folder).items()]
    table = pl.read_csv(folder / "sp500_membership_1996_2025.csv", try_parse_dates=True)
    symbol = pl.col("ticker").str.replace(".", "-", literal=True)
    members = table.select(symbol.alias("symbol"), pl.col("start_date").alias("from"), pl.col("end_date").alias("to"))
    more = {"costs": COSTS, "cash_rate": 0.02, "gone_after": 5}
    data = MarketData(prices, classification=buckets, membership=members)
    whole = [trimtab.backtest(data, limits, scores=scores, **more) for limits in POLICIES]
    sessions = whole[0].equity["date"].to_list()
    changed, compared = 0, 0
    for index, day in enumerate(sorted(random.Random(7).sample(sessions[40:-40], dates))):
        factor = 1000.0 if index % 2 else None
        everybody = pl.DataFrame({"symbol": prices["symbol"].unique().sort()}).with_columns(
            pl.lit(day).dt.offset_by("1d").alias("from"), pl.lit(None, pl.Date).alias("to")
        )
        worse = MarketData(
            poisoned(prices, day, "close", factor),
            classification=buckets,
            membership=pl.concat([members, everybody]),
        )
        options = poisoned(scores, day, "score", None if factor is None else 0.5)
        for limits, before in zip(POLICIES, whole, strict=True):
            after = trimtab.backtest(worse, limits, scores=options, **more)
            last = min(day, after.equity["date"][-1])
            ended = after.equity["date"][-1] <= day
            both = zip(past(before, last, ended=ended), past(after, last, ended=ended), strict=True)
            same = all(side.equals(two) for side, two in both)
            compared, changed = compared + 1, changed + (not same)
            if not same:
                print(f"{day}: later data {'missing' if factor is None else 'times 1000'}: another past")
    print(f"look-ahead: {compared} walks with everything after a day poisoned, {changed} with another past; wanted 0")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--only", choices=["speed", "look-ahead"])
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--dates", type=int, default=50)
    options = parser.parse_args()
    if options.only in (None, "speed"):
        speed(options.data, options.times)
    if options.only in (None, "look-ahead"):
        look_ahead(options.data, options.dates)


if __name__ == "__main__":
    main()
