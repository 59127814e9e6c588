"""Files out: the format, and files that are complete or absent."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import os
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree as ET

import pyarrow as pa
import pyarrow.parquet
import pytest
import typer
from command_line import CANDIDATES, rows, run

from trimtab.cli.options import Format
from trimtab.cli.output import emit, encoded_table, format_of, write_file
from trimtab.errors import OutputError
from trimtab.files.atomic_write import Disk
from trimtab.files.table_files import read_table


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in.csv").write_text(CANDIDATES)
    return tmp_path


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".arrow", ".json", ".txt"])
def test_out_decides_the_format_by_its_suffix(folder: Path, suffix: str) -> None:
    out = folder / f"out{suffix}"
    result = run("rebalance", folder / "in.csv", "--out", out)
    assert (result.exit_code, result.stdout) == (0, "")
    assert f"written: {out}" in result.stderr
    assert names(folder) == ["in.csv", out.name]
    wanted = run("rebalance", folder / "in.csv", "--format", "csv").stdout
    if suffix == ".csv":
        assert out.read_text() == wanted
    elif suffix == ".json":
        assert [row["asset"] for row in json.loads(out.read_text())["targets"]] == [
            row["asset"] for row in rows(wanted)
        ]
    elif suffix == ".txt":
        assert "5 positions from 6 candidates" in out.read_text("utf-8")
        assert "→" in out.read_text("utf-8")
    else:
        table = pyarrow.parquet.read_table(out) if suffix == ".parquet" else pa.ipc.open_file(out).read_all()
        assert table.column_names == wanted.splitlines()[0].split(",")
        assert [str(value) for value in table["target_weight"].to_pylist()] == [
            row["target_weight"] for row in rows(wanted)
        ]


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_binary_files_come_in_as_csv_does(folder: Path, suffix: str) -> None:
    table, path = read_table(folder / "in.csv"), folder / f"in{suffix}"
    if suffix == ".parquet":
        pyarrow.parquet.write_table(table, path)
    else:
        with pa.ipc.new_file(path, table.schema) as writer:
            writer.write_table(table)
    wanted = run("rebalance", folder / "in.csv", "--format", "csv").stdout
    assert run("rebalance", path, "--format", "csv").stdout == wanted


@pytest.mark.parametrize(
    ("asked", "out", "form"),
    [
        (None, None, "table"),
        (Format.CSV, None, "csv"),
        (None, "x.csv", "csv"),
        (None, "x.CSV", "csv"),
        (None, "x", "table"),
        (Format.JSON, "x", "json"),
        (Format.CSV, "x.data", "csv"),
        (Format.TABLE, "x.txt", "table"),
    ],
)
def test_format(asked: Format | None, out: str | None, form: str) -> None:
    assert format_of(asked, None if out is None else Path(out)) == form


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--out", "x.csv", "--format", "json"], "--format json contradicts the suffix of --out x.csv"),
        (["--out", "x.csv", "--format", "table"], "--format table contradicts the suffix"),
        (["--out", "x.parquet", "--format", "csv"], "--format csv contradicts the suffix"),
        (["--out", "x.xls"], "the suffix '.xls' is unknown"),
    ],
)
def test_contradictions_are_usage_errors(folder: Path, args: list[str], message: str) -> None:
    result = run("rebalance", folder / "in.csv", *args)
    assert result.exit_code == 2
    assert message in result.stderr
    assert names(folder) == ["in.csv"]


def test_an_existing_file_is_replaced_and_keeps_its_mode(folder: Path) -> None:
    out = folder / "out.csv"
    out.write_text("old")
    out.chmod(0o640)
    assert run("rebalance", folder / "in.csv", "--out", out).exit_code == 0
    assert out.read_text().startswith("asset,")
    assert out.stat().st_mode & 0o777 == 0o640


def test_a_link_stays_a_link(folder: Path) -> None:
    out, link = folder / "out.csv", folder / "link.csv"
    out.write_text("old")
    link.symlink_to(out)
    assert run("rebalance", folder / "in.csv", "--out", link).exit_code == 0
    assert link.is_symlink()
    assert out.read_text().startswith("asset,")


def test_places_where_nothing_can_be_written(folder: Path) -> None:
    (folder / "limits.toml").write_text("max_total_positions = 3\n")
    (folder / "same.csv").symlink_to(folder / "in.csv")
    before = names(folder)
    cases = {
        "": "is a folder",
        "none/out.csv": "does not exist: make it first",
        "in.csv": "is one of the input files, which would be lost",
        "same.csv": "is one of the input files, which would be lost",
        "limits.toml": "is one of the input files, which would be lost",
    }
    for name, message in cases.items():
        out = folder / name
        result = run(
            "rebalance", folder / "in.csv", "--limits", folder / "limits.toml", "--format", "csv", "--out", out
        )
        assert (result.exit_code, result.stdout) == (3, ""), name
        assert message in result.stderr, name
    assert names(folder) == before
    assert (folder / "in.csv").read_text() == CANDIDATES


@pytest.mark.skipif(os.name == "nt", reason="there is no such device")
def test_a_device_is_refused(folder: Path) -> None:
    result = run("rebalance", folder / "in.csv", "--format", "csv", "--out", "/dev/null")
    assert result.exit_code == 3
    assert "is a device or a pipe" in result.stderr


@pytest.mark.parametrize("call", ["create", "put", "sync", "rename"])
def test_a_failing_write_leaves_what_was_there(folder: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    out = folder / "out.csv"
    out.write_text("old")

    def fails(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Disk, call, fails)
        with pytest.raises(OutputError, match=r"out\.csv: cannot be written \(No space left on device\)"):
            write_file(out, b"new")
    assert out.read_text() == "old"
    assert names(folder) == ["in.csv", "out.csv"]


def test_an_interrupted_write_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_file(folder / "out.csv", b"new")
    assert names(folder) == ["in.csv"]


@pytest.mark.parametrize(("error", "expected"), [(BrokenPipeError, typer.Exit), (OSError(28, "No space"), OutputError)])
def test_stdout_that_fails_does_not_fail_again_at_the_end(
    monkeypatch: pytest.MonkeyPatch, error: type[OSError] | OSError, expected: type[Exception]
) -> None:
    class Broken(io.BytesIO):
        def write(self, data: object) -> int:
            raise error

        def fileno(self) -> int:
            return 1

    sent: list[int] = []

    def redirected(source: int, target: int) -> None:
        os.close(source)
        sent.append(target)

    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", io.TextIOWrapper(Broken(), "utf-8"))
        patched.setattr(os, "dup2", redirected)
        with pytest.raises(expected):
            emit(b"data")
    assert sent == [1]


def test_strict_leaves_no_file(folder: Path) -> None:
    args = ["--preset", "conservative", "--set", "min_buckets_represented=5", "--strict", "--out", folder / "out.csv"]
    assert run("rebalance", folder / "in.csv", *args).exit_code == 4
    assert names(folder) == ["in.csv"]


def test_a_braked_result_is_written(folder: Path) -> None:
    result = run("rebalance", folder / "in.csv", "--set", "brake_sold_weight=0.05", "--out", folder / "out.csv")
    assert result.exit_code == 5
    written = rows((folder / "out.csv").read_text())
    assert [float(row["target_weight"]) for row in written] == [0.3, 0.1, 0.0, 0.2, 0.1, 0.0]


@pytest.mark.parametrize(
    "sign", ["\r", "\n", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", ",", '"', "\t", "\x1b[2J"]
)
def test_no_name_forges_a_row(tmp_path: Path, sign: str) -> None:
    path, out = tmp_path / "in.parquet", tmp_path / "out.csv"
    names = [f"A{sign}B,0.9", "C"]
    pyarrow.parquet.write_table(pa.table({"asset": names, "score": [0.9, 0.8]}), path)
    assert run("rebalance", path, "--out", out).exit_code == 0
    with out.open(newline="", encoding="utf-8") as file:
        assert [row["asset"] for row in csv.DictReader(file)] == names
    text = out.read_bytes().decode()
    quoted = [part for index, part in enumerate(text.split('"')) if index % 2]
    assert sum(len(part.splitlines()) - 1 for part in quoted) == len(text.splitlines()) - 3
    again = run("rebalance", "--scores", out, "--holdings", out)
    assert all(name.isprintable() for name in again.stderr.splitlines())


def test_excel_is_what_csv_is_and_text_is_never_a_formula(tmp_path: Path) -> None:
    path, out = tmp_path / "in.csv", tmp_path / "out.xlsx"
    path.write_text('asset,score,current_weight,bucket\n=1+1,0.7000000000000001,0.1,\nhttp://a.b,0.8,0,"two\nlines"\n')
    assert run("rebalance", path, "--out", out).exit_code == 0
    first = out.read_bytes()
    assert run("rebalance", path, "--out", out).exit_code == 0
    assert out.read_bytes() == first
    table = run("rebalance", path, "--format", "csv").stdout
    assert excel_cells(out) == [
        [None if cell == "" else cell for cell in row] for row in csv.reader(io.StringIO(table, newline=""))
    ]


def excel_cells(path: Path) -> list[list[str | None]]:
    """The cells of the first sheet: numbers as they are written, text from the list of shared texts."""
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    with zipfile.ZipFile(path) as book:
        texts = [item.findtext(f"{space}t") for item in ET.fromstring(book.read("xl/sharedStrings.xml"))]
        sheet = ET.fromstring(book.read("xl/worksheets/sheet1.xml"))
    assert not list(sheet.iter(f"{space}f"))
    table = []
    for row in sheet.iter(f"{space}row"):
        cells: dict[str, str | None] = {}
        for cell in row:
            value = cell.findtext(f"{space}v")
            number = str(float(value)) if value is not None and cell.get("t") != "s" else None
            cells[cell.get("r", "").rstrip("0123456789")] = (
                texts[int(value)] if cell.get("t") == "s" and value else number
            )
        table.append(cells)
    letters = list(table[0])
    return [[cells.get(letter) for letter in letters] for cells in table]


def test_excel_files_need_a_library(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    result = run("rebalance", folder / "in.csv", "--out", folder / "out.xlsx")
    assert result.exit_code == 3
    assert "error: Excel files need XlsxWriter: install it with: pip install 'trimtab[excel]'" in result.stderr
    assert names(folder) == ["in.csv"]


def test_other_values_go_into_excel_as_text() -> None:
    table = pa.table(
        {"day": [dt.date(2020, 1, 2)], "list": [[1, 2]], "flag": [True], "nan": [float("nan")], "none": [None]}
    )
    book = zipfile.ZipFile(io.BytesIO(encoded_table(table, "xlsx")))
    assert "<t>[1, 2]</t>" in book.read("xl/sharedStrings.xml").decode()
    assert 't="b"><v>1</v>' in book.read("xl/worksheets/sheet1.xml").decode()
    assert "<v>43832</v>" in book.read("xl/worksheets/sheet1.xml").decode()
    assert "#NUM!" in book.read("xl/worksheets/sheet1.xml").decode()


@pytest.mark.parametrize("command", [["rebalance", "--format", "csv"], ["report"]])
def test_a_dash_is_stdout(folder: Path, command: list[str]) -> None:
    plain = run(*command, folder / "in.csv")
    assert run(*command, folder / "in.csv", "-o", "-").stdout == plain.stdout != ""
    assert names(folder) == ["in.csv"]


def test_csv_keeps_every_bit_and_quotes_what_needs_it(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text(
        "asset,score,current_weight,remark\n"
        '"A, ""a""",0.7000000000000001,0.1,\n'
        'Ü,0.8,0.30000000000000004,"two\nlines"\n'
    )
    result = run("rebalance", path, "--format", "csv")
    first, second = rows(result.stdout)
    assert (first["asset"], first["score"], first["remark"]) == ('A, "a"', "0.7000000000000001", "")
    assert (second["asset"], second["current_weight"], second["remark"]) == ("Ü", "0.30000000000000004", "two\nlines")
