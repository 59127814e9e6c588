"""Bucket limits alone, with the fields of `RebalancingLimits`, for the enforcer of bucket limits."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from trimtab.errors import LimitsError
from trimtab.limits.bucket_limit import BucketLimit
from trimtab.limits.fields import refusing_unknown
from trimtab.limits.rebalancing_limits import RebalancingLimits, limit_fields
from trimtab.limits.widest import WIDEST

_KNOWN = {known.name: known for known in limit_fields()}


def _shared(name: str) -> Any:
    """The field of `RebalancingLimits` with this name, with its default, range and meaning."""
    known = _KNOWN[name]
    if known.default_factory is not dataclasses.MISSING:
        return field(default_factory=known.default_factory, hash=False, metadata=known.metadata)
    return field(default=known.default, metadata=known.metadata)


@refusing_unknown
@dataclass(frozen=True, kw_only=True)
class BucketLimitsConfig:
    """Bucket limits that can be switched one by one; fields, defaults and checks are those of `RebalancingLimits`.

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

    def __getstate__(self) -> dict[str, Any]:
        """The fields alone, with the limits of buckets as a plain dict."""
        return {name: getattr(self, name) for name in _names()} | {"buckets": dict(self.buckets)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    @cached_property
    def limits(self) -> RebalancingLimits:
        """These bucket limits as `RebalancingLimits` that limit neither the total, nor scores, nor single positions."""
        own = {name: getattr(self, name) for name in _names()}
        return RebalancingLimits(enable_bucket_diversification=True, cash_band=1.0, **WIDEST, **own)

    @classmethod
    def of(cls, limits: RebalancingLimits) -> BucketLimitsConfig:
        """The bucket limits in `limits`."""
        return cls(**{name: getattr(limits, name) for name in _names()})


def given_config(config: BucketLimitsConfig | None) -> BucketLimitsConfig:
    """The given bucket limits, or the defaults if None.

    Raises
    ------
    LimitsError
        The argument is not a `BucketLimitsConfig`.
    """
    if config is None:
        return BucketLimitsConfig()
    if not isinstance(config, BucketLimitsConfig):
        problem = f"config must be a BucketLimitsConfig (received a {type(config).__name__})"
        raise LimitsError([f"{problem}: make it with BucketLimitsConfig(...)"])
    return config


def _names() -> list[str]:
    return [known.name for known in dataclasses.fields(BucketLimitsConfig)]
