"""One column of a table -> text as codes, or numbers. Whatever cannot be read is a fault with its row and value."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trimtab.errors import Fault, InputError
from trimtab.kernel.records import Floats, Ints

_REASON_SHOWN = 200
AS_TEXT = "read the column as text, so that no leading zero is lost"  # 000973 is not 973


@dataclass(frozen=True)
class Text:
    """A column of text: `names[codes[row]]`, code -1 for missing."""

    codes: Ints
    names: list[str]

    def at(self, row: int) -> str | None:
        """The text of a row."""
        return None if self.codes[row] < 0 else self.names[self.codes[row]]

    def values(self) -> list[str | None]:
        """The text of every row."""
        names = np.array([*self.names, None], object)
        return list(names[self.codes])


def is_text(kind: pa.DataType) -> bool:
    """Whether a type is one of Arrow's for text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def is_number(kind: pa.DataType) -> bool:
    """Whether a type is one of Arrow's for numbers."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def text_of(column: Any, name: str, count: int) -> Text:
    """A column of text; all missing if the column is absent."""
    if column is None:
        return Text(np.full(count, -1, np.int64), [])
    with readable(name, "text"):
        array = arrow_of(column, name, numeric=False)
        if array.null_count == len(array):  # of any type: pandas has floats for missing values
            return Text(np.full(count, -1, np.int64), [])
        if not is_text(array.type):
            advice = AS_TEXT if pa.types.is_integer(array.type) else "convert the column to text"
            raise wrong_type(array, name, f"is not text but {array.type}", advice)
        encoded = pc.dictionary_encode(array.cast(pa.large_string()))
        codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
        return Text(codes, encoded.dictionary.to_pylist())


def numbers_of(column: Any, name: str, count: int, default: float) -> Floats:
    """A column of numbers, NaN for missing; without the column, the default in every row."""
    if column is None:
        return np.full(count, default)
    with readable(name, "numbers"):
        array = arrow_of(column, name, numeric=True)
        if array.null_count == len(array):
            return np.full(count, math.nan)
        if not is_number(array.type):
            raise wrong_type(array, name, "is not a number", "convert the column to numbers")
        return np.array(array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), np.float64)


def wrong_type(array: pa.Array, name: str, problem: str, advice: str) -> InputError:
    """The error for a column of the wrong type, with its first value."""
    row = array.is_valid().to_pylist().index(True)
    try:
        value = array[row].as_py()
    except Exception:  # noqa: BLE001 - a type that has no Python value: the problem names it
        value = None
    return InputError([Fault(problem, advice, column=name, row=row + 1, value=value)])


@contextmanager
def readable(name: str, what: str) -> Iterator[None]:
    """Guard a column: any failure inside a library becomes an error for the user, in words.

    Raises
    ------
    InputError
        Anything that a library raised inside.
    """
    try:
        yield
    except (InputError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - a panic of polars is not an Exception
        if isinstance(error, UnicodeError):
            problem, advice = "is not UTF-8 text", "write it as UTF-8"
        else:
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:_REASON_SHOWN]
            problem, advice = f"cannot be read as {what} ({reason})", f"convert the column to {what}"
        raise InputError([Fault(problem, advice, column=name)]) from None


def arrow_of(column: Any, name: str, *, numeric: bool) -> pa.Array:
    """A column as one Arrow array; null, None and (from pandas) NaN are null. `numeric`: it should hold numbers."""
    values = column if isinstance(column, list) else column.to_list() if column.dtype == nw.Object else None
    try:
        array = _native_arrow(column, values)
    except Exception:  # noqa: BLE001 - Arrow cannot convert it as a whole: each value is checked
        array = _from_values(column.to_list() if values is None else values, name, numeric=numeric)
    else:  # Arrow takes True for 1 beside numbers, and text for bytes beside bytes
        if values is not None and (
            any(isinstance(value, bool | np.bool_) for value in values) if numeric else pa.types.is_binary(array.type)
        ):
            array = _from_values(values, name, numeric=numeric)
    if isinstance(array, pa.ChunkedArray):
        return pa.chunked_array(
            [_decoded(chunk) for chunk in array.chunks], None if array.num_chunks else array.type
        ).combine_chunks()
    return _decoded(array)


def _native_arrow(column: Any, values: list[Any] | None) -> Any:
    """A column as Arrow has it: narwhals would make one chunk of many, which dictionaries of different kinds forbid."""
    if isinstance(column, list) or (values is not None and column.implementation.is_polars()):
        return pa.array(values, from_pandas=True)  # polars would pass the addresses of its objects
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
    for index, value in enumerate(values):
        try:
            fitting.append(_fitting(value, numeric=numeric))
        except (TypeError, ValueError, OverflowError):
            fault = Fault(f"is not {what}", f"write {what} or leave it empty", column=name, row=index + 1, value=value)
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
