"""Rows of JSON as Arrow columns, which can be stored and decided again; exact numbers become text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from trimtab.candidates.arrow_values import arrow_of
from trimtab.candidates.columns import NUMBERS, TEXTS
from trimtab.decimals import decimal_of, decimal_text
from trimtab.errors import Fault, InputError

# Columns of shares and money: a number counts as its shortest decimal, as everywhere.
EXACT = ("shares", "price", "fx", "lot", "min_notional", "previous_price", "cost")


def table_of_rows(rows: Sequence[Mapping[str, Any]], source: str) -> pa.Table:
    """A table with a column for each name that a row has.

    Raises
    ------
    InputError
        A column of values that do not go together.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    try:
        return pa.table({name: _column(name, [row.get(name) for row in rows]) for name in names})
    except InputError as error:
        raise InputError(error.faults, source) from None


def _column(name: str, values: list[Any]) -> pa.Array:
    if name in EXACT:
        return pa.array([_exact(value) for value in values], pa.string())
    if name in NUMBERS:
        return arrow_of(values, name, numeric=True)
    if name in TEXTS:
        return arrow_of(values, name, numeric=False)
    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError, UnicodeError, TypeError):
        advice = "send only text, only numbers or only true and false"
        raise InputError([Fault("has values that do not go together", advice, column=name)]) from None


def _exact(value: Any) -> str | None:
    """The exact decimal of a number, as text; other values pass as text, so that the reader can name them."""
    if value is None or isinstance(value, str):
        return value
    try:
        return decimal_text(decimal_of(value))
    except TypeError:
        return str(value)


def arrow_table(table: Any, source: str) -> pa.Table:
    """A table that came in as rows or as an Arrow stream, as an Arrow table."""
    return table if isinstance(table, pa.Table) else table_of_rows(table, source)


def row_list(table: Any) -> list[dict[str, Any]]:
    """The same as rows."""
    rows: list[dict[str, Any]] = table.to_pylist() if isinstance(table, pa.Table) else table
    return rows
