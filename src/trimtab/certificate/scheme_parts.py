"""The parts of assets in the limited buckets of schemes, from the table of exposures as it came in, for the checker and its
screen.

It shares nothing with the kernel's rows of exposures, so a fault in either shows up against the other. A *unit* has rows
in the table: an asset or, where the table names accounts, an asset of an account. After the last comes one for all others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from trimtab.bucket_path import UNKNOWN, split_path
from trimtab.candidates.exposures import Exposures
from trimtab.certificate.certificate import Mask, Vector
from trimtab.certificate.measurements import Rows
from trimtab.limits.exposure_limits import SchemeLimits
from trimtab.limits.rebalancing_limits import RebalancingLimits

_LACK = 1e-9  # what the fractions of an asset may lack to 1 without being partly Unknown


class Entries(NamedTuple):
    """Unit u has the entries first[u] to first[u + 1]: a bucket, and the fraction in it."""

    first: Rows
    bucket: Rows
    fraction: Vector

    def of(self, unit: Rows) -> tuple[Rows, Rows, Vector]:
        """The entries of rows with these units: the row, the bucket, the fraction."""
        count = np.diff(self.first)[unit]
        row = np.repeat(np.arange(len(unit)), count)
        place = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(self.first[unit], count)
        return row, self.bucket[place], self.fraction[place]


class SchemeParts(NamedTuple):
    """The limited buckets of a scheme, in order; infinity and 0 without a limit. `is_named`: by the limits themselves."""

    buckets: tuple[str, ...]
    maximum: Vector
    minimum: Vector
    is_named: Mask
    entries: Entries


class Units(NamedTuple):
    """The units of a table: their sorted keys, and the unit of each of its rows."""

    keys: Rows
    of_row: Rows

    @property
    def size(self) -> int:
        """The number of units, with that of everything else."""
        return len(self.keys) + 1


def units_in(table: Exposures) -> Units:
    """The units of a table."""
    number = table.account * len(table.asset.names) + table.asset.codes
    order = np.argsort(number, kind="stable")
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = number[order[1:]] != number[order[:-1]]
    of_row = np.zeros(len(order), np.int64)
    of_row[order] = np.cumsum(is_first) - 1
    return Units(number[order[is_first]], of_row)


def unit_of(table: Exposures, accounts: Sequence[Any], account: Rows, asset: Rows, names: Sequence[str]) -> Rows:
    """The unit of each row: its asset is names[asset], its account accounts[account], [None] where accounts have no names."""
    keys = units_in(table).keys
    code_of = {name: code for code, name in enumerate(table.asset.names)}
    code = np.array([code_of.get(name, -1) for name in names], np.int64)[asset]
    number = np.zeros(len(asset), np.int64)
    if table.accounts and list(accounts) != [None]:
        number_of = {str(name): number for number, name in enumerate(table.accounts)}
        number = np.array([number_of.get(str(name), -1) for name in accounts], np.int64)[account]
    wanted = np.where((code >= 0) & (number >= 0), number * len(table.asset.names) + code, -1)
    place = np.searchsorted(keys, wanted)
    stop = np.searchsorted(keys, wanted, "right")
    return np.where(stop > place, place, len(keys))


def rows_in_scheme(table: Exposures, scheme: str) -> Entries:
    """The rows of a scheme in a table, by unit."""
    units = units_in(table)
    rows = np.flatnonzero(np.array([name == scheme for name in table.scheme.names], np.bool_)[table.scheme.codes])
    rows = rows[np.argsort(units.of_row[rows], kind="stable")]
    first = np.searchsorted(units.of_row[rows], np.arange(units.size + 1))
    return Entries(first, table.bucket.codes[rows], table.fraction[rows])


@lru_cache(maxsize=16)  # most checks have the exposures and the limits of the one before
def parts_by_scheme(table: Exposures, limits: RebalancingLimits) -> dict[str, SchemeParts]:
    """The schemes with limits, in order."""
    separator, schemes = limits.bucket_separator, sorted(limits.exposures.items())
    return {
        scheme: _parts(rows_in_scheme(table, scheme), tuple(table.bucket.names), own, separator)
        for scheme, own in schemes
    }


def _parts(rows: Entries, names: tuple[str, ...], own: SchemeLimits, separator: str) -> SchemeParts:
    units = len(rows.first) - 1
    unit, part_of, fraction = _with_unknown(units, own.ignore_below, rows, len(names))
    parts = [split_path(name, separator) for name in (*names, UNKNOWN)]
    used = np.unique(part_of).tolist()
    chains = {code: [parts[code][:depth] for depth in range(1, len(parts[code]) + 1)] for code in used}
    named = {split_path(path, separator) for path in own.buckets}
    limits = {path: limits_at(path, own, separator) for chain in [*chains.values(), list(named)] for path in chain}
    limited = sorted(path for path, (maximum, minimum) in limits.items() if maximum < math.inf or minimum > 0)
    number = {path: index for index, path in enumerate(limited)}
    above = [[number[path] for path in chains.get(code, ()) if path in number] for code in range(len(parts))]
    return SchemeParts(
        tuple(separator.join(path) for path in limited),
        np.array([limits[path][0] for path in limited], np.float64),
        np.array([limits[path][1] for path in limited], np.float64),
        np.array([path in named for path in limited], np.bool_),
        _summed(units, (unit, part_of, fraction), above, parts, len(limited)),
    )


def _with_unknown(units: int, ignore_below: float, rows: Entries, unknown: int) -> tuple[Rows, Rows, Vector]:
    """The parts of every unit: those of the table that count, and what they lack to 1, in the bucket `unknown`."""
    unit, bucket, fraction = rows.of(np.arange(units))
    counts = fraction >= ignore_below
    unit, bucket, fraction = unit[counts], bucket[counts], fraction[counts]
    lack = 1.0 - np.bincount(unit, fraction, minlength=units)
    lacking = np.flatnonzero(lack > _LACK)
    return (
        np.concatenate([unit, lacking]),
        np.concatenate([bucket, np.full(len(lacking), unknown, np.int64)]),
        np.concatenate([fraction, lack[lacking]]),
    )


def _summed(
    units: int,
    contained: tuple[Rows, Rows, Vector],
    above: list[list[int]],
    parts: list[tuple[str, ...]],
    buckets: int,
) -> Entries:
    """The entries: the parts at or below each limited bucket, added in the order of paths."""
    unit, part_of, fraction = contained
    rank = np.empty(len(parts), np.int64)
    rank[sorted(range(len(parts)), key=lambda name: parts[name])] = np.arange(len(parts))
    order = np.lexsort((rank[part_of], unit))
    unit, part_of, fraction = unit[order], part_of[order], fraction[order]
    count = np.array([len(chain) for chain in above], np.int64)
    first = np.concatenate([[0], np.cumsum(count)])[:-1]
    flat = np.array([number for chain in above for number in chain], np.int64)
    times = count[part_of]
    step = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
    keys = np.repeat(unit, times) * max(buckets, 1) + flat[np.repeat(first[part_of], times) + step]
    cells, entry = np.unique(keys, return_inverse=True)
    sums = np.bincount(entry, np.repeat(fraction, times), minlength=len(cells)).astype(np.float64)
    return Entries(np.searchsorted(cells, np.arange(units + 1) * max(buckets, 1)), cells % max(buckets, 1), sums)


def limits_at(path: tuple[str, ...], own: SchemeLimits, separator: str) -> tuple[float, float]:
    """The maximum and the minimum in force at a path; infinity and 0 without one."""
    if path[0] == UNKNOWN and own.unknown == "free":
        return math.inf, 0.0
    limit = own.buckets.get(separator.join(path))
    maximum = own.max_exposure if len(path) == 1 else None
    if limit is not None and limit.max_exposure is not None:
        maximum = limit.max_exposure
    minimum = limit.min_exposure if limit is not None else None
    return math.inf if maximum is None else maximum, minimum or 0.0
