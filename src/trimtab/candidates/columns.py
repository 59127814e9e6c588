"""Tables of any library <-> named columns. What is wrong with a table as a whole is found here.

A table comes in as pandas, polars or pyarrow (through narwhals) or as a list of dicts, and leaves as the same kind,
rows in the order that came in.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from numbers import Real
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from narwhals.exceptions import DuplicateError

from trimtab.errors import Fault, InputError
from trimtab.kernel.records import Floats, Ints

REQUIRED = ("asset", "score")
NUMBERS = ("score", "current_weight", "max_weight", "desired_weight", "volatility")
TEXTS = ("asset", "bucket", "restriction")
COLUMNS = ("account", *TEXTS, *NUMBERS)
OUTPUTS = ("target_weight", "action", "reason", "size_reason", "proposed_weight")


@dataclass(frozen=True)
class Text:
    """A column of text: `names[codes[row]]`, code -1 where there is none."""

    codes: Ints
    names: list[str]

    def at(self, row: int) -> str | None:
        """The text of a row."""
        return None if self.codes[row] < 0 else self.names[self.codes[row]]

    def values(self) -> list[str | None]:
        """The text of every row."""
        names = np.array([*self.names, None], object)
        return list(names[self.codes])


def columns_of(table: Any) -> tuple[dict[str, Any], int]:
    """The columns that came in, by name, as Arrow arrays or lists; and the number of rows."""
    if isinstance(table, list):
        wrong = next((at for at, row in enumerate(table) if not isinstance(row, dict)), None)
        if wrong is not None:
            raise InputError(
                [Fault("is not a dict", "give a list of dicts, one for each row", row=wrong + 1, value=table[wrong])]
            )
        names = dict.fromkeys(name for row in table for name in row)
        _check_keys(table, [name for name in names if name not in COLUMNS])
        absent = {"current_weight": 0.0}  # a key that a row does not have is the default, an explicit None is missing
        return {name: [row.get(name, absent.get(name)) for row in table] for name in names}, len(table)
    try:
        frame = nw.from_native(table, eager_only=True)
    except TypeError:
        kind = type(table).__name__
        raise InputError(
            [Fault(f"a {kind} is not a table", "give a pandas, polars or pyarrow table, or a list of dicts")]
        ) from None
    except DuplicateError:
        given = list(table.column_names if isinstance(table, pa.Table) else table.columns)
        raise InputError(repeated(given)) from None
    return {name: frame.get_column(name) for name in frame.columns}, len(frame)


def repeated(names: Sequence[str]) -> list[Fault]:
    """The first column that stands twice, as a fault; empty where none does."""
    twice = [name for at, name in enumerate(names) if name in names[:at]]
    return [Fault("stands twice in the table", "rename or drop one of the two", column=name) for name in twice[:1]]


def _check_keys(table: list[dict[str, Any]], unknown: list[str]) -> None:
    """Refuse a misspelled key of single rows: the others have the column, so it would pass for one of the user's own."""
    for name in unknown:
        at, row = next((at, row) for at, row in enumerate(table) if name in row)
        near = _near(name, [known for known in COLUMNS if known not in row and any(known in other for other in table)])
        if near:
            advice = f"did you mean {near!r}? Rename or drop it"
            raise InputError([Fault("the key is not known", advice, column=name, row=at + 1, value=row[name])])


def check_names(columns: Iterable[str], *, many: bool) -> None:
    """Refuse missing and misspelled columns, and names that the result will use."""
    names = list(columns)
    faults = []
    for name in (*(("account",) if many else ()), *REQUIRED):
        if name not in names:
            near = _near(name, [other for other in names if other not in COLUMNS])
            advice = (
                f"is {near!r} meant? Rename it"
                if near
                else f"add it; the table has {', '.join(map(repr, names)) or 'none'}"
            )
            faults.append(Fault("the column is missing", advice, column=name))
    for name in names:
        if name in OUTPUTS:
            faults.append(
                Fault("the name is one of the result's columns", "drop or rename it before rebalancing", column=name)
            )
        elif name not in COLUMNS:
            near = _near(name, [known for known in COLUMNS if known not in names and known not in REQUIRED])
            if near:
                faults.append(
                    Fault("the column is not known", f"did you mean {near!r}? Rename or drop it", column=name)
                )
    if faults:
        raise InputError(faults)


