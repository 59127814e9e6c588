"""Fields whose value follows from others unless they are set."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping
from typing import Any


def following(limits: Any, changes: Mapping[str, float] | None = None, unset: Iterable[str] = ()) -> dict[str, float]:
    """The values of fields that are None, or listed in `unset`, as they follow from the others.

    `changes` take precedence over the values in `limits`.

    >>> from trimtab import RebalancingLimits
    >>> following(RebalancingLimits(), {"min_score_threshold": 0.7}, unset=["min_score_diversification"])
    {'min_score_diversification': 0.7}
    """
    followers: dict[str, float] = {}

    def given(name: str) -> Any:
        return None if name in unset else (changes or {}).get(name, getattr(limits, name))

    def number(name: str, fallback: float) -> float:
        value = given(name)
        return float(value) if isinstance(value, float | int | numbers.Real) else fallback  # plain types first: fast

    floor = number("min_score_threshold", 0.0)
    for name, default in (("min_score_diversification", 0.6), ("min_score_new_position", 0.65)):
        if given(name) is None:
            followers[name] = max(default, floor)
        floor = followers.get(name, number(name, floor))
    if given("dust_weight") is None:
        followers["dust_weight"] = min(0.001, number("min_position_weight", 0.001))
    return followers
