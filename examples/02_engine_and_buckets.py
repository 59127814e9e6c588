"""The engine with objects of your own, and three configurations side by side.

python examples/02_engine_and_buckets.py

Each part of the engine is a plain object with the methods that it needs. Here they answer from small tables; yours may
ask a database. The three configurations are examples, and so are all the numbers: no advice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from trimtab import AssetBucketManager, CoreRebalancerEngine, RebalancingLimits

BUCKETS = AssetBucketManager(
    {
        "Risk Assets": ["NVDA", "AMZN", "TSLA", "META", "AMD", "CRM"],
        "Defensive Assets": ["KO", "JNJ", "PG"],
        "Bonds": ["IEF", "TIP"],
        "Gold": ["GLD"],
    }
)
TECHNICAL = {"NVDA": 0.95, "AMZN": 0.82, "TSLA": 0.55, "META": 0.9, "AMD": 0.78, "CRM": 0.74}
TECHNICAL |= {"KO": 0.7, "JNJ": 0.66, "PG": 0.5, "IEF": 0.6, "TIP": 0.64, "GLD": 0.8}
FUNDAMENTAL = {"NVDA": 0.8, "AMZN": 0.75, "TSLA": 0.5, "META": 0.85, "AMD": 0.7, "CRM": 0.7}
FUNDAMENTAL |= {"KO": 0.75, "JNJ": 0.8, "PG": 0.72}  # bonds and gold have no fundamental score
POSITIONS = {"NVDA": 0.3, "AMZN": 0.22, "META": 0.18, "AMD": 0.12, "TSLA": 0.08}


class Market:
    """Knows the regime, the buckets that suit it, and what trends."""

    def get_market_regime(self, date: dt.date) -> tuple[str, float]:
        return "Goldilocks", 0.7

    def get_regime_buckets(self, regime: str) -> Sequence[str]:
        return {"Goldilocks": ["Risk Assets"], "Inflation": ["Gold", "Bonds"]}[regime]

    def get_research_buckets(self, date: dt.date) -> Sequence[str] | None:
        return None

    def get_trending_assets(
        self, date: dt.date, assets: Sequence[str], limit: int, min_confidence: float
    ) -> Sequence[str]:
        return [asset for asset in assets if TECHNICAL[asset] >= min_confidence][:limit]


class Analyzer:
    """Scores an asset from a table; None where it has no score."""

    def __init__(self, scores: dict[str, float]) -> None:
        self.scores = scores

    def analyze_asset(self, asset: str, date: dt.date) -> float | None:
        return self.scores.get(asset)


def main() -> None:
    engine = CoreRebalancerEngine(Market(), BUCKETS, Analyzer(TECHNICAL), Analyzer(FUNDAMENTAL))
    configurations = {"without": RebalancingLimits()}
    configurations |= {name: RebalancingLimits.preset(name) for name in ("conservative", "aggressive", "protection")}
    runs = {name: engine.run(dt.date(2026, 11, 24), POSITIONS, limits) for name, limits in configurations.items()}

    print(f"{'target':16}" + "".join(f"{name:>14}" for name in runs))
    weights = {name: {target.asset: target.target_weight for target in run.targets} for name, run in runs.items()}
    for bucket, assets in BUCKETS.buckets.items():
        totals = [sum(of_run.get(asset, 0.0) for asset in assets) for of_run in weights.values()]
        print(f"{bucket:16}" + "".join(f"{total:14.1%}" for total in totals))
        for asset in assets:
            row = (f"{of_run[asset]:14.1%}" if asset in of_run else f"{'':14}" for of_run in weights.values())
            print(f"  {asset:14}" + "".join(row))

    for name, run in runs.items():
        if run.bucket_result is not None:
            print(f"\n{name}: what bucket limits did")
            for sentence in (*run.bucket_result.enforcement_actions, *run.bucket_result.violations_fixed):
                print(f"  {sentence}")

    print("\nwhy, in the conservative one:")
    for target in runs["conservative"].targets:
        print(f"  {target.asset:5} {target.action:9} {target.detail}")


if __name__ == "__main__":
    main()
