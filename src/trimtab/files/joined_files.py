"""Scores, holdings and buckets from separate files, joined by asset."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import pyarrow as pa

from trimtab.errors import Fault, InputError, nearest
from trimtab.files.table_files import StrPath, read_table

# ---- three files into one table


@dataclass(frozen=True)
class Joined:
    """Candidates from several files, and what the files do not say about each other.

    `unscored` are the holdings that the scores lack (kept, without a score), `unclassified` the assets that the buckets
    lack (kept, bucket `Unknown`; holdings first), `unused` the assets that only the buckets have (left out).
    """

    table: pa.Table
    unscored: tuple[str, ...]
    unclassified: tuple[str, ...]
    unused: tuple[str, ...]
    source_of: Mapping[str, str]  # column -> file that it came from
    rows_of: Mapping[str, Mapping[str, int]]  # file -> asset -> row in it, from 0

    def located(self, fault: Fault) -> Fault:
        """A fault of the joined table, placed in the file and the row where it can be mended."""
        source = self.source_of.get(fault.column or "")
        if source is None or fault.source is not None:
            return fault
        if fault.row is None:
            return replace(fault, source=source)
        row = self.rows_of[source].get(self.table["asset"][fault.row - 1].as_py())
        return replace(fault, source=source, row=None if row is None else row + 1)


@dataclass(frozen=True)
class _Part:
    """One file of a join: its columns besides `asset`, and the row of each asset."""

    source: str
    columns: dict[str, pa.ChunkedArray]
    rows: dict[str, int]

    def column(self, name: str, assets: Sequence[str]) -> pa.ChunkedArray:
        """A column in the order of these assets, null for an asset that the file lacks."""
        return self.columns[name].take(pa.array([self.rows.get(asset) for asset in assets], pa.int64()))


def join_tables(scores: StrPath, holdings: StrPath, buckets: StrPath | None = None) -> Joined:
    """One account's candidates from two or three files, joined on `asset`.

    The scores have `asset` and `score`, the holdings `asset` and `current_weight`, the buckets `asset` and `bucket`;
    each may have more columns. Rows are the scores' in their order, then the holdings that the scores lack in theirs.
    An asset that is not held has the `current_weight` 0.

    Raises
    ------
    InputError
        What `read_table` refuses; a missing column, a column in two files, an asset without a name or twice in a file.
    """
    scored = _part(scores, "score")
    held = _part(holdings, "current_weight")
    _check_weights(held)
    classified = None if buckets is None else _part(buckets, "bucket")
    parts = [scored, held] if classified is None else [scored, held, classified]
    source_of = _sources(parts)
    unscored = tuple(asset for asset in held.rows if asset not in scored.rows)
    assets = [*scored.rows, *unscored]
    columns = {name: part.column(name, assets) for part in parts for name in part.columns}
    columns["current_weight"] = columns["current_weight"].cast(pa.float64()).fill_null(0.0)
    known = assets if classified is None else classified.rows
    return Joined(
        table=pa.table({"asset": pa.array(assets, pa.string()), **columns}),
        unscored=unscored,
        unclassified=tuple(asset for asset in dict.fromkeys([*held.rows, *assets]) if asset not in known),
        unused=tuple(asset for asset in known if asset not in scored.rows and asset not in held.rows),
        source_of=MappingProxyType({**source_of, "asset": scored.source}),
        rows_of=MappingProxyType({part.source: MappingProxyType(part.rows) for part in parts}),
    )


def _part(path: StrPath, required: str) -> _Part:
    table, source = read_table(path), os.fspath(path)
    faults = [
        Fault("the column is missing", nearest(name, table.column_names), column=name)
        for name in ("asset", required)
        if name not in table.column_names
    ]
    if "account" in table.column_names:
        advice = "join the files of one account, without this column; for many accounts give one table of candidates"
        faults.append(Fault("a join is for one account", advice, column="account"))
    if faults:
        raise InputError(faults, source)
    columns = dict(zip(table.column_names, table.columns, strict=True))
    return _Part(source, columns, _rows(columns.pop("asset").to_pylist(), source))


def _rows(assets: Iterable[object], source: str) -> dict[str, int]:
    """The row of each asset, every one with a name and only once."""
    rows: dict[str, int] = {}
    faults = []
    for row, asset in enumerate(assets):
        if asset is None or not str(asset).strip():
            faults.append(Fault("the asset has no name", "name every asset", column="asset", row=row + 1, value=asset))
        elif not isinstance(asset, str):
            faults.append(Fault("is not text", "convert the column to text", column="asset", row=row + 1, value=asset))
        elif asset in rows:
            problem = f"the asset is in row {rows[asset] + 1} already"
            advice = "give each asset once in a file; sum or drop the rows yourself"
            faults.append(Fault(problem, advice, column="asset", row=row + 1, value=asset))
        else:
            rows[asset] = row
    if faults:
        raise InputError(faults, source)
    return rows


def _check_weights(held: _Part) -> None:
    """Refuse a holding without a weight here, where it cannot yet be mistaken for an asset that is not held."""
    weights = held.columns["current_weight"]
    kinds = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
    if not any(is_kind(weights.type) for is_kind in kinds):
        fault = Fault(f"is not a number but {weights.type}", "convert the column to numbers", column="current_weight")
        raise InputError([fault], held.source)
    faults = [
        Fault("is missing", "write 0 if it is not held", column="current_weight", row=row + 1)
        for row, empty in enumerate(weights.is_null().to_pylist())
        if empty
    ]
    if faults:
        raise InputError(faults, held.source)


def _sources(parts: Sequence[_Part]) -> dict[str, str]:
    """The file that each column comes from, none from two."""
    found: dict[str, str] = {}
    faults = []
    for part in parts:
        for name in part.columns:
            if name in found:
                problem = f"the column is in {found[name]} too"
                faults.append(Fault(problem, "drop it from one of the two", column=name, source=part.source))
            found.setdefault(name, part.source)
    if faults:
        raise InputError(faults)
    return found
