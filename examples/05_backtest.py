"""What became of rules on the prices that ship: with and without bucket limits, beside simple portfolios, and a sweep.

    python examples/05_backtest.py

Two years of 25 stocks and ETFs that all still existed at their end show how it works, and nothing about the worth of any
rule. Nothing here is advice.
"""

from __future__ import annotations

import polars as pl

import trimtab
from trimtab.data.samples import sample_candidates, sample_limits, sample_path


def main() -> None:
    """Walk, ask when and why, compare, sweep."""
    # 1. Prices, and the bucket of each asset.
    buckets = sample_candidates().select(["asset", "bucket"])
    data = trimtab.MarketData(sample_path("prices.parquet"), classification=buckets)

    # 2. Every month end from 2021 on: score what is known then, decide, trade at the next close.
    costs = trimtab.TradingCosts(commission_bps=1, spread_bps=4, slippage_bps=2)
    result = trimtab.backtest(
        data, sample_limits(), start="2021-01-01", costs=costs, cash_rate=0.01, name="with buckets"
    )
    print(result)
    for row in result.turnover.head(3).iter_rows(named=True):
        print(
            f"{row['trade_date']}: turnover {row['turnover']:.1%}, costs {row['cost']:.3%}, {row['positions']} positions"
        )

    # 3. When and why was it sold?
    sold = result.decisions.filter(pl.col("action") == "close")["asset"][0]
    for row in result.history(sold).iter_rows(named=True):
        print(f"{row['date']} {row['asset']} {row['action']}: {row['detail']}")

    # 4. The same without bucket limits, and simple portfolios on the same sessions.
    free = sample_limits().replace(enable_bucket_diversification=False, buckets={})
    others = [
        trimtab.backtest(data, free, start="2021-01-01", costs=costs, cash_rate=0.01, name="without buckets"),
        trimtab.benchmark(result),
        trimtab.benchmark(result, {"QUAL": 0.6, "USMV": 0.4}, hold=True),
    ]
    for other in [result, *others]:
        statistics = other.statistics
        sharpe = "none" if statistics.sharpe is None else f"{statistics.sharpe:.2f}"
        print(
            f"{other.name:<27} {statistics.annual_return:7.2%} a year, Sharpe ratio {sharpe}, deepest {statistics.max_drawdown:.1%}"
        )

    # 5. Many policies over the same sessions, and whether the best of them is more than luck.
    vary = {"max_total_positions": [6, 8, 10, 12], "max_allocation_per_bucket": [0.15, 0.2, 0.3, 0.5]}
    swept = trimtab.sweep(data, sample_limits(), vary, start="2021-01-01", costs=costs, cash_rate=0.01)
    best = swept.table.row(swept.best, named=True)
    print(f"best of {len(swept.limits)}: {', '.join(f'{name} {best[name]:g}' for name in vary)}")
    print(f"is it likely luck? {swept.luck().is_likely_luck}")


if __name__ == "__main__":
    main()
