"""Typical mistakes in an empty folder: the message says what, where and what to do, and doing it works."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import CANDIDATES, run

Fix = Callable[[str], str]
FILES = {
    "candidates.csv": CANDIDATES,
    "holdings.csv": "asset,current_weight\nAAA,0.3\nBBB,0.1\n",
    "scores.csv": "asset,score\nAAA,0.9\nBBB,0.8\n",
    "percent.csv": "asset,score,current_weight\nAAA,0.9,30\nBBB,0.8,20\n",
    "scored.csv": "asset,score\nAAA,90\n",
    "semicolon.csv": "asset;score\nAAA;0.9\n",
    "empty.csv": "",
    "header.csv": "asset,score\n",
    "twice.csv": "asset,score\nAAA,0.9\nAAA,0.8\n",
    "accounts.csv": "account,asset,score\nx,AAA,0.9\ny,AAA,0.9\n",
    "capital.csv": "Asset,Score\nAAA,0.9\n",
    "bucket.toml": "enable_bucket_diversification = true\n[buckets.Tehc]\nmax_positions = 1\n",
    "colon.toml": "max_total_positions: 3\n",
    "typo.toml": "max_total_position = 3\n",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("mistake", "code", "message", "fixed"),
    [
        ("rebalance candidate.csv", 3, "candidate.csv: there is no such file: did you mean 'candidates.csv'?",
         "rebalance candidates.csv"),
        ("rebalanse candidates.csv", 2, "No such command 'rebalanse'. Did you mean 'rebalance'?",
         "rebalance candidates.csv"),
        ("rebalance candidates.csv --prest conservative", 2, "--preset", "rebalance candidates.csv --preset conservative"),
        ("rebalance candidates.csv --preset careful", 3, "known: 'aggressive', 'conservative', 'issuers-25-50', 'issuers-5-10-40', 'protection'",
         "rebalance candidates.csv --preset protection"),
        ("rebalance candidates.csv --set max_position=3", 3, "did you mean 'max_new_positions'?",
         "rebalance candidates.csv --set max_new_positions=3"),
        ("rebalance candidates.csv --set max_position_weight=20", 3, "looks like a percent, write 0.2",
         "rebalance candidates.csv --set max_position_weight=0.2"),
        ("rebalance candidates.csv --set max_new_positions", 2, "write field=value",
         "rebalance candidates.csv --set max_new_positions=3"),
        ("rebalance holdings.csv", 3,
         "holdings.csv, column 'score': the column is missing: add a score from 0 to 1 for each asset; or give this file "
         "as --holdings, with --scores or --prices", "rebalance --holdings holdings.csv --scores scores.csv"),
        ("rebalance --scores scores.csv", 2, "--scores without --holdings: give both, or FILE",
         "rebalance --scores scores.csv --holdings holdings.csv"),
        ("rebalance accounts.csv", 3, "pick one with --account NAME (x, y), or decide all of them with `trimtab batch`",
         "rebalance accounts.csv --account x"),
        ("rebalance accounts.csv --account z", 3, "there is no such account (received 'z'): known: 'x', 'y'",
         "rebalance accounts.csv --account y"),
        ("rebalance candidates.csv --limits limits.toml", 3, "or make one with `trimtab limits show > limits.toml`",
         "rebalance candidates.csv --limits {made}"),
        ("rebalance candidates.csv --out targets.xls", 2, "the suffix '.xls' is unknown; use .txt, .csv, .json",
         "rebalance candidates.csv --out targets.csv"),
        ("rebalance candidates.csv --out candidates.csv", 3, "is one of the input files, which would be lost",
         "rebalance candidates.csv --out targets.csv"),
        ("explain candidates.csv AAB", 3, "the asset is not among the candidates (received 'AAB'): did you mean 'AAA'?",
         "explain candidates.csv AAA"),
        ("explain candidates.csv", 2, "name at least one asset after FILE", "explain candidates.csv AAA"),
        ("report candidates.csv -o report.pdf", 2, "name a file that ends in .html",
         "report candidates.csv -o report.html"),
        ("rebalance candidates.csv --cash 100", 2, "--cash needs holdings in shares", "rebalance candidates.csv"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_command(folder: Path, mistake: str, code: int, message: str, fixed: str) -> None:
    result = run(*mistake.split())
    assert result.exit_code == code
    assert message in " ".join(result.stderr.split())
    assert result.stdout == ""
    assert "Invalid value: " not in result.stderr
    made = folder / "made.toml"
    made.write_text(run("limits", "show").stdout)
    again = run(*fixed.replace("{made}", str(made)).split())
    assert again.exit_code == 0, again.stderr


@pytest.mark.parametrize(
    ("name", "place", "message", "fix"),
    [
        ("percent.csv", "percent.csv, column 'current_weight': ", "give fractions",
         lambda text: text.replace("30", "0.3").replace("20", "0.2")),
        ("scored.csv", "scored.csv, row 1, column 'score': ", "divide by 100", lambda text: text.replace("90", "0.9")),
        ("empty.csv", "empty.csv: ", "give a file with a header and at least one row of data",
         lambda text: "asset,score\nAAA,0.9\n"),
        ("header.csv", "header.csv: ", "give a file with at least one row of data", lambda text: f"{text}AAA,0.9\n"),
        ("twice.csv", "twice.csv, row 2, column 'asset': ", "give each asset once",
         lambda text: text.replace("AAA,0.8", "BBB,0.8")),
        ("capital.csv", "capital.csv, column 'score': ", "is 'Score' meant? Rename it",
         lambda text: text.replace("Score", "score")),
    ],
)  # fmt: skip
def test_a_mistake_in_a_table(folder: Path, name: str, place: str, message: str, fix: Fix) -> None:
    result = run("rebalance", name)
    assert result.exit_code == 3
    assert result.stderr.startswith(f"error: {place}")
    assert message in result.stderr
    path = folder / name
    path.write_text(fix(path.read_text()))
    assert run("rebalance", name).exit_code == 0


@pytest.mark.parametrize(
    ("name", "message", "fix"),
    [
        ("bucket.toml", "did you mean 'Tech'?", lambda text: text.replace("Tehc", "Tech")),
        ("colon.toml", "is not valid TOML: Expected '=' after a key", lambda text: text.replace(":", " =")),
        ("typo.toml", "did you mean 'max_total_positions'?", lambda text: text.replace("position ", "positions ")),
    ],
)
def test_a_mistake_in_a_limits_file(folder: Path, name: str, message: str, fix: Fix) -> None:
    result = run("rebalance", "candidates.csv", "--limits", name)
    assert result.exit_code == 3
    assert result.stderr.startswith(f"error: {name}: ")
    assert message in result.stderr
    path = folder / name
    path.write_text(fix(path.read_text()))
    assert run("rebalance", "candidates.csv", "--limits", name).exit_code == 0


@pytest.mark.parametrize("name", ["Cash & Cash Investments", "CASH", "Cash", "US Cash", "cash (EUR)", "Cash Balance"])
def test_a_row_of_cash_is_no_asset(folder: Path, name: str) -> None:
    path = folder / "holdings.csv"
    path.write_text(f"asset,current_weight\nAAA,0.3\n{name},0.1\n")
    args = ["rebalance", "--scores", "scores.csv", "--holdings", path]
    result = run(*args)
    assert result.exit_code == 3
    assert "is cash, not an asset" in result.stderr
    assert "drop the row: whatever is not in assets is cash" in result.stderr
    path.write_text("asset,current_weight\nAAA,0.3\n")
    assert run(*args).exit_code == 0


@pytest.mark.parametrize("name", ["CASH", "Cashmere Co", "TCASH"])
def test_an_asset_with_a_score_or_another_name_is_no_cash(folder: Path, name: str) -> None:
    (folder / "scores.csv").write_text("asset,score\nAAA,0.9\nCASH,0.8\n")
    (folder / "holdings.csv").write_text(f"asset,current_weight\nAAA,0.3\n{name},0.1\n")
    assert run("rebalance", "--scores", "scores.csv", "--holdings", "holdings.csv").exit_code == 0


@pytest.mark.parametrize("name", ["sector", "Sector", "asset_class"])
def test_a_column_that_looks_like_buckets_is_said(folder: Path, name: str) -> None:
    path = folder / "candidates.csv"
    path.write_text(CANDIDATES.replace("bucket", name))
    said = f"column '{name}' is not used: rename it to bucket if it has the bucket of each asset"
    assert said in run("rebalance", path).stderr
    path.write_text(CANDIDATES)
    assert "is not used" not in run("rebalance", path).stderr
