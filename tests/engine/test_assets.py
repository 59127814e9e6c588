"""Scored assets: what they refuse, and the order in which they stand."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from trimtab import AssetPriority, AssetScore, InputError


def test_an_asset_needs_a_name_and_a_score() -> None:
    asset = AssetScore("AAA", 1)
    assert (asset.asset, asset.combined_score, type(asset.combined_score)) == ("AAA", 1.0, float)
    assert (asset.date, asset.technical_score, asset.fundamental_score, asset.confidence, asset.regime) == (None,) * 5
    assert (asset.priority, asset.current_weight, asset.target_weight, asset.missing_data) == (
        AssetPriority.FALLBACK,
        0.0,
        None,
        (),
    )
    with pytest.raises(dataclasses.FrozenInstanceError):
        asset.combined_score = 0.5  # type: ignore[misc]


def test_nan_is_no_score() -> None:
    asset = AssetScore("AAA", math.nan, technical_score=math.nan, fundamental_score=math.nan)
    assert (asset.combined_score, asset.technical_score, asset.fundamental_score) == (None, None, None)


def test_numbers_of_any_library() -> None:
    asset = AssetScore("AAA", np.float32(0.5), current_weight=np.int64(0), target_weight=np.float64(0.25))  # type: ignore[arg-type]
    assert (asset.combined_score, asset.target_weight) == (0.5, 0.25)
    assert {type(asset.combined_score), type(asset.current_weight), type(asset.target_weight)} == {float}
    with pytest.raises(InputError, match="is not a number"):
        AssetScore("AAA", np.bool_(True))  # type: ignore[arg-type]


def test_what_is_held() -> None:
    assert AssetScore("AAA", 0.9, current_weight=0.1).is_held
    assert AssetScore("AAA", 0.9, priority=AssetPriority.PORTFOLIO).is_held
    assert not AssetScore("AAA", 0.9, priority=AssetPriority.TRENDING).is_held


@pytest.mark.parametrize(
    ("target", "current", "weight"), [(0.2, 0.1, 0.2), (0.0, 0.1, 0.0), (None, 0.1, 0.1), (None, 0.0, None)]
)
def test_the_weight_to_reckon_with(target: float | None, current: float, weight: float | None) -> None:
    assert AssetScore("AAA", 0.9, target_weight=target, current_weight=current).weight == weight


def test_lists_are_kept_as_tuples() -> None:
    assert AssetScore("AAA", None, missing_data=["prices"]).missing_data == ("prices",)  # type: ignore[arg-type]


def test_priorities_have_a_code() -> None:
    assert [member.code for member in AssetPriority] == ["portfolio", "trending", "regime", "fallback"]
    assert min(AssetPriority) is AssetPriority.PORTFOLIO


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"asset": ""}, "column 'asset': the asset has no name (received ''): name every asset"),
        ({"asset": None}, "column 'asset': the asset has no name: name every asset"),
        ({"asset": " "}, "column 'asset': the asset has no name (received ' '): name every asset"),
        (
            {"combined_score": 87},
            "column 'combined_score': is outside 0 to 1, for the asset 'AAA' (received 87): give a number between 0 and "
            "1, or None; divide by 100 if it is a percent",
        ),
        (
            {"technical_score": -0.1},
            "column 'technical_score': is outside 0 to 1, for the asset 'AAA' (received -0.1): give a number between 0 "
            "and 1, or None",
        ),
        (
            {"confidence": math.nan},
            "column 'confidence': is outside 0 to 1, for the asset 'AAA' (received nan): give a number between 0 and 1, "
            "or None",
        ),
        (
            {"fundamental_score": "high"},
            "column 'fundamental_score': is not a number, for the asset 'AAA' (received 'high'): give a number between 0 "
            "and 1, or None",
        ),
        (
            {"target_weight": True},
            "column 'target_weight': is not a number, for the asset 'AAA' (received True): give a number between 0 and "
            "1, or None",
        ),
        (
            {"current_weight": -0.2},
            "column 'current_weight': is not a weight, for the asset 'AAA' (received -0.2): give a fraction of the "
            "account's value, 0 if it is not held",
        ),
        (
            {"current_weight": None},
            "column 'current_weight': is not a weight, for the asset 'AAA': give a fraction of the account's value, 0 "
            "if it is not held",
        ),
        (
            {"priority": 1},
            "column 'priority': is not a priority, for the asset 'AAA' (received 1): give one of "
            "AssetPriority.PORTFOLIO, AssetPriority.TRENDING, AssetPriority.REGIME, AssetPriority.FALLBACK",
        ),
        (
            {"missing_data": "prices"},
            "column 'missing_data': is not a list of names, for the asset 'AAA' (received 'prices'): give a tuple of names",
        ),
    ],
)
def test_bad_values_are_refused(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        AssetScore(**({"asset": "AAA", "combined_score": 0.5} | values))  # type: ignore[arg-type]
    assert str(caught.value) == sentence
