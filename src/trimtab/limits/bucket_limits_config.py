"""The limits of buckets alone: what the enforcer of bucket limits takes, field by field as in `RebalancingLimits`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from trimtab.errors import LimitsError
from trimtab.limits.fields import MOST, refusing_unknown
from trimtab.limits.rebalancing_limits import BucketLimit, RebalancingLimits, limit_fields

_KNOWN = {known.name: known for known in limit_fields()}
# What no bucket limit is about is as wide as it can be. An allocation is scaled, never filled up.
_WIDE: dict[str, Any] = {
    "max_total_positions": MOST,
    "max_new_positions": MOST,
    "min_score_threshold": 0.0,
    "min_score_diversification": 0.0,
    "min_score_new_position": 0.0,
    "target_invested": 1.0,
    "max_position_weight": 1.0,
    "min_position_weight": 0.0,
    "dust_weight": 0.0,
    "sizing_mode": "equal_weight",
    "no_trade_band": 0.0,
    "min_trade": 0.0,
    "cash_band": 1.0,
}


def _shared(name: str) -> Any:
    """The field of `RebalancingLimits` with this name: default, range and meaning stand there."""
    known = _KNOWN[name]
    if known.default_factory is not dataclasses.MISSING:
        return field(default_factory=known.default_factory, hash=False, metadata=known.metadata)
    return field(default=known.default, metadata=known.metadata)


@refusing_unknown
@dataclass(frozen=True, kw_only=True)
class BucketLimitsConfig:
    """Which bucket limits hold, each switched on its own; fields, defaults and checks are those of `RebalancingLimits`.

    Allocations are fractions of the account's total value (0.4, never 40).

    Raises
    ------
    LimitsError
        An unknown field, a value of the wrong type or out of range, or fields that contradict each other.

    Examples
    --------
    >>> BucketLimitsConfig(max_positions_per_bucket=2).max_allocation_per_bucket
    0.4
    """

    max_positions_per_bucket: int = _shared("max_positions_per_bucket")
    max_allocation_per_bucket: float = _shared("max_allocation_per_bucket")
    min_buckets_represented: int = _shared("min_buckets_represented")
    enforce_position_limits: bool = _shared("enforce_position_limits")
    enforce_allocation_limits: bool = _shared("enforce_allocation_limits")
    enforce_min_buckets: bool = _shared("enforce_min_buckets")
    allow_bucket_overflow: bool = _shared("allow_bucket_overflow")
    bucket_level: int = _shared("bucket_level")
    bucket_separator: str = _shared("bucket_separator")
    known_buckets: tuple[str, ...] = _shared("known_buckets")
    buckets: Mapping[str, BucketLimit] = _shared("buckets")
    unknown_bucket: str = _shared("unknown_bucket")

    def __post_init__(self) -> None:
        for name in _names():
            object.__setattr__(self, name, getattr(self.limits, name))

    @cached_property
    def limits(self) -> RebalancingLimits:
        """These bucket limits as `RebalancingLimits`, with no limit for the total, for scores or for single positions."""
        own = {name: getattr(self, name) for name in _names()}
        return RebalancingLimits(enable_bucket_diversification=True, **_WIDE, **own)

    @classmethod
    def of(cls, limits: RebalancingLimits) -> BucketLimitsConfig:
        """The bucket limits in `limits`."""
        return cls(**{name: getattr(limits, name) for name in _names()})


def given_config(config: BucketLimitsConfig | None) -> BucketLimitsConfig:
    """The bucket limits that were given, or the defaults; anything else is refused.

    Raises
    ------
    LimitsError
        Something that is not a `BucketLimitsConfig`.
    """
    if config is None:
        return BucketLimitsConfig()
    if not isinstance(config, BucketLimitsConfig):
        kind = type(config).__name__
        raise LimitsError(
            [f"config must be a BucketLimitsConfig (received a {kind}): make it with BucketLimitsConfig(...)"]
        )
    return config


def _names() -> list[str]:
    return [known.name for known in dataclasses.fields(BucketLimitsConfig)]
