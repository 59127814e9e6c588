"""A simulated market and simulated scores for the engine: what a table says, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class Market:
    """A market in which nothing trends, and the one regime likes some buckets."""

    def __init__(self, buckets: Sequence[str]) -> None:
        """`buckets`: what the regime likes."""
        self.buckets = buckets

    def get_market_regime(self, _date: object) -> tuple[str, float]:
        """The one regime."""
        return "simulated", 1.0

    def get_regime_buckets(self, _regime: str) -> Sequence[str]:
        """What it likes."""
        return self.buckets

    def get_research_buckets(self, _date: object) -> None:
        """Nothing."""
        return

    def get_trending_assets(self, _date: object, _assets: object, _limit: int, _confidence: float) -> list[str]:
        """Nothing."""
        return []


class Scores:
    """The scores of a table; an asset that is not in it has none."""

    def __init__(self, scores: Mapping[str, float | None]) -> None:
        """`scores`: asset to score."""
        self.scores = scores

    def analyze_asset(self, asset: str, _date: object) -> float | None:
        """The score of an asset."""
        return self.scores.get(asset)
