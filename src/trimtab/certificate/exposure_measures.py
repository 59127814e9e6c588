"""The measures of exposures: the weight of each account in each limited bucket of a scheme."""

from __future__ import annotations

import math
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trimtab.candidates.exposures import NO_EXPOSURES
from trimtab.certificate.certificate import Mask, Vector
from trimtab.certificate.measurements import EPSILON, Matrix, Measurements, Rows
from trimtab.certificate.scheme_parts import SchemeParts, parts_by_scheme, rows_in_scheme, unit_of
from trimtab.limits.exposure_limits import limits_exposures

Marks = NDArray[np.bool_]  # shape (accounts, buckets)


class SchemeRows(NamedTuple):
    """The rows of a scheme in the table of exposures that concern rows of the accounts."""

    row: Rows  # the row of the accounts
    bucket: Rows  # its place in `names`
    fraction: Vector
    names: tuple[str, ...]


def scheme_rows(measures: Measurements, scheme: str) -> SchemeRows:
    """The rows of a scheme, joined to the rows of the accounts by asset, and by account where the table names accounts."""
    table = measures.candidates.exposures or NO_EXPOSURES
    return SchemeRows(*rows_in_scheme(table, scheme).of(_row_units(measures)), tuple(table.bucket.names))


def scheme_measures(measures: Measurements) -> list[SchemeMeasures]:
    """The schemes with limits in force, in order."""
    if not limits_exposures(measures.limits):
        return []
    unit = _row_units(measures)
    schemes = parts_by_scheme(measures.candidates.exposures or NO_EXPOSURES, measures.limits).items()
    return [SchemeMeasures(measures, scheme, parts, unit) for scheme, parts in schemes]


def _row_units(measures: Measurements) -> Rows:
    """The unit of each row of the accounts in the table of exposures."""
    candidates = measures.candidates
    table, asset = candidates.exposures or NO_EXPOSURES, candidates.asset.codes[candidates.order]
    return unit_of(table, candidates.accounts, measures.account, asset, candidates.asset.names)


class SchemeMeasures:
    """One scheme, measured in all accounts: its limited buckets, and how much of each row lies in them.

    An entry is a row of an account in a limited bucket. Matrices have the shape (accounts, buckets).
    """

    def __init__(self, measures: Measurements, scheme: str, parts: SchemeParts, unit: Rows) -> None:
        self.measures, self.scheme = measures, scheme
        self.buckets, self.maximum, self.minimum, self.is_named, entries = parts
        self.row, self.bucket, self.fraction = entries.of(unit)

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
