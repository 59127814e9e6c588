"""A plan's orders as a table for people: CSV and Excel, in the order of execution, with a column for the phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from trimtab.errors import Fault, InputError
from trimtab.files.cells import csv_line, neutralised, plain_number, restored
from trimtab.files.csv_file import read_csv
from trimtab.files.excel_file import read_excel
from trimtab.files.excel_writer import excel_bytes
from trimtab.order_files.broker_orders import parsed
from trimtab.order_files.file_order import SIDES, FileOrder

COLUMNS = (
    "asset", "side", "shares", "price", "amount", "fee", "closes", "reason", "cash_after", "phase", "wash_sale",
    "client_order_id",
)  # fmt: skip
_NUMBERS = frozenset({"shares", "price", "amount", "fee", "cash_after"})
_TRUTH_COLUMNS = ("closes", "wash_sale")
_TRUTHS = {"true": True, "false": False}


def write_csv(orders: Sequence[FileOrder]) -> bytes:
    """The orders as CSV. A name that a spreadsheet would run has an apostrophe before it; numbers never have one."""
    lines = [csv_line(list(COLUMNS))]
    lines += [csv_line([_text(name, getattr(order, name)) for name in COLUMNS]) for order in orders]
    return "".join(lines).encode()


def _text(name: str, value: object) -> str:
    if isinstance(value, Decimal):
        return plain_number(value)
    return neutralised(str(value)) if name == "asset" else str(value)


def write_xlsx(orders: Sequence[FileOrder]) -> bytes:
    """The orders as an Excel workbook. True and false are text: some spreadsheets make formulas of truth values."""
    cells = {name: [getattr(order, name) for order in orders] for name in COLUMNS}
    cells |= {name: [str(value) for value in cells[name]] for name in _TRUTH_COLUMNS}
    return excel_bytes(COLUMNS, cells.values())


def read_csv_list(data: bytes, source: str) -> tuple[FileOrder, ...]:
    """The orders in the bytes of a CSV file."""
    return _orders(read_csv(data, source), source, is_csv=True)


def read_xlsx_list(data: bytes, source: str) -> tuple[FileOrder, ...]:
    """The orders in the bytes of a workbook."""
    return _orders(read_excel(data, source), source, is_csv=False)


def _orders(table: pa.Table, source: str, *, is_csv: bool) -> tuple[FileOrder, ...]:
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        advice = "write the file again; order files are not meant to be edited"
        raise InputError([Fault("the column is missing", advice, column=name) for name in missing], source)

    def order(row: Mapping[str, str]) -> FileOrder:
        values: dict[str, Any] = {name: _value(name, row[name]) for name in COLUMNS}
        if is_csv:
            values["asset"] = restored(values["asset"])
        if values["side"] not in SIDES or values["shares"] <= 0:
            raise ValueError(row)
        return FileOrder(**values)

    return parsed(order, table.to_pylist(), source)


def _value(name: str, text: str) -> object:
    if name in _NUMBERS:
        number = Decimal(text)
        if not number.is_finite():
            raise ValueError(text)
        return number
    if name == "phase":
        return int(text)
    return _TRUTHS[text.lower()] if name in _TRUTH_COLUMNS else text
