"""Bucket limits alone: the same fields, defaults and checks as `RebalancingLimits`."""

from __future__ import annotations

import dataclasses

import pytest

from trimtab import BucketLimit, BucketLimitsConfig, LimitsError, RebalancingLimits
from trimtab.limits.rebalancing_limits import limit_fields


def test_fields_defaults_and_meanings_are_those_of_the_limits() -> None:
    known = {outcome.name: outcome for outcome in limit_fields()}
    limits = RebalancingLimits()
    for outcome in dataclasses.fields(BucketLimitsConfig):
        assert outcome.metadata == known[outcome.name].metadata
        assert getattr(BucketLimitsConfig(), outcome.name) == getattr(limits, outcome.name)


def test_the_fields_of_the_brief() -> None:
    config = BucketLimitsConfig()
    assert config.max_positions_per_bucket == 4
    assert config.max_allocation_per_bucket == 0.4
    assert config.min_buckets_represented == 2
    assert (config.enforce_position_limits, config.enforce_allocation_limits, config.enforce_min_buckets) == (True,) * 3
    assert config.allow_bucket_overflow is False


def test_from_limits_and_back() -> None:
    limits = RebalancingLimits.preset("conservative").replace(buckets={"Tech": {"max_positions": 1}})
    config = BucketLimitsConfig.of(limits)
    assert (config.max_positions_per_bucket, config.max_allocation_per_bucket) == (3, 0.35)
    assert config.buckets == {"Tech": BucketLimit(max_positions=1)}
    assert config.limits.buckets == limits.buckets
    assert config.limits.enable_bucket_diversification


def test_equal_and_frozen() -> None:
    assert BucketLimitsConfig(bucket_separator=None) == BucketLimitsConfig(bucket_separator="")  # type: ignore[arg-type]
    assert hash(BucketLimitsConfig(max_positions_per_bucket=3)) == hash(BucketLimitsConfig(max_positions_per_bucket=3))
    with pytest.raises(dataclasses.FrozenInstanceError):
        BucketLimitsConfig().max_positions_per_bucket = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"max_allocation_per_bucket": 40},
            "must be between 0 and 1 (received 40): looks like a percent, write 0.4",
        ),
        ({"max_positions_per_bucket": 2.5}, "max_positions_per_bucket must be a whole number (received 2.5)"),
        ({"buckets": {"A//B": {"max_positions": 1}}}, "buckets: the path 'A//B' has an empty part"),
        ({"max_weight": 0.4}, "unknown field 'max_weight'"),
    ],
)
def test_bad_values(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(LimitsError) as caught:
        BucketLimitsConfig(**values)  # type: ignore[arg-type]
    assert sentence in str(caught.value)
