"""Files out: the format, and that a file is there whole or not at all."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
import typer
from command_line import CANDIDATES, rows, run

from trimtab.cli.options import Format
from trimtab.cli.output import emit, format_of, write_file
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
    found = run("rebalance", folder / "in.csv", "--out", out)
    assert (found.exit_code, found.stdout) == (0, "")
    assert f"written: {out}" in found.stderr
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
        (["--out", "x.xlsx"], "the suffix '.xlsx' is not known"),
    ],
)
def test_contradictions_are_usage_errors(folder: Path, args: list[str], message: str) -> None:
    found = run("rebalance", folder / "in.csv", *args)
    assert found.exit_code == 2
    assert message in found.stderr
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
        found = run("rebalance", folder / "in.csv", "--limits", folder / "limits.toml", "--format", "csv", "--out", out)
        assert (found.exit_code, found.stdout) == (3, ""), name
        assert message in found.stderr, name
    assert names(folder) == before
    assert (folder / "in.csv").read_text() == CANDIDATES


@pytest.mark.skipif(os.name == "nt", reason="there is no such device")
def test_a_device_is_refused(folder: Path) -> None:
    found = run("rebalance", folder / "in.csv", "--format", "csv", "--out", "/dev/null")
    assert found.exit_code == 3
    assert "is a device or a pipe" in found.stderr


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
    found = run("rebalance", folder / "in.csv", "--set", "brake_sold_weight=0.05", "--out", folder / "out.csv")
    assert found.exit_code == 5
    written = rows((folder / "out.csv").read_text())
    assert [float(row["target_weight"]) for row in written] == [0.3, 0.1, 0.0, 0.2, 0.1, 0.0]


def test_csv_keeps_every_bit_and_quotes_what_needs_it(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text(
        "asset,score,current_weight,remark\n"
        '"A, ""a""",0.7000000000000001,0.1,\n'
        'Ü,0.8,0.30000000000000004,"two\nlines"\n'
    )
    found = run("rebalance", path, "--format", "csv")
    first, second = rows(found.stdout)
    assert (first["asset"], first["score"], first["remark"]) == ('A, "a"', "0.7000000000000001", "")
    assert (second["asset"], second["current_weight"], second["remark"]) == ("Ü", "0.30000000000000004", "two\nlines")
