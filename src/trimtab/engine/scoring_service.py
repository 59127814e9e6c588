"""The scoring service: one score from a technical and a fundamental one. Missing inputs are named, never made up."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from trimtab.candidates.equality import compared_by_value
from trimtab.engine.asset_score import AssetScore, Date, is_number
from trimtab.engine.universe import RebalancingUniverse
from trimtab.errors import SetupError
from trimtab.scoring.weights import ScoreWeights, mean_score


@runtime_checkable
class Analyzer(Protocol):
    """Scores an asset on a date."""

    def analyze_asset(self, asset: str, date: Date) -> float | None:
        """The score in [0, 1]; None or NaN without one."""


@dataclass(frozen=True)
class _Part:
    """One of the two scores: what gives it, and how much it counts."""

    name: str
    analyzer: Analyzer
    weight: float

    def of(self, asset: str, date: Date) -> float | None:
        try:
            score = self.analyzer.analyze_asset(asset, date)
        except Exception as error:
            error.add_note(f"while the {self.name}_analyzer scored {asset!r} on {date}")
            raise
        if score is None or (is_number(score) and math.isnan(score)):
            return None
        if not is_number(score) or not 0 <= score <= 1:
            advice = "a score is a number between 0 and 1, or None"
            raise SetupError(f"the {self.name}_analyzer gave {score!r} for {asset!r} on {date}", advice)
        return float(score)


@compared_by_value
class ScoringService:
    """Scores every asset of a universe.

    Parameters
    ----------
    technical_analyzer, fundamental_analyzer
        What gives the two scores (`Analyzer`). Without one, its score must be switched off.
    """

    def __init__(
        self, technical_analyzer: Analyzer | None = None, fundamental_analyzer: Analyzer | None = None
    ) -> None:
        self.technical_analyzer, self.fundamental_analyzer = technical_analyzer, fundamental_analyzer

    def score_assets(
        self,
        universe: RebalancingUniverse,
        current_positions: Mapping[str, float],
        *,
        enable_technical: bool = True,
        enable_fundamental: bool = True,
        technical_weight: float = ScoreWeights.technical_weight,
        fundamental_weight: float = ScoreWeights.fundamental_weight,
    ) -> tuple[AssetScore, ...]:
        """The universe's assets with their scores, in its order.

        The combined score is the weighted mean of those that exist, (w_t t + w_f f) / (w_t + w_f); if one is missing or
        switched off, it is the other alone. `missing_data` names what is missing, and `confidence` is the share of the
        weight that exists. An asset without any score stays, unscored.

        Raises
        ------
        SetupError
            A missing analyser of a score that is not switched off, impossible weights, a score outside 0 to 1.
        """
        sources = {
            "technical": (enable_technical, self.technical_analyzer, technical_weight),
            "fundamental": (enable_fundamental, self.fundamental_analyzer, fundamental_weight),
        }
        parts = [_part(name, analyzer, weight) for name, (is_on, analyzer, weight) in sources.items() if is_on]
        if not parts:
            raise SetupError("both scores are switched off", "set enable_technical or enable_fundamental to True")
        if sum(part.weight for part in parts) <= 0:
            names = " and ".join(f"{part.name}_weight" for part in parts)
            raise SetupError(f"{names} is 0, so no score counts", "give a weight above 0")
        return tuple(_scored(asset, universe, current_positions.get(asset, 0.0), parts) for asset in universe.assets)


def _part(name: str, analyzer: Analyzer | None, weight: float) -> _Part:
    if analyzer is None:
        raise SetupError(f"there is no {name}_analyzer", f"give one to the engine, or set enable_{name}=False")
    if not isinstance(analyzer, Analyzer):
        kind = type(analyzer).__name__
        raise SetupError(f"the {name}_analyzer, a {kind}, lacks analyze_asset", "give one that has it")
    if not is_number(weight) or not 0 <= weight < math.inf:
        raise SetupError(f"{name}_weight is {weight!r}", "give a number of 0 or more")
    return _Part(name, analyzer, weight)


def _scored(asset: str, universe: RebalancingUniverse, current_weight: float, parts: list[_Part]) -> AssetScore:
    scores = {part.name: part.of(asset, universe.date) for part in parts}
    weighted = [(score, part.weight) for part in parts if (score := scores[part.name]) is not None]
    total, counted = sum(part.weight for part in parts), sum(weight for _, weight in weighted)
    return AssetScore(
        asset,
        mean_score(weighted),
        date=universe.date,
        technical_score=scores.get("technical"),
        fundamental_score=scores.get("fundamental"),
        confidence=counted / total,
        regime=universe.regime,
        priority=universe.priorities[asset],
        current_weight=current_weight,
        missing_data=tuple(f"{name}_score" for name, score in scores.items() if score is None),
    )
