"""The combined score: a weighted mean, or one score alone, and what was missing is said."""

from __future__ import annotations

import math
import random

import polars as pl
import pytest
from markets import Scores

from trimtab import AssetPriority, AssetScore, RebalancingUniverse, ScoringService, SetupError
from trimtab.scoring.ranks import weighted_mean
from trimtab.scoring.weights import mean_score

UNIVERSE = RebalancingUniverse("2026-11-24", "Reflation", 0.7, ("A",), ("B",), ("C",), ("D",))


def scored(technical: object, fundamental: object, **options) -> dict[str, AssetScore]:
    service = ScoringService(technical, fundamental)  # type: ignore[arg-type]
    return {asset.asset: asset for asset in service.score_assets(UNIVERSE, {"A": 0.25, "X": 0.1}, **options)}


def test_both_scores() -> None:
    """(.6 * .9 + .4 * .5) / 1 = .74."""
    assets = scored(Scores({"A": 0.9, "B": 1, "C": 0.2, "D": 0.3}), Scores({"A": 0.5, "B": 0, "C": 0.2, "D": 0.3}))
    assert assets["A"] == AssetScore(
        "A",
        assets["A"].combined_score,
        date="2026-11-24",
        technical_score=0.9,
        fundamental_score=0.5,
        confidence=1.0,
        regime="Reflation",
        priority=AssetPriority.PORTFOLIO,
        current_weight=0.25,
    )
    assert assets["A"].combined_score == pytest.approx(0.74, abs=1e-15)
    assert assets["B"].combined_score == pytest.approx(0.6, abs=1e-15)
    assert (assets["C"].combined_score, assets["D"].combined_score) == (0.2, 0.3)  # a mean of equals is that
    assert [asset.priority.code for asset in assets.values()] == ["portfolio", "trending", "regime", "fallback"]


def test_weights_are_relative() -> None:
    """(3 * .9 + 1 * .5) / 4 = .8."""
    assets = scored(Scores({"A": 0.9}), Scores({"A": 0.5}), technical_weight=3, fundamental_weight=1)
    assert assets["A"].combined_score == pytest.approx(0.8, abs=1e-15)


@pytest.mark.parametrize("missing", [None, math.nan])
def test_one_missing_is_the_other_alone(missing: float | None) -> None:
    assets = scored(Scores({"A": 0.9, "B": missing, "C": missing}), Scores({"A": missing, "B": 0.5}))
    assert (assets["A"].combined_score, assets["A"].missing_data) == (0.9, ("fundamental_score",))
    assert assets["A"].confidence == pytest.approx(0.6)
    assert (assets["B"].combined_score, assets["B"].missing_data) == (0.5, ("technical_score",))
    assert assets["B"].confidence == pytest.approx(0.4)
    assert (assets["C"].combined_score, assets["C"].confidence) == (None, 0.0)
    assert assets["C"].missing_data == ("technical_score", "fundamental_score")


def test_switched_off_is_not_missing() -> None:
    assets = scored(Scores({"A": 0.9}), Scores({"A": 0.5}), enable_fundamental=False)
    assert (assets["A"].combined_score, assets["A"].fundamental_score, assets["A"].missing_data) == (0.9, None, ())
    assert assets["A"].confidence == 1.0
    assets = scored(None, Scores({"A": 0.5}), enable_technical=False)
    assert (assets["A"].combined_score, assets["A"].technical_score) == (0.5, None)


def test_a_score_that_counts_nothing_decides_nothing() -> None:
    assets = scored(Scores({"A": 0.9, "B": 0.9}), Scores({"A": 0.5}), technical_weight=0)
    assert (assets["A"].combined_score, assets["A"].technical_score) == (0.5, 0.9)
    assert (assets["B"].combined_score, assets["B"].confidence) == (None, 0.0)


def test_a_mean_lies_between_its_scores() -> None:
    rng = random.Random(5)
    for _ in range(500):
        asset, other, weight = rng.random(), rng.random(), rng.random() + 1e-3
        score = scored(Scores({"A": asset}), Scores({"A": other}), technical_weight=weight)["A"].combined_score
        assert score is not None
        assert min(asset, other) <= score <= max(asset, other)


def test_the_mean_of_an_asset_is_that_of_a_frame_to_the_last_bit() -> None:
    rng = random.Random(6)
    rows = [tuple(None if rng.random() < 0.2 else rng.random() for _ in range(2)) for _ in range(2000)]
    frame = pl.DataFrame(rows, schema={"one": pl.Float64, "two": pl.Float64}, orient="row")
    means = frame.select(weighted_mean({"one": 0.6, "two": 0.4})).to_series().to_list()
    weights = (0.6, 0.4)
    assert means == [
        mean_score((score, weight) for score, weight in zip(row, weights, strict=True) if score is not None)
        for row in rows
    ]


def test_every_asset_is_asked_about_once() -> None:
    technical = Scores({})
    scored(technical, None, enable_fundamental=False)
    assert technical.asked == ["A", "B", "C", "D"]


@pytest.mark.parametrize(
    ("technical", "fundamental", "options", "sentence"),
    [
        (None, Scores({}), {}, "there is no technical_analyzer: give one to the engine, or set enable_technical=False"),
        (
            Scores({}),
            None,
            {},
            "there is no fundamental_analyzer: give one to the engine, or set enable_fundamental=False",
        ),
        (
            None,
            None,
            {"enable_technical": False, "enable_fundamental": False},
            "both scores are switched off: set enable_technical or enable_fundamental to True",
        ),
        (Scores({}), object(), {}, "the fundamental_analyzer, a object, lacks analyze_asset: give one that has it"),
        (Scores({}), Scores({}), {"technical_weight": -1}, "technical_weight is -1: give a number of 0 or more"),
        (
            Scores({}),
            Scores({}),
            {"fundamental_weight": math.inf},
            "fundamental_weight is inf: give a number of 0 or more",
        ),
        (
            Scores({}),
            Scores({}),
            {"fundamental_weight": True},
            "fundamental_weight is True: give a number of 0 or more",
        ),
        (
            Scores({}),
            Scores({}),
            {"technical_weight": 0, "fundamental_weight": 0},
            "technical_weight and fundamental_weight is 0, so no score counts: give a weight above 0",
        ),
        (
            Scores({"A": 65}),
            Scores({}),
            {},
            "the technical_analyzer gave 65 for 'A' on 2026-11-24: a score is a number between 0 and 1, or None",
        ),
        (Scores({"A": "good"}), Scores({}), {}, "the technical_analyzer gave 'good' for 'A' on 2026-11-24"),
        (Scores({"A": True}), Scores({}), {}, "the technical_analyzer gave True for 'A' on 2026-11-24"),
    ],
)
def test_what_cannot_be_scored_is_an_error(
    technical: object, fundamental: object, options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(SetupError) as caught:
        scored(technical, fundamental, **options)
    assert str(caught.value).startswith(sentence)


def test_an_analyser_that_fails_says_for_which_asset() -> None:
    class Broken:
        def analyze_asset(self, asset: str, date: object) -> float:
            raise ValueError("no prices")

    with pytest.raises(ValueError, match="no prices") as caught:
        scored(Broken(), None, enable_fundamental=False)
    assert caught.value.__notes__ == ["while the technical_analyzer scored 'A' on 2026-11-24"]
