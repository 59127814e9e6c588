"""Limits of exposures: any number of schemes (country, currency, issuer, ...) beside the buckets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trimtab.bucket_path import UNKNOWN, split_path
from trimtab.errors import LimitsError
from trimtab.limits.fields import check_fields, described, limits_by_key, mapping_of


@dataclass(frozen=True, slots=True)
class ExposureLimit:
    """The limits of one bucket of a scheme; the scheme's limit applies to fields left out."""

    max_exposure: float | None = described(None, float, "maximum weight in this bucket", optional=True, fraction=True)
    min_exposure: float | None = described(
        None, float, "minimum weight in this bucket, as far as candidates allow", optional=True, fraction=True
    )

    def __post_init__(self) -> None:
        faults = check_fields(self)
        maximum, minimum = self.max_exposure, self.min_exposure
        if not faults and maximum is not None and minimum is not None and minimum > maximum:
            faults.append(f"min_exposure {minimum:g} is above max_exposure {maximum:g}: lower it or raise max_exposure")
        if faults:
            raise LimitsError(faults)


_NO_LIMIT = ExposureLimit()


@dataclass(frozen=True, slots=True)
class SchemeLimits:
    """The exposure limits of one scheme. All weights are fractions of the account's total value.

    Examples
    --------
    >>> country = SchemeLimits(max_exposure=0.4, buckets={"US": {"max_exposure": 0.6}})
    >>> country.limits_at("US", "/"), country.limits_at("Japan", "/"), country.limits_at("Japan/Kansai", "/")
    ((0.6, None), (0.4, None), (None, None))
    """

    max_exposure: float | None = described(
        None, float, "maximum weight in each bucket of one part, Unknown too", optional=True, fraction=True
    )
    unknown: str = described(
        "limit",
        str,
        "what happens to weight that lies in no known bucket: it is limited like any other bucket, or free",
        choices=("limit", "free"),
    )
    ignore_below: float = described(
        0.0, float, "smaller fractions of an asset count as Unknown instead of their bucket", fraction=True
    )
    buckets: Mapping[str, ExposureLimit] = mapping_of(
        ExposureLimit, "limits of single buckets of the scheme: path -> max_exposure, min_exposure"
    )

    def __post_init__(self) -> None:
        faults = check_fields(self)
        buckets = limits_by_key(self.buckets, ExposureLimit, "buckets", "a bucket's path", faults)
        object.__setattr__(self, "buckets", buckets)
        if faults:
            raise LimitsError(faults)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return SchemeLimits, (self.max_exposure, self.unknown, self.ignore_below, dict(self.buckets))

    def limits_at(self, path: str, separator: str) -> tuple[float | None, float | None]:
        """The maximum and the minimum in force at a path; None without one."""
        parts = split_path(path, separator)
        if self.unknown == "free" and parts[0] == UNKNOWN:
            return None, None
        own = self.buckets.get(path, _NO_LIMIT)
        maximum = self.max_exposure if own.max_exposure is None and len(parts) == 1 else own.max_exposure
        return maximum, own.min_exposure or None


@dataclass(frozen=True, slots=True)
class ConcentrationLimit:
    """A rule such as 5/10/40: an issuer may weigh `largest`, and those above `small` may weigh `together` in all."""

    small: float = described(0.05, float, "issuers up to this weight do not count together", fraction=True)
    largest: float = described(0.10, float, "maximum weight of an issuer", fraction=True)
    together: float = described(0.40, float, "maximum weight of all issuers above `small` together", fraction=True)

    def __post_init__(self) -> None:
        faults = check_fields(self)
        if not faults and not 0.0 < self.small <= self.largest <= self.together:
            faults.append(
                f"small {self.small:g}, largest {self.largest:g} and together {self.together:g} must be above 0 and in "
                "this order, each at least the one before"
            )
        if faults:
            raise LimitsError(faults)

    @property
    def text(self) -> str:
        """The rule as people write it.

        >>> ConcentrationLimit().text
        '0.05/0.1/0.4'
        """
        return f"{self.small:g}/{self.largest:g}/{self.together:g}"


def exposures_of(exposures: Any, faults: list[str]) -> Mapping[str, SchemeLimits]:
    """The `exposures` field as scheme -> limits; adds its faults to `faults`."""
    return limits_by_key(exposures, SchemeLimits, "exposures", "a scheme's name", faults)


def concentration_of(concentration: Any, faults: list[str]) -> Mapping[str, ConcentrationLimit]:
    """The `concentration` field as scheme -> limits; adds its faults to `faults`."""
    return limits_by_key(concentration, ConcentrationLimit, "concentration", "a scheme's name", faults)


def limits_exposures(limits: Any) -> bool:
    """Whether `RebalancingLimits` put any limit of exposures or concentration in force."""
    return bool(limits.enforce_exposure_limits and (limits.exposures or limits.concentration))


def known_exposures(limits: Any, scheme: str) -> tuple[str, ...]:
    """The buckets of a scheme among `known_buckets`, which has them as "scheme:path".

    >>> from trimtab import RebalancingLimits
    >>> limits = RebalancingLimits(exposures={"country": {}}, known_buckets=("Tech", "country:Peru"))
    >>> known_exposures(limits, "country"), known_in_tree(limits)
    (('Peru',), ('Tech',))
    """
    start = f"{scheme}:"
    return tuple(name[len(start) :] for name in limits.known_buckets if name.startswith(start))


def known_in_tree(limits: Any) -> tuple[str, ...]:
    """Those of `known_buckets` that are not buckets of a scheme in `exposures`."""
    return tuple(name for name in limits.known_buckets if name.split(":", 1)[0] not in limits.exposures)
