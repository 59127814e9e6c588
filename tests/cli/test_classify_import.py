"""`trimtab import --classify`: the buckets of a broker's positions, and the list of those without one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import rows, run

SHEET = """\
Account,Symbol,Quantity,Price,Market Value
1,AAPL,10,100.00,1000.00
1,XYZW,5,10.00,50.00
2,XYZW,1,10.00,10.00
2,BRK-B,1,400.00,400.00
"""


def test_positions_get_buckets_and_the_rest_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "positions.csv").write_text(SHEET)
    options = ("import", "positions.csv", "--classify", "todo.csv", "--out", "out.csv")
    result = run(*options)
    assert result.exit_code == 0, result.stderr
    assert "2 buckets from the default map" in result.stderr
    assert "1 asset has no bucket, counted as Unknown: XYZW. Fill in the column bucket of todo.csv" in result.stderr
    assert (tmp_path / "todo.csv").read_text() == "asset,bucket\nXYZW,\n"
    (tmp_path / "todo.csv").write_text("asset,bucket\nXYZW,Equity/Mine\n")
    assert "from todo.csv" in run(*options).stderr
    buckets = [(row["symbol"], row["bucket"]) for row in rows((tmp_path / "out.csv").read_text())]
    assert buckets == [
        ("AAPL", "Equity/Information Technology/Technology Hardware, Storage & Peripherals"),
        ("XYZW", "Equity/Mine"),
        ("XYZW", "Equity/Mine"),
        ("BRK-B", "Equity/Financials/Multi-Sector Holdings"),
    ]
    assert run("import", "out.csv").exit_code == 0  # what it writes, it reads


def test_layouts_are_listed_only_where_none_fits(tmp_path: Path) -> None:
    unknown, damaged = tmp_path / "x.csv", tmp_path / "x.xml"
    unknown.write_text("a,b\n1,2\n")
    damaged.write_text("<FlexQueryResponse>")
    for file, listed in ((unknown, True), (damaged, False)):
        result = run("import", file)
        assert (result.exit_code, "layouts: " in result.stderr) == (3, listed), result.stderr


def test_a_brokers_file_with_prices_and_buckets_in_one_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "positions.csv").write_text(SHEET)
    (tmp_path / "scores.csv").write_text("asset,score\nBRK.B,0.9\nXYZW,0.8\nVTI,0.9\n")
    (tmp_path / "prices.csv").write_text("asset,price\nVTI,100\n")
    files = ("--scores", "scores.csv", "--holdings", "positions.csv", "--latest-prices", "prices.csv")
    result = run("plan", *files, "--account", "2", "--cash", "100", "--classify", "todo.csv", "--format", "json")
    assert "joined by alias: BRK-B in positions.csv is BRK.B in scores.csv" in result.stderr
    assert "2 buckets from the default map" in result.stderr
    assert "1 asset has no bucket, counted as Unknown: XYZW" in result.stderr
    assert {row["asset"] for row in json.loads(result.stdout)["rebalance"]["targets"]} == {"BRK.B", "XYZW", "VTI"}
