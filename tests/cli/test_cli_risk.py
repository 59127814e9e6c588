"""Correlations and limits by risk on the command line: from a file or the prices, and what is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import rows, run
from price_series import long, walk

CANDIDATES = "asset,bucket,score,current_weight\nAAA,Tech,0.9,0\nBBB,Tech,0.8,0\nCCC,Tech,0.7,0\n"
LONG = "asset,other,correlation\nAAA,BBB,0.9\nAAA,CCC,0.1\nBBB,CCC,\n"
SQUARE = "asset,AAA,BBB,CCC\nAAA,1,0.9,0.1\nBBB,0.9,1,\nCCC,0.1,,1\n"
SET = ["--set", "enable_bucket_diversification=true", "--set", "min_buckets_represented=0"]
LIMITED = [*SET, "--set", "max_correlation=0.8"]


def said(result: Any) -> str:
    return " ".join(result.stderr.replace("│", " ").split())


@pytest.fixture
def candidates(tmp_path: Path) -> Path:
    return written(tmp_path, "candidates.csv", CANDIDATES)


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("text", [LONG, SQUARE])
def test_a_file_of_correlations(candidates: Path, tmp_path: Path, text: str) -> None:
    known = written(tmp_path, "known.csv", text)
    result = run("rebalance", candidates, "--correlations", known, *LIMITED, "--format", "csv")
    assert result.exit_code == 0, result.stderr
    assert [row["reason"] for row in rows(result.stdout)] == ["added", "too_correlated", "added"]
    shown = run("rebalance", candidates, "--correlations", known, *LIMITED, "--all")
    assert "its correlation of 0.9 with AAA in Tech is above max_correlation 0.8" in " ".join(shown.stdout.split())
    assert "the selection is greedy and need not be the optimum of the rules" in " ".join(shown.stdout.split())


def test_the_other_commands_take_it_too(candidates: Path, tmp_path: Path) -> None:
    known = written(tmp_path, "known.csv", LONG)
    why = run("explain", candidates, "BBB", "--correlations", known, *LIMITED)
    assert "its correlation of 0.9 with AAA" in " ".join(why.stdout.split())
    checked = run("check", candidates, "--correlations", known, *LIMITED)
    assert checked.exit_code == 0
    assert run("check", candidates, *LIMITED).exit_code == 3
    page = run("report", candidates, "--correlations", known, *LIMITED)
    assert "too correlated" in page.stdout


def test_the_file_that_is_read_is_not_written_over(candidates: Path, tmp_path: Path) -> None:
    known = written(tmp_path, "known.csv", LONG)
    result = run("rebalance", candidates, "--correlations", known, *LIMITED, "--out", known)
    assert result.exit_code != 0
    assert known.read_text() == LONG


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "asset,other,correlation\nAAA,BBB,high\nAAA,CCC,0.5\n",
            "known.csv, row 1, column 'correlation': is not a number",
        ),
        ("asset,other,correlation\nAAA,BBB,90\n", "known.csv, row 1, column 'correlation': is outside -1 to 1"),
        ("asset,AAA\nAAA,1\nBBB,0.5\n", "known.csv: the asset 'BBB' has no column"),
        (",AAA\nAAA,1\n", "known.csv, line 1: column 1 has no name"),
    ],
)
def test_a_bad_file_is_named(candidates: Path, tmp_path: Path, text: str, expected: str) -> None:
    known = written(tmp_path, "known.csv", text)
    result = run("rebalance", candidates, "--correlations", known, *LIMITED, COLUMNS="300")
    assert result.exit_code == 3
    assert expected in said(result)


def test_the_limit_without_correlations(candidates: Path) -> None:
    result = run("rebalance", candidates, *LIMITED)
    assert result.exit_code == 3
    assert "max_correlation is 0.8, but there are no correlations: give the correlations" in said(result)


@pytest.fixture
def market(tmp_path: Path) -> list[Any]:
    """T1 and T2 move together, and a lot; B1 hardly moves; Z0 has too few prices for any correlation."""
    series: dict[str, list[float | None]] = {"T1": [*walk(1, 260, move=0.03)], "B1": [*walk(2, 260, move=0.001)]}
    series["T2"] = [price and 2 * price for price in series["T1"]]
    series["Z0"] = [None] * 200 + [*walk(3, 60)]
    prices = tmp_path / "prices.csv"
    long(series).write_csv(prices)
    classes = written(tmp_path, "classes.csv", "symbol,bucket\nT1,Tech\nT2,Tech\nB1,Bond\nZ0,Bond\n")
    holdings = written(tmp_path, "holdings.csv", "asset,current_weight\nB1,0.2\nX9,0.1\n")
    return ["rebalance", "--prices", prices, "--classification", classes, "--holdings", holdings, "--format", "json"]


OPEN = ["--set", "min_score_threshold=0", "--set", "min_score_new_position=0", "--set", "min_score_diversification=0"]


def test_correlations_from_the_prices(market: list[Any], tmp_path: Path) -> None:
    result = run(*market, *LIMITED, *OPEN, COLUMNS="300")
    assert result.exit_code == 0, result.stderr
    reasons = {row["asset"]: row["reason"] for row in json.loads(result.stdout)["targets"]}
    assert sorted((reasons["T1"], reasons["T2"])) == ["added", "too_correlated"]
    assert "correlations of 4 assets measured on the last 252 daily returns" in said(result)
    assert "without correlations, so bought only into an otherwise empty bucket: X9" in said(result)
    assert "correlations" not in said(run(*market, *SET, *OPEN))
    known = written(tmp_path, "known.csv", "asset,other,correlation\nT1,T2,0.1\n")
    outcome = run(*market, *LIMITED, *OPEN, "--correlations", known)
    assert {row["asset"]: row["reason"] for row in json.loads(outcome.stdout)["targets"]}["T2"] == "added"
    alike = written(tmp_path, "alike.csv", "asset,current_weight\nB1,0.2\n")
    whole = [alike if str(option).endswith("holdings.csv") else option for option in market]
    assert "without correlations" not in said(run(*whole, *LIMITED, *OPEN, COLUMNS="300"))


def test_limits_by_risk(market: list[Any]) -> None:
    outcome = run(*market, *SET, *OPEN, "--target-volatility", "0.15", COLUMNS="300")
    assert outcome.exit_code == 0, outcome.stderr
    assert "max_allocation of Tech is 0.1" in said(outcome)
    assert "by risk instead of 0.4: its volatility is 4" in said(outcome)
    result = json.loads(outcome.stdout)
    (limit,) = [
        line["limit"] for line in result["certificate"] if (line["name"], line["node"]) == ("max_allocation", "Tech")
    ]
    assert limit == result["limits"]["buckets"]["Tech"]["max_allocation"] < 0.2
    calm = run(*market, *SET, *OPEN, "--target-volatility", "2", COLUMNS="300")
    assert "no bucket limit is lowered by risk: no bucket moves more than 200.0% a year" in said(calm)


@pytest.mark.parametrize(
    ("options", "code", "expected"),
    [
        ([*SET, "--target-volatility", "0"], 3, "target_volatility must be at least"),
        (["--target-volatility", "0.2"], 3, "limits by risk lower the allocation limits of buckets, which are off"),
    ],
)
def test_a_target_that_cannot_be(market: list[Any], options: list[str], code: int, expected: str) -> None:
    result = run(*market, *options, COLUMNS="300")
    assert (result.exit_code, expected in said(result)) == (code, True), result.stderr


def test_a_target_needs_prices_and_a_classification(market: list[Any], candidates: Path) -> None:
    result = run("rebalance", candidates, *SET, "--target-volatility", "0.2", COLUMNS="300")
    assert (result.exit_code, "--target-volatility without --prices" in said(result)) == (2, True)
    bare = [option for option in market if option != "--classification" and not str(option).endswith("classes.csv")]
    result = run(*bare, *SET, "--target-volatility", "0.2", COLUMNS="300")
    assert (result.exit_code, "--target-volatility without --classification" in said(result)) == (2, True)


def test_without_scikit_learn(market: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.covariance", None)
    result = run(*market, *SET, "--target-volatility", "0.2", COLUMNS="300")
    assert result.exit_code == 3
    assert "limits by risk need scikit-learn: pip install 'trimtab[risk]'" in said(result)
