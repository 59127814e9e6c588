"""The input of a batch: Parquet files, folders and globs, local or in an object store, checked before they are read.

A place is a path, or a URI that `pyarrow.fs` knows (`s3://`, `gs://`, `abfs://`, `hdfs://`, `file://`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from trimtab.blocks.arrow_columns import COLUMNS, value_type
from trimtab.candidates.arrow_values import is_text
from trimtab.candidates.user_table import repeated
from trimtab.errors import Fault, InputError
from trimtab.kernel.records import Ints

_CHUNK = 1 << 22  # bytes
_BATCH = 1 << 17  # rows


@dataclass(frozen=True)
class Source:
    """A Parquet file: where it is, the rows of each of its row groups, its columns, its size and age."""

    path: str
    groups: tuple[int, ...]
    schema: pa.Schema
    stamp: tuple[int, int]

    @property
    def name(self) -> str:
        """The name without folders."""
        return PurePosixPath(self.path).name

    @property
    def rows(self) -> int:
        """The number of rows."""
        return sum(self.groups)

    @property
    def described(self) -> dict[str, Any]:
        """Its part in the identity of a batch."""
        return {"name": self.name, "rows": self.rows, "sha256": self.digest()}

    def batches(self, groups: Sequence[int], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows of some row groups in order, a limited number at a time, however large the row group.

        Raises
        ------
        InputError
            The file cannot be read, or is damaged.
        """
        file = _parquet(self.path, [name for name in columns if is_text(value_type(self.schema.field(name).type))])
        with reading(self.path):
            yield from file.iter_batches(_BATCH, row_groups=list(groups), columns=list(columns))

    def digest(self) -> str:
        """The SHA-256 of the file.

        Raises
        ------
        InputError
            It cannot be read.
        """
        digest = hashlib.sha256()
        with reading(self.path), _stream(self.path) as stream:
            while chunk := stream.read_buffer(_CHUNK):
                digest.update(chunk)
        return digest.hexdigest()


@dataclass(frozen=True)
class Sources:
    """The files of a batch in order, and those of their columns that are read. Rows are counted through all files."""

    files: tuple[Source, ...]
    columns: tuple[str, ...]

    @cached_property
    def starts(self) -> Ints:
        """The row at which each file begins, and the number of all rows."""
        return np.concatenate([[0], np.cumsum([file.rows for file in self.files])]).astype(np.int64)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(self.starts[-1])

    @property
    def schema(self) -> pa.Schema:
        """The columns that are read."""
        known = self.files[0].schema
        return pa.schema([known.field(name) for name in self.columns])

    def check_unchanged(self) -> None:
        """Refuse files that changed since they were opened: the hashed bytes may not be the decided ones.

        Raises
        ------
        InputError
            For the first one.
        """
        for file in self.files:
            if _stamp(file.path) != file.stamp:
                advice = "let nothing write to it, remove .unpublished in --out, and run again"
                raise InputError([Fault("was changed while the batch was running", advice)], file.path)

    @property
    def plain_schema(self) -> pa.Schema:
        """The same without dictionaries."""
        kinds = {field.name: value_type(field.type) for field in self.schema}
        return pa.schema([(name, pa.string() if is_text(kind) else kind) for name, kind in kinds.items()])

    def all_batches(self) -> Iterator[pa.RecordBatch]:
        """The rows of all files, with text instead of dictionaries.

        Raises
        ------
        InputError
            A file cannot be read.
        """
        for file in self.files:
            for batch in file.batches(range(len(file.groups)), self.columns):
                yield from pa.Table.from_batches([batch]).cast(self.plain_schema).to_batches()

    def table(self) -> pa.Table:
        """All rows as one table.

        Raises
        ------
        InputError
            A file cannot be read.
        """
        return pa.Table.from_batches(self.all_batches(), self.plain_schema).combine_chunks()

    @property
    def unused(self) -> tuple[str, ...]:
        """Columns that a batch does not use."""
        return tuple(name for name in self.files[0].schema.names if name not in self.columns)


def find_sources(places: Sequence[str], columns: Sequence[str] = COLUMNS) -> Sources:
    """The Parquet files at these places, those of each place in order of their names; of a folder, all below it.

    Raises
    ------
    InputError
        Nothing there, a file that is not Parquet, files whose columns differ, no rows.
    """
    files = tuple(_source(place) for argument in places for place in _expanded(argument))
    first = files[0]
    for other in files[1:]:
        _check_alike(first, other, columns)
    if not any(file.rows for file in files):
        raise InputError([Fault("there are no candidates", "give a table with at least one row")], first.path)
    return Sources(files, tuple(name for name in columns if name in first.schema.names))


