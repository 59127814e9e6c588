"""A market and analysers that say what a test tells them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Market:
    """A regime detector. `asked` holds what it was asked about trends."""

    def __init__(
        self,
        buckets: Sequence[str] = (),
        *,
        trending: Sequence[str] = (),
        research: Sequence[str] | None = None,
        regime: str = "Goldilocks",
        confidence: float = 0.8,
    ) -> None:
        self.buckets, self.trending, self.research = buckets, trending, research
        self.regime, self.confidence = regime, confidence
        self.asked: list[tuple[Any, ...]] = []

    def get_market_regime(self, date: object) -> tuple[str, float]:
        return self.regime, self.confidence

    def get_regime_buckets(self, regime: str) -> Sequence[str]:
        assert regime == self.regime
        return self.buckets

    def get_research_buckets(self, date: object) -> Sequence[str] | None:
        return self.research

    def get_trending_assets(
        self, date: object, assets: Sequence[str], limit: int, min_confidence: float
    ) -> Sequence[str]:
        self.asked.append((date, tuple(assets), limit, min_confidence))
        return self.trending


class Scores:
    """An analyser: the scores of a dict, None for others. `asked` holds the assets that it was asked about."""

    def __init__(self, scores: Mapping[str, Any]) -> None:
        self.scores = scores
        self.asked: list[str] = []

    def analyze_asset(self, asset: str, date: object) -> Any:
        self.asked.append(asset)
        return self.scores.get(asset)


class Data:
    """A data manager: the columns of a dict."""

    def __init__(self, columns: Mapping[str, Mapping[str, Any]]) -> None:
        self.columns = columns

    def get_candidate_data(self, date: object, assets: tuple[str, ...]) -> Mapping[str, Mapping[str, Any]]:
        return self.columns
