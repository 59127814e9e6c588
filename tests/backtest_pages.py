"""Pages of backtests and sweeps, for the tests of the pages and of the browser."""

from __future__ import annotations

from typing import Any

import numpy as np
from backtest_runs import BUCKETS, LIMITS, market, scores

import trimtab
from trimtab.backtesting.pages.backtest_facts import backtest_facts
from trimtab.backtesting.pages.backtest_page import backtest_page
from trimtab.backtesting.pages.sweep_facts import SweepFacts, sweep_facts

COSTS = trimtab.TradingCosts(commission_bps=5, spread_bps=4)
LOOSE = LIMITS.replace(enable_bucket_diversification=False)


def long(name: str, sessions: int, limits: trimtab.RebalancingLimits = LIMITS, **more: Any) -> trimtab.BacktestResult:
    return trimtab.backtest(
        market(5, sessions), limits, scores=scores(5, sessions), classification=BUCKETS, every="week", name=name, **more
    )


def hostile(name: str, bucket: str) -> str:
    rows = [{**row, "symbol": name} for row in market(3, 40) if row["symbol"] == "A"]
    limits = LIMITS.replace(bucket_separator="", buckets={bucket: {"max_allocation": 0.3}}, min_buckets_represented=0)
    results = [
        trimtab.backtest(
            rows,
            limits,
            scores=[{"date": rows[0]["date"], "asset": name, "score": score}],
            classification=[{"symbol": name, "bucket": bucket}],
            every="week",
            name=policy,
        )
        for policy, score in ((name, 0.9), (f"{name} again", 0.9))
    ]
    return backtest_page(backtest_facts(results, name, samples=100))


def swept(seed: int = 1, count: int = 24, skill: float = 0.0) -> SweepFacts:
    rng = np.random.default_rng(seed)
    returns = 0.01 * rng.normal(size=(300, count))
    returns[:, 5] += skill
    fields = {"max_total_positions": [5 + index % 4 for index in range(count)], "max_position_weight": [0.1 * (1 + index // 4) for index in range(count)]}  # fmt: skip
    return sweep_facts(fields, returns, "noise", period="300 sessions")
