"""The rows of units, in the order of the files: row groups in, whole accounts out.

The rest of a batch of rows is kept for the next unit, so units read in order read every row once. Memory holds one unit,
whatever the size of the files and of their row groups.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from trimtab.batch.parquet_sources import Sources
from trimtab.batch.units import Unit


class UnitReader:
    """Reads units from files; fastest in order, possible in any."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._next = -1  # the next row
        self._rest: Iterator[pa.RecordBatch] = iter(())
        self._left: list[pa.RecordBatch] = []  # of the batch that the last unit ended in

    def of(self, unit: Unit) -> pa.Table:
        """The rows of a unit.

        Raises
        ------
        InputError
            A file cannot be read, or has changed since it was opened first.
        """
        if unit.first != self._next:
            self._rest, self._left = self._from(unit.first), []
        batches, missing = [], unit.rows
        while missing:
            batch = self._left.pop() if self._left else next(self._rest)
            if batch.num_rows > missing:
                self._left.append(batch.slice(missing))
                batch = batch.slice(0, missing)
            batches.append(batch)
            missing -= batch.num_rows
        self._next = unit.first + unit.rows
        return pa.Table.from_batches(batches)

    def _from(self, row: int) -> Iterator[pa.RecordBatch]:
        """Batches from a row on to the end of all files."""
        starts = self._sources.starts
        number = int(np.searchsorted(starts, row, side="right")) - 1
        file = self._sources.files[number]
        ends = np.cumsum(file.groups)
        inner = row - int(starts[number])
        group = int(np.searchsorted(ends, inner, side="right"))
        skipped = inner - (int(ends[group - 1]) if group else 0)
        for batch in file.batches(range(group, len(file.groups)), self._sources.columns):
            above = min(skipped, batch.num_rows)
            skipped -= above
            yield batch.slice(above)
        for later in self._sources.files[number + 1 :]:
            yield from later.batches(range(len(later.groups)), self._sources.columns)
