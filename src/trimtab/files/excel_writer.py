"""Excel workbooks out: one sheet; text stays text, numbers stay numbers, and no digit is lost."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal

from trimtab.errors import SetupError
from trimtab.files.cells import is_live, plain_number

_DIGITS = 15  # of a number that a spreadsheet keeps
_CELL_TYPES = (str, float, int, dt.date, type(None))


def excel_bytes(header: Sequence[str], columns: Iterable[Sequence[object]]) -> bytes:
    """A workbook of these columns; the same columns give the same bytes.

    Text that looks like a formula is marked as text, which it stays when somebody edits the cell. An exact decimal of more
    digits than a spreadsheet keeps is written as text.

    Raises
    ------
    SetupError
        XlsxWriter is not installed.
    """
    try:
        import xlsxwriter
    except ImportError:
        raise SetupError("Excel files need XlsxWriter", "install it with: pip install 'trimtab[excel]'") from None
    sink = io.BytesIO()
    options = {"in_memory": True, "default_date_format": "yyyy-mm-dd", "strings_to_formulas": False}
    workbook = xlsxwriter.Workbook(sink, {**options, "strings_to_urls": False, "nan_inf_to_errors": True})
    workbook.set_properties({"created": dt.datetime(2000, 1, 1, tzinfo=dt.UTC)})
    as_text = workbook.add_format({"quote_prefix": True})
    sheet = workbook.add_worksheet()
    sheet.freeze_panes(1, 0)
    for column, (name, values) in enumerate(zip(header, columns, strict=True)):
        for row, value in enumerate([name, *values]):
            cell = _cell(value)
            if isinstance(cell, str) and is_live(cell):
                sheet.write_string(row, column, cell, as_text)
            else:
                sheet.write(row, column, cell)
    workbook.close()
    return sink.getvalue()


def _cell(value: object) -> object:
    """A value as a cell of a sheet holds it."""
    if isinstance(value, Decimal):
        return value if len(value.normalize().as_tuple().digits) <= _DIGITS else plain_number(value)
    return value if isinstance(value, _CELL_TYPES) else str(value)
