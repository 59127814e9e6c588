"""Scores from real market data: speed, memory, no look-ahead, parts against a plain computation, threads.

python benchmarks/scores.py [--data ../shared/data] [--dates 200] [--only speed|parts|threads|look-ahead]

`look-ahead` takes some dates (seed 4); for each it poisons all that came after (prices: missing, or times 1000; the
fundamentals: times 1000; the membership: everybody) and compares scores, regimes and trends of that date, bit for bit; and
what the engine makes of them: its universe, the correlations and limits by risk that it measures, and its targets.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import math
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl

from trimtab.engine.engine import CoreRebalancerEngine
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.market.market_data import MarketData
from trimtab.scoring.bucket_risk import RiskConfig
from trimtab.scoring.fundamental import FundamentalAnalyzer, fundamental_scores
from trimtab.scoring.regime import MarketRegimeDetector, RegimeConfig, TrendRegimes
from trimtab.scoring.technical import PARTS, TechnicalAnalyzer, TechnicalConfig, technical_parts, technical_scores
from trimtab.scoring.trend import TrendAnalyzer

DATA = Path(__file__).parents[2] / "shared" / "data"
REGIME = RegimeConfig(growth=("SPY", "XLY/XLP"), inflation=("TIP/IEF", "DBC"))
NEVER = "2100-01-01"
# Where each regime looks, and what the engine keeps to: every one of its choices depends on prices.
REGIME_BUCKETS = {
    "Goldilocks": ["Information Technology", "Consumer Discretionary"],
    "Reflation": ["Energy", "Materials", "Industrials"],
    "Inflation": ["Energy", "Utilities"],
    "Deflation": ["Health Care", "Consumer Staples"],
}
LIMITS = RebalancingLimits(
    enable_bucket_diversification=True,
    max_new_positions=8,
    min_buckets_represented=6,
    max_correlation=0.6,
    regimes={"Deflation": {"max_total_positions": 6}},
)
HELD = {"AAPL": 0.1, "XOM": 0.1, "JNJ": 0.1}


def stocks(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "us_stocks_close_2005_2017.parquet").with_columns(pl.col("symbol").cast(pl.String))


def etfs(folder: Path) -> pl.DataFrame:
    table = pl.read_parquet(folder / "us_etfs_ohlcv_2005_2017.parquet", columns=["date", "symbol", "close"])
    return table.with_columns(pl.col("symbol").cast(pl.String))


def fundamentals(folder: Path) -> list[pl.DataFrame]:
    """The published snapshots, and the annual statements as known 90 days after the end of their period."""
    snapshots = pl.read_parquet(folder / "sp500_fundamental_snapshots_2012_2026.parquet")
    statements = pl.read_parquet(folder / "us_fundamentals_annual_2012_2016.parquet")
    return [
        snapshots.rename({"snapshot_date": "known_on", "market_cap_usd": "market_cap"}),
        statements.with_columns(known_on=pl.col("period_end") + pl.duration(days=90)).rename(
            {"earnings_per_share": "eps"}
        ),
    ]


def sectors(folder: Path) -> pl.DataFrame:
    table = pl.read_csv(folder / "instruments.csv").filter(pl.col("kind") == "stock")
    return table.select("symbol", sector="gics_sector")


def members(folder: Path) -> pl.DataFrame:
    table = pl.read_csv(folder / "sp500_membership_1996_2025.csv", try_parse_dates=True)
    symbol = pl.col("ticker").str.replace(".", "-", literal=True)
    return table.select(symbol.alias("symbol"), pl.col("start_date").alias("from"), pl.col("end_date").alias("to"))


def month_ends(data: MarketData) -> list[Any]:
    sessions = pl.DataFrame({"day": data.sessions})
    months = sessions.group_by(pl.col("day").dt.truncate("1mo"), maintain_order=True).agg(last=pl.col("day").last())
    return months["last"].to_list()


def peak() -> float:
    """The most memory that the process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def speed(folder: Path) -> None:
    path = folder / "us_stocks_close_2005_2017.parquet"
    began = time.perf_counter()
    data = MarketData(path)
    loaded = time.perf_counter() - began
    rows = pl.scan_parquet(path).select(pl.len()).collect().item()
    print(f"{rows:,} prices of {len(data.symbols)} symbols: read and checked in {loaded:.2f} s")
    began = time.perf_counter()
    table = technical_scores(data.as_of(data.sessions[-1])).table
    print(f"all technical scores of one date ({table.height}): {time.perf_counter() - began:.3f} s, budget 1 s")
    ends = month_ends(data)[-150:]
    began = time.perf_counter()
    for day in ends:
        technical_scores(data.as_of(day))
    print(f"of {len(ends)} month-ends: {time.perf_counter() - began:.2f} s, budget 10 s")
    print(f"peak memory: {peak():.0f} MB, budget 1,024 MB")