def _near(name: str, others: Sequence[str]) -> str | None:
    folded = {str(other).strip().casefold().replace(" ", "_").replace("-", "_"): other for other in reversed(others)}
    found = difflib.get_close_matches(str(name).strip().casefold().replace(" ", "_"), folded, n=1, cutoff=0.8)
    return folded[found[0]] if found else None


def _arrow(column: Any, name: str, *, numeric: bool) -> pa.Array:
    """A column as one Arrow array; null, None and (from pandas) NaN are null. `numeric`: it should hold numbers."""
    values = column if isinstance(column, list) else column.to_list() if column.dtype == nw.Object else None
    try:
        array = pa.array(column, from_pandas=True) if isinstance(column, list) else _native_arrow(column)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError, UnicodeError):
        array = _from_values(column.to_list() if values is None else values, name, numeric=numeric)
    else:  # Arrow takes True for 1 beside numbers, and text for bytes beside bytes
        if values is not None and (
            any(isinstance(value, bool | np.bool_) for value in values) if numeric else pa.types.is_binary(array.type)
        ):
            array = _from_values(values, name, numeric=numeric)
    if isinstance(array, pa.ChunkedArray):
        return pa.chunked_array([_decoded(chunk) for chunk in array.chunks]).combine_chunks()
    return _decoded(array)


def _native_arrow(column: Any) -> Any:
    """A column as Arrow has it: narwhals would make one chunk of many, which dictionaries of different kinds forbid."""
    native = column.to_native()
    return native if isinstance(native, pa.ChunkedArray) else column.to_arrow()


def _decoded(array: pa.Array) -> pa.Array:
    """The values of an array that may be codes of a dictionary; each chunk may have its own."""
    if not pa.types.is_dictionary(array.type):
        return array
    if pa.types.is_string_view(array.type.value_type):  # Arrow does not look them up
        array = pa.DictionaryArray.from_arrays(array.indices, array.dictionary.cast(pa.large_string()))
    return array.dictionary_decode()


def _from_values(values: list[Any], name: str, *, numeric: bool) -> pa.Array:
    """Numbers of different types as one column; the first value that does not fit is refused."""
    what = "a number" if numeric else "text"
    fitting: list[Any] = []
    for at, value in enumerate(values):
        try:
            fitting.append(_fitting(value, numeric=numeric))
        except (TypeError, OverflowError, UnicodeError):
            fault = Fault(f"is not {what}", f"write {what} or leave it empty", column=name, row=at + 1, value=value)
            raise InputError([fault]) from None
    return pa.array(fitting)


