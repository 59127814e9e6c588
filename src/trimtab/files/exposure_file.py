"""A file of exposures."""

from __future__ import annotations

from trimtab.candidates.exposures import Exposures, exposures_of
from trimtab.files.table_files import StrPath, read_table, source_of


def read_exposures(path: StrPath) -> Exposures:
    """The exposures in a file (CSV, Excel, Parquet, Arrow): `asset`, `scheme`, `bucket`, optionally `fraction`, `account`.

    Raises
    ------
    InputError
        What `read_table` and `exposures_of` refuse: file, row, column and value.
    """
    return exposures_of(read_table(path), source_of(path))
