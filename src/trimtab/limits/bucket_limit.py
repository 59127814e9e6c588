"""The limits of a single bucket, and the `buckets` field that holds them by path."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from trimtab.errors import LimitsError, nearest
from trimtab.limits.fields import check_fields, described


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
    if not isinstance(buckets, Mapping):
        faults.append(f"buckets must map a bucket's path to its limits (received {buckets!r})")
        return MappingProxyType({})
    names = [known.name for known in dataclasses.fields(BucketLimit)]
    limits: dict[str, BucketLimit] = {}
    for path, limit in buckets.items():
        where = f"buckets[{path!r}]"
        if not isinstance(path, str):
            faults.append(f"{where}: a bucket's path must be text")
        elif isinstance(limit, BucketLimit):
            limits[path] = limit
        elif not isinstance(limit, Mapping):
            faults.append(f"{where} must be a table with {', '.join(names)} (received {limit!r})")
        else:
            unknown = [name for name in limit if name not in names]
            faults += [f"{where}: unknown field {name!r}: {nearest(str(name), names)}" for name in unknown]
            try:
                limits[path] = BucketLimit(**{name: value for name, value in limit.items() if name in names})
            except LimitsError as error:
                faults += [f"{where}: {fault}" for fault in error.faults]
    return MappingProxyType(limits)
