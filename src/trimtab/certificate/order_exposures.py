"""The worth in each limited exposure after the orders, in exact fractions; it shares no code with the kernel."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from trimtab.bucket_path import UNKNOWN, split_path
from trimtab.certificate.scheme_parts import limits_at
from trimtab.limits.exposure_limits import SchemeLimits
from trimtab.limits.rebalancing_limits import RebalancingLimits

Parts = Sequence[tuple[str, str, str, float]]  # asset, scheme, bucket, fraction
_LACK = Fraction(1, 10**9)


class MaximumExposure(NamedTuple):
    """A bucket of a scheme with a maximum, and the fraction of each asset that lies in it."""

    name: str
    maximum: float
    fractions: Mapping[str, Fraction]

    def load(self, worth: Mapping[str, int]) -> Fraction:
        """The worth in it."""
        return sum((fraction * worth[asset] for asset, fraction in self.fractions.items()), Fraction(0))


def maximum_exposures(limits: RebalancingLimits, parts: Parts, assets: Sequence[str]) -> Iterator[MaximumExposure]:
    """The limits in force, with what of these assets lies in them."""
    if not limits.enforce_exposure_limits:
        return
    for scheme, own in limits.exposures.items():
        inside = _by_path(own, [part for part in parts if part[1] == scheme], assets, limits.bucket_separator)
        for path, fractions in inside.items():
            maximum, _ = limits_at(path, own, limits.bucket_separator)
            if maximum < math.inf:
                yield MaximumExposure(f"{scheme}: {limits.bucket_separator.join(path)}", maximum, fractions)


def _by_path(
    own: SchemeLimits, parts: Parts, assets: Sequence[str], separator: str
) -> dict[tuple[str, ...], dict[str, Fraction]]:
    """The fraction of each asset at every path; what its parts lack to 1, or what is too small, is `Unknown`."""
    inside: dict[tuple[str, ...], dict[str, Fraction]] = {}
    for asset in assets:
        left = Fraction(1)
        counted = [(bucket, Fraction(each)) for name, _, bucket, each in parts if name == asset]
        for bucket, fraction in counted:
            if fraction >= Fraction(own.ignore_below):
                left -= fraction
                path = split_path(bucket, separator)
                for depth in range(1, len(path) + 1):
                    sums = inside.setdefault(path[:depth], {})
                    sums[asset] = sums.get(asset, Fraction(0)) + fraction
        if left > _LACK:
            sums = inside.setdefault((UNKNOWN,), {})
            sums[asset] = sums.get(asset, Fraction(0)) + left
    return inside
