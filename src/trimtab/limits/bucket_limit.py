"""The limits of a single bucket, and the `buckets` field that holds them by path."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trimtab.errors import LimitsError
from trimtab.limits.fields import check_fields, described, limits_by_key


@dataclass(frozen=True, slots=True)
class BucketLimit:
    """The limits of one bucket; the general limit applies to fields left out.

    All allocations are fractions of the account's total value.
    """

    max_positions: int | None = described(None, int, "maximum number of positions in this bucket", optional=True)
    max_allocation: float | None = described(
        None, float, "maximum weight of this bucket; 0 closes it", optional=True, fraction=True
    )
    min_allocation: float | None = described(
        None, float, "minimum weight of this bucket, as far as candidates allow", optional=True, fraction=True
    )

    def __post_init__(self) -> None:
        faults = check_fields(self)
        maximum, minimum = self.max_allocation, self.min_allocation
        if not faults and maximum is not None and minimum is not None and minimum > maximum:
            faults.append(
                f"min_allocation {minimum:g} is above max_allocation {maximum:g}: lower it or raise max_allocation"
            )
        if faults:
            raise LimitsError(faults)


BUCKETS_EXAMPLE = (
    "",
    "# limits of a single bucket, for example (they need enable_bucket_diversification = true):",
    '# [buckets."Equity/Tech"]',
    *(
        f"# {known.name} = {value}  # {known.metadata['doc']}"
        for known, value in zip(dataclasses.fields(BucketLimit), (2, 0.25, 0.05), strict=True)
    ),
)


def bucket_limits_of(buckets: Any, faults: list[str]) -> Mapping[str, BucketLimit]:
    """The `buckets` field as path -> `BucketLimit`; adds its faults to `faults`."""
    return limits_by_key(buckets, BucketLimit, "buckets", "a bucket's path", faults)
