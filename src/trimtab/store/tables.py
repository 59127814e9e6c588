"""Tables as stored contents: Parquet, the same bytes for the same table."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq


def parquet_of(table: pa.Table) -> bytes:
    """A table as the bytes of a Parquet file; the store compresses them."""
    sink = pa.BufferOutputStream()
    pq.write_table(table.combine_chunks(), sink, compression="none", write_statistics=False)
    return bytes(sink.getvalue().to_pybytes())


def table_of(content: bytes) -> pa.Table:
    """The table in the bytes of a Parquet file."""
    return pq.read_table(pa.BufferReader(content))
