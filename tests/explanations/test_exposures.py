"""Explanations of exposures: what holds a weight, what would select an asset; every claim is run again."""

from __future__ import annotations

from typing import Any

import pytest

from trimtab import RebalanceResult, RebalancingLimits, rebalance
from trimtab.candidates.read import read
from trimtab.explanations.changes import Change, changed_limits
from trimtab.explanations.reruns import Reruns

Rows = list[dict[str, Any]]
BOTH = [
    {"asset": name, "scheme": scheme, "bucket": bucket}
    for name in "AB"
    for scheme, bucket in (("country", "US"), ("currency", "USD"))
]
ROWS: Rows = [{"asset": name, "score": 0.9} for name in "ABC"]


def decided(rows: Rows, exposures: dict[str, Any], table: Rows = BOTH, **fields: Any) -> RebalanceResult:
    limits = RebalancingLimits(max_position_weight=0.5, exposures=exposures, **fields)
    return rebalance(rows, limits, exposures=table)


def target(result: RebalanceResult, asset: str) -> float:
    return float(next(row["target_weight"] for row in result.targets if row["asset"] == asset))


def test_a_full_bucket_holds_the_weight() -> None:
    limit = {"country": {"buckets": {"US": {"max_exposure": 0.3}}}}
    held = decided(ROWS, limit).explain("A").held_by
    assert held is not None
    assert (held.limit, held.node, held.value) == ("max_exposure", "country:US", 0.3)
    assert held.weight == pytest.approx(0.15)
    assert held.weight_without == target(decided(ROWS, {"country": {"buckets": {"US": {"max_exposure": 1.0}}}}), "A")
    assert held.effect == "without max_exposure of country:US it would be 31.67%"


def test_the_bucket_with_the_largest_gain_comes_first() -> None:
    table = [*BOTH, {"asset": "C", "scheme": "currency", "bucket": "USD"}]
    limits = {
        "country": {"buckets": {"US": {"max_exposure": 0.2}}},
        "currency": {"buckets": {"USD": {"max_exposure": 0.6}}},
    }
    held = decided(ROWS, limits, table).explain("A").held_by
    assert held is not None
    assert (held.node, held.weight_without) == ("country:US", pytest.approx(0.2))


def test_two_limits_at_once() -> None:
    limits = {
        "country": {"buckets": {"US": {"max_exposure": 0.3}}},
        "currency": {"buckets": {"USD": {"max_exposure": 0.3}}},
    }
    held = decided(ROWS, limits).explain("A").held_by
    assert held is not None
    assert held.weight_without == held.weight
    assert held.effect.endswith("it would still be 15.00%: two limits hold it there at once")


def test_a_minimum_lifts_the_weight() -> None:
    held = decided(ROWS, {"country": {"buckets": {"US": {"min_exposure": 0.8}}}}).explain("A").held_by
    assert held is not None
    assert (held.limit, held.node, held.value) == ("min_exposure", "country:US", 0.8)
    assert (held.weight, held.weight_without) == (pytest.approx(0.4), pytest.approx(0.95 / 3))


@pytest.mark.parametrize(("field", "weight"), [("max_exposure", 0.33), ("min_exposure", 0.3)])
def test_a_position_released_for_an_exposure(field: str, weight: float) -> None:
    rows: Rows = [row | {"current_weight": weight} for row in ROWS]
    result = decided(rows, {"country": {"buckets": {"US": {field: 0.95 * 2 / 3}}}}, cash_band=0.1)
    assert result.targets[0]["size_reason"] == "released_for_limit"
    held = result.explain("A").held_by
    assert held is not None
    assert (held.limit, held.node, held.weight_without) == (field, "country:US", weight)


def test_the_smallest_exposure_that_selects() -> None:
    rows: Rows = [ROWS[0] | {"current_weight": 0.2, "restriction": "no_trade"}, *ROWS[1:]]
    limit = {"country": {"buckets": {"US": {"max_exposure": 0.21}}}}
    result = decided(rows, limit)
    told = result.explain("B")
    assert told.crowded_out is not None
    assert (told.crowded_out.limit, told.crowded_out.node, told.crowded_out.by) == (
        "max_exposure",
        "country:US",
        ("A",),
    )
    flip = next(flip for flip in told.counterfactuals if flip.change == "max_exposure")
    assert (flip.node, flip.value) == ("country:US", pytest.approx(0.22))
    assert flip.effect == f"would be selected with max_exposure {flip.value:g} for country:US"
    for value, selected in ((flip.value, True), (flip.value - 1e-6, False)):
        again = decided(rows, {"country": {"buckets": {"US": {"max_exposure": value}}}})
        assert (target(again, "B") > 0) is selected


def test_no_exposure_alone_selects() -> None:
    limits = {
        "country": {"buckets": {"US": {"max_exposure": 0.0}}},
        "currency": {"buckets": {"USD": {"max_exposure": 0.0}}},
    }
    told = decided(ROWS, limits).explain("B")
    assert not [flip for flip in told.counterfactuals if flip.change == "max_exposure"]


def test_a_changed_exposure_in_the_limits() -> None:
    limits = RebalancingLimits(exposures={"country": {"max_exposure": 0.4}})
    changed = changed_limits(limits, Change("max_exposure", "country:US", 0.5))
    assert changed is not None
    assert changed.exposures["country"].limits_at("US", "/") == (0.5, None)
    assert changed.exposures["country"].limits_at("Peru", "/") == (0.4, None)


def test_lifted_concentration_in_the_limits() -> None:
    limits = RebalancingLimits(concentration={"issuer": {}})
    changed = changed_limits(limits, Change("concentration", "issuer", None))
    assert changed is not None and changed == RebalancingLimits()


def test_without_exposures_nothing_lies_in_them() -> None:
    limits = RebalancingLimits()
    reruns = Reruns.of(read(ROWS, limits, many=False), limits)
    assert reruns.exposures.fractions.shape == (3, 0)
    assert reruns.exposures.full(0, reruns.sizes) == []
