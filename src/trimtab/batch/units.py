"""The work of a batch: one pass over the names of accounts and buckets, and the units that follow from it.

A unit is a range of rows with whole accounts. Every run over the same files cuts the same units, whatever the number of
workers.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import polars as pl
import pyarrow as pa

from trimtab.batch.parquet_sources import Source, Sources
from trimtab.blocks.arrow_columns import check_account_names, number_column, text_codes
from trimtab.blocks.precheck import starts_of
from trimtab.errors import InputError
from trimtab.kernel.records import Ints

BLOCK_ROWS = 250_000


@dataclass(frozen=True)
class Unit:
    """Rows `first` to `first + rows` of all files: whole accounts."""

    number: int
    first: int
    rows: int
    accounts: int


@dataclass(frozen=True)
class Survey:
    """Where accounts begin (row numbers, shape (accounts,)), and whether one is in two places.

    `names`: how many rows name each value of the column that was counted.
    """

    starts: Ints
    apart: bool
    names: Mapping[str, float]


@dataclass
class _Piece:
    """The accounts of one row group, as first rows and as hashes of their names, and the values that were counted."""

    starts: list[Ints] = field(default_factory=list)
    hashes: list[Ints] = field(default_factory=list)
    names: Counter[str] = field(default_factory=Counter)


def survey(sources: Sources, workers: int, *, holdings: bool = False) -> Survey:
    """Find the accounts of all rows, and count how many rows name each bucket; of `holdings`, each asset that is held.

    Raises
    ------
    InputError
        A row without account, an account without a clean name; a file that cannot be read.
    """
    columns = ("account", "asset", "current_weight") if holdings else ("account", "bucket")
    wanted = tuple(name for name in columns if name in sources.columns)
    with ThreadPoolExecutor(workers) as pool:
        begun = [
            pool.submit(_seen, source, group, int(start), int(before), wanted)
            for source, start in zip(sources.files, sources.starts, strict=False)
            for group, before in enumerate(np.cumsum((0, *source.groups[:-1])))
        ]
        pieces = [future.result() for future in begun]
    starts = np.concatenate([array for piece in pieces for array in piece.starts])
    hashes = np.concatenate([array for piece in pieces for array in piece.hashes])
    begins = np.concatenate([[True], hashes[1:] != hashes[:-1]])  # an account may go on in the next row group
    starts, hashes = starts[begins], np.sort(hashes[begins])
    names: Counter[str] = Counter()
    for piece in pieces:
        names.update(piece.names)
    # Two names with the same hash look like an account in two places: then the rows are sorted needlessly, which is harmless.
    return Survey(starts, bool((hashes[1:] == hashes[:-1]).any()), {name: float(names[name]) for name in sorted(names)})


def _seen(source: Source, group: int, start: int, row: int, wanted: tuple[str, ...]) -> _Piece:
    """One row group; `row` rows come before it in its file, and `start` rows before that file."""
    piece = _Piece()
    for batch in source.batches([group], wanted):
        table = pa.Table.from_batches([batch])
        codes, column = text_codes(table, "account")
        begin = starts_of(codes)[:-1]
        first = codes[begin]
        try:
            check_account_names(codes, column.dictionary, first, row)
        except InputError as error:
            raise InputError(error.faults, source.path) from None
        piece.starts.append(begin + start + row)
        piece.hashes.append(pl.Series(column.dictionary.take(pa.array(first))).hash().to_numpy())
        row += len(codes)
        if len(wanted) > 1:
            piece.names.update(_counts(table, *wanted[1:]))
    return piece


def _counts(table: pa.Table, name: str, weight: str | None = None) -> Mapping[str, int]:
    """How many rows have each value of a column of text; of a weight, only rows where it is not 0."""
    codes, values = text_codes(table, name)
    if weight is not None:
        codes = codes[number_column(table, weight, math.nan) != 0.0]
    counts = np.bincount(codes + 1, minlength=len(values.dictionary) + 1).tolist()
    return {value: count for value, count in zip(["", *values.dictionary.to_pylist()], counts, strict=True) if count}


def units_of(surveyed: Survey, rows: int, block_rows: int = BLOCK_ROWS) -> list[Unit]:
    """Cut all rows into units of at least `block_rows` rows, each ending where an account ends."""
    cuts = np.searchsorted(surveyed.starts, np.arange(0, rows, block_rows))
    cuts = np.unique(cuts[cuts < len(surveyed.starts)])
    begins = [*surveyed.starts[cuts].tolist(), rows]
    counts = np.diff([*cuts.tolist(), len(surveyed.starts)]).tolist()
    spans = zip(pairwise(begins), counts, strict=True)
    return [Unit(number, begin, end - begin, count) for number, ((begin, end), count) in enumerate(spans)]
