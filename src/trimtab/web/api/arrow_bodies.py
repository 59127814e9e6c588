"""Arrow IPC streams in and out. Every byte of a stream is checked before a buffer is unpacked or an offset followed."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from trimtab.candidates.arrow_values import is_number, is_text
from trimtab.errors import Fault, InputError
from trimtab.web.api.json_text import json_bytes, json_of
from trimtab.web.service import Bounds

MEDIA_TYPE = "application/vnd.apache.arrow.stream"
METADATA = b"trimtab"  # the other members of the body, as JSON, in the metadata of the schema
_BATCHES = (2, 3)  # header types of the format: a dictionary, a record batch
_SOURCE = "body"


def table_of_stream(data: bytes, bounds: Bounds) -> tuple[pa.Table, Mapping[str, Any]]:
    """The table of an Arrow IPC stream, and the members that its metadata hold.

    Raises
    ------
    InputError
        The stream is malformed, compressed, or beyond the bounds, or has columns of unknown types.
    """
    try:
        if any(map(_is_compressed, _messages(data))):
            raise InputError([Fault("the stream is compressed", "send it uncompressed", source=_SOURCE)])
        with pa.ipc.open_stream(pa.BufferReader(data)) as reader:
            _check_schema(reader.schema, bounds)
            batches, rows = [], 0
            for batch in reader:
                rows += batch.num_rows
                if rows > bounds.rows:
                    raise InputError([Fault("has too many rows", f"send at most {bounds.rows:,}", source=_SOURCE)])
                batch.validate(full=True)
                batches.append(batch)
            table = pa.Table.from_batches(batches, reader.schema)
        members = _members(reader.schema.metadata)
    except (pa.ArrowException, OSError, struct.error, IndexError, OverflowError, UnicodeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(
            [
                Fault(
                    f"cannot be read as an Arrow IPC stream ({reason})",
                    "send the bytes of a stream writer",
                    source=_SOURCE,
                )
            ]
        ) from None
    for name, column in zip(table.column_names, table.columns, strict=True):
        _check_dictionary(name, column, bounds)
    return table.replace_schema_metadata(None), members


def _messages(data: bytes) -> Iterator[bytes]:
    """The metadata of every message of a stream: after its length, before its body."""
    place = 0
    while place + 4 <= len(data):
        (size,) = struct.unpack_from("<i", data, place)
        place += 4
        if size == -1:  # the mark of a continued stream
            (size,) = struct.unpack_from("<i", data, place)
            place += 4
        if size <= 0:
            return
        metadata = data[place : place + size]
        place += size + _body_length(metadata)
        yield metadata


# A flatbuffer's table has its fields in a table of offsets (0: absent) before or after it. Message: 0 version,
# 1 header type, 2 header, 3 body length. DictionaryBatch: 0 id, 1 data. RecordBatch: 0 length, 1 nodes, 2 buffers,
# 3 compression.


def _field(buffer: bytes, table: int, number: int) -> int:
    """The place of a field, 0 if it is absent."""
    (back,) = struct.unpack_from("<i", buffer, table)
    start = table - back
    (size,) = struct.unpack_from("<H", buffer, start)
    if 4 + 2 * number + 2 > size:
        return 0
    (offset,) = struct.unpack_from("<H", buffer, start + 4 + 2 * number)
    return table + offset if offset else 0


def _target(buffer: bytes, place: int) -> int:
    """The table that an offset points at."""
    return int(place + struct.unpack_from("<I", buffer, place)[0])


def _body_length(metadata: bytes) -> int:
    place = _field(metadata, _target(metadata, 0), 3)
    length = struct.unpack_from("<q", metadata, place)[0] if place else 0
    if length < 0:
        raise OverflowError("a length below 0")
    return int(length)


def _is_compressed(metadata: bytes) -> bool:
    """Whether the buffers of a message are compressed: unpacked, they may fill the memory."""
    message = _target(metadata, 0)
    place = _field(metadata, message, 1)
    kind = metadata[place] if place else 0
    if kind not in _BATCHES:
        return False
    header = _target(metadata, _field(metadata, message, 2))
    if kind == _BATCHES[0]:
        header = _target(metadata, _field(metadata, header, 1))
    return _field(metadata, header, 3) != 0


def _check_schema(schema: pa.Schema, bounds: Bounds) -> None:
    """Refuse too many columns, and types that trimtab does not read."""
    if len(schema) > bounds.columns:
        raise InputError([Fault(f"has {len(schema):,} columns", f"send at most {bounds.columns:,}", source=_SOURCE)])
    faults = []
    for name, kind in zip(schema.names, schema.types, strict=True):
        values = kind.value_type if pa.types.is_dictionary(kind) else kind
        is_day = pa.types.is_date(values) or pa.types.is_timestamp(values)
        if not (
            is_text(values) or is_number(values) or is_day or pa.types.is_boolean(values) or pa.types.is_null(kind)
        ):
            advice = "send text, numbers, days or true and false"
            faults.append(Fault(f"has the type {kind}", advice, column=name, source=_SOURCE))
        elif pa.types.is_string_view(values):
            faults.append(Fault(f"has the type {kind}", "send text as string", column=name, source=_SOURCE))
    if faults:
        raise InputError(faults)


def _check_dictionary(name: str, column: pa.ChunkedArray, bounds: Bounds) -> None:
    """Refuse codes for text so long that writing it out for each row would fill the memory."""
    if not pa.types.is_dictionary(column.type) or not is_text(column.type.value_type):
        return
    longest = max((pc.max(pc.binary_length(chunk.dictionary)).as_py() or 0 for chunk in column.chunks), default=0)
    if longest * len(column) > bounds.body:
        raise InputError([Fault("has text that is too long", "shorten it", column=name, source=_SOURCE)])


def _members(metadata: Mapping[bytes, bytes] | None) -> Mapping[str, Any]:
    text = (metadata or {}).get(METADATA)
    if text is None:
        return {}
    members = json_of(text)
    if not isinstance(members, dict):
        raise InputError([Fault("the metadata trimtab is not an object", "send a JSON object", source=_SOURCE)])
    return members


def stream_of(table: pa.Table, document: Mapping[str, Any]) -> bytes:
    """A table as an Arrow IPC stream, the rest of the answer in the metadata of its schema."""
    schema = table.schema.with_metadata({METADATA: json_bytes(document)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(table.replace_schema_metadata(schema.metadata))
    return bytes(sink.getvalue().to_pybytes())
