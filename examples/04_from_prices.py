"""From prices to targets: three years of daily prices that ship, an invented portfolio in shares, and limits to try.

    python examples/04_from_prices.py

The prices are real, the portfolio is invented, the limits are an example. Nothing here is advice: a score ranks what
prices have done and promises nothing about what they will do.
"""

from __future__ import annotations

import polars as pl

import trimtab
from trimtab.data.samples import sample_candidates, sample_limits, sample_path
from trimtab.market.valuation import valued

SHARES = {"XOM": 160, "LLY": 45, "CVX": 75, "KO": 190, "MRK": 105, "AAPL": 70, "JNJ": 45, "JPM": 50}
CASH = 3_000.0


def main() -> None:
    """Score, value, rebalance, and say why."""
    # 1. Market data, checked at the door. The buckets are those of the sample's candidates.
    buckets = sample_candidates().select(["asset", "bucket"])
    data = trimtab.MarketData(sample_path("prices.parquet"), classification=buckets)

    # 2. A view of a day: nothing that came later is in it.
    view = data.as_of("2022-12-28")
    print(f"{len(view.symbols)} assets, {view.prices.height} sessions to {view.session}, {len(view.findings)} findings")

    # 3. Scores between 0 and 1, with every part.
    scores = trimtab.technical_scores(view)
    best = scores.table.sort("score", descending=True).head(3)
    for row in best.iter_rows(named=True):
        parts = ", ".join(f"{part} {row[f'{part}_rank']:.2f}" for part in ("momentum", "trend", "volatility"))
        print(f"{row['asset']:<5} score {row['score']:.3f} ({parts}, ...), confidence {row['confidence']:.0%}")

    # 4. What is held, in shares and cash, at the prices of the day.
    held = valued(SHARES, CASH, view)
    print(f"the portfolio is worth {held.total:,.0f}, {1 - sum(held.weights.values()):.1%} of it in cash")

    # 5. Candidates: one row an asset. Then the rebalance, as for any other table.
    candidates = scores.table.select(
        "asset",
        "score",
        bucket=pl.col("asset").replace_strict(dict(view.bucket_of or {})),
        current_weight=pl.col("asset").replace_strict(dict(held.weights), default=0.0),
    )
    result = trimtab.rebalance(candidates, sample_limits())
    for row, why in zip(result.targets.iter_rows(named=True), result.details(), strict=True):
        if row["target_weight"] > 0 or row["current_weight"] > 0:
            print(f"{row['asset']:<5} {row['current_weight']:6.1%} -> {row['target_weight']:6.1%}  {why}")

    # 6. A day of the past, once from all the data and once with all later prices taken away: the same scores.
    then = data.as_of("2022-03-31")
    without = trimtab.MarketData(then.prices).as_of("2022-03-31")
    same = trimtab.technical_scores(without).table.equals(trimtab.technical_scores(then).table)
    print(f"scores of {then.session} with and without later prices are the same: {same}")


if __name__ == "__main__":
    main()
