"""The study "bucket limits on 2005-2017 US stocks and ETFs": with and without them, everything else alike.

python benchmarks/study.py [--data ../shared/data] [--pages folder]

It prints the tables of docs/study.md. The limits were chosen once and are not tuned to the outcome: 20 positions, at most
3 of a bucket and 20 % in it. Scores are the technical ones with their defaults. `--pages` also writes
the pages of the backtests and of the sweep.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from scores import DATA, etfs, members, month_ends, sectors, stocks

from trimtab import (
    BacktestResult,
    MarketData,
    RebalancingLimits,
    TradingCosts,
    backtest,
    benchmark,
    sweep,
    technical_scores,
)
from trimtab.backtesting.comparison import versus
from trimtab.backtesting.sweep import SweepResult

COSTS = TradingCosts(commission_bps=1, spread_bps=4, slippage_bps=2)
LOOSE = RebalancingLimits(
    max_total_positions=20,
    max_new_positions=20,
    max_position_weight=0.08,
    min_position_weight=0.01,
    unscored_positions="close",
)
LIMITED = LOOSE.replace(
    enable_bucket_diversification=True,
    max_positions_per_bucket=3,
    max_allocation_per_bucket=0.2,
    min_buckets_represented=5,
)
VARY = {
    "max_positions_per_bucket": [1, 2, 3, 4, 6, 10],
    "max_allocation_per_bucket": [0.1, 0.15, 0.2, 0.3, 0.5, 1.0],
    "max_total_positions": [10, 15, 20, 30],
}
PERIODS = (("2006-02-28", None), ("2011-01-03", None))
ROWS = ("annual_return", "volatility", "sharpe", "max_drawdown", "turnover", "cost_drag", "effective_bets", "bucket_concentration")  # fmt: skip


@dataclass(frozen=True)
class Universe:
    """What may be held, in which buckets, and what to hold instead: a name and weights, None for equal ones."""

    name: str
    data: MarketData
    scores: pl.DataFrame
    instead: tuple[tuple[str, dict[str, float] | None], ...]


def universes(folder: Path) -> list[Universe]:
    """Members of the S&P 500 of the day, by sector; and ETFs, by what they hold."""
    funds = etfs(folder)
    index = funds.filter(pl.col("symbol") == "SPY")
    sector = sectors(folder).rename({"sector": "bucket"}).drop_nulls()
    known = stocks(folder).filter(pl.col("symbol").is_in(sector["symbol"].implode()))
    shares = MarketData(
        pl.concat([known, index], how="diagonal_relaxed"), classification=sector, membership=members(folder)
    )
    instruments = pl.read_csv(folder / "instruments.csv").filter(pl.col("kind") == "etf")
    kinds = instruments.select("symbol", bucket="etf_bucket").drop_nulls()
    baskets = MarketData(funds.filter(pl.col("symbol").is_in(kinds["symbol"].implode())), classification=kinds)
    return [
        Universe(
            "stocks of the S&P 500 by sector", shares, scored(shares), (("equal weight", None), ("SPY", {"SPY": 1.0}))
        ),
        Universe(
            "ETFs by kind", baskets, scored(baskets), (("equal weight", None), ("60/40", {"SPY": 0.6, "AGG": 0.4}))
        ),
    ]


def scored(data: MarketData) -> pl.DataFrame:
    """Technical scores of every month's end from the second year on, each from what was known that day."""
    days = month_ends(data)[12:-1]
    return pl.concat(
        [technical_scores(data.as_of(day)).table.select(pl.lit(day).alias("date"), "asset", "score") for day in days]
    )


def walked(policy: Universe, start: str, end: str | None) -> list[BacktestResult]:
    """With limits, without, and the benchmarks."""
    options = {"scores": policy.scores, "start": start, "end": end, "costs": COSTS}
    with_limits = backtest(policy.data, LIMITED, name="with bucket limits", **options)
    without = backtest(policy.data, LOOSE, name="without", **options)
    return [with_limits, without, *(benchmark(with_limits, weights, name=name) for name, weights in policy.instead)]


def told(results: list[BacktestResult]) -> None:
    """Statistics side by side, and the intervals of the differences."""
    print(f"| {results[0].equity['date'][0]} to {results[0].equity['date'][-1]} | " + " | ".join(result.name for result in results) + " |")  # fmt: skip
    print("|---|" + "---|" * len(results))
    for name in ROWS:
        percent = name in ("annual_return", "volatility", "max_drawdown", "turnover", "cost_drag")
        values = [getattr(result.statistics, name) for result in results]
        texts = ["none" if value is None else f"{value:.2%}" if percent else f"{value:.2f}" for value in values]
        print(f"| {name.replace('_', ' ')} | " + " | ".join(texts) + " |")
    print()
    for result in versus(results):
        print(f"- {result}")
    print()


def surface(results: SweepResult) -> None:
    """What the sweep says, and its median Sharpe ratios."""
    print(f"{len(results.limits)} policies. {results.luck().sentence}\n")
    rows, columns = "max_positions_per_bucket", "max_allocation_per_bucket"
    table = results.table.group_by(rows, columns).agg(pl.col("sharpe").median()).sort(rows, columns)
    names = VARY[columns]
    print(f"| {rows} \\ {columns} | " + " | ".join(f"{name:g}" for name in names) + " |")
    print("|---|" + "---|" * len(names))
    for value in VARY[rows]:
        own = table.filter(pl.col(rows) == value)["sharpe"]
        print(f"| {value} | " + " | ".join(f"{ratio:.2f}" for ratio in own) + " |")
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--pages", type=Path)
    options = parser.parse_args()
    began = time.perf_counter()
    for index, universe in enumerate(universes(options.data)):
        print(f"## {universe.name}\n")
        for start, end in PERIODS:
            results = walked(universe, start, end)
            told(results)
            if options.pages is not None:
                options.pages.mkdir(parents=True, exist_ok=True)
                page = results[0].to_html(f"Bucket limits: {universe.name}", results[1:])
                (options.pages / f"study_{index}_{start[:4]}.html").write_text(page, encoding="utf-8")
        swept = sweep(universe.data, LIMITED, VARY, scores=universe.scores, start=PERIODS[0][0], costs=COSTS)
        surface(swept)
        if options.pages is not None:
            page = swept.to_html(f"Sweep of bucket limits: {universe.name}")
            (options.pages / f"study_{index}_sweep.html").write_text(page, encoding="utf-8")
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
