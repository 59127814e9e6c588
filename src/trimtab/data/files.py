"""Files in: CSV, Parquet or Arrow -> one table that `trimtab.candidates.read` accepts.

A file is read whole, its suffix is held against its first bytes, and everything that is wrong in it is said with file,
row, column, value and what to do. Nothing is guessed: no other separator, no decimal comma, no percent.
"""

from __future__ import annotations

import csv
import io
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import pyarrow as pa

from trimtab.columns import NUMBERS
from trimtab.errors import Fault, InputError, nearest

StrPath = str | os.PathLike[str]

MOST_CHARACTERS = 10_000
_BOM = b"\xef\xbb\xbf"
_SUFFIXES = {
    ".csv": "CSV",
    ".parquet": "Parquet",
    ".pq": "Parquet",
    ".arrow": "Arrow",
    ".feather": "Arrow",
    ".ipc": "Arrow",
}
_SIGNATURES = {
    b"PAR1": "Parquet",
    b"ARROW1": "Arrow",
    b"\xff\xff\xff\xff": "Arrow",  # the stream format
    b"FEA1": "Feather version 1",
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\x1f\x8b": "gzip",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII).fullmatch
_NOT_NUMBERS = tuple(
    (re.compile(pattern, re.ASCII | re.IGNORECASE).fullmatch, problem, advice)
    for pattern, problem, advice in (
        (r".*\d\s*%", "is a percent", "write a fraction without the sign: 0.12, not 12%"),
        (r"[+-]?(0|\d*),\d*", "has a comma", "write a decimal point (0.5, not 0,5) and no thousands separators"),
        (r"[+-]?\d{1,3}([ ',_.\u00a0\u2019\u202f]\d{3})+([.,]\d*)?", "has thousands separators", "write 1234.5"),
        (r"[+-]?nan|n/?a|null|none|-+", "is not a number", "leave the cell empty if there is none, or write 0"),
        (r"[+-]?inf(inity)?", "is infinite", "write a finite number"),
    )
)


def read_table(path: StrPath) -> pa.Table:
    """The table in a file: `.csv`, `.parquet` / `.pq`, or `.arrow` / `.feather` / `.ipc` (file or stream format).

    CSV is UTF-8 with or without a byte order mark, separated by commas, with a header. Its columns of numbers (`score`,
    `current_weight`, ...) become float64, all others stay text; an empty cell is null, an empty line is no row.

    Raises
    ------
    InputError
        A file that cannot be read or is not what its suffix says; every bad row and cell of a CSV file.
    """
    source = os.fspath(path)
    data = _bytes(source)
    kind = _kind(source, data)
    table = _READERS[kind](data, source)
    _check_names(table.column_names, source)
    if table.num_rows == 0:
        raise InputError([Fault("has no rows", "give a file with at least one row of data")], source)
    return table


def _bytes(source: str) -> bytes:
    path = Path(source)
    try:
        if path.is_dir():
            raise InputError([Fault("is a folder", "name a file in it")], source)
        if path.exists() and not path.is_file():
            raise InputError([Fault("is a device or a pipe", "save its content in a file first")], source)
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError([Fault("there is no such file", "check the path")], source) from None
    except PermissionError:
        fault = Fault("may not be read (permission denied)", "ask for the right to read it")
        raise InputError([fault], source) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        raise InputError([Fault(f"cannot be read ({error})", "check the path")], source) from None
    if not data:
        raise InputError([Fault("is empty", "give a file with a header and at least one row of data")], source)
    return data


def _kind(source: str, data: bytes) -> str:
    """CSV, Parquet or Arrow: what the suffix says, if the content agrees."""
    suffix = Path(source).suffix
    named = _SUFFIXES.get(suffix.casefold())
    if named is None:
        problem = f"the suffix {suffix!r} is not known" if suffix else "the name has no suffix"
        raise InputError([Fault(problem, f"save it as one of {', '.join(_SUFFIXES)}")], source)
    held = next((kind for signature, kind in _SIGNATURES.items() if data.startswith(signature)), None)
    if held in _SUFFIXES.values() and held != named:
        suffixes = " or ".join(known for known, kind in _SUFFIXES.items() if kind == held)
        raise InputError([Fault(f"is named like {named} but holds {held}", f"give it the suffix {suffixes}")], source)
    if held != named and (held is not None or named != "CSV"):
        problem = f"is named like {named} but " + (f"holds {held}" if held else f"does not begin like {named}")
        raise InputError([Fault(problem, "save it anew, as CSV (UTF-8), Parquet or Arrow")], source)
    return named


def _check_names(names: Sequence[str], source: str, line: int | None = None) -> None:
    """Refuse a column without a name, and two of one name."""
    faults = []
    for at, name in enumerate(names):
        if not name.strip():
            faults.append(Fault(f"column {at + 1} has no name", "name it or drop it", line=line))
        elif name in names[:at]:
            faults.append(Fault("stands twice in the header", "rename or drop one of the two", column=name, line=line))
    if faults:
        raise InputError(faults, source)


# ---- Parquet and Arrow


def _read_parquet(data: bytes, source: str) -> pa.Table:
    import pyarrow.parquet  # late: it loads slowly, and only this needs it

    return _decoded(lambda: pyarrow.parquet.ParquetFile(pa.BufferReader(data)).read(), "Parquet", source)


def _read_arrow(data: bytes, source: str) -> pa.Table:
    opened = pa.ipc.open_file if data.startswith(b"ARROW1") else pa.ipc.open_stream
    return _decoded(lambda: opened(pa.BufferReader(data)).read_all(), "Arrow", source)


def _decoded(read: Callable[[], pa.Table], kind: str, source: str) -> pa.Table:
    """What `read` gives, checked to its last value: a damaged file must not come in as numbers."""
    try:
        table = read()
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise InputError([Fault(f"is damaged or cut off ({reason})", f"write the {kind} file anew")], source) from None
    return table


# ---- CSV


@dataclass(frozen=True)
class _Sheet:
    """The cells of a CSV file by column, and the line at which each row begins."""

    header: list[str]
    columns: list[list[str]]
    lines: list[int]


def _read_csv(data: bytes, source: str) -> pa.Table:
    _check_text(data, source)
    sheet = _sheet(data.removeprefix(_BOM), source)
    faults: list[Fault] = []
    arrays = [_column(name, cells, sheet, faults) for name, cells in zip(sheet.header, sheet.columns, strict=True)]
    if faults:
        raise InputError(sorted(faults, key=lambda fault: fault.row or 0), source)
    return pa.table(arrays, names=sheet.header)


def _check_text(data: bytes, source: str) -> None:
    """Refuse what is not UTF-8 text, with the place of the first byte that is not."""
    at, what = data.find(b"\0"), "a NUL byte"
    if at < 0:
        try:
            data.decode()
            return
        except UnicodeDecodeError as error:
            at, what = error.start, f"a byte that is not UTF-8, {data[error.start : error.start + 1]!r}"
    line = data.count(b"\n", 0, at) + 1
    raise InputError([Fault(f"is not a text file: {what} at byte {at}", "save it as CSV in UTF-8", line=line)], source)


def _sheet(data: bytes, source: str) -> _Sheet:
    records = _records(data, source)
    line, header = next(records, (0, []))
    _check_header(header, line, source)
    sheet = _Sheet(header, [[] for _ in header], [])
    faults: list[Fault] = []
    for line, cells in records:
        sheet.lines.append(line)
        if len(cells) == len(header):
            for column, cell in zip(sheet.columns, cells, strict=True):
                column.append(cell)
        else:
            problem = f"the row has {len(cells)} cells and the header {len(header)}"
            advice = "give every row all cells, text with commas in quotes, and decimal points, not commas"
            faults.append(Fault(problem, advice, row=len(sheet.lines), line=line))
    if faults:
        raise InputError(faults, source)
    return sheet


def _records(data: bytes, source: str) -> Iterator[tuple[int, list[str]]]:
    """The header and the rows, each with the line at which it begins; empty lines are left out."""
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(data), "utf-8", newline=""), strict=True)
    line, row = 1, 0
    try:
        for cells in reader:
            if cells:
                yield line, cells
                row += 1
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError([_quote_fault(error, row, line)], source) from None


