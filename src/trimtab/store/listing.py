"""The listing of a store: the light columns of every record, in a table of their own, so that no body is read for a list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, overload

import pyarrow as pa

from trimtab.store.record import Record

_RESULT = {"status": str, "orders": int, "turnover": float}
_TYPES = (pa.int64(), *[pa.string()] * 7, pa.int64(), pa.float64())


class ListedRun(NamedTuple):
    """A record as a list shows it. Only plans have orders and a turnover; other kinds may have no status."""

    sequence: int
    run_id: str
    kind: str
    time: str  # UTC, ISO 8601
    account: str
    by: str
    purpose: str
    status: str | None
    orders: int | None
    turnover: float | None


class Listing(Sequence[ListedRun]):
    """Listed records in the order of the chain, or their columns as an Arrow table."""

    def __init__(self, rows: Sequence[tuple[object, ...]]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> ListedRun: ...
    @overload
    def __getitem__(self, place: slice) -> Listing: ...
    def __getitem__(self, place: int | slice) -> ListedRun | Listing:
        if isinstance(place, slice):
            return Listing(self._rows[place])
        return ListedRun._make(self._rows[place])

    def __iter__(self) -> Iterator[ListedRun]:
        return map(ListedRun._make, self._rows)

    def to_arrow(self) -> pa.Table:
        """A column for each field."""
        columns = list(zip(*self._rows, strict=True)) or [()] * len(_TYPES)
        arrays = [pa.array(values, kind) for values, kind in zip(columns, _TYPES, strict=True)]
        return pa.table(dict(zip(ListedRun._fields, arrays, strict=True)))


def listed(record: Record) -> ListedRun:
    """A record as a list shows it."""
    try:
        values = record.values
        result = [_plain(values.get(name), kind) for name, kind in _RESULT.items()]
    except (ValueError, AttributeError):  # changed, which its hash says
        result = [None] * len(_RESULT)
    copied = (getattr(record, name) for name in ListedRun._fields[: -len(_RESULT)])
    return ListedRun(*copied, *result)


def _plain(value: Any, kind: type) -> Any:
    return value if type(value) is kind else None
