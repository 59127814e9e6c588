"""The measures of exposures: the fraction of each row in each limited bucket of a scheme, from the table as it came in.

It shares nothing with the kernel's rows of exposures, so a fault in either shows up against the other.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trimtab.bucket_path import UNKNOWN, split_path
from trimtab.certificate.certificate import Mask, Vector
from trimtab.certificate.measurements import EPSILON, Matrix, Measurements, Rows
from trimtab.limits.exposure_limits import SchemeLimits

Marks = NDArray[np.bool_]  # shape (accounts, buckets)
_LACK = 1e-9  # what the fractions of an asset may lack to 1 without being partly Unknown


class SchemeRows(NamedTuple):
    """The rows of a scheme in the table of exposures that concern rows of the accounts."""

    row: Rows  # the row of the accounts
    bucket: Rows  # its place in `names`
    fraction: Vector
    names: tuple[str, ...]


def scheme_rows(measures: Measurements, scheme: str) -> SchemeRows:
    """The rows of a scheme, joined to the rows of the accounts by asset, and by account where the table names accounts."""
    candidates, table = measures.candidates, measures.candidates.exposures
    none = np.zeros(0, np.int64)
    if table is None:
        return SchemeRows(none, none, np.zeros(0), ())
    code_of = {name: code for code, name in enumerate(candidates.asset.names)}
    in_scheme = np.array([name == scheme for name in table.scheme.names], np.bool_)[table.scheme.codes]
    code = np.array([code_of.get(name, -1) for name in table.asset.names], np.int64)[table.asset.codes]
    account, own = np.zeros(len(code), np.int64), np.zeros(len(measures.account), np.int64)
    if table.accounts and candidates.accounts != [None]:
        number_of = {str(name): number for number, name in enumerate(candidates.accounts)}
        account = np.array([number_of.get(str(name), -1) for name in table.accounts], np.int64)[table.account]
        own = measures.account
    rows = np.flatnonzero(in_scheme & (code >= 0) & (account >= 0))
    key = account[rows] * len(candidates.asset.names) + code[rows]
    rows, key = rows[np.argsort(key, kind="stable")], np.sort(key)
    wanted = own * len(candidates.asset.names) + candidates.asset.codes[candidates.order]
    first, stop = np.searchsorted(key, wanted), np.searchsorted(key, wanted, "right")
    count = stop - first
    place = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
    joined = rows[place]
    row = np.repeat(np.arange(len(wanted)), count)
    return SchemeRows(row, table.bucket.codes[joined], table.fraction[joined], tuple(table.bucket.names))


def scheme_measures(measures: Measurements) -> list[SchemeMeasures]:
    """The schemes with limits in force, in order."""
    limits = measures.limits
    if not limits.enforce_exposure_limits:
        return []
    schemes = sorted(limits.exposures.items())
    return [SchemeMeasures(measures, scheme, own, scheme_rows(measures, scheme)) for scheme, own in schemes]


class SchemeMeasures:
    """One scheme, measured in all accounts: its limited buckets, and how much of each row lies in them.

    An entry is a row of an account in a limited bucket. Matrices have the shape (accounts, buckets).
    """

    def __init__(self, measures: Measurements, scheme: str, own: SchemeLimits, table: SchemeRows) -> None:
        self.measures, self.scheme = measures, scheme
        separator = measures.limits.bucket_separator
        row, part_of, fraction, names = _with_unknown(len(measures.account), own.ignore_below, table)
        parts = [split_path(name, separator) for name in names]
        chains = [[path[:depth] for depth in range(1, len(path) + 1)] for path in parts]
        named = {split_path(path, separator) for path in own.buckets}
        limits = {path: limits_at(path, own, separator) for chain in [*chains, list(named)] for path in chain}
        limited = sorted(path for path, (maximum, minimum) in limits.items() if maximum < math.inf or minimum > 0)
        number = {path: index for index, path in enumerate(limited)}
        self.buckets = tuple(separator.join(path) for path in limited)
        self.maximum = np.array([limits[path][0] for path in limited], np.float64)
        self.minimum = np.array([limits[path][1] for path in limited], np.float64)
        self.is_named = np.array([path in named for path in limited], np.bool_)
        above = [[number[path] for path in chain if path in number] for chain in chains]
        self.row, self.bucket, self.fraction = _summed(row, part_of, fraction, above, parts, len(limited))

    def node(self, bucket: int) -> str:
        """The name of a bucket in the certificate."""
        return f"{self.scheme}:{self.buckets[bucket]}"

    @cached_property
    def cell(self) -> Rows:
        """Where each entry counts."""
        return self.measures.account[self.row] * len(self.buckets) + self.bucket

    def sums(self, values: Vector) -> Matrix:
        """The sum of fraction · value over the rows in each bucket, by name."""
        shape = (self.measures.accounts, len(self.buckets))
        sums = np.bincount(self.cell, self.fraction * values[self.row], minlength=shape[0] * shape[1])
        return np.asarray(sums, np.float64).reshape(shape)

    @cached_property
    def weight(self) -> Matrix:
        """The weight that the targets have in each bucket."""
        return self.sums(self.measures.target)

    @cached_property
    def fixed_weight(self) -> Matrix:
        """The weight of fixed rows in each bucket."""
        return self.sums(np.where(self.measures.fixed, self.measures.current, 0.0))

    @cached_property
    def concerns(self) -> Marks:
        """The buckets that an account has a candidate in, and those that the limits name."""
        present: Marks = (self.sums(np.ones(len(self.measures.account))) > 0) | self.is_named
        return present

    @cached_property
    def most(self) -> Matrix:
        """The most that each bucket may weigh: its maximum, or the fixed weight in it if that is more."""
        return np.maximum(self.maximum, self.fixed_weight)

    @cached_property
    def full(self) -> Marks:
        """The buckets that have no room left."""
        full: Marks = self.weight >= self.most - self.measures.sum_tolerance[:, None]
        return full

    @cached_property
    def too_small(self) -> Marks:
        """The buckets that the lower bounds of what was selected may not fit into."""
        measures = self.measures
        lows = np.where(measures.fixed, measures.current, measures.min_weight)
        need = self.sums(np.where(measures.selected, lows, 0.0))
        tight: Marks = need > self.most
        return tight

    @property
    def limits_any(self) -> Mask:
        """The accounts that have anything selected in a limited bucket."""
        selected = self.sums(np.where(self.measures.selected, 1.0, 0.0)) > 0
        return np.asarray(selected.any(axis=1), np.bool_)

    def rows_in(self, buckets: Marks) -> Mask:
        """The rows that lie, if only in part, in a marked bucket of their account."""
        rows = np.zeros(len(self.measures.account), np.bool_)
        rows[self.row[buckets.ravel()[self.cell]]] = True
        return rows

    def buckets_of(self, account: int, buckets: Marks, rows: Mask) -> tuple[str, ...]:
        """The marked buckets of an account that any of these rows lie in, as the certificate names them."""
        mine = rows[self.row] & (self.measures.account[self.row] == account)
        numbers = np.unique(self.bucket[mine])
        return tuple(self.node(int(number)) for number in numbers if buckets[account, number])

    @cached_property
    def room(self) -> Vector:
        """The most weight that each row could have, for what is fixed in its buckets (rules, section 3)."""
        left = self.maximum - self.fixed_weight
        left[left <= EPSILON] = 0.0
        room = np.full(len(self.measures.account), math.inf)
        np.minimum.at(room, self.row, left.ravel()[self.cell] / self.fraction)
        return room


def _with_unknown(rows: int, ignore_below: float, table: SchemeRows) -> tuple[Rows, Rows, Vector, tuple[str, ...]]:
    """The parts of every row: those of the table that count, and what they lack to 1, which is `Unknown`."""
    counts = table.fraction >= ignore_below
    row, bucket, fraction = table.row[counts], table.bucket[counts], table.fraction[counts]
    lack = 1.0 - np.bincount(row, fraction, minlength=rows)
    lacking = np.flatnonzero(lack > _LACK)
    names = (*table.names, UNKNOWN)
    unknown = np.full(len(lacking), len(table.names), np.int64)
    return (
        np.concatenate([row, lacking]),
        np.concatenate([bucket, unknown]),
        np.concatenate([fraction, lack[lacking]]),
        names,
    )


def _summed(
    row: Rows, part_of: Rows, fraction: Vector, above: list[list[int]], parts: list[tuple[str, ...]], buckets: int
) -> tuple[Rows, Rows, Vector]:
    """The entries, sorted by row and bucket: the parts at or below each limited bucket, added in the order of paths."""
    rank = np.empty(len(parts), np.int64)
    rank[sorted(range(len(parts)), key=lambda name: parts[name])] = np.arange(len(parts))
    order = np.lexsort((rank[part_of], row))
    row, part_of, fraction = row[order], part_of[order], fraction[order]
    count = np.array([len(chain) for chain in above], np.int64)
    first = np.concatenate([[0], np.cumsum(count)])[:-1]
    flat = np.array([number for chain in above for number in chain], np.int64)
    times = count[part_of]
    step = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
    keys = np.repeat(row, times) * max(buckets, 1) + flat[np.repeat(first[part_of], times) + step]
    cells, entry = np.unique(keys, return_inverse=True)
    sums = np.bincount(entry, np.repeat(fraction, times), minlength=len(cells))
    return cells // max(buckets, 1), cells % max(buckets, 1), np.asarray(sums, np.float64)


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
