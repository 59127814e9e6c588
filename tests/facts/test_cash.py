"""Why cash stays: the causes that the sentences name, in cases whose cause is known."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from cash_sentences import faults_of_cash

import trimtab
from trimtab.limits.rebalancing_limits import RebalancingLimits

Row = dict[str, Any]
ON: dict[str, Any] = {"enable_bucket_diversification": True, "min_buckets_represented": 0}
COUNTRIES = [
    {"asset": asset, "scheme": "country", "bucket": bucket, "fraction": 1.0}
    for asset, bucket in (("A", "US"), ("B", "US"), ("C", "JP"))
]
ISSUERS = [{**row, "scheme": "issuer"} for row in COUNTRIES]


def _row(asset: str, score: float | None = 0.9, weight: float = 0.0, **values: Any) -> Row:
    return {"asset": asset, "score": score, "current_weight": weight, **values}


BRAKED = (
    [_row("A", 0.1, 0.5), *(_row(name) for name in "BCDE")],
    {"brake_sold_weight": 0.1, "max_new_positions": 0},
    {},
    [
        "together with the others, the brake keeps every weight unchanged",
        "together with the others, 4 assets are kept out by max_new_positions 0",
    ],
)


@pytest.mark.parametrize(
    ("rows", "limits", "inputs", "reasons"),
    [
        (
            [_row("A", 0.61)],
            {"max_new_positions": 0},
            {},
            [
                "together with the others, max_new_positions",
                "together with the others, 1 asset is kept out by its score (min_score_threshold, min_score_new_position)",
            ],
        ),
        (
            [_row("A", 0.61, bucket="X")],
            {**ON, "max_new_positions": 0},
            {},
            [
                "together with the others, max_new_positions",
                "together with the others, 1 asset is kept out by its score (min_score_threshold, min_score_new_position)",
            ],
        ),
        ([_row("A", max_weight=0.01)], {"min_position_weight": 0.02}, {}, ["kept out by their max_weight: A"]),
        (
            [_row("A", max_weight=0.1), _row("B", restriction="no_buy", weight=0.05)],
            {"no_trade_band": 0.0},
            {},
            ["at their max_weight: A", "a restriction forbids buying: B"],
        ),
        (  # A must not be sold, which keeps nothing in cash
            [_row("A", weight=0.3, restriction="no_sell"), _row("B", restriction="no_trade")],
            {},
            {},
            ["at max_position_weight 0.2: A", "a restriction forbids buying: B"],
        ),
        (
            [_row("A", 0.61)],
            {"max_new_positions": 0, "exposures": {"country": {"max_exposure": 0.9}}},
            {"exposures": COUNTRIES},
            [
                "together with the others, max_new_positions",
                "together with the others, 1 asset is kept out by its score (min_score_threshold, min_score_new_position)",
            ],
        ),
        ([_row("A", None)], {}, {}, ["without a score nothing is bought: A"]),
        (
            [_row("A", bucket="")],
            {**ON, "unknown_bucket": "hold"},
            {},
            ['without a bucket nothing is bought: A (unknown_bucket "hold")'],
        ),
        (
            [_row("A", None, 0.99)],
            {},
            {},
            ['without a score nothing is sold: A (unscored_positions "hold")'],
        ),
        (
            [_row("A", weight=0.99, volatility=None)],
            {"sizing_mode": "inverse_volatility"},
            {},
            ["without a volatility nothing is sold: A (sizing_mode inverse_volatility)"],
        ),
        (
            [_row("A", weight=0.05, volatility=None)],
            {"sizing_mode": "inverse_volatility"},
            {},
            ["without a volatility nothing is bought: A (sizing_mode inverse_volatility)"],
        ),
        (
            [_row("A", volatility=None)],
            {"sizing_mode": "inverse_volatility"},
            {},
            ["1 asset is kept out by a missing volatility (sizing_mode inverse_volatility)"],
        ),
        (
            [_row("A", weight=0.4, bucket="X", restriction="no_sell"), _row("B", bucket="X")],
            {**ON, "max_allocation_per_bucket": 0.41, "min_position_weight": 0.02},
            {},
            [
                "1 asset is kept out by min_position_weight 0.02, which no longer fits",
                "1 asset is kept out by max_allocation_per_bucket of X, which has no room for another position",
            ],
        ),
        BRAKED,
        (  # to sell A, too, would be more than the brake lets through
            [_row("A", weight=0.6, restriction="no_sell"), _row("B", 0.1, 0.4)],
            {"target_invested": 0.5, "brake_sold_weight": 0.4, "max_position_weight": 0.5},
            {},
            [
                "together with the others, brake_sold_weight",
                "together with the others, a restriction forbids selling: A",
            ],
        ),
        (
            [_row("A"), _row("B"), _row("C")],
            {"exposures": {"country": {"max_exposure": 0.3}}, "max_position_weight": 0.3},
            {"exposures": COUNTRIES},
            ["at max_exposure: country:US (30.00%)"],
        ),
        (
            [_row("A"), _row("B"), _row("C")],
            {"concentration": {"issuer": {"small": 0.05, "largest": 0.1, "together": 0.4}}},
            {"exposures": ISSUERS},
            ["concentration 0.05/0.1/0.4 of issuer"],
        ),
    ],
)
def test_reasons_for_cash(rows: list[Row], limits: dict[str, Any], inputs: Row, reasons: list[str]) -> None:
    own = RebalancingLimits(**limits)
    assert list(trimtab.rebalance(rows, own, **inputs).facts().cash_reasons) == reasons
    assert list(faults_of_cash(rows, own, Counter(), **inputs)) == []