def plain(prices: list[float]) -> dict[str, float]:
    """The parts by the standard library."""
    now = prices[-1]
    returns = [after / before - 1 for before, after in itertools.pairwise(prices)]
    short, average = math.fsum(prices[-50:]) / 50, math.fsum(prices[-200:]) / 200
    return {
        "momentum": prices[-22] / prices[-253] - 1,
        "trend": ((now / short - 1) + (now / average - 1)) / 2,
        "volatility": statistics.stdev(returns) * math.sqrt(252),
        "drawdown": now / max(prices[-252:]) - 1,
        "reversal": now / prices[-22] - 1,
    }


def parts(folder: Path) -> None:
    data = MarketData(stocks(folder))
    worst, compared = dict.fromkeys(PARTS, 0.0), 0
    for day in month_ends(data)[12::6]:
        prices = data.as_of(day).prices.tail(253)
        for row in technical_parts(prices, TechnicalConfig().for_year(252)).iter_rows(named=True):
            series = prices[row["asset"]]
            if series.null_count() == 0 and prices.height == 253:
                compared += 1
                for part, value in plain(series.to_list()).items():
                    worst[part] = max(worst[part], abs(row[part] - value))
    differences = ", ".join(f"{part} {value:.1e}" for part, value in worst.items())
    print(f"largest difference from a plain computation in {compared:,} series: {differences}; wanted 1e-10")


def digest(tables: list[pl.DataFrame]) -> str:
    return hashlib.sha256("".join(repr(table.rows()) for table in tables).encode()).hexdigest()


def everything(folder: Path, seed: int) -> str:
    """A digest of scores, trends and the regime on some dates, of rows in a random order."""
    market = MarketData(
        stocks(folder).sample(fraction=1.0, shuffle=True, seed=seed),
        fundamentals=[table.sample(fraction=1.0, shuffle=True, seed=seed) for table in fundamentals(folder)],
        classification=sectors(folder).sample(fraction=1.0, shuffle=True, seed=seed),
    )
    funds = MarketData(etfs(folder).sample(fraction=1.0, shuffle=True, seed=seed))
    tables = []
    for day in month_ends(market)[20::10]:
        view = market.as_of(day)
        tables += [technical_scores(view).table, fundamental_scores(view).table, TrendAnalyzer(funds).trends(day)]
        tables.append(pl.DataFrame([TrendRegimes(funds, REGIME).regime_on(day)], orient="row"))
    return digest(tables)


def threads(folder: Path) -> None:
    script = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import scores, pathlib; "
    digests = {}
    for count, seed in ((1, 1), (2, 2), (2, 3)):
        code = f"{script}print(scores.everything(pathlib.Path({str(folder)!r}), {seed}))"
        environment = {**os.environ, "POLARS_MAX_THREADS": str(count)}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        digests[f"{count} thread(s), row order {seed}"] = done.stdout.strip()
    print(f"same bytes with 1 or 2 threads and three orders of rows: {len(set(digests.values())) == 1} {digests}")


def poisoned(table: pl.DataFrame, dated: str, day: Any, factor: float | None, columns: list[str]) -> pl.DataFrame:
    """The table with these columns of later rows missing, or times a factor."""
    worse = [pl.lit(None, pl.Float64) if factor is None else pl.col(name) * factor for name in columns]
    return table.with_columns(
        pl.when(pl.col(dated) > day).then(bad).otherwise(pl.col(name)).alias(name)
        for name, bad in zip(columns, worse, strict=True)
    )