def _quote_fault(error: csv.Error, row: int, line: int) -> Fault:
    """What the reader refused in the record that begins at `line`; record 0 is the header."""
    if "field limit" in str(error):
        problem, advice = "a cell is far too long", "shorten it, or close the quote that opens it"
    else:
        problem = f"a quote is not closed, or closes too early ({error})"
        advice = 'close every quote, and write a quote inside quotes twice ("")'
    return Fault(problem, advice, row=row or None, line=line)


def _check_header(header: list[str], line: int, source: str) -> None:
    """A header of good names, separated by commas."""
    if not header:
        raise InputError([Fault("is empty", "give a file with a header and at least one row of data")], source)
    for separator, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if len(header) == 1 and separator in header[0]:
            advice = "separate by commas, with decimal points"
            raise InputError([Fault(f"is separated by {name}", advice, line=line, value=separator)], source)
    _check_names(header, source, line)


def _column(name: str, cells: Sequence[str], sheet: _Sheet, faults: list[Fault]) -> pa.Array:
    """One column as Arrow; what is wrong in it is added to `faults`."""

    def add(row: int, problem: str, advice: str) -> None:
        faults.append(Fault(problem, advice, column=name, row=row + 1, line=sheet.lines[row], value=cells[row]))

    if cells and max(map(len, cells)) > MOST_CHARACTERS:
        for row, cell in enumerate(cells):
            if len(cell) > MOST_CHARACTERS:
                add(row, f"the cell is longer than {MOST_CHARACTERS} characters", "shorten it, or close its quote")
        return pa.nulls(len(cells))
    if name not in NUMBERS:
        return pa.array([cell or None for cell in cells], pa.string())
    numbers: list[float | None] = []
    for row, cell in enumerate(cells):
        bare = cell.strip()
        number = float(bare) if _NUMBER(bare) else None
        if number is None and bare:
            add(row, *_why_no_number(bare))
        elif number is not None and math.isinf(number):
            add(row, "is too large", "write a number of a usable size")
        numbers.append(number)
    return pa.array(numbers, pa.float64())


def _why_no_number(cell: str) -> tuple[str, str]:
    """The problem with a cell that should be a number, and the advice."""
    for matches, problem, advice in _NOT_NUMBERS:
        if matches(cell):
            return problem, advice
    return "is not a number", "write a number such as 0.25, or leave the cell empty"


_READERS: dict[str, Callable[[bytes, str], pa.Table]] = {
    "CSV": _read_csv,
    "Parquet": _read_parquet,
    "Arrow": _read_arrow,
}


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
            problem = f"the asset stands in row {rows[asset] + 1} already"
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
