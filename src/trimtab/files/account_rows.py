"""The rows of one account of a Parquet file of many, without reading the others whole."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trimtab.errors import Fault, InputError, nearest
from trimtab.files.candidate_file import ACCOUNT, CandidateFile, named_columns
from trimtab.files.csv_file import check_names
from trimtab.files.table_files import STDIN, StrPath, source_of

_SUFFIXES = (".parquet", ".pq")


def read_account_rows(path: StrPath, account: str) -> CandidateFile | None:
    """The rows of an account: of the others only the column `account` is read, and that only where it may be.

    None for a file of another kind, which is read whole.

    Raises
    ------
    InputError
        The file is damaged, has no column `account`, or no such account.
    """
    if os.fspath(path) == STDIN or Path(path).suffix.casefold() not in _SUFFIXES or not Path(path).is_file():
        return None
    import pyarrow.parquet as pq

    source = source_of(path)
    try:
        with pq.ParquetFile(path) as file:
            return _account_rows(file, account, source)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        fault = Fault(f"is damaged or truncated ({reason})", "write the Parquet file again")
        raise InputError([fault], source) from None


def _account_rows(file: pa.parquet.ParquetFile, account: str, source: str) -> CandidateFile:
    check_names(file.schema_arrow.names, source)
    paths = [file.schema.column(number).path for number in range(len(file.schema))]
    if ACCOUNT not in paths:
        raise InputError([Fault("the column is missing", "leave out --account", column=ACCOUNT)], source)
    column = paths.index(ACCOUNT)
    tables, places, names, first = [], [], set[str](), 0
    for group in range(file.num_row_groups):
        size = file.metadata.row_group(group).num_rows
        if _may_hold(file.metadata.row_group(group).column(column).statistics, account, names):
            accounts = file.read_row_group(group, columns=[ACCOUNT])[ACCOUNT].cast(pa.string())
            mine = pc.fill_null(pc.equal(accounts, account), fill_value=False)
            if pc.any(mine).as_py():
                tables.append(file.read_row_group(group).filter(mine))
                places.append(first + 1 + np.flatnonzero(mine.to_numpy()))
            else:
                names |= {str(name) for name in accounts.drop_null().unique().to_pylist()}
        first += size
    if not tables:
        fault = Fault("there is no such account", nearest(account, names), column=ACCOUNT, value=account)
        raise InputError([fault], source)
    table = pa.concat_tables(tables)
    table.validate(full=True)
    renamed, asset_name = named_columns(table)
    return CandidateFile(source, renamed, asset_name, np.concatenate(places).tolist())


def _may_hold(statistics: pa.parquet.Statistics | None, account: str, names: set[str]) -> bool:
    """Whether a row group may have an account: not if the smallest and the largest name tell; these are noted."""
    if statistics is None or not statistics.has_min_max or not isinstance(statistics.min, str):
        return True
    names |= {statistics.min, statistics.max}
    return bool(statistics.min <= account <= statistics.max)
