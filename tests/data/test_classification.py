"""Buckets for assets without one: the user's file, the default map, and the list of what neither knows."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from trimtab.data.classification import classify
from trimtab.errors import InputError, OutputError


def table(*assets: str | None, **columns: list[str | None]) -> pa.Table:
    return pa.table({"asset": pa.array(assets, pa.string()), **columns})


def test_what_the_map_lacks_is_listed_to_fill_in(tmp_path: Path) -> None:
    file = tmp_path / "todo.csv"
    first = classify(table("AAPL", "XYZW", "BRK-B", "=cmd"), file)
    assert first.table["bucket"].to_pylist() == [
        "Equity/Information Technology/Technology Hardware, Storage & Peripherals",
        None,
        "Equity/Financials/Multi-Sector Holdings",
        None,
    ]
    assert file.read_text() == "asset,bucket\nXYZW,\n'=cmd,\n"
    assert first.note == "2 buckets from the default map"
    assert first.warning == (
        f"2 assets have no bucket, counted as Unknown: XYZW, =cmd. Fill in the column bucket of {file} and run the command again"
    )
    file.write_text(file.read_text().replace("XYZW,", "XYZW,Mine/Own"))
    second = classify(table("AAPL", "XYZW", "NEW1", "=cmd"), file)
    assert (second.from_file, second.from_map, second.unknown) == (("XYZW",), ("AAPL",), ("NEW1", "=cmd"))
    assert second.note == f"1 bucket from the default map, 1 from {file}"
    assert file.read_text() == "asset,bucket\nXYZW,Mine/Own\n'=cmd,\nNEW1,\n"


def test_given_buckets_stay_and_the_file_overrides_the_map(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text("name,Symbol,bucket\nBerkshire,BRKB,Mine")  # no line break at its end
    classified = classify(table("AAPL", "BRK.B", "XYZW", None, bucket=["Given", " ", "n/a", "X"]), file)
    assert classified.table["bucket"].to_pylist() == ["Given", "Mine", None, "X"]
    assert file.read_text() == "name,Symbol,bucket\nBerkshire,BRKB,Mine\n,XYZW,\n"
    assert classified.warning is not None
    assert classified.warning.startswith("1 asset has no bucket")


def test_nothing_is_written_if_all_is_known(tmp_path: Path) -> None:
    classified = classify(table("AAPL", "VTI"), tmp_path / "todo.csv")
    assert classified.warning is None
    assert list(tmp_path.iterdir()) == []


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is not called like a CSV file"):
        classify(table("AAPL"), tmp_path / "todo.xlsx")
    file = tmp_path / "todo.csv"
    file.write_text("asset,sector\nA,B\n")
    with pytest.raises(InputError, match="column 'bucket': the column is missing"):
        classify(table("AAPL"), file)
    file.write_text("asset,bucket\nA,B\nA,C\n")
    with pytest.raises(InputError, match="row 2, column 'asset': the asset has two rows"):
        classify(table("AAPL"), file)
    with pytest.raises(OutputError, match="name a place where you may write"):
        classify(table("XYZW"), tmp_path / "nowhere" / "todo.csv")
