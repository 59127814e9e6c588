"""Tables out: as CSV, Parquet, Arrow or a workbook; the same table gives the same bytes."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from trimtab.files.cells import csv_line, plain_number
from trimtab.files.excel_writer import excel_bytes

if TYPE_CHECKING:
    import pyarrow as pa


def encoded_table(table: pa.Table, form: str) -> bytes:
    """A table in a format for machines: csv, parquet, arrow or xlsx."""
    writers = {"csv": _csv, "parquet": _parquet, "arrow": _arrow, "xlsx": _xlsx}
    return writers[form](table)


def _csv(table: pa.Table) -> bytes:
    """Numbers as Python writes them, which read back as the same bits; text that could break a line is quoted."""
    named = zip(table.column_names, table.columns, strict=True)
    columns = (map(_text, [name, *column.to_pylist()]) for name, column in named)
    return "".join(csv_line(list(cells)) for cells in zip(*columns, strict=True)).encode()


def _text(value: object) -> str:
    return "" if value is None else plain_number(value) if isinstance(value, Decimal) else str(value)


def _parquet(table: pa.Table) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet

    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(table, sink)
    return bytes(sink.getvalue().to_pybytes())


def _arrow(table: pa.Table) -> bytes:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def _xlsx(table: pa.Table) -> bytes:
    """A workbook of one sheet."""
    return excel_bytes(table.column_names, [column.to_pylist() for column in table.columns])
