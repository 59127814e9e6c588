"""The rows of a delimited text or of a workbook, with the line at which each begins."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from dataclasses import dataclass

from trimtab.errors import Fault, InputError
from trimtab.files.excel_file import cell_text, rows_of_workbook

DELIMITERS = (",", ";", "\t", "|")
MAX_CELLS = 3_000_000
MAX_COLUMNS = 500
MAX_UNPACKED = 64 * 2**20
_REFERENCE = re.compile(rb'\br="([A-Z]{1,3})(\d{1,7})"')
_CUT = "the file ends inside a quoted cell, or a quote is not closed"


@dataclass(frozen=True)
class Row:
    """The cells of one row, without padding, and the line of the file at which it begins."""

    line: int
    cells: tuple[str, ...]

    @property
    def filled(self) -> list[str]:
        """The cells with something in them."""
        return [cell for cell in self.cells if cell]

    @property
    def text(self) -> str:
        """The row as one sentence."""
        return " ".join(self.filled)


def delimiter_line(text: str) -> tuple[str, str | None]:
    """The text without Excel's first line `sep=;`, and the delimiter that it names."""
    match = re.match(r'"?sep=(.)"?\n', text)
    return (text, None) if match is None else (text[match.end() :], match[1])


def check_size(text: str, source: str) -> None:
    """Refuse a text with more cells than any broker writes, before it is split.

    Raises
    ------
    InputError
        It has more.
    """
    if max(map(text.count, DELIMITERS)) > MAX_CELLS:
        raise InputError([Fault(f"has more than {MAX_CELLS:,} cells", "export fewer columns or accounts")], source)


def split(text: str, delimiter: str, source: str, *, first_line: int = 1) -> list[Row]:
    """The rows of a delimited text.

    Raises
    ------
    InputError
        Too many columns for a file of positions, or a quote that is not closed.
    """
    rows: list[Row] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = first_line
    try:
        for cells in reader:
            if len(cells) > MAX_COLUMNS:
                raise InputError(
                    [Fault(f"has more than {MAX_COLUMNS} columns", "export fewer columns", line=line)], source
                )
            rows.append(Row(line, tuple(cell.strip() for cell in cells)))
            line = first_line + reader.line_num
    except csv.Error as error:
        heading = next((row.text for row in reversed(rows) if len(row.filled) == 1), "")
        broken = " ".join(text.split("\n", line - first_line)[-1].split("\n")[:1])
        problem = f"{_CUT} ({error}) in {broken[:60]!r}" + (f", below {heading[:40]!r}" if heading else "")
        raise InputError([Fault(problem, "download the whole file again", line=line)], source) from None
    return rows


def workbook_rows(data: bytes, source: str) -> list[Row]:
    """The rows of the one sheet of a workbook that has cells.

    Raises
    ------
    InputError
        A damaged workbook, one that would unpack to more than 64 MiB or millions of cells, or several sheets with cells.
    """
    _check_workbook(data, source)
    rows = rows_of_workbook(data, source)
    return [Row(line, tuple(cell_text(cell).strip() for cell in cells)) for line, cells in enumerate(rows, 1)]


def _check_workbook(data: bytes, source: str) -> None:
    """Refuse an archive that unpacks to far more than it shows, before a reader gets it."""
    left, last_row, last_column = MAX_UNPACKED, 0, 0
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if not any(name.startswith("xl/") for name in archive.namelist()):
                raise InputError([Fault("is a zip archive, not a workbook", "unpack it, or save it as .xlsx")], source)
            for item in archive.infolist():
                with archive.open(item) as opened:
                    content = opened.read(left + 1)
                left -= len(content)
                if left < 0:
                    problem = f"unpacks to more than {MAX_UNPACKED // 2**20} MiB"
                    raise InputError([Fault(problem, "save the positions alone as CSV (UTF-8)")], source)
                if item.filename.startswith("xl/worksheets/"):
                    for column, row in _REFERENCE.findall(content):
                        last_row = max(last_row, int(row))
                        last_column = max(last_column, _column_number(column))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError) as error:
        problem = f"is a damaged workbook ({error})"
        raise InputError([Fault(problem, "save it again as .xlsx, or as CSV (UTF-8)")], source) from None
    if last_column > MAX_COLUMNS or last_row * last_column > MAX_CELLS:
        problem = f"has cells out to column {last_column:,} and row {last_row:,}"
        raise InputError([Fault(problem, "keep only the table of positions")], source)


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
