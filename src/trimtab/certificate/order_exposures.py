"""The worth in each limited exposure after the orders: in exact fractions for the checker, and a screen of many accounts
before it. They share no code with the kernel.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from trimtab.bucket_path import UNKNOWN, split_path
from trimtab.certificate.scheme_parts import Entries, limits_at
from trimtab.certificate.screen_exposures import ScreenExposures
from trimtab.limits.exposure_limits import SchemeLimits
from trimtab.limits.rebalancing_limits import RebalancingLimits

Parts = Sequence[tuple[str, str, str, float]]  # asset, scheme, bucket, fraction
_LACK = Fraction(1, 10**9)
_PLAY = 1e-13  # more than doubles lose in a sum, and a tenth of what the checker leaves to rounding


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


class HeldAfter(NamedTuple):
    """The candidates of accounts after their orders, shape (rows,)."""

    unit: Any  # in `ScreenExposures`
    account: Any
    worth: Any  # micro-units
    is_bought: Any


def within_maxima(exposures: ScreenExposures, number: int, held: HeldAfter, values: Any) -> Any:
    """Which accounts (accounts,) are plainly within each maximum of the limits with this number that something bought lies in.

    `values`: what the accounts are worth, times what drift allows.
    """
    buckets = exposures.buckets[exposures.bucket_start[number] : exposures.bucket_start[number + 1]]
    row, bucket, fraction = Entries(exposures.first[number], exposures.bucket, exposures.fraction).of(held.unit)
    cells, cell = np.unique(held.account[row] * len(buckets) + bucket, return_inverse=True)
    load = np.bincount(cell, fraction * held.worth[row], minlength=len(cells))
    is_bought = np.bincount(cell, held.is_bought[row], minlength=len(cells)) > 0
    account, bucket = np.divmod(cells, max(len(buckets), 1))
    above = is_bought & (load > (buckets["maximum"][bucket] + _PLAY) * values[account])
    within = np.ones(len(values), np.bool_)
    within[account[above]] = False
    return within
