"""Excel workbooks, read as strictly as CSV: the one sheet that has cells, its first row the header."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pyarrow as pa

from trimtab.candidates.columns import TEXTS
from trimtab.errors import Fault, InputError
from trimtab.files.csv_file import Sheet, check_header, table_of


def read_excel(data: bytes, source: str) -> pa.Table:
    """The table in the bytes of a workbook (`.xlsx`).

    Raises
    ------
    InputError
        No reader is installed, the workbook is damaged, has no cells or several sheets with cells, or a bad cell.
    """
    rows = rows_of_workbook(data, source)
    header = [cell_text(cell).strip() for cell in rows[0]]
    while header and not header[-1]:
        header.pop()
    check_header(header, 1, source)
    sheet = Sheet(header, [[] for _ in header], [])
    faults = []
    for line, cells in enumerate(rows[1:], 2):
        if all(cell == "" for cell in cells):
            continue
        sheet.lines.append(line)
        for name, column, cell in zip(header, sheet.columns, cells, strict=False):
            column.append(cell_text(cell))
            if name in TEXTS and isinstance(cell, dt.date | dt.time | dt.timedelta):
                problem, advice = "Excel made a date of it", "format the column as text and type it again"
                faults.append(Fault(problem, advice, column=name, row=len(sheet.lines), value=cell_text(cell)))
        if any(cell_text(cell) for cell in cells[len(header) :]):
            faults.append(Fault("has cells beyond the header", "name the column or clear it", row=len(sheet.lines)))
    if faults:
        raise InputError(faults, source)
    return table_of(sheet, source)


def rows_of_workbook(data: bytes, source: str) -> list[list[Any]]:
    """The cells of the one sheet that has any.

    Raises
    ------
    InputError
        No reader is installed, the workbook is damaged, has no cells or several sheets with cells.
    """
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ImportError:
        advice = "pip install 'trimtab[excel]', or save it as CSV (UTF-8)"
        raise InputError([Fault("needs a reader for Excel, which is not installed", advice)], source) from None
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        opened = {name: workbook.get_sheet_by_name(name) for name in workbook.sheet_names}
        sheets = {name: sheet.to_python(skip_empty_area=False) for name, sheet in opened.items()}
    except CalamineError as error:
        raise InputError([Fault(f"is damaged, or no workbook ({error})", "save it again as .xlsx")], source) from None
    filled = {name: rows for name, rows in sheets.items() if any(cell != "" for row in rows for cell in row)}
    if not filled:
        raise InputError([Fault("is empty", "give a sheet with a header and at least one row of data")], source)
    if len(filled) > 1:
        problem = f"has {len(filled)} sheets with cells: {', '.join(filled)}"
        raise InputError([Fault(problem, "keep one, or save it as CSV (UTF-8)")], source)
    return next(iter(filled.values()))


def cell_text(cell: Any) -> str:
    """A cell as CSV would have it: a number with all its digits, a date as year-month-day."""
    if isinstance(cell, bool):
        return str(cell).upper()  # a symbol, perhaps
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
    return cell.isoformat() if isinstance(cell, dt.date | dt.time) else str(cell)
