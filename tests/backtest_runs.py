"""Small markets to walk, each from one seed; and every walk compiled and plain."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import numpy as np
import polars as pl

import trimtab
from trimtab import BacktestResult, RebalancingLimits
from trimtab.kernel.backtest import walk
from trimtab.kernel.compilation import undecorated

plain_walk = undecorated(walk)
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
    found = [START + dt.timedelta(days=at) for at in range(2 * count)]
    return [day for day in found if day.weekday() < 5][:count]


def market(seed: int, sessions: int = 70) -> list[dict[str, Any]]:
    """Seven random walks, long; with gaps, a symbol that ends, one that begins late."""
    rng = random.Random(seed)
    rows = []
    for name in BUCKETS:
        price = rng.uniform(5, 50)
        begin = rng.randrange(20, 40) if name == "G" else 0
        end = rng.randrange(40, 60) if name == "B" else sessions
        for at, day in enumerate(days(sessions)):
            opening = price * (1 + rng.gauss(0, 0.005))
            price = opening * (1 + rng.gauss(0, 0.02))
            if begin <= at < end and rng.random() > 0.04:
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


def walked(seed: int, limits: RebalancingLimits = LIMITS, **more: Any) -> BacktestResult:
    given = {"scores": scores(seed), "classification": BUCKETS, "every": "week"} | more
    return trimtab.backtest(market(seed), limits, **given)


def by_day(rows: list[dict[str, Any]], column: str = "close") -> dict[dt.date, dict[str, float]]:
    """Prices as the plain ledger wants them."""
    found: dict[dt.date, dict[str, float]] = {}
    for row in rows:
        found.setdefault(row["date"], {})[row["symbol"]] = row[column]
    return found


def decided(result: BacktestResult) -> dict[dt.date, dict[str, tuple[float, float]]]:
    """Decisions as the plain ledger wants them."""
    found: dict[dt.date, dict[str, tuple[float, float]]] = {}
    for row in result.decisions.iter_rows(named=True):
        found.setdefault(row["date"], {})[row["asset"]] = (row["current_weight"], row["target_weight"])
    return found


def both(*arguments: Any) -> int:
    """The compiled walk; the plain one must fill the same bits."""
    given = list(arguments)
    outputs = {at: np.zeros_like(given[at]) for at in (13, 14, 15, 16, 17, 18)}
    plain = [outputs.get(at, one) for at, one in enumerate(given)]
    with np.errstate(invalid="ignore"):
        count = plain_walk(*plain)
    assert walk(*given) == count
    for at, filled in outputs.items():
        for name in filled.dtype.names or (...,):  # what lies between the fields of a record is nobody's
            assert filled[name].tobytes() == given[at][name].tobytes(), (at, name)
    return int(count)


def sums_of(result: BacktestResult) -> pl.DataFrame:
    """By day of trades: the money that went out for them, costs included."""
    return result.trades.group_by("date").agg(spent=(pl.col("amount") + pl.col("cost")).sum()).sort("date")
