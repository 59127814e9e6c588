"""The limits that a caller gave, or the defaults."""

from __future__ import annotations

from trimtab.errors import LimitsError
from trimtab.limits.rebalancing_limits import RebalancingLimits


def given_limits(limits: RebalancingLimits | None) -> RebalancingLimits:
    """The given limits, or the defaults if None.

    Raises
    ------
    LimitsError
        The argument is not `RebalancingLimits`.
    """
    if limits is None:
        return RebalancingLimits()
    if not isinstance(limits, RebalancingLimits):
        problem = f"limits must be RebalancingLimits (received a {type(limits).__name__})"
        raise LimitsError([f"{problem}: make them with RebalancingLimits(...), from_dict, from_toml or preset"])
    return limits
