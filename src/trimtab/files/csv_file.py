"""CSV files, read strictly."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa

from trimtab.candidates.asset_names import is_spreadsheet_error
from trimtab.candidates.columns import NUMBERS
from trimtab.decimals import ungrouped
from trimtab.errors import Fault, InputError
from trimtab.text import counted

MOST_CHARACTERS = 10_000
_NUMBERS = (*NUMBERS, "fraction")
_BOM = b"\xef\xbb\xbf"
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII).fullmatch
_NOT_NUMBERS = tuple(
    (re.compile(pattern, re.ASCII | re.IGNORECASE).fullmatch, problem, advice)
    for pattern, problem, advice in (
        (r"[+-]?[1-9]\d{0,2},\d{3}", "may be thousands or a decimal comma", "write 1234 or 1.234"),
        (r"[+-]?(0|\d*),\d*\s*%?", "has a comma", "write a decimal point (0.5, not 0,5) and no thousands separators"),
        (r"[+-]?\d{1,3}([ ',_.\u00a0\u2019\u202f]\d{3})+([.,]\d*)?", "has thousands separators", "write 1234.5"),
        (r"[+-]?nan|n/?a|null|none|-+", "is not a number", "leave the cell empty"),
        (r"[+-]?inf(inity)?", "is infinite", "write a finite number"),
    )
)


def check_names(names: Sequence[str], source: str, line: int | None = None) -> None:
    """Refuse a column without a name, and two of one name."""
    faults = []
    for index, name in enumerate(names):
        if not name.strip():
            faults.append(Fault(f"column {index + 1} has no name", "name it or drop it", line=line))
        elif name in names[:index]:
            faults.append(Fault("appears twice in the header", "rename or drop one of the two", column=name, line=line))
    if faults:
        raise InputError(faults, source)


@dataclass(frozen=True)
class Sheet:
    """The cells of a file as text by column, and the line at which each row begins."""

    header: list[str]
    columns: list[list[str]]
    lines: list[int]


def read_csv(data: bytes, source: str) -> pa.Table:
    """The table in the bytes of a CSV file; anything that cannot be read exactly is refused."""
    _check_text(data, source)
    return table_of(_sheet(data.removeprefix(_BOM), source), source)


def table_of(sheet: Sheet, source: str) -> pa.Table:
    """The cells as a table: columns of numbers as numbers, all others as text.

    Raises
    ------
    InputError
        Cells that do not fit their column.
    """
    faults: list[Fault] = []
    arrays = [_column(name, cells, sheet, faults) for name, cells in zip(sheet.header, sheet.columns, strict=True)]
    if faults:
        raise InputError(sorted(faults, key=lambda fault: fault.row or 0), source)
    return pa.table(arrays, names=sheet.header)


def _check_text(data: bytes, source: str) -> None:
    """Refuse text that is not UTF-8, with the place of the first wrong byte."""
    place, what = data.find(b"\0"), "a NUL byte"
    if place < 0:
        try:
            data.decode()
            return
        except UnicodeDecodeError as error:
            place, what = error.start, f"a byte that is not UTF-8, {data[error.start : error.start + 1]!r}"
    line, problem = data.count(b"\n", 0, place) + 1, f"is not a text file: {what} at byte {place}"
    raise InputError([Fault(problem, "save it as CSV in UTF-8", line=line)], source)


def _sheet(data: bytes, source: str) -> Sheet:
    records = _records(data, source)
    line, header = next(records, (0, []))
    check_header(header, line, source)
    sheet = Sheet(header, [[] for _ in header], [])
    faults: list[Fault] = []
    for line, cells in records:
        sheet.lines.append(line)
        if len(cells) == len(header):
            for column, cell in zip(sheet.columns, cells, strict=True):
                column.append(cell)
        else:
            problem = f"the row has {counted(len(cells), 'cell')} and the header {len(header)}"
            advice = "give every row all cells, text with commas in quotes, and decimal points, not commas"
            faults.append(Fault(problem, advice, row=len(sheet.lines), line=line))
    if faults:
        raise InputError(faults, source)
    return sheet


def _records(data: bytes, source: str) -> Iterator[tuple[int, list[str]]]:
    """The header and the rows, each with the line at which it begins; empty lines are left out."""
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(data), "utf-8", newline=""), strict=True)
    line, row = 1, 0
    try:
        for cells in reader:
            if cells:
                yield line, cells
                row += 1
            line = reader.line_num + 1
    except csv.Error as error:
        if "field limit" in str(error):
            problem, advice = "a cell is far too long", "shorten it, or close the quote that opens it"
        else:
            problem = f"a quote is not closed, or closes too early ({error})"
            advice = 'close every quote, and write a quote inside quotes twice ("")'
        raise InputError([Fault(problem, advice, row=row or None, line=line)], source) from None


def check_header(header: list[str], line: int, source: str) -> None:
    """A header of good names, separated by commas."""
    if not header:
        raise InputError([Fault("is empty", "give a file with a header and at least one row of data")], source)
    for separator, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if len(header) == 1 and separator in header[0]:
            advice = "separate by commas, with decimal points"
            raise InputError([Fault(f"is separated by {name}", advice, line=line, value=separator)], source)
    check_names(header, source, line)


def _column(name: str, cells: Sequence[str], sheet: Sheet, faults: list[Fault]) -> pa.Array:
    """One column as Arrow; its faults are added to `faults`."""

    def add(row: int, problem: str, advice: str) -> None:
        faults.append(Fault(problem, advice, column=name, row=row + 1, line=sheet.lines[row], value=cells[row]))

    if cells and max(map(len, cells)) > MOST_CHARACTERS:
        for row, cell in enumerate(cells):
            if len(cell) > MOST_CHARACTERS:
                add(row, f"the cell is longer than {MOST_CHARACTERS} characters", "shorten it, or close its quote")
        return pa.nulls(len(cells))
    if name not in _NUMBERS:
        return pa.array([cell or None for cell in cells], pa.string())
    numbers: list[float | None] = []
    for row, cell in enumerate(cells):
        bare = cell.strip()
        number = _number(bare)
        if number is None and bare:
            add(row, *_why_no_number(bare))
        elif number is not None and math.isinf(number):
            add(row, "is too large", "write a number of a usable size")
        numbers.append(number)
    return pa.array(numbers, pa.float64())


def _number(cell: str) -> float | None:
    """The number in a cell; a percent is a hundredth."""
    bare = ungrouped(cell.removesuffix("%"))
    if not _NUMBER(bare):
        return None
    return float(Decimal(bare) / 100) if cell.endswith("%") else float(bare)


def _why_no_number(cell: str) -> tuple[str, str]:
    """The problem with a cell that should be a number, and the advice."""
    if is_spreadsheet_error(cell):
        return "is an error of the spreadsheet", "correct the formula, or leave the cell empty"
    for matches, problem, advice in _NOT_NUMBERS:
        if matches(cell):
            return problem, advice
    return "is not a number", "write a number such as 0.25, or leave the cell empty"
