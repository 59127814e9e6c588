"""Random tables of exposures and their limits, from a seed: nested paths, parts that nobody knows, conflicting minima."""

from __future__ import annotations

import random
from typing import Any

from cases import Row

_PATHS = {
    "country": ("US", "Europe/DE", "Europe/FR", "Europe", "Asia/JP", "Unknown"),
    "currency": ("USD", "EUR", "JPY"),
    "sector": ("Tech/Semis", "Tech/Software", "Tech", "Health", "Energy"),
}
_GRID = (1.0, 0.6, 0.5, 0.4, 0.25, 0.1, 0.005)


def random_exposures(rng: random.Random, rows: list[Row], *, schemes: int = 3) -> list[Row]:
    """Fractions of schemes assets in some schemes, and of an asset outside the candidates; in any order."""
    table: list[Row] = []
    for scheme in sorted(rng.sample(sorted(_PATHS), rng.randint(1, schemes))):
        grid = rng.random() < 0.6
        for asset in [*(row["asset"] for row in rows), "no candidate"]:
            left = 1.0
            for bucket in rng.sample(_PATHS[scheme], rng.randint(0, 3)):
                fraction = rng.choice(_GRID) if grid else rng.random()
                if fraction <= left + 1e-12:
                    left -= fraction
                    table.append({"asset": asset, "scheme": scheme, "bucket": bucket, "fraction": fraction})
    rng.shuffle(table)
    return table


def random_exposure_limits(rng: random.Random, table: list[Row], *, tight: bool = True) -> dict[str, dict[str, Any]]:
    """Limits that are sound: of each scheme of the table, in general and at some of its paths."""
    limits: dict[str, dict[str, Any]] = {}
    for scheme in sorted({row["scheme"] for row in table}):
        own: dict[str, Any] = {}
        if rng.random() < 0.6:
            own["max_exposure"] = rng.choice([0.15, 0.3, 0.4, 0.5] if tight else [0.6, 0.8, 1.0])
        if rng.random() < 0.3:
            own["unknown"] = "free"
        if rng.random() < 0.2:
            own["ignore_below"] = rng.choice([0.01, 0.2])
        buckets: dict[str, dict[str, float]] = {}
        for path in sorted({row["bucket"] for row in table if row["scheme"] == scheme}):
            if rng.random() < 0.4 and not (path.startswith("Unknown") and own.get("unknown") == "free"):
                buckets[path] = _random_limit(rng, tight)
        own["buckets"] = _sound(own.get("max_exposure", 1.0), buckets)
        limits[scheme] = own
    return limits


def _random_limit(rng: random.Random, tight: bool) -> dict[str, float]:
    limit = {}
    if rng.random() < 0.6:
        limit["max_exposure"] = rng.choice([0.0, 0.05, 0.1, 0.2, 0.3] if tight else [0.5, 0.9])
    if rng.random() < 0.5 and tight:
        limit["min_exposure"] = rng.choice([0.05, 0.1, 0.2])
    return limit


def _sound(general: float, buckets: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Without the minima that contradict a maximum at or above them, or that sum to more than half."""
    total = 0.0
    for path in sorted(buckets):
        parts = path.split("/")
        above = ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
        caps = [
            buckets.get(path_above, {}).get("max_exposure", general if "/" not in path_above else 1.0)
            for path_above in above
        ]
        minimum = buckets[path].get("min_exposure", 0.0)
        if minimum > min(caps) or total + minimum > 0.5:
            buckets[path].pop("min_exposure")
        else:
            total += minimum
    return {path: limit for path, limit in buckets.items() if limit}
