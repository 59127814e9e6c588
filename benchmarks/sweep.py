"""10,000 policies over 150 month ends of 500 candidates; and whether time grows linearly.

python benchmarks/sweep.py [--policies 10000] [--months 150] [--assets 500] [--seed 1]

Prices are random walks with daily sessions, scores random with one decimal persistence from month to month, limits a random
sample of six fields, costs 5 basis points. Timed is `trimtab.sweep` as a whole, from checked prices and a table of scores to
the statistics of every policy, after the machine code is there.
"""

from __future__ import annotations

import datetime as dt
import itertools
import resource
import time
from typing import Any

import harness
import numpy as np
import polars as pl

import trimtab
from trimtab import Between, MarketData, RebalancingLimits, TradingCosts

BASE = RebalancingLimits(
    max_new_positions=10,
    min_score_threshold=0.5,
    min_score_new_position=0.7,
    min_position_weight=0.01,
    enable_bucket_diversification=True,
    max_positions_per_bucket=4,
    max_allocation_per_bucket=0.4,
)
VARY: dict[str, Any] = {
    "max_total_positions": range(10, 31),
    "max_new_positions": range(3, 21),
    "max_positions_per_bucket": range(1, 7),
    "max_allocation_per_bucket": Between(0.15, 0.6),
    "no_trade_band": Between(0.0, 0.4),
    "min_buckets_represented": range(9),
}


def market(assets: int, months: int, seed: int) -> tuple[MarketData, pl.DataFrame]:
    rng = np.random.default_rng(seed)
    first = dt.date(2005, 1, 1)
    last = first + dt.timedelta(days=int(months * 30.44) + 35)
    days = [day for day in pl.date_range(first, last, eager=True) if day.weekday() < 5]
    names = [f"A{number:04d}" for number in range(assets)]
    walks = 50 * np.exp(np.cumsum(rng.normal(0.0002, 0.015, (len(days), assets)), axis=0))
    prices = pl.DataFrame(walks, names).insert_column(0, pl.Series("date", days))
    ends = [day for day, after in itertools.pairwise(days) if day.month != after.month][:months]
    level = rng.random(assets)
    rows = []
    for day in ends:
        level = 0.7 * level + 0.3 * rng.random(assets)
        rank = np.argsort(np.argsort(level)) / (assets - 1)
        rows.append(pl.DataFrame({"date": [day] * assets, "asset": names, "score": rank}))
    classification = [{"symbol": name, "bucket": f"Sector{index % 11:02d}"} for index, name in enumerate(names)]
    return MarketData(prices, classification=classification), pl.concat(rows)


def seconds(data: MarketData, scores: pl.DataFrame, policies: int, seed: int) -> tuple[float, trimtab.SweepResult]:
    began = time.perf_counter()
    result = trimtab.sweep(
        data, BASE, VARY, sample=policies, seed=seed, scores=scores, costs=TradingCosts(commission_bps=5)
    )
    return time.perf_counter() - began, result


def main() -> None:
    options = harness.options(__doc__, policies=10_000, months=150, assets=500, seed=1)
    data, scores = market(options.assets, options.months, options.seed)
    seconds(data, scores, 2, options.seed)
    for policies in (options.policies // 8, options.policies // 4, options.policies // 2, options.policies):
        began = time.process_time()
        took, result = seconds(data, scores, policies, options.seed)
        busy = time.process_time() - began
        rebalances = int(result.decisions.sum())
        print(
            f"{len(result.limits)} policies, {rebalances:,} decisions among {options.assets}: {took:.1f} s by the clock, "
            f"{busy:.1f} s of the processor, {busy / rebalances * 1e6:.1f} us a decision"
        )
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB; wanted: 60 s on 2 cores")
    held = result.backtest(0)
    print(
        f"the first of them: {held.turnover['positions'].mean():.1f} positions, {held.statistics.turnover:.2f} turnover a year"
    )


if __name__ == "__main__":
    main()