def _fitting(value: Any, *, numeric: bool) -> Any:
    """The value as its column wants it, or an error."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if numeric and isinstance(value, Real | Decimal) and not isinstance(value, bool | np.bool_):
        return float(value)
    if not numeric and isinstance(value, str):
        value.encode()
        return value
    raise TypeError


def text_of(column: Any, name: str, count: int) -> Text:
    """A column of text; without the column, none in any row."""
    if column is None:
        return Text(np.full(count, -1, np.int64), [])
    array = _arrow(column, name, numeric=False)
    if pa.types.is_null(array.type):
        return Text(np.full(count, -1, np.int64), [])
    is_text = (
        pa.types.is_string(array.type) or pa.types.is_large_string(array.type) or pa.types.is_string_view(array.type)
    )
    if not is_text:
        first = next(at for at, valid in enumerate(array.is_valid().to_pylist()) if valid)
        raise InputError(
            [
                Fault(
                    f"is not text but {array.type}",
                    "convert the column to text",
                    column=name,
                    row=first + 1,
                    value=array[first].as_py(),
                )
            ]
        )
    encoded = pc.dictionary_encode(array.cast(pa.large_string()))
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return Text(codes, encoded.dictionary.to_pylist())


def numbers_of(column: Any, name: str, count: int, default: float) -> Floats:
    """A column of numbers, NaN where there is none; without the column, the default in every row."""
    if column is None:
        return np.full(count, default)
    array = _arrow(column, name, numeric=True)
    if pa.types.is_null(array.type):
        return np.full(count, math.nan)
    is_number = pa.types.is_integer(array.type) or pa.types.is_floating(array.type) or pa.types.is_decimal(array.type)
    if not is_number:
        first = next(at for at, valid in enumerate(array.is_valid().to_pylist()) if valid)
        raise InputError(
            [
                Fault(
                    "is not a number",
                    "convert the column to numbers",
                    column=name,
                    row=first + 1,
                    value=array[first].as_py(),
                )
            ]
        )
    return np.array(array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), np.float64)


def accounts_of(column: Any, count: int) -> tuple[list[Any], Ints]:
    """The accounts in the order of their first row, and the account of each row."""
    if column is None:
        return [None], np.zeros(count, np.int64)
    array = _arrow(column, "account", numeric=False)
    kind = array.type
    is_fit = (
        pa.types.is_integer(kind)
        or pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
    )
    if array.null_count or not is_fit:
        row = next((at for at, valid in enumerate(array.is_valid().to_pylist()) if not valid), None)
        if row is not None:
            raise InputError(
                [Fault("the account is missing", "name the account of every row", column="account", row=row + 1)]
            )
        raise InputError(
            [
                Fault(
                    f"is neither text nor a whole number but {kind}",
                    "convert the column",
                    column="account",
                    row=1,
                    value=array[0].as_py(),
                )
            ]
        )
    encoded = pc.dictionary_encode(array if pa.types.is_integer(kind) else array.cast(pa.large_string()))
    for at, account in enumerate(encoded.dictionary.to_pylist()):
        if isinstance(account, str) and (not account or account != account.strip()):
            row = int(np.argmax(encoded.indices.to_numpy(zero_copy_only=False) == at))
            fault = Fault(
                "the account is empty or has spaces around it", "write its name without them", column="account"
            )
            raise InputError([replace(fault, row=row + 1, value=account)])
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)


def take_rows(native: Any, rows: Ints) -> Any:
    """Some rows of a table, of the same kind."""
    if isinstance(native, list):
        return [native[row] for row in rows]
    return nw.from_native(native, eager_only=True)[rows.tolist()].to_native()


def without_columns(native: Any, names: Iterable[str]) -> Any:
    """A table without some of its columns, of the same kind."""
    dropped = set(names)
    if isinstance(native, list):
        return [{name: value for name, value in row.items() if name not in dropped} for row in native]
    return nw.from_native(native, eager_only=True).drop(*dropped).to_native()


def with_columns(native: Any, added: dict[str, Any]) -> Any:
    """A new table with columns (shape (rows,)) added, of the same kind; what happens to the old one does not matter."""
    if isinstance(native, list):
        lists = {name: values.tolist() for name, values in added.items()}
        return [{**row, **{name: lists[name][at] for name in lists}} for at, row in enumerate(native)]
    frame = nw.from_native(native, eager_only=True)
    if frame.implementation.is_pandas():  # one insertion: five cost as much as all the rest
        kept, pandas = frame.to_native(), frame.implementation.to_native_namespace()
        return pandas.concat([kept, pandas.DataFrame(added, index=kept.index)], axis=1)
    series = [nw.new_series(name, values.tolist(), backend=frame.implementation) for name, values in added.items()]
    return frame.with_columns(*series).to_native()
