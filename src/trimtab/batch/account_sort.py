"""Rows sorted by account, out of core, by DuckDB."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from trimtab.batch.atomic_storage import Storage
from trimtab.batch.parquet_sources import Sources, find_sources
from trimtab.errors import Fault, OutputError, SetupError
from trimtab.files.atomic_write import temporary_name

SORTED = "sorted.parquet"
_MEMORY = "512MB"


def sort_rows(sources: Sources, work: Path, storage: Storage, workers: int) -> Sources:
    """Sort the rows by account and asset into one file in `work`, which a resumed run finds there.

    Raises
    ------
    SetupError
        DuckDB is not installed.
    InputError
        A file cannot be read.
    OutputError
        There is no room to sort.
    """
    file = work / SORTED
    if not file.exists():
        unfinished = temporary_name(work)
        _sort(sources, unfinished, workers)
        storage.take_over(unfinished, file)
    return find_sources([str(file)], sources.columns)


def _sort(sources: Sources, file: Path, workers: int) -> None:
    duckdb = _duckdb()
    spilled = temporary_name(file.parent)
    settings = {"memory_limit": _MEMORY, "threads": workers, "temp_directory": str(spilled)}
    order = ", ".join(f'"{name}"' for name in sources.columns)
    rows = pa.RecordBatchReader.from_batches(sources.plain_schema, sources.all_batches())
    with duckdb.connect(config=settings) as connection:
        connection.register("candidates", rows)
        try:
            target = str(file).replace("'", "''")
            query = f"SELECT * FROM candidates ORDER BY {order}"  # noqa: S608 - the names are those of COLUMNS
            connection.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet)")
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
            reason = str(error).split("\n", maxsplit=1)[0]
            fault = Fault(f"the rows cannot be sorted ({reason})", "make room, or sort them by account beforehand")
            raise OutputError([fault], str(file.parent)) from None


def _duckdb() -> Any:
    try:
        import duckdb  # noqa: PLC0415 - an optional extra
    except ImportError:
        problem = "the rows of some accounts are apart, and DuckDB, which would sort them, is not installed"
        raise SetupError(problem, "pip install 'trimtab[batch]', or sort the rows by account") from None
    return duckdb
