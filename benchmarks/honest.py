"""Honesty of the backtest: prices that walk at random, scores that know nothing, no costs. Nobody can be better there.

python benchmarks/honest.py [--seeds 400] [--sessions 400] [--assets 60] [--seed 1] [--processes 2]

For each seed a market is walked by every policy of a grid. Then: the mean probability of backtest overfitting must be
near a half; the deflated Sharpe ratio must refuse chance (at 5 %) about as often as it says; and the 95 % interval of the
difference in mean return, with and without bucket limits, must hold 0 about as often as it says.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
import statistics
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from multiprocessing import get_context
from typing import Any

import harness
import numpy as np
import polars as pl
from scipy import stats

from trimtab import MarketData, RebalancingLimits, sweep
from trimtab.backtesting.backtest import rerun_with
from trimtab.statistics.bootstrap import COMPARED, difference
from trimtab.statistics.overfitting import deflated_sharpe, overfitting

BUCKETS = 8
LOOSE = RebalancingLimits(
    max_total_positions=20,
    max_new_positions=24,
    min_score_threshold=0.5,
    min_score_diversification=0.5,
    min_score_new_position=0.5,
    max_position_weight=0.2,
    min_position_weight=0.01,
)
LIMITED = LOOSE.replace(
    enable_bucket_diversification=True,
    max_positions_per_bucket=3,
    max_allocation_per_bucket=0.25,
    min_buckets_represented=4,
)
VARY = {
    "max_total_positions": [6, 10, 16, 24],
    "max_positions_per_bucket": [1, 2, 4],
    "no_trade_band": [0.0, 0.4],
}


def market(seed: int, sessions: int, assets: int) -> dict[str, Any]:
    """Prices with a common and an own part, every return drawn around 0; scores drawn anew at each month's end."""
    rng = np.random.default_rng(seed)
    names = [f"A{index:03}" for index in range(assets)]
    days = [
        day for index in range(2 * sessions) if (day := dt.date(2010, 1, 1) + dt.timedelta(days=index)).weekday() < 5
    ]
    days = days[:sessions]
    moves = 0.005 * rng.normal(size=(sessions, 1)) + rng.uniform(0.005, 0.02, assets) * rng.normal(
        size=(sessions, assets)
    )
    ends = [day for day, later in itertools.pairwise(days) if day.month != later.month]
    prices = long(days, names, 50.0 * np.cumprod(1.0 + moves, axis=0), "symbol", "close")
    classification = [{"symbol": name, "bucket": f"B{index % BUCKETS}"} for index, name in enumerate(names)]
    return {
        "prices": MarketData(prices, classification=classification),
        "scores": long(ends, names, rng.random((len(ends), assets)), "asset", "score"),
        "start": ends[0],
    }


def long(days: list[dt.date], names: list[str], values: Any, name: str, value: str) -> pl.DataFrame:
    """One row a day and asset."""
    dates = pl.Series("date", days).gather(np.repeat(np.arange(len(days)), len(names)).tolist())
    return pl.DataFrame([dates, pl.Series(name, names * len(days)), pl.Series(value, values.ravel())])


def inside(count: int, trials: int, share: float) -> tuple[bool, int, int]:
    """Whether a count is inside the 99 % binomial interval of a share, and its ends."""
    low, high = (int(end) for end in stats.binom.interval(0.99, trials, share))
    return low <= count <= high, low, high


@dataclass(frozen=True)
class Found:
    """What one seed says: probability of overfitting, whether chance is refused, whether each interval holds 0."""

    overfitted: float
    refused: bool
    held: dict[str, bool]


def tried(seed: int, sessions: int, assets: int) -> Found:
    """One market, walked by all policies."""
    options = market(seed, sessions, assets)
    swept = sweep(limits=LIMITED, vary=VARY, **options)
    outcome, best = overfitting(swept.above_cash), deflated_sharpe(swept.above_cash)
    if outcome is None or best is None:
        raise SystemExit(f"seed {seed}: nothing to choose from")
    first, other = (rerun_with(swept.backtest(0), limits, "it").above_cash for limits in (LIMITED, LOOSE))
    intervals = {name: difference(first, other, name, samples=1_000, seed=seed) for name in COMPARED}
    held = {name: interval is not None and interval.holds_zero for name, interval in intervals.items()}
    return Found(outcome.probability, best.probability >= 0.95, held)


def main() -> None:
    options = harness.options(__doc__, seeds=400, sessions=400, assets=60, seed=1, processes=2)
    began, sizes = time.perf_counter(), (repeat(options.sessions), repeat(options.assets))
    seeds = range(options.seed, options.seed + options.seeds)
    tried(options.seed, options.sessions, options.assets)  # compiles, once for all processes
    with ProcessPoolExecutor(options.processes, get_context("spawn")) as pool:
        listed = list(pool.map(tried, seeds, *sizes, chunksize=10))
    held = {name: sum(entry.held[name] for entry in listed) for name in COMPARED}
    report(options.seeds, [entry.overfitted for entry in listed], sum(entry.refused for entry in listed), held)
    grid = math.prod(map(len, VARY.values()))
    taken = time.perf_counter() - began
    print(f"{grid} policies, {options.sessions} sessions, {options.assets} assets: {taken:.0f} s")


def report(seeds: int, overfitted: list[float], refused: int, held: Mapping[str, int]) -> None:
    mean, error = statistics.fmean(overfitted), statistics.stdev(overfitted) / seeds**0.5
    print(f"probability of overfitting: mean {mean:.3f} +- {error:.3f} of {seeds} seeds, wanted 0.45 to 0.55")
    fits, low, high = inside(refused, seeds, 0.05)
    print(
        f"deflated Sharpe ratio refuses chance in {refused} of {seeds} (99 % interval of 5 %: {low} to {high}, "
        f"{'inside' if fits else 'OUTSIDE'})"
    )
    for name, count in held.items():
        fits, low, high = inside(count, seeds, 0.95)
        print(
            f"95 % interval of the difference, {name}: holds 0 in {count} of {seeds} (99 % interval {low} to {high}, "
            f"{'inside' if fits else 'OUTSIDE'})"
        )


if __name__ == "__main__":
    main()
