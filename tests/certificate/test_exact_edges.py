"""Sound input never breaks a limit by rounding: sums at the edge of a tolerance, and sums of very many weights."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pytest

from trimtab import RebalancingLimits, check, rebalance

Row = dict[str, Any]
BUCKETS = ("Equity/Tech", "Equity/Health", "Equity", "Bond/Gov", "Bond")


def held_rows(rng: random.Random, count: int) -> list[Row]:
    """Holdings near their equal size, named against the order of their buckets, so that sums run in different orders."""
    size = 0.9 / count
    rows = [
        {
            "asset": f"A{number:03d}",
            "score": 0.9,
            "bucket": rng.choice(BUCKETS),
            "current_weight": size * rng.uniform(0.95, 1.04),
        }
        for number in range(count)
    ]
    rng.shuffle(rows)
    return rows


def near(rng: random.Random, value: float, tolerance: float) -> float:
    """A value beyond which `value` lies by the tolerance, give or take a few units in the last place."""
    edge = value + tolerance
    for _ in range(rng.randrange(5)):
        edge = math.nextafter(edge, rng.choice([0.0, 2.0]))
    return edge


def weight_under(rows: list[Row], bucket: str) -> float:
    return sum(row["current_weight"] for row in rows if (row["bucket"] + "/").startswith(bucket + "/"))


def bucket_maximum(rng: random.Random, rows: list[Row]) -> Row:
    bucket = rng.choice([row["bucket"] for row in rows])
    return {"buckets": {bucket: {"max_allocation": near(rng, weight_under(rows, bucket), -1e-12)}}}


def bucket_minimum(rng: random.Random, rows: list[Row]) -> Row:
    bucket = rng.choice([row["bucket"] for row in rows])
    return {"buckets": {bucket: {"min_allocation": near(rng, weight_under(rows, bucket), 1e-12)}}}


def total(rng: random.Random, rows: list[Row]) -> Row:
    return {"target_invested": near(rng, sum(row["current_weight"] for row in rows), -1e-12), "cash_band": 0.0}


def sold(rng: random.Random, rows: list[Row]) -> Row:
    for row in rng.sample(rows, len(rows) // 2):
        row["score"] = 0.1
    sales = sum(row["current_weight"] for row in rows if row["score"] < 0.6)
    return {"brake_sold_weight": near(rng, sales, -1e-12), "no_trade_band": 0.99, "cash_band": 1.0}


@pytest.mark.parametrize("edge", [bucket_maximum, bucket_minimum, total, sold])
def test_sums_at_the_edge_of_their_tolerance(edge: Callable[[random.Random, list[Row]], Row]) -> None:
    for seed in range(150):
        rng = random.Random(seed)
        rows = held_rows(rng, rng.randrange(5, 40))
        limits = RebalancingLimits(
            **{
                "enable_bucket_diversification": True,
                "max_total_positions": 50,
                "max_positions_per_bucket": 50,
                "max_allocation_per_bucket": 1.0,
                "min_buckets_represented": 0,
                "max_position_weight": 0.5,
                "min_position_weight": 0.0,
                "no_trade_band": 0.5,
                **edge(rng, rows),
            }
        )
        result = rebalance(rows, limits)  # a limit broken without an excuse raises
        assert all(
            line.status in ("met", "drifted", "unmet") or result.status == "braked" for line in result.certificate
        )


@pytest.mark.parametrize("count", [9_001, pytest.param(36_217, marks=pytest.mark.thorough)])
@pytest.mark.parametrize("mode", ["equal_weight", "score_weighted"])
def test_very_many_positions(count: int, mode: str) -> None:
    rng = random.Random(count)
    rows = [{"asset": f"A{number:06d}", "score": rng.uniform(0.7, 1.0)} for number in range(count)]
    limits = RebalancingLimits(
        max_total_positions=count,
        max_new_positions=count,
        min_position_weight=0.0,
        target_invested=1.0,
        sizing_mode=mode,
    )
    result = rebalance(rows, limits)
    (invested,) = [line for line in result.certificate if line.name == "target_invested"]
    assert invested.status == "met"
    assert abs(math.fsum(row["target_weight"] for row in result.targets) - 1.0) <= count * 2.0**-52
    again = [{**row, "current_weight": row["target_weight"]} for row in result.targets]
    names = ("asset", "score", "current_weight")
    assert rebalance([{name: row[name] for name in names} for row in again], limits).status == "ok"


@pytest.mark.parametrize("min_weight", [5e-324, 1e-308, 1e-300, 1e-18])
@pytest.mark.parametrize("overflow", [False, True])
def test_a_minimum_too_small_to_matter(min_weight: float, overflow: bool) -> None:
    """It limits as little as 0 does, in every part of the answer."""
    rng = random.Random(5)
    rows = held_rows(rng, 4) + [{"asset": f"N{number}", "score": 0.8, "bucket": "Bond"} for number in range(4)]
    rows[0]["restriction"] = "no_trade"
    limits = RebalancingLimits(
        enable_bucket_diversification=True, allow_bucket_overflow=overflow, max_allocation_per_bucket=0.3
    )
    tiny, none = (limits.replace(min_position_weight=value) for value in (min_weight, 0.0))
    result, expected = rebalance(rows, tiny), rebalance(rows, none)
    assert [row["target_weight"] for row in result.targets] == [row["target_weight"] for row in expected.targets]
    assert [line.code for line in check(rows, tiny).findings] == [line.code for line in check(rows, none).findings]
    for row in rows:
        assert result.explain(row["asset"]).decision == expected.explain(row["asset"]).decision
