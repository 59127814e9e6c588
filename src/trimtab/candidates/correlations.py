"""Correlations between assets: from a table, checked, to a symmetric matrix; and the pairs that are too correlated.

Unknown correlations are NaN. An unknown pair counts as above every limit (rules, section 4).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from trimtab.candidates.arrow_values import numbers_of, text_of
from trimtab.candidates.equality import compared_by_value
from trimtab.candidates.user_table import columns_of
from trimtab.errors import Fault, InputError, nearest
from trimtab.kernel.records import NO_PARTNERS, Floats, Ints
from trimtab.text import counted

LONG = ("asset", "other", "correlation")
# How far a computed correlation may leave [-1, 1], or differ from that of the same pair the other way round.
PLAY = 1e-9
_PAIRS_AT_ONCE = 4_000_000
_SOURCE = "the correlations"


@compared_by_value
@dataclass(frozen=True, eq=False)
class Correlations:
    """Correlations of assets: `values` has shape (names, names), is symmetric, 1 on the diagonal, NaN where not known.

    Examples
    --------
    >>> known = correlations_of([{"asset": "AAA", "other": "BBB", "correlation": 0.8}])
    >>> known.names, known.of("AAA", "BBB"), known.of("AAA", "CCC")
    (('AAA', 'BBB'), 0.8, None)
    """

    names: tuple[str, ...]
    values: Floats

    def __repr__(self) -> str:
        return f"<Correlations of {counted(len(self.names), 'asset')}, {self.digest[:12]}>"

    @cached_property
    def place_of(self) -> dict[str, int]:
        """The position of each asset."""
        return {name: index for index, name in enumerate(self.names)}

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of names and values: the same for the same pairs, however they came in."""
        hashed = hashlib.sha256("\n".join(self.names).encode())
        hashed.update(np.where(np.isnan(self.values), math.nan, self.values).tobytes())
        return hashed.hexdigest()

    def places(self, names: Iterable[str]) -> Ints:
        """The positions of assets, -1 for unknown ones."""
        return np.array([self.place_of.get(name, -1) for name in names], np.int64)

    def between(self, first: Ints, other: Ints) -> Floats:
        """The correlations of pairs of places, NaN where one of them is -1. All have the same shape."""
        known = (first >= 0) & (other >= 0)
        if not len(self.names):
            return np.full(known.shape, math.nan)
        return np.where(known, self.values[first, other], math.nan)

    def of(self, first: str, other: str) -> float | None:
        """The correlation of two assets, None where it is unknown."""
        value = float(self.between(self.places([first]), self.places([other]))[0])
        return None if math.isnan(value) else value


def correlations_of(table: Any) -> Correlations:
    """The correlations in a table: square, or one row a pair; `Correlations` pass through unchanged.

    Square: a column for each asset, and the column `asset` that names the rows (in pandas the index will do), such as
    `returns.corr()`. Long: the columns `asset`, `other` and `correlation`; a pair may appear once or both ways round.
    Null and NaN are "not known"; a correlation may exceed 1, or differ from the one the other way round, by 1e-9: it is
    cut to 1, and the larger of the two counts.

    Raises
    ------
    InputError
        No such table, an asset twice or without a name, a number outside [-1, 1], two values for one pair, an asset whose
        correlation with itself is not 1.
    """
    if isinstance(table, Correlations):
        return table
    try:
        columns, count = columns_of(table, LONG)
        return _from_columns(table, columns, count)
    except InputError as error:
        raise InputError(error.faults, _SOURCE) from None


def _from_columns(table: Any, columns: dict[str, Any], count: int) -> Correlations:
    if count == 0:
        raise InputError([Fault("the table of correlations is empty", "give a table with at least one row")])
    return _from_pairs(columns, count) if set(LONG) <= columns.keys() else _from_square(table, columns, count)


def _from_pairs(columns: dict[str, Any], count: int) -> Correlations:
    unknown = [name for name in columns if name not in LONG]
    if unknown:
        raise InputError([Fault("the column is unknown", f"keep {', '.join(LONG)}", column=unknown[0])])
    ends = [_named(text_of(columns[name], name, count).values(), name) for name in LONG[:2]]
    numbers = numbers_of(columns["correlation"], "correlation", count, math.nan)
    _refuse_outside(numbers, "correlation")
    names = sorted({*ends[0], *ends[1]})
    place = {name: index for index, name in enumerate(names)}
    first, second = (np.array([place[name] for name in end], np.int64) for end in ends)
    _refuse_twice(first * len(names) + second, ends)
    values = np.full((len(names), len(names)), math.nan)
    values[first, second] = numbers
    row_of = {(int(pair), int(other)): row for row, (pair, other) in enumerate(zip(first, second, strict=True))}
    return _sound(names, values, lambda first, other: {"row": row_of[first, other] + 1, "column": "correlation"})


def _refuse_twice(pairs: Ints, ends: Sequence[list[str]]) -> None:
    _, where = np.unique(pairs, return_index=True)
    again = np.setdiff1d(np.arange(len(pairs)), where)
    if len(again):
        row = int(again[0])
        before = int(np.argmax(pairs == pairs[row])) + 1
        problem = f"the pair {ends[0][row]!r} and {ends[1][row]!r} is in row {before} already"
        raise InputError([Fault(problem, "give each pair once, or once each way round", row=row + 1)])


