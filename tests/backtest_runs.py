"""Small markets, each from one seed; and every run compiled and plain."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import numpy as np
import polars as pl

import trimtab
from trimtab import BacktestResult, RebalancingLimits
from trimtab.kernel.backtest import backtest_policy
from trimtab.kernel.backtest_records import Market, PolicyRecords, RunRecords, WholeLots
from trimtab.kernel.block import BlockExposures
from trimtab.kernel.compilation import undecorated

plain = undecorated(backtest_policy)
LIMITS = RebalancingLimits(
    max_total_positions=4,
    max_new_positions=4,
    min_score_threshold=0.4,
    min_score_diversification=0.4,
    min_score_new_position=0.5,
    max_position_weight=0.4,
    min_position_weight=0.05,
    enable_bucket_diversification=True,
    max_positions_per_bucket=2,
    max_allocation_per_bucket=0.5,
    min_buckets_represented=2,
)
BUCKETS = {"A": "X", "B": "X", "C": "X", "D": "Y", "E": "Y", "F": "Z/a", "G": "Z/b"}
START = dt.date(2024, 1, 1)


def days(count: int) -> list[dt.date]:
    """Weekdays."""
    rows = [START + dt.timedelta(days=index) for index in range(2 * count)]
    return [day for day in rows if day.weekday() < 5][:count]


def market(seed: int, sessions: int = 70) -> list[dict[str, Any]]:
    """Seven random walks, long; with gaps, a symbol that ends, one that begins late."""
    rng = random.Random(seed)
    rows = []
    for name in BUCKETS:
        price = rng.uniform(5, 50)
        begin = rng.randrange(20, 40) if name == "G" else 0
        end = rng.randrange(40, 60) if name == "B" else sessions
        for index, day in enumerate(days(sessions)):
            opening = price * (1 + rng.gauss(0, 0.005))
            price = opening * (1 + rng.gauss(0, 0.02))
            if begin <= index < end and rng.random() > 0.04:
                rows.append({"date": day, "symbol": name, "close": price, "open": opening})
    return rows


def scores(seed: int, sessions: int = 70) -> list[dict[str, Any]]:
    """A score every five sessions, now and then none."""
    rng = random.Random(seed + 1000)
    return [
        {"date": day, "asset": name, "score": None if rng.random() < 0.1 else rng.randrange(20, 100) / 100}
        for day in days(sessions)[::5]
        for name in BUCKETS
        if rng.random() > 0.05
    ]


def run_of(seed: int, limits: RebalancingLimits = LIMITS, **more: Any) -> BacktestResult:
    options = {"scores": scores(seed), "classification": BUCKETS, "every": "week"} | more
    return trimtab.backtest(market(seed), limits, **options)


def by_day(rows: list[dict[str, Any]], column: str = "close") -> dict[dt.date, dict[str, float]]:
    """Prices as the plain ledger wants them."""
    by_name: dict[dt.date, dict[str, float]] = {}
    for row in rows:
        by_name.setdefault(row["date"], {})[row["symbol"]] = row[column]
    return by_name


def decided(result: BacktestResult) -> dict[dt.date, dict[str, tuple[float, float]]]:
    """Decisions as the plain ledger wants them."""
    by_name: dict[dt.date, dict[str, tuple[float, float]]] = {}
    for row in result.decisions.iter_rows(named=True):
        by_name.setdefault(row["date"], {})[row["asset"]] = (row["current_weight"], row["target_weight"])
    return by_name


def both(
    market: Market, policy: PolicyRecords, whole: WholeLots | None, exposures: BlockExposures | None, run: RunRecords
) -> int:
    """The compiled run; the plain one must fill the same bits."""
    twin = RunRecords(*(array.copy() for array in run))
    with np.errstate(invalid="ignore"):
        count = plain(market, policy, whole, exposures, twin)
    assert backtest_policy(market, policy, whole, exposures, run) == count
    for field, filled, other in zip(RunRecords._fields, run, twin, strict=True):
        for name in filled.dtype.names or (...,):  # what lies between the fields of a record is nobody's
            assert filled[name].tobytes() == other[name].tobytes(), (field, name)
    return int(count)


def sums_of(result: BacktestResult) -> pl.DataFrame:
    """By day of trades: the money that went out for them, costs included."""
    return result.trades.group_by("date").agg(spent=(pl.col("amount") + pl.col("cost")).sum()).sort("date")