def engine_answer(market: MarketData, funds: MarketData, buckets: dict[str, list[str]], day: Any) -> str:
    """What the engine makes of a day: its universe, the limits by risk, and what it targets for which reason."""
    trend = TrendAnalyzer(market)
    detector = MarketRegimeDetector(TrendRegimes(funds, REGIME), trend=trend, buckets=REGIME_BUCKETS)
    analyzers = TechnicalAnalyzer(market), FundamentalAnalyzer(market)
    engine = CoreRebalancerEngine(detector, buckets, *analyzers, market=market, risk=RiskConfig())
    run = engine.run(day, HELD, LIMITS)
    targets = [(target.asset, target.target_weight, target.reason) for target in run.targets]
    return repr((run.universe, run.risk and run.risk.table.rows(), targets))


def buckets_of(table: pl.DataFrame) -> dict[str, list[str]]:
    """Sector -> its symbols."""
    buckets: dict[str, list[str]] = {}
    for symbol, sector in table.drop_nulls().sort("symbol").iter_rows():
        buckets.setdefault(sector, []).append(symbol)
    return buckets


def answers(market: MarketData, funds: MarketData, day: Any) -> str:
    view = market.as_of(day)
    tables = [technical_scores(view).table, fundamental_scores(view).table, TrendAnalyzer(funds).trends(day)]
    trending = TrendAnalyzer(funds).get_trending_assets(day, None, 20, 0.5)
    return digest(tables) + repr(TrendRegimes(funds, REGIME).regime_on(day)) + repr(trending) + repr(view.findings)


def look_ahead(folder: Path, dates: int) -> None:
    prices, funds, items, classes = stocks(folder), etfs(folder), fundamentals(folder), sectors(folder)
    member = members(folder)
    market = MarketData(prices, fundamentals=items, classification=classes, membership=member)
    pool = MarketData(funds)
    buckets = buckets_of(classes)
    sessions = sorted(set(market.sessions[260:]) & set(pool.sessions[260:]))
    changed, other_engine, looked_at = 0, 0, set[str]()
    for index, day in enumerate(sorted(random.Random(4).sample(sessions, dates))):
        factor = 1000.0 if index % 2 else None
        numbers = [[name for name, kind in table.schema.items() if kind == pl.Float64] for table in items]
        everybody = pl.DataFrame({"symbol": prices["symbol"].unique().sort()}).with_columns(
            pl.lit(day).dt.offset_by("1d").alias("from"), pl.lit(None, pl.Date).alias("to")
        )
        worse = MarketData(
            poisoned(prices, "date", day, factor, ["close"]),
            fundamentals=[
                poisoned(table, "known_on", day, 1000.0, names) for table, names in zip(items, numbers, strict=True)
            ],
            classification=classes,
            membership=pl.concat([member, everybody]),
        )
        worse_pool = MarketData(poisoned(funds, "date", day, factor, ["close"]))
        changed += answers(market, pool, day) != answers(worse, worse_pool, day)
        made = engine_answer(market, pool, buckets, day)
        other_engine += made != engine_answer(worse, worse_pool, buckets, day)
        looked_at.add(made)
    print(f"look-ahead: later data poisoned on {dates} dates, {changed} with another score, regime, trend or finding")
    print(
        f"the engine: {other_engine} with another universe, limit by risk or target; {len(looked_at)} different answers in all"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--dates", type=int, default=200)
    parser.add_argument("--only", choices=["speed", "parts", "threads", "look-ahead"])
    options = parser.parse_args()
    if options.only in (None, "speed"):
        speed(options.data)
    if options.only in (None, "parts"):
        parts(options.data)
    if options.only in (None, "threads"):
        threads(options.data)
    if options.only in (None, "look-ahead"):
        look_ahead(options.data, options.dates)


if __name__ == "__main__":
    main()
