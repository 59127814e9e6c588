"""Limits that are set, but have no effect because of another one."""

from __future__ import annotations

from collections.abc import Iterator

from trimtab.errors import listed
from trimtab.limits.exposure_limits import known_in_tree
from trimtab.limits.plan_settings import plan_settings
from trimtab.limits.rebalancing_limits import RebalancingLimits, limit_fields

_ABOUT_BUCKETS = (
    "max_positions_per_bucket",
    "max_allocation_per_bucket",
    "min_buckets_represented",
    "allow_bucket_overflow",
    "bucket_level",
    "known_buckets",
    "unknown_bucket",
)
_SWITCHES = {
    "enforce_position_limits": "max_positions_per_bucket",
    "enforce_allocation_limits": "max_allocation_per_bucket",
    "enforce_min_buckets": "min_buckets_represented",
}
_DEFAULTS = {known.name: known.default for known in limit_fields()}


def settings_without_effect(limits: RebalancingLimits) -> Iterator[str]:
    """A sentence for each group of limits that differ from their defaults and have no effect.

    Examples
    --------
    >>> list(settings_without_effect(RebalancingLimits(max_positions_per_bucket=2)))
    ['max_positions_per_bucket has no effect while enable_bucket_diversification is false']
    """
    for name in plan_settings(limits):
        yield f"[{name}] of the limits has an effect on plans only (trimtab.plan, `trimtab plan`)"
    if not limits.enforce_exposure_limits:
        idle = [name for name in ("exposures", "concentration") if getattr(limits, name)]
        if idle:
            yield f"{_have(idle)} no effect while enforce_exposure_limits is false"
    if not limits.enable_bucket_diversification:
        idle = [name for name in _ABOUT_BUCKETS if _is_set(limits, name)]
        if idle:
            yield f"{_have(idle)} no effect while enable_bucket_diversification is false"
        return
    for switch, name in _SWITCHES.items():
        if not getattr(limits, switch) and _is_set(limits, name):
            yield f"{_have([name])} no effect while {switch} is false"


def _is_set(limits: RebalancingLimits, name: str) -> bool:
    value = known_in_tree(limits) if name == "known_buckets" else getattr(limits, name)
    return bool(value != _DEFAULTS[name])


def _have(names: list[str]) -> str:
    return f"{listed(names, len(names))} {'has' if len(names) == 1 else 'have'}"
