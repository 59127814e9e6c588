"""Names that a spreadsheet could run stay text in every order file, and negative numbers stay numbers."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import zipfile
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hostile_names import PAYLOADS

from trimtab.limits.order_file_settings import OrderFileSettings
from trimtab.order_files.file_order import FileOrder
from trimtab.order_files.formats import FORMATS, order_files

D = Decimal
FORMULAS = (
    "=cmd|' /C calc'!A0", "=1+1", "+1", "-5", "-1.5e3", "@SUM(1)", "\t=1", "\r=1", "\n=1", " =1", "\u00a0=1", "\ufeff=2",
    "\uff1d1+1", "'=x", "''=x", "'x", '"=1"', "a;=1", "a,=1", "a\tb", "a\rb", "a\r\nb", '=HYPERLINK("http://x.test")',
    "=DDE(1)", "%0A=1", "|calc", "1.5", "TRUE", "2026-01-02", "_x0041_", "\x01", "\x0b", "\x85", "\u2028", " lead", "trail ",
)  # fmt: skip
NAMES = (*FORMULAS, *PAYLOADS)
SOFFICE = shutil.which("soffice") or shutil.which("libreoffice")


def order(name: str, number: int = 1) -> FileOrder:
    exact = {"amount": D("12.345678"), "price": D("0.33"), "fee": D(0), "cash_after": D("-5.1")}
    return FileOrder(
        name,
        "sell",
        1,
        f"tt-{number}",
        shares=D("4000000000.123456789"),
        closes=True,
        reason="added",
        wash_sale=False,
        **exact,
    )


def data_of(name: str, orders: list[FileOrder]) -> bytes:
    (file,) = order_files(Path(f"o{FORMATS[name].suffix}"), orders, {}, OrderFileSettings(), name)
    return file.data


@pytest.mark.parametrize("name", ["csv", "xlsx", "text"])
def test_every_name_reads_back(name: str) -> None:
    """`order_files` compares what it reads back with what it wrote, and raises where they differ."""
    orders = [order(asset, number) for number, asset in enumerate(NAMES)]
    data = data_of(name, orders)
    assert [each.asset for each in FORMATS[name].read(data, "o", 0)] == list(NAMES)


def test_no_cell_of_a_csv_file_begins_like_a_formula_but_for_numbers() -> None:
    rows = list(csv.reader(io.StringIO(data_of("csv", [order(name) for name in NAMES]).decode(), newline="")))
    for row in rows[1:]:
        assert row[0].lstrip(" \u00a0\ufeff")[:1] not in set("=+-@\t\r\n\uff1d")
        assert row[8] == "-5.1"  # a negative number stays one


def test_no_cell_of_a_workbook_is_a_formula_and_numbers_are_numbers() -> None:
    from python_calamine import CalamineWorkbook

    data = data_of("xlsx", [order(name) for name in NAMES])
    sheet = zipfile.ZipFile(io.BytesIO(data)).read("xl/worksheets/sheet1.xml").decode()
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    cells = list(ET.fromstring(sheet).iter(f"{space}c"))
    assert not [cell for cell in cells if cell.find(f"{space}f") is not None]
    kinds = {cell.get("r"): cell.get("t") for cell in cells}
    assert kinds["A2"] == "s"  # text
    assert kinds["I2"] is None  # a number
    values = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()
    assert {row[8] for row in values[1:]} == {-5.1}
    assert {row[2] for row in values[1:]} == {"4000000000.123456789"}  # more digits than a spreadsheet keeps
    assert [row[0] for row in values[1:7]] == list(NAMES[:6])


@pytest.mark.thorough
@pytest.mark.skipif(SOFFICE is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize("name", ["csv", "xlsx"])
def test_libreoffice_sees_text_and_numbers_but_no_formula(name: str, tmp_path: Path) -> None:
    printable = [each for each in NAMES if each.isprintable()]
    file = tmp_path / f"orders.{name}"
    file.write_bytes(data_of(name, [order(each) for each in printable]))
    command = [str(SOFFICE), "--headless", "--norestore", f"-env:UserInstallation=file://{tmp_path}/profile"]
    command += ["--convert-to", "fods", "--outdir", str(tmp_path / "out"), str(file)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    office, table = (
        "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}",
        "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}",
    )
    cells = list(ET.parse(tmp_path / "out" / "orders.fods").getroot().iter(f"{table}table-cell"))
    assert not [cell for cell in cells if cell.get(f"{table}formula") is not None]
    negative = [cell for cell in cells if cell.get(f"{office}value") == "-5.1"]
    assert len(negative) == len(printable)
    texts = {"".join(cell.itertext()).strip() for cell in cells if cell.get(f"{office}value-type") == "string"}
    assert ("'=cmd|' /C calc'!A0" if name == "csv" else "=cmd|' /C calc'!A0") in texts
