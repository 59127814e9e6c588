"""Random accounts and limits, from a seed: half of them on a coarse grid, so that ties and exact limits are common."""

from __future__ import annotations

import random
from typing import Any

from trimtab.errors import LimitsError
from trimtab.limits.rebalancing_limits import SIZING_MODES, RebalancingLimits

Row = dict[str, Any]

BUCKETS = (
    "Equity/Tech/Semis",
    "Equity/Tech",
    "Equity",
    "Bond/Gov",
    "Bond/Corp",
    "Unknown/Foo",
    "Unknown",
    None,
    "",
    "Gold/Phys",
    "Equity/Health/Pharma",
)
LIMITED = (
    "Equity",
    "Equity/Tech",
    "Equity/Tech/Semis",
    "Bond",
    "Bond/Gov",
    "Bond/Corp",
    "Gold",
    "Unknown",
    "Unknown/Foo",
)
_KNOWN = tuple(bucket for bucket in BUCKETS if bucket)


def random_rows(rng: random.Random, max_rows: int = 15, *, restricted: bool = True, unscored: bool = True) -> list[Row]:
    """The candidates of one account, valid; weights sum to at most 1.05, now and then above 1."""
    grid = rng.random() < 0.5
    ceiling = 1.05 if rng.random() < 0.1 else 1.0
    rows: list[Row] = []
    total = 0.0
    for number in range(rng.randint(1, max_rows)):
        weight = 0.0
        if rng.random() < 0.6:
            weight = rng.choice([0.0005, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3]) if grid else rng.random() * 0.25
            weight = weight if total + weight <= ceiling else 0.0
            total += weight
        score = rng.random() * 0.45 + 0.55
        row: Row = {
            "asset": f"A{number:02d}",
            "bucket": rng.choice(BUCKETS),
            "score": None if unscored and rng.random() < 0.05 else round(score, 2 if grid else 3),
            "current_weight": weight,
            "restriction": rng.choice(["no_buy", "no_sell", "no_trade"]) if restricted and rng.random() < 0.2 else "",
            "max_weight": rng.choice([0.1, 0.05, 0.01, 0.0]) if rng.random() < 0.2 else None,
            "desired_weight": None if rng.random() < 0.1 else rng.choice([0.05, 0.1, 0.1, 0.2]),
            "volatility": None if rng.random() < 0.1 else rng.choice([0.1, 0.2, 0.3]),
        }
        rows.append(row)
    rng.shuffle(rows)
    return rows


def random_limits(rng: random.Random, **fixed: Any) -> RebalancingLimits:
    """Limits that are valid; `fixed` fields are as given."""
    while True:
        on = fixed.get("enable_bucket_diversification", rng.random() < 0.85)
        values: dict[str, Any] = {
            "max_total_positions": rng.choice([3, 5, 10, 20]),
            "max_new_positions": rng.choice([0, 1, 3, 10]),
            "target_invested": rng.choice([0.95, 1.0, 0.8, 0.5]),
            "full_investment_positions": rng.choice([None, None, 5, 10]),
            "max_position_weight": rng.choice([0.1, 0.2, 0.3, 1.0]),
            "min_position_weight": rng.choice([0.0, 0.01, 0.02, 0.05, 0.1]),
            "enable_bucket_diversification": on,
            "max_positions_per_bucket": rng.choice([1, 2, 4]),
            "max_allocation_per_bucket": rng.choice([0.1, 0.2, 0.3, 0.4, 1.0]),
            "min_buckets_represented": rng.choice([0, 1, 2, 3, 4]),
            "allow_bucket_overflow": rng.random() < 0.4,
            "enforce_position_limits": rng.random() < 0.9,
            "enforce_allocation_limits": rng.random() < 0.9,
            "enforce_min_buckets": rng.random() < 0.9,
            "bucket_level": rng.choice([1, 1, 2]),
            "sizing_mode": rng.choice(SIZING_MODES),
            "residual_strategy": rng.choice(["proportional", "cash"]),
            "no_trade_band": rng.choice([0.0, 0.2, 0.5]),
            "min_trade": rng.choice([0.0, 0.001, 0.02]),
            "cash_band": rng.choice([0.0, 0.02, 0.1]),
            "drift_tolerance": rng.choice([0.0, 0.0, 0.1, 0.5]),
            "unscored_positions": rng.choice(["hold", "hold", "close"]),
            "unknown_bucket": rng.choice(["limit", "hold"]),
            "brake_sold_weight": rng.choice([0.2, 0.5]) if rng.random() < 0.1 else None,
            "brake_closed_positions": rng.choice([1, 3]) if rng.random() < 0.1 else None,
        }
        if on:
            values["known_buckets"] = _KNOWN
            values["buckets"] = {path: _random_bucket_limit(rng) for path in LIMITED if rng.random() < 0.25}
        try:
            return RebalancingLimits(**(values | fixed))
        except LimitsError:
            continue


def _random_bucket_limit(rng: random.Random) -> dict[str, Any]:
    limit: dict[str, Any] = {}
    if rng.random() < 0.4:
        limit["max_positions"] = rng.choice([0, 1, 2, 3])
    if rng.random() < 0.5:
        limit["max_allocation"] = rng.choice([0.0, 0.1, 0.15, 0.2, 0.4])
    if rng.random() < 0.5:
        limit["min_allocation"] = rng.choice([0.05, 0.1, 0.2])
    return limit


def random_correlations(rng: random.Random, rows: list[Row]) -> dict[tuple[str, str], float | None]:
    """A correlation for most pairs of assets, both ways round, on a coarse grid; None or absent: not known."""
    names = sorted(row["asset"] for row in rows)
    correlations: dict[tuple[str, str], float | None] = {}
    for index, first in enumerate(names):
        for other in names[index + 1 :]:
            if rng.random() < 0.97:
                value = None if rng.random() < 0.03 else rng.choice([-0.5, 0.0, 0.3, 0.5, 0.8, 0.9, 1.0])
                correlations[first, other] = correlations[other, first] = value
    return correlations


def random_correlated_limits(rng: random.Random, **fixed: Any) -> RebalancingLimits:
    """Limits of which one is the largest correlation inside a bucket, at which correlations lie exactly."""
    highest = rng.choice([-1.0, 0.0, 0.3, 0.3, 0.5, 0.8, 0.95, 1.0])
    return random_limits(rng, enable_bucket_diversification=True, max_correlation=highest, **fixed)


def pairs(correlations: dict[tuple[str, str], float | None]) -> list[Row]:
    """Correlations as a long table, each pair one way round, and what is in any case known: of the first with itself."""
    named = [("A00", "A00", 1.0), *((*pair, value) for pair, value in correlations.items() if pair[0] < pair[1])]
    return [{"asset": entry, "other": other, "correlation": value} for entry, other, value in named]
