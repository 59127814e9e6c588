"""Columns of exact decimals, from tables of any library."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa

from trimtab.candidates.arrow_values import arrow_of, is_number, is_text, wrong_type
from trimtab.decimals import decimal_of, ungrouped
from trimtab.errors import Fault, InputError


def decimals_of(column: Any, name: str, count: int) -> list[Decimal | None]:
    """A column of numbers as exact decimals, None for missing; without the column, None in every row.

    Raises
    ------
    InputError
        A value that is not a number, with its row.
    """
    if column is None:
        return [None] * count
    if isinstance(column, list):
        return [_decimal_at(value, name, row) for row, value in enumerate(column)]
    return decimals_of_array(arrow_of(column, name, numeric=True), name)


def decimals_of_array(array: pa.Array, name: str) -> list[Decimal | None]:
    """The same of an Arrow array."""
    return [_decimal_at(value, name, row) for row, value in enumerate(_values_of(array, name))]


def _values_of(array: pa.Array, name: str) -> list[Any]:
    if is_text(array.type):
        return [None if value is None or not value.strip() else value for value in array.to_pylist()]
    if array.null_count < len(array) and not is_number(array.type):
        raise wrong_type(array, name, "is not a number", "convert the column to numbers")
    values = array.to_pylist()
    if pa.types.is_float32(array.type) or pa.types.is_float16(array.type):  # shortest in their own precision
        shortest = array.to_numpy(zero_copy_only=False)
        return [None if value is None else str(shortest[index]) for index, value in enumerate(values)]
    return list(values)


def _decimal_at(value: Any, name: str, row: int) -> Decimal | None:
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return None
    try:
        return decimal_of(ungrouped(value) if isinstance(value, str) else value)
    except TypeError:
        advice = "write a number such as 1234.50, or leave it empty"
        raise InputError([Fault("is not a number", advice, column=name, row=row + 1, value=value)]) from None


def flags_of(column: Any, name: str, count: int, *, default: bool) -> list[bool]:
    """A column of true and false; `default` where it is empty, or without the column.

    Raises
    ------
    InputError
        A value that is neither, with its row.
    """
    if column is None:
        return [default] * count
    values = column if isinstance(column, list) else column.to_list()
    for row, value in enumerate(values):
        if value is not None and value == value and value not in (True, False):  # noqa: PLR0124 - NaN
            fault = Fault("is neither true nor false", "write true or false", column=name, row=row + 1, value=value)
            raise InputError([fault])
    return [default if value is None or value != value else bool(value) for value in values]  # noqa: PLR0124 - NaN
