"""What a batch has to do: one pass over the names of accounts and buckets, and the units that follow from it.

A unit is a number of rows with whole accounts, named by where they stand: every run over the same files cuts the same ones,
whatever the number of workers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import polars as pl
import pyarrow as pa

from trimtab.batch.parquet_sources import Source, Sources
from trimtab.blocks.arrow_columns import check_accounts, text_codes
from trimtab.blocks.precheck import starts_of
from trimtab.errors import InputError
from trimtab.kernel.records import Ints

BLOCK_ROWS = 250_000


@dataclass(frozen=True)
class Unit:
    """Rows `first` to `first + rows` of all files, which are so many whole accounts."""

    number: int
    first: int
    rows: int
    accounts: int


@dataclass(frozen=True)
class Survey:
    """Where accounts begin (row numbers, shape (accounts,)), whether one stands in two places, and votes for buckets.

    `names`: how many rows name each value of the column that was counted.
    """

    starts: Ints
    apart: bool
    names: Mapping[str, float]


@dataclass
class _Piece:
    """What is seen in one row group: its accounts one after another, as rows and as hashes of their names."""

    starts: list[Ints] = field(default_factory=list)
    hashes: list[Ints] = field(default_factory=list)
    names: Counter[str] = field(default_factory=Counter)


def survey(sources: Sources, column: str, workers: int) -> Survey:
    """Read the accounts of all rows, and count the values of one column of text.

    Raises
    ------
    InputError
        A row without account, an account without a clean name; a file that cannot be read.
    """
    wanted = tuple(name for name in ("account", column) if name in sources.columns)
    pieces = [
        (source, group, int(start), int(before))
        for source, start in zip(sources.files, sources.starts, strict=False)
        for group, before in enumerate(np.cumsum((0, *source.groups[:-1])))
    ]
    with ThreadPoolExecutor(workers) as pool:
        begun = [pool.submit(_seen, *piece, wanted) for piece in pieces]
        found = [one.result() for one in begun]
    starts, hashes = _joined([one.starts for one in found]), _joined([one.hashes for one in found])
    begins = np.concatenate([[True], hashes[1:] != hashes[:-1]])  # an account may go on in the next row group
    starts, hashes = starts[begins], np.sort(hashes[begins])
    names: Counter[str] = Counter()
    for one in found:
        names.update(one.names)
    # Two names with one hash look like an account in two places: then the rows are sorted in vain, and nothing is wrong.
    return Survey(starts, bool((hashes[1:] == hashes[:-1]).any()), {name: float(names[name]) for name in sorted(names)})


def _joined(parts: list[list[Ints]]) -> Ints:
    return np.concatenate([array for part in parts for array in part])


def _seen(source: Source, group: int, start: int, row: int, wanted: tuple[str, ...]) -> _Piece:
    """One row group, whose first row has `row` rows above it in its file, which has `start` above it."""
    found = _Piece()
    for batch in source.batches([group], wanted):
        table = pa.Table.from_batches([batch])
        codes, column = text_codes(table, "account")
        begin = starts_of(codes)[:-1]
        first = codes[begin]
        try:
            check_accounts(codes, column.dictionary, first, row)
        except InputError as error:
            raise InputError(error.faults, source.path) from None
        found.starts.append(begin + start + row)
        found.hashes.append(_hashes(column.dictionary.take(pa.array(first))))
        row += len(codes)
        for name in wanted[1:]:
            named, values = text_codes(table, name)
            counts = np.bincount(named + 1, minlength=len(values.dictionary) + 1)
            both = zip(["", *values.dictionary.to_pylist()], counts.tolist(), strict=True)
            found.names.update({value: count for value, count in both if count})
    return found


def _hashes(names: pa.Array) -> Ints:
    series = pl.from_arrow(names)
    return series.hash().to_numpy() if isinstance(series, pl.Series) else np.zeros(0, np.uint64)


def units_of(found: Survey, rows: int, block_rows: int = BLOCK_ROWS) -> list[Unit]:
    """Cut all rows into units of at least `block_rows` rows, each ending where an account ends."""
    wanted = np.searchsorted(found.starts, np.arange(0, rows, block_rows))
    at = np.unique(wanted[wanted < len(found.starts)])
    first, accounts = [*found.starts[at].tolist(), rows], [*at.tolist(), len(found.starts)]
    return [
        Unit(number, *both, after - before)
        for number, (both, (before, after)) in enumerate(
            zip(((here, there - here) for here, there in pairwise(first)), pairwise(accounts), strict=True)
        )
    ]