def _from_square(table: Any, columns: dict[str, Any], count: int) -> Correlations:
    names = _row_names(table, columns, count)
    others = [name for name in columns if name != "asset"]
    for missing, what in ((set(others) - set(names), "row"), (set(names) - set(others), "column")):
        if missing:
            name = min(missing)
            advice = f"the rows and the columns of a square table name the same assets; or give {', '.join(LONG)}"
            raise InputError([Fault(f"the asset {name!r} has no {what}", advice)])
    values = np.empty((count, count))
    for name in others:
        values[:, names.index(name)] = numbers = numbers_of(columns[name], name, count, math.nan)
        _refuse_outside(numbers, name)
    order = sorted(range(count), key=names.__getitem__)
    sound = [names[index] for index in order]
    return _sound(
        sound, values[np.ix_(order, order)], lambda first, other: {"row": order[first] + 1, "column": sound[other]}
    )


def _row_names(table: Any, columns: dict[str, Any], count: int) -> list[str]:
    if "asset" in columns:
        names = _named(text_of(columns["asset"], "asset", count).values(), "asset")
    elif not isinstance(table, list) and nw.from_native(table, eager_only=True).implementation.is_pandas():
        names = _named(list(table.index), "the index")
    else:
        advice = f"name the rows of a square table in a column 'asset', or give {', '.join(LONG)}"
        raise InputError([Fault("the column is missing", f"{advice}; {nearest('asset', columns)}", column="asset")])
    for row, name in enumerate(names):
        if name in names[:row]:
            problem = f"the asset is in row {names.index(name) + 1} already"
            raise InputError([Fault(problem, "give each asset once", row=row + 1, column="asset", value=name)])
    return names


def _named(values: list[Any], column: str) -> list[str]:
    for row, name in enumerate(values):
        if not isinstance(name, str) or not name.strip() or name != name.strip():
            problem = "is not the name of an asset"
            advice = "write the name as the candidates have it, without spaces around it"
            raise InputError([Fault(problem, advice, row=row + 1, column=column, value=name)])
    return values


def _refuse_outside(numbers: Floats, column: str) -> None:
    wrong = np.flatnonzero(np.abs(numbers) > 1 + PLAY)
    if len(wrong):
        row = int(wrong[0])
        advice = "give correlations, not covariances or percents; leave it empty if it is unknown"
        fault = Fault("is outside -1 to 1", advice, column=column, row=row + 1, value=float(numbers[row]))
        raise InputError([fault])


def _sound(names: Sequence[str], values: Floats, place: Any) -> Correlations:
    """Correlations of a matrix that is symmetric and has 1 on its diagonal, where it has anything."""
    itself = np.flatnonzero(np.abs(np.diagonal(values) - 1.0) > PLAY)
    if len(itself):
        index = int(itself[0])
        fault = Fault(f"the correlation of {names[index]!r} with itself is not 1", "give correlations, not covariances")
        raise InputError([replace(fault, value=float(values[index, index]), **place(index, index))])
    uneven = np.argwhere(np.abs(values - values.T) > PLAY)
    if len(uneven):
        first, other = (int(index) for index in uneven[0])
        problem = f"{names[first]!r} and {names[other]!r} have two correlations, {values[first, other]:g} and {values[other, first]:g}"
        raise InputError([replace(Fault(problem, "give one, or the same both ways round"), **place(first, other))])
    values = np.clip(np.fmax(values, values.T), -1.0, 1.0)
    np.fill_diagonal(values, 1.0)
    return Correlations(tuple(names), values)


def partners_of(correlations: Correlations, limit: float, asset: Ints, bucket: Ints, start: Ints) -> tuple[Ints, Ints]:
    """The pairs that are too correlated, in the kernel's form (`NO_PARTNERS`); and where each account's part starts.

    `asset` and `bucket` have shape (rows,): the places of the rows' assets in the correlations, and their buckets;
    account i has the rows start[i] : start[i + 1].
    """
    parts: list[Ints] = [NO_PARTNERS]
    sizes = np.zeros(len(start), np.int64)
    for begin, end in _chunks(np.diff(start) ** 2):
        first, second = _pairs(bucket, start[begin : end + 1])
        above = ~(correlations.between(asset[first], asset[second]) <= limit)  # NaN is unknown, and so above
        first, second = first[above], second[above]
        for account in range(begin, end):
            low, high = np.searchsorted(first, start[account : account + 2])
            rows = int(start[account + 1] - start[account])
            many = np.bincount(first[low:high] - start[account], minlength=rows)
            parts += [rows + 1 + np.concatenate(([0], np.cumsum(many))), second[low:high] - start[account]]
            sizes[account + 1] = rows + 1 + high - low
    return np.concatenate(parts), np.cumsum(sizes)


def _chunks(pairs: Ints) -> Iterable[tuple[int, int]]:
    """Accounts in ranges with not too many pairs each."""
    begin, counted = 0, 0
    for index, count in enumerate(pairs.tolist()):
        if counted and counted + count > _PAIRS_AT_ONCE:
            yield begin, index
            begin, counted = index, 0
        counted += count
    yield begin, len(pairs)


def _pairs(bucket: Ints, start: Ints) -> tuple[Ints, Ints]:
    """All ordered pairs of different rows of one bucket of one account; by the first row, then by the second."""
    rows = np.arange(start[0], start[-1])
    account = np.repeat(np.arange(len(start) - 1), np.diff(start))
    group = np.unique(account * (int(bucket.max(initial=0)) + 1) + bucket[rows], return_inverse=True)[1]
    ranked = rows[np.argsort(group, kind="stable")]
    size = np.bincount(group, minlength=1)
    of_row = size[group]
    first = np.repeat(rows, of_row)
    inside = np.arange(len(first)) - np.repeat(np.cumsum(of_row) - of_row, of_row)
    second = ranked[np.repeat((np.cumsum(size) - size)[group], of_row) + inside]
    apart = first != second
    return first[apart], second[apart]