def _source(place: str) -> Source:
    file = _parquet(place, [])
    groups = tuple(file.metadata.row_group(index).num_rows for index in range(file.metadata.num_row_groups))
    schema = file.schema_arrow
    twice = repeated(schema.names)
    if twice:
        raise InputError(twice, place)
    _refuse_columns_in_folders(place, schema)
    return Source(place, groups, schema, _stamp(place))


def _refuse_columns_in_folders(place: str, schema: pa.Schema) -> None:
    """Refuse a column that exists only in folder names, as Spark's `partitionBy` leaves it: it would be lost."""
    for part in PurePosixPath(place).parts[:-1]:
        name, sign, _ = part.partition("=")
        if sign and name in COLUMNS and name not in schema.names:
            problem = f"the column is not in the file, but in the name of its folder, {part!r}"
            advice = "write the files with this column, without partitionBy"
            raise InputError([Fault(problem, advice, column=name)], place)


def _stamp(place: str) -> tuple[int, int]:
    """The size of a file and when it was written; -1 where the file system does not say."""
    with reading(place):
        system, path = _located(place)
        info = system.get_file_info(path)
        return info.size or -1, info.mtime_ns or -1


def _check_alike(first: Source, other: Source, columns: Sequence[str]) -> None:
    """Files of one batch have the same columns, of the same kinds."""
    for name in columns:
        has, had = (name in source.schema.names for source in (other, first))
        if has != had:
            lacking, having = (first, other) if has else (other, first)
            advice = f"{having.path} has it: add it here, or drop it there"
            raise InputError([Fault("the column is missing", advice, column=name)], lacking.path)
        if has:
            kinds = [value_type(source.schema.field(name).type) for source in (first, other)]
            if kinds[0] != kinds[1] and not all(map(is_text, kinds)):
                problem = f"is {kinds[1]}, but {kinds[0]} in {first.path}"
                raise InputError([Fault(problem, "give the column one type", column=name)], other.path)


def _located(place: str) -> tuple[fs.FileSystem, str]:
    return fs.FileSystem.from_uri(place) if "://" in place else (fs.LocalFileSystem(), place)


def _expanded(place: str) -> list[str]:
    """The places of the files that an argument means."""
    is_uri = "://" in place
    base, _, query = place.partition("?") if is_uri else (place, "", "")  # a URI may end in ?region=...
    folder, pattern = _split(base, "*[" if is_uri else "*?[")
    with reading(place):
        system, path = _located(f"{folder}?{query}" if query else folder)
        if not pattern and system.get_file_info(path).type != fs.FileType.Directory:
            return [place]
        files = [file for file, inner in _below(system, path) if _fits(inner, pattern)]
    if not files:
        raise InputError([Fault("there is no Parquet file", "check the path")], place)
    scheme = folder[: len(folder) - len(path)] if is_uri else ""
    return [f"{scheme}{file}{f'?{query}' if query else ''}" for file in sorted(files)]


def _split(place: str, signs: str) -> tuple[str, list[str]]:
    """The folder before the first part of a path with one of the signs, and the remaining parts."""
    parts = place.split("/")
    first = next((depth for depth, part in enumerate(parts) if any(sign in part for sign in signs)), len(parts))
    return "/".join(parts[:first]) or ("/" if place.startswith("/") else "."), parts[first:]


def _below(system: fs.FileSystem, folder: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The files below a folder, except hidden ones; and the remaining parts of their paths."""
    for info in system.get_file_info(fs.FileSelector(folder, recursive=True)):
        inner = PurePosixPath(info.path).relative_to(PurePosixPath(folder)).parts
        if info.type == fs.FileType.File and not any(part.startswith((".", "_")) for part in inner):
            yield info.path, inner


def _fits(inner: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a file matches a pattern, part by part; without a pattern, by its suffix."""
    if not pattern:
        return inner[-1].endswith((".parquet", ".pq"))
    return len(inner) == len(pattern) and all(map(fnmatchcase, inner, pattern))


def _stream(place: str) -> Any:
    system, path = _located(place)
    return system.open_input_stream(path)


def _parquet(place: str, texts: Sequence[str]) -> pq.ParquetFile:
    with reading(place):
        system, path = _located(place)
        return pq.ParquetFile(system.open_input_file(path), read_dictionary=list(texts))


@contextmanager
def reading(place: str) -> Iterator[None]:
    """Turn a failure to read a file into an error for people.

    Raises
    ------
    InputError
        It does not exist, may not be read, is not Parquet, or is damaged.
    """
    try:
        yield
    except FileNotFoundError:
        raise InputError([Fault("there is no such file", "check the path")], place) from None
    except pa.ArrowInvalid as error:
        reason = str(error).split("\n", maxsplit=1)[0]
        fault = Fault(f"cannot be read as Parquet ({reason})", "give a Parquet file, a folder of them or a glob")
        raise InputError([fault], place) from None
    except OSError as error:
        fault = Fault(f"cannot be read ({error.strerror or error})", "check the path and your permissions")
        raise InputError([fault], place) from None
