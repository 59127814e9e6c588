"""Exposures on the command line: a file beside the candidates, what it lacks, and faults in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import rows as rows_in, run

CANDIDATES = "asset,score,current_weight\nAAA,0.9,0\nBBB,0.8,0\nCCC,0.7,0\n"
SHARES = "asset,score,shares,price\nAAA,0.9,0,100\nBBB,0.8,0,100\nCCC,0.7,0,100\n"
TABLE = "symbol,scheme,bucket,fraction\nAAA,country,US,1\nBBB,country,US,0.5\nBBB,country,EU,0.3\n"
LIMITED = ["--set", "exposures.country.buckets.US.max_exposure=0.15", "--set", "max_position_weight=0.4"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {"candidates.csv": CANDIDATES, "shares.csv": SHARES, "table.csv": TABLE}.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def said(result: Any) -> str:
    return " ".join(result.stderr.replace("│", " ").split())


def test_a_file_of_exposures(folder: Path) -> None:
    result = run(
        "rebalance", folder / "candidates.csv", "--exposures", folder / "table.csv", *LIMITED, "--format", "csv"
    )
    assert result.exit_code == 0, result.stderr
    by_asset = {row["asset"]: row for row in rows_in(result.stdout)}
    assert by_asset["AAA"]["size_reason"] == by_asset["BBB"]["size_reason"] == "capped_exposure"
    inside = float(by_asset["AAA"]["target_weight"]) + 0.5 * float(by_asset["BBB"]["target_weight"])
    assert inside == pytest.approx(0.15, abs=1e-12)
    assert "1 candidate without country, counted as Unknown: CCC" in said(result)
    assert "country is Unknown for 20.00% of BBB" in said(result)


def test_other_commands_take_it_too(folder: Path) -> None:
    arguments = [folder / "candidates.csv", "--exposures", folder / "table.csv", *LIMITED]
    assert "held down by max_exposure 0.15 of country: US" in " ".join(
        run("explain", arguments[0], "AAA", *arguments[1:]).stdout.split()
    )
    assert run("check", *arguments).exit_code == 0
    assert "capped" in run("report", *arguments).stdout
    missing = run("check", folder / "candidates.csv", *LIMITED)
    assert missing.exit_code == 3
    assert "--exposures" in missing.stdout + missing.stderr


def test_one_account_of_several(folder: Path) -> None:
    (folder / "many.csv").write_text("account,asset,score\n1,AAA,0.9\n1,CCC,0.7\n2,AAA,0.9\n")
    (folder / "each.csv").write_text(
        "account,asset,scheme,bucket\n1,AAA,country,US\n1,CCC,country,US\n2,AAA,country,EU\n"
    )
    arguments = ["--exposures", folder / "each.csv", "--account", 1, *LIMITED, "--format", "csv"]
    result = run("rebalance", folder / "many.csv", *arguments)
    assert result.exit_code == 0, result.stderr
    assert sum(float(row["target_weight"]) for row in rows_in(result.stdout)) == pytest.approx(0.15, abs=1e-12)


def test_names_are_joined_by_alias(folder: Path) -> None:
    (folder / "candidates.csv").write_text("asset,score\nBRK.B,0.9\nCCC,0.7\n")
    (folder / "table.csv").write_text("asset,scheme,bucket\nBRK-B,country,US\nCCC,country,EU\n")
    result = run("rebalance", folder / "candidates.csv", "--exposures", folder / "table.csv", *LIMITED)
    assert f"joined by alias: BRK-B in {folder / 'table.csv'} is BRK.B" in said(result)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("asset,scheme,bucket,fraction\nAAA,country,US,60\n", "row 1, column 'fraction': the fraction is above 1"),
        ("asset,scheme,bucket,part\nAAA,country,US,1\n", "column 'part': the column is unknown"),
        ("asset,scheme\nAAA,country\n", "column 'bucket': the column is missing"),
    ],
)
def test_a_bad_file_is_named(folder: Path, text: str, expected: str) -> None:
    (folder / "table.csv").write_text(text)
    result = run("rebalance", folder / "candidates.csv", "--exposures", folder / "table.csv", *LIMITED, COLUMNS="300")
    assert result.exit_code == 3
    assert f"{folder / 'table.csv'}" in said(result)
    assert expected in said(result)


def test_a_file_without_assets_is_refused_as_before(folder: Path) -> None:
    (folder / "candidates.csv").write_text("name,score\nAAA,0.9\n")
    result = run("rebalance", folder / "candidates.csv", "--exposures", folder / "table.csv", *LIMITED)
    assert "column 'asset'" in said(result)


def test_an_account_of_a_published_batch(tmp_path: Path) -> None:
    """With the exposures of that night, also where a limit is about a bucket that only other accounts have."""
    rows = [{"account": name, "asset": asset, "score": 0.9} for name in "xy" for asset in ("AAA", "BBB")]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    (tmp_path / "each.csv").write_text(
        "account,asset,scheme,bucket\nx,AAA,country,US\nx,BBB,country,US\ny,AAA,country,JP\n"
    )
    limits = tmp_path / "limits.toml"
    limits.write_text("[exposures.country.buckets]\nUS.max_exposure = 0.15\nJP.max_exposure = 0.1\n")
    night = tmp_path / "night"
    options = ("--limits", limits, "--out", night, "--exposures", tmp_path / "each.csv", "--max-unmet", 1, "--no-store")
    done = run("batch", tmp_path / "rows.parquet", *options)
    assert done.exit_code == 0, done.stderr
    shown = " ".join(run("explain", night, "AAA", "--account", "x").stdout.split())
    assert "held down by max_exposure 0.15 of country: US" in shown
    result = run("rebalance", night, "--account", "x", "--format", "csv")
    weights = {row["asset"]: float(row["target_weight"]) for row in rows_in(result.stdout)}
    targets = pq.read_table(night / "part-00000.parquet").to_pylist()
    assert weights == {row["asset"]: row["target_weight"] for row in targets if row["account"] == "x"}
    assert sum(weights.values()) == pytest.approx(0.15, abs=1e-12)
    report = run("report", night, "--account", "x")
    assert "country" in report.stdout


def test_an_account_of_a_published_batch_with_orders(tmp_path: Path) -> None:
    """Explained and reported as the plan that the batch wrote."""
    rows = [
        {"account": "x", "asset": asset, "score": 0.9, "shares": shares, "price": 100.0}
        for asset, shares in (("AAA", 30.0), ("BBB", 0.0))
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    pq.write_table(pa.table({"account": ["x"], "cash": [7000.0]}), tmp_path / "cash.parquet")
    (tmp_path / "table.csv").write_text("asset,scheme,bucket\nAAA,country,US\nBBB,country,US\n")
    (tmp_path / "limits.toml").write_text(
        "[exposures.country.buckets]\nUS.max_exposure = 0.15\n[gates]\nmax_trading_accounts = 1.0\n"
    )
    night = tmp_path / "night"
    options = ["--limits", tmp_path / "limits.toml", "--exposures", tmp_path / "table.csv", "--max-unmet", 1]
    options += ["--orders", "--accounts", tmp_path / "cash.parquet", "--out", night, "--store", tmp_path / "runs.db"]
    done = run("batch", tmp_path / "rows.parquet", *options)
    assert done.exit_code == 0, done.stderr
    orders = pq.read_table(night / "orders-00000.parquet").to_pylist()
    assert [(row["side"], row["asset"], row["shares"]) for row in orders] == [("sell", "AAA", 22), ("buy", "BBB", 7)]
    assert "Sell 22: its target is 7.50%" in run("explain", night, "AAA", "--account", "x").stdout
    assert "22" in run("report", night, "--account", "x").stdout
    refused = run("rebalance", night, "--account", "x")
    assert (refused.exit_code, "is of a batch with orders: use `trimtab explain`" in said(refused)) == (3, True)


def test_a_plan_with_exposures_stays_inside_them(folder: Path) -> None:
    arguments = [
        "--exposures",
        folder / "table.csv",
        *LIMITED,
        "--set",
        "gates.max_order_share=0.5",
        "--cash",
        10_000,
        "--store",
        folder / "store.db",
    ]
    result = run("plan", folder / "shares.csv", *arguments, "--format", "csv")
    assert result.exit_code == 0, result.stderr
    amounts = {row["asset"]: float(row["amount"]) for row in rows_in(result.stdout)}
    assert amounts["AAA"] + 0.5 * amounts["BBB"] <= 1_500
    assert "1 candidate without country, counted as Unknown: CCC" in said(result)


def test_the_first_run_says_that_the_rules_for_exposures_are_compiled(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trimtab.kernel.compilation.is_cached", lambda _, tuple_class=None: tuple_class is None)
    limited = ["--exposures", folder / "table.csv", *LIMITED]
    plan = ["plan", folder / "shares.csv", "--cash", 10_000, "--no-store"]
    assert "compiling the rules for exposures on this machine, once (about 60 s)" in said(run(*plan, *limited))
    assert "compiling" not in said(run(*plan, "--set", "max_position_weight=0.4"))
    assert "(about 22 s)" in said(run("rebalance", folder / "candidates.csv", *limited))


@pytest.mark.thorough
def test_a_first_batch_says_it_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trimtab.kernel.compilation.is_cached", lambda _, tuple_class=None: tuple_class is None)
    pq.write_table(pa.table({"account": ["x"], "asset": ["AAA"], "score": [0.9]}), folder / "rows.parquet")
    pq.write_table(pa.table({"asset": ["AAA"], "scheme": ["country"], "bucket": ["US"]}), folder / "table.parquet")
    batch = [
        "batch",
        folder / "rows.parquet",
        "--out",
        folder / "night",
        "--exposures",
        folder / "table.parquet",
        "--defaults",
        *LIMITED,
    ]
    assert "compiling the rules for exposures" in said(run(*batch))
