"""Excel workbooks in: the same candidates as from CSV, or what is wrong with them."""

from __future__ import annotations

import datetime as dt
import io
import sys
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from command_line import CANDIDATES, rows, run

from trimtab.errors import InputError
from trimtab.files.table_files import read_table


def workbook(sheets: dict[str, list[list[Any]]]) -> bytes:
    """A workbook of these cells; a date gets the format of one."""
    sink = io.BytesIO()
    with xlsxwriter.Workbook(sink, {"in_memory": True, "strings_to_numbers": False}) as book:
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for name, cells in sheets.items():
            sheet = book.add_worksheet(name)
            for row, line in enumerate(cells):
                for column, cell in enumerate(line):
                    if isinstance(cell, dt.date):
                        sheet.write_datetime(row, column, dt.datetime.combine(cell, dt.time()), day)
                    else:
                        sheet.write(row, column, cell)
    return sink.getvalue()


def sheet(*cells: list[Any]) -> bytes:
    return workbook({"Sheet1": list(cells)})


def read(folder: Path, data: bytes) -> list[dict[str, Any]]:
    path = folder / "in.xlsx"
    path.write_bytes(data)
    return read_table(path).to_pylist()


NUMBERS = ("score", "current_weight")


def test_the_same_as_csv(tmp_path: Path) -> None:
    """To the last bit, with an empty sheet beside it and empty lines in it."""
    lines = rows(CANDIDATES)
    cells = [[float(line[name]) if name in NUMBERS else line[name] for name in line] for line in lines]
    book = workbook({"Notes": [], "Data": [list(lines[0]), *cells[:2], [], *cells[2:]]})
    (tmp_path / "in.xlsx").write_bytes(book)
    (tmp_path / "in.csv").write_text(CANDIDATES)
    assert read_table(tmp_path / "in.xlsx").equals(read_table(tmp_path / "in.csv"))
    answers = [run("rebalance", tmp_path / name, "--format", "csv").stdout for name in ("in.xlsx", "in.csv")]
    assert answers[0] == answers[1] != ""


def test_cells_of_every_kind(tmp_path: Path) -> None:
    candidates = read(
        tmp_path,
        sheet(
            ["asset", "score", "current_weight", "shares", "day", "note"],
            ["TRUE", 0.7, "12.5%", 1200, dt.date(2026, 1, 31), True],
            ["00700", "0.5", 0, 0.125, None, "  "],
        ),
    )
    assert candidates == [
        {
            "asset": "TRUE",
            "score": 0.7,
            "current_weight": 0.125,
            "shares": "1200",
            "day": "2026-01-31",
            "note": "TRUE",
        },
        {"asset": "00700", "score": 0.5, "current_weight": 0.0, "shares": "0.125", "day": None, "note": "  "},
    ]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (sheet(["asset", "score"], ["A", "high"]), "row 1, line 2, column 'score': is not a number (received 'high')"),
        (sheet(["asset", "score"], [dt.date(2026, 3, 1), 0.5]), "row 1, column 'asset': Excel made a date of it"),
        (sheet(["asset", "score"], ["A", 0.5, 3]), "row 1: has cells beyond the header"),
        (sheet(["asset", None, "score"], ["A", 1, 0.5]), "line 1: column 2 has no name"),
        (sheet(["asset", "score", "score"], ["A", 1, 0.5]), "column 'score': appears twice"),
        (sheet(["asset", "score"]), "has no rows"),
        (sheet(), "is empty"),
        (workbook({"One": [["asset"]], "Two": [["asset"]]}), "has 2 sheets with cells: One, Two"),
        (b"PK\x03\x04xl/" + bytes(50), "is damaged, or no workbook"),
        (b"asset,score\nA,0.5\n", "is named like Excel but does not begin like Excel"),
    ],
)
def test_what_is_refused(tmp_path: Path, data: bytes, says: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, data)
    assert says in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "in.xlsx"))


def test_a_workbook_under_another_name(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(sheet(["asset", "score"], ["A", 0.5]))
    with pytest.raises(InputError, match=r"is named like CSV but holds Excel: give it the suffix \.xlsx"):
        read_table(path)


def test_without_a_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(InputError, match=r"not installed: pip install 'trimtab\[excel\]'"):
        read(tmp_path, sheet(["asset", "score"], ["A", 0.5]))
