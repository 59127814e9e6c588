"""Files in: CSV, Excel, Parquet or Arrow -> one table for `trimtab.candidates.read.read`.

A file is read whole, its suffix is compared with its first bytes, and every fault is reported with file,
row, column, value and what to do. Nothing is guessed: no other separator, no decimal comma.
"""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from trimtab.errors import Fault, InputError
from trimtab.files.csv_file import MOST_CHARACTERS, check_names, read_csv
from trimtab.files.excel_file import read_excel

StrPath = str | os.PathLike[str]
STDIN = "-"
_SUFFIXES = {
    ".csv": "CSV",
    ".xlsx": "Excel",
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
    b"\x1f\x8b": "gzip",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}


def read_table(path: StrPath, *, may_be_empty: bool = False) -> pa.Table:
    """The table in a file: `.csv`, `.xlsx` (extra `excel`), `.parquet` / `.pq`, or `.arrow` / `.feather` / `.ipc` (file or stream format).

    `-` is standard input, in any of these formats. A table without rows is refused unless it `may_be_empty`.

    CSV is UTF-8 with or without a byte order mark, separated by commas, with a header. Its columns of numbers (`score`,
    `current_weight`, ...) become float64 (12% becomes 0.12), all others stay
    text; an empty cell is null, an empty line is skipped.

    Raises
    ------
    InputError
        A file that cannot be read or is not what its suffix says; every bad row and cell of a CSV file.
    """
    source = source_of(path)
    data = sys.stdin.buffer.read() if os.fspath(path) == STDIN else _bytes(source)
    if not data:
        raise InputError([Fault("is empty", "give a file with a header and at least one row of data")], source)
    kind = _kind_of_stdin(data) if os.fspath(path) == STDIN else _kind(source, data)
    table = _READERS[kind](data, source)
    check_names(table.column_names, source)
    if table.num_rows == 0 and not may_be_empty:
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
        near = _near_file(path)
        advice = f"did you mean {near!r}?" if near else "check the path"
        raise InputError([Fault("there is no such file", advice)], source) from None
    except PermissionError:
        fault = Fault("may not be read (permission denied)", "ask for the right to read it")
        raise InputError([fault], source) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        raise InputError([Fault(f"cannot be read ({error})", "check the path")], source) from None
    return data


def _near_file(path: Path) -> str | None:
    """The table in the same folder with the nearest name; None if none is near."""
    if not path.parent.is_dir():
        return None
    names = sorted(file.name for file in path.parent.iterdir() if file.suffix.casefold() in _SUFFIXES)
    near = difflib.get_close_matches(path.name, names, n=1, cutoff=0.7)
    return str(path.with_name(near[0])) if near else None


def source_of(path: StrPath) -> str:
    """The name of a file in errors."""
    return "stdin" if os.fspath(path) == STDIN else os.fspath(path)


def _kind_of_stdin(data: bytes) -> str:
    """The kind by the first bytes; text is CSV."""
    held = _held(data)
    if held is not None and held not in _READERS:
        raise InputError([Fault(f"holds {held}", "send CSV (UTF-8), Parquet or Arrow")], "stdin")
    return held or "CSV"


def _held(data: bytes) -> str | None:
    """The kind of file by its first bytes, None for text."""
    if data.startswith(b"PK\x03\x04"):  # a workbook is a zip archive with a folder xl
        return "Excel" if b"xl/" in data else "a zip archive"
    return next((kind for signature, kind in _SIGNATURES.items() if data.startswith(signature)), None)


def _kind(source: str, data: bytes) -> str:
    """CSV, Parquet or Arrow: by the suffix, if the content agrees."""
    suffix = Path(source).suffix
    named = _SUFFIXES.get(suffix.casefold())
    if named is None:
        problem = f"the suffix {suffix!r} is unknown" if suffix else "the name has no suffix"
        raise InputError([Fault(problem, f"save it as one of {', '.join(_SUFFIXES)}")], source)
    held = _held(data)
    if held in _SUFFIXES.values() and held != named:
        suffixes = " or ".join(known for known, kind in _SUFFIXES.items() if kind == held)
        raise InputError([Fault(f"is named like {named} but holds {held}", f"give it the suffix {suffixes}")], source)
    if held != named and (held is not None or named != "CSV"):
        problem = f"is named like {named} but " + (f"holds {held}" if held else f"does not begin like {named}")
        raise InputError([Fault(problem, "save it again, as CSV (UTF-8), Parquet or Arrow")], source)
    return named


def _read_parquet(data: bytes, source: str) -> pa.Table:
    import pyarrow.parquet  # late: it loads slowly, and only this needs it

    def read() -> pa.Table:
        schema = pyarrow.parquet.read_schema(pa.BufferReader(data))
        kinds = (pa.string(), pa.large_string())
        texts = [field.name for field in schema if field.type in kinds]
        # Each name once: a file of a few bytes can repeat a name of megabytes in every row.
        return pyarrow.parquet.ParquetFile(pa.BufferReader(data), read_dictionary=texts).read()

    table = _decoded(read, "Parquet", source)
    return _decoded(lambda: table.cast(pyarrow.parquet.read_schema(pa.BufferReader(data))), "Parquet", source)


def _read_arrow(data: bytes, source: str) -> pa.Table:
    opened = pa.ipc.open_file if data.startswith(b"ARROW1") else pa.ipc.open_stream
    return _decoded(lambda: opened(pa.BufferReader(data)).read_all(), "Arrow", source)


def _check_lengths(table: pa.Table, source: str) -> None:
    """Refuse text as long as a document, as CSV does: the table would take far more memory than the file."""
    import pyarrow.compute as pc

    for name, column in zip(table.column_names, table.columns, strict=True):
        for chunk in column.chunks:
            names = chunk.dictionary if pa.types.is_dictionary(chunk.type) else chunk
            if not (pa.types.is_string(names.type) or pa.types.is_large_string(names.type)):
                continue
            longest = pc.max(pc.utf8_length(names)).as_py()
            if longest is not None and longest > MOST_CHARACTERS:
                problem = f"a cell has {longest:,} characters, more than {MOST_CHARACTERS:,}"
                raise InputError([Fault(problem, "shorten it, or drop the column", column=name)], source)


def _decoded(read: Callable[[], pa.Table], kind: str, source: str) -> pa.Table:
    """The table from `read`, checked to its last value: a damaged file must not pass as numbers."""
    try:
        table = read()
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        fault = Fault(f"is damaged or truncated ({reason})", f"write the {kind} file again")
        raise InputError([fault], source) from None
    _check_lengths(table, source)
    return table


_READERS: dict[str, Callable[[bytes, str], pa.Table]] = {
    "CSV": read_csv,
    "Excel": read_excel,
    "Parquet": _read_parquet,
    "Arrow": _read_arrow,
}
