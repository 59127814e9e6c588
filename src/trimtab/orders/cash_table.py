"""The cash of many accounts, with a cash flow, a mode and a currency: a row for each account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from trimtab.candidates.arrow_values import is_text, text_of as _text_of
from trimtab.candidates.user_table import columns_of
from trimtab.decimals import MICRO, MOST_MONEY, scaled
from trimtab.errors import Fault, InputError, nearest
from trimtab.kernel.order_records import OrderMode
from trimtab.kernel.records import Ints
from trimtab.limits.order_settings import MODES
from trimtab.orders.columns import decimals_of

COLUMNS = ("account", "cash", "cash_flow", "mode", "currency")
SOURCE = "accounts"


@dataclass(frozen=True)
class CashTable:
    """Accounts by name, and their money in micro-units of their own currency. Arrays have shape (accounts,)."""

    names: Sequence[Any]
    place: dict[Any, int]
    cash: Ints
    cash_flow: Ints
    mode: Ints  # `OrderMode`, -1: that of the settings
    currency: Sequence[str | None]

    def places_of(self, accounts: pa.Array) -> Ints:
        """The place of each account, -1 for one that is not here."""
        return np.array([self.place.get(name, -1) for name in accounts.to_pylist()], np.int64)


def read_cash(table: Any) -> CashTable:
    """The cash of accounts, from a table with `account`, `cash` and optionally `cash_flow`, `mode` and `currency`.

    Raises
    ------
    InputError
        A missing column, an account twice or without a name, or a value that cannot be used, with its row.
    """
    columns, count = columns_of(table, COLUMNS)
    for name in ("account", "cash"):
        if name not in columns:
            near = nearest(name, [str(each) for each in columns])
            raise InputError([Fault("the column is missing", near, column=name)], SOURCE)
    column = columns["account"]
    names = column if isinstance(column, list) else column.to_list()
    place: dict[Any, int] = {}
    for row, name in enumerate(names):
        if name is None or name == "":
            raise _fault("is missing", "name the account of every row", "account", row, name)
        if name in place:
            raise _fault(f"is already in row {place[name] + 1}", "give each account once", "account", row, name)
        place[name] = row
    modes = [mode or "" for mode in _text_of(columns.get("mode"), "mode", count).values()]
    for row, mode in enumerate(modes):
        if mode and mode not in MODES:
            raise _fault("is not a mode", nearest(mode, MODES), "mode", row, mode)
    return CashTable(
        names,
        place,
        _money(columns["cash"], "cash", count),
        _money(columns.get("cash_flow"), "cash_flow", count),
        np.array([OrderMode[mode.upper()] if mode else -1 for mode in modes], np.int64),
        _text_of(columns.get("currency"), "currency", count).values(),
    )


def cash_of_arrow(table: pa.Table) -> CashTable:
    """The same from Arrow."""
    return read_cash(plain_text(table))


def plain_text(table: pa.Table) -> pa.Table:
    """The same table with plain text instead of dictionaries."""
    return pa.table(
        {
            name: table[name].cast(pa.string()) if _is_dictionary(table.schema.field(name).type) else table[name]
            for name in table.column_names
        }
    )


def _is_dictionary(kind: pa.DataType) -> bool:
    return pa.types.is_dictionary(kind) and is_text(kind.value_type)


def _money(column: Any, name: str, count: int) -> Ints:
    amounts = np.zeros(count, np.int64)
    try:
        decimals = decimals_of(column, name, count)
    except InputError as error:
        raise InputError(error.faults, SOURCE) from None
    for row, amount in enumerate(decimals):
        if amount is None and column is not None and name == "cash":
            raise _fault("is missing", "give the cash of every account, 0 if it has no cash", name, row, amount)
        micro = 0 if amount is None else scaled(amount, MICRO)
        if abs(micro) > MOST_MONEY:
            raise _fault("is too large", "check the amount", name, row, amount)
        amounts[row] = micro
    return amounts


def _fault(problem: str, advice: str, column: str, row: int, value: Any) -> InputError:
    return InputError([Fault(problem, advice, column=column, row=row + 1, value=value)], SOURCE)
