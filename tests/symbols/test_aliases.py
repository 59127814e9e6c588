"""Spellings of one asset: which are the same, which are ambiguous, and what joins with what."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from command_line import run

import trimtab
from trimtab.errors import InputError
from trimtab.files.alias_file import read_aliases
from trimtab.symbols.aliases import Aliases, shipped_aliases
from trimtab.symbols.identifiers import checked_identifier

SPELLINGS = ("BRK.B", "BRK-B", "BRK/B", "BRK B", "BRKB")


@pytest.mark.parametrize("name", SPELLINGS)
def test_one_asset_in_every_spelling(name: str) -> None:
    assert shipped_aliases().assets_of(name) == ("BRK.B",)
    assert shipped_aliases().matched([name], ["AAPL", "BRK-B"]).names == ("BRK-B",)


@pytest.mark.parametrize("name", ["BTC-USD", "VOD.L.X", "BRK.b", "A.BC", "HUBB", "GOOGL", "T", "", "a b"])
def test_other_names_mean_themselves(name: str) -> None:
    assert shipped_aliases().assets_of(name) == (name,)


def test_the_same_name_on_both_sides_needs_no_alias() -> None:
    """Exact names come first, even a name that could mean several assets."""
    renamed = shipped_aliases().matched(["BRK", "AAA", None], ["AAA", "BRK"])
    assert (renamed.names, dict(renamed.changes)) == (("BRK", "AAA", None), {})
    assert shipped_aliases().matched(["BRK"], []).names == ("BRK",)  # nothing to join with


@pytest.mark.parametrize(("names", "known"), [(["BRK"], ["BRK.B"]), (["BRK"], ["AAA"]), (["BRK-B"], ["BRK"])])
def test_an_ambiguous_name_lists_its_candidates(names: list[str], known: list[str]) -> None:
    with pytest.raises(InputError, match=r"'BRK'\): write the symbol you mean, or add an alias for it") as caught:
        shipped_aliases().matched(names, known)
    assert "may be BRK.A or BRK.B" in str(caught.value)


def test_a_users_alias_decides_an_ambiguous_one() -> None:
    aliases = shipped_aliases().extended({"BRK-B": ["BRK", "Berkshire"], "BRKB": ["US0846707026"]})
    assert aliases.matched(["BRK", "Berkshire"], ["BRK/B"]).names == ("BRK/B", "BRK/B")
    assert aliases.assets_of("US0846707026") == ("BRK.B",)


def test_two_spellings_in_one_file_are_refused() -> None:
    with pytest.raises(InputError, match=r"row 3, column 'asset': is the same asset as 'BRK\.B' in row 1") as caught:
        shipped_aliases().check_once(["BRK.B", "AAA", "BRKB", None, "BRK"])
    assert len(caught.value.faults) == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('"A" = ["X"]\n"B" = ["X"]', "'X' is an alias of A, B: keep one of them"),
        ('"A" = "X"', "'A' has no list of spellings"),
        ('"A" = ["X "]', "is not the name of an asset"),
        ('"A" = [1]', "is not the name of an asset"),
        ('"BRK" = ["X"]', "may be BRK.A or BRK.B"),
        ('"A" = ["US0378331006"]', "reads like an ISIN with a wrong check digit; US0378331005 would be right"),
        ('"A" = [', "is not valid TOML"),
    ],
)
def test_bad_alias_files(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "aliases.toml"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        read_aliases(file)
    assert str(caught.value).startswith(f"{file}: ") or str(caught.value).startswith(f"{file}, ")
    assert sentence in str(caught.value)


def test_aliases_from_a_table(tmp_path: Path) -> None:
    file = tmp_path / "aliases.csv"
    file.write_text("alias,asset\nBerkshire,BRK.B\nBerkshire B,BRK.B\nXXXXXXXXXXX1,A\n")
    assert read_aliases(file).assets_of("Berkshire B") == ("BRK.B",)
    file.write_text("alias,symbol\nBerkshire,BRK.B\n")
    with pytest.raises(InputError, match="column 'asset': the column is missing"):
        read_aliases(file)
    with pytest.raises(InputError, match="aliases are not a mapping"):
        Aliases({}).extended(["A"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "text", "plain"),
    [
        ("isin", "us0378331005", "US0378331005"),
        ("isin", "DE0007164600", "DE0007164600"),
        ("cusip", "037833100", "037833100"),
        ("sedol", "0263494", "0263494"),
        ("wkn", "716460", "716460"),
    ],
)
def test_identifiers(kind: str, text: str, plain: str) -> None:
    assert checked_identifier(kind, text) == plain


@pytest.mark.parametrize(
    ("kind", "text", "problem"),
    [
        ("isin", "US0378331006", "has a wrong check digit: US0378331005 would be right"),
        ("isin", "ZZ0378331005", "is not a valid ISIN"),
        ("cusip", "037833101", "has a wrong check digit: 037833100 would be right"),
        ("sedol", "0263495", "has a wrong check digit: 0263494 would be right"),
        ("wkn", "71646O", "is not a valid WKN"),
        ("wkn", "71646", "is not a valid WKN"),
    ],
)
def test_wrong_identifiers(kind: str, text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=r"has a wrong|is not a valid") as caught:
        checked_identifier(kind, text)
    assert str(caught.value) == problem


# ---- where holdings, scores, buckets and prices meet


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scores.csv").write_text("asset,score\nBRK.B,0.9\nAAA,0.8\n")
    (tmp_path / "holdings.csv").write_text("symbol,current_weight\nBRK-B,0.4\nHouse,0.1\nBF/B,0.1\n")
    (tmp_path / "buckets.csv").write_text("asset,bucket\nBRKB,Financials\nBF B,Staples\nAAA,Tech\n")
    (tmp_path / "aliases.toml").write_text('AAA = ["House"]\n')
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_three_files_join_by_alias_and_say_so() -> None:
    files = ("--scores", "scores.csv", "--holdings", "holdings.csv", "--buckets", "buckets.csv")
    result = run("rebalance", *files, "--aliases", "aliases.toml", "--format", "csv")
    assert result.exit_code == 0, result.stderr
    assert "joined by alias: BRK-B in holdings.csv is BRK.B in scores.csv" in result.stderr
    assert "joined by alias: House in holdings.csv is AAA in scores.csv" in result.stderr
    assert "joined by alias: BRKB in buckets.csv is BRK.B in scores.csv" in result.stderr
    assert "joined by alias: BF B in buckets.csv is BF/B in holdings.csv" in result.stderr
    assert [line.split(",")[:4] for line in result.stdout.splitlines()[1:]] == [
        ["BRK.B", "0.9", "0.4", "Financials"],
        ["AAA", "0.8", "0.1", "Tech"],
        ["BF/B", "", "0.1", "Staples"],
    ]


def test_correlations_join_by_alias(folder: Path) -> None:
    (folder / "c.csv").write_text("asset,bucket,score,current_weight\nBRK.B,X,0.9,0.2\nAAA,X,0.8,0\n")
    (folder / "pairs.csv").write_text("asset,other,correlation\nBRK-B,AAA,0.95\n")
    limits = ("--set", "enable_bucket_diversification=true", "--set", "max_correlation=0.8")
    result = run("rebalance", "c.csv", "--correlations", "pairs.csv", *limits, "--format", "csv")
    assert "joined by alias: BRK-B in pairs.csv is BRK.B in c.csv" in result.stderr
    assert "too_correlated" in result.stdout
    (folder / "pairs.csv").write_text("asset,other,correlation\nBRK-B,BRKB,0.95\n")
    result = run("rebalance", "c.csv", "--correlations", "pairs.csv", *limits)
    assert "pairs.csv, row 2, column 'asset': is the same asset as 'BRK-B'" in result.stderr


def test_two_spellings_in_holdings_are_never_added_up(folder: Path) -> None:
    (folder / "holdings.csv").write_text("symbol,current_weight\nBRK-B,0.4\nAAA,0.1\nBRKB,0.1\n")
    result = run("rebalance", "--scores", "scores.csv", "--holdings", "holdings.csv")
    assert result.exit_code == 3
    assert "holdings.csv, row 3, column 'symbol': is the same asset as 'BRK-B' in row 1" in result.stderr
    (folder / "c.csv").write_text("symbol,score,current_weight\nBRK-B,0.4,0\nBRKB,0.1,0\n")
    assert "row 2, column 'symbol': is the same asset as 'BRK-B' in row 1" in run("rebalance", "c.csv").stderr


def test_prices_and_holdings_join_by_alias(folder: Path) -> None:
    days = "\n".join(f"2026-{month:02}-{day:02},{100 + day},50" for month in range(1, 10) for day in range(1, 29))
    (folder / "prices.csv").write_text(f"date,BRK-B,AAA\n{days}\n")
    result = run("rebalance", "--prices", "prices.csv", "--holdings", "holdings.csv", "--format", "csv")
    assert "joined by alias: BRK-B in holdings.csv" not in result.stderr
    (folder / "holdings.csv").write_text("symbol,current_weight\nBRK B,0.4\n")
    result = run("rebalance", "--prices", "prices.csv", "--holdings", "holdings.csv", "--format", "csv")
    assert "joined by alias: BRK B in holdings.csv is BRK-B in prices.csv" in result.stderr
    assert [line.split(",")[0] for line in result.stdout.splitlines()[1:]] == ["AAA", "BRK-B"]


def test_a_plan_joins_positions_prices_and_lots(folder: Path) -> None:
    rows = [{"asset": "BRK.B", "score": 0.9}, {"asset": "AAA", "score": 0.8}]
    made = trimtab.plan(
        rows, cash=100, positions={"BRK-B": 2}, prices=pa.table({"asset": ["BRKB", "AAA"], "price": [10, 10]})
    )
    assert made.order_notes[:2] == (
        "joined by alias: BRK-B in positions is BRK.B in the candidates",
        "joined by alias: BRKB in prices is BRK.B in the candidates",
    )
    with pytest.raises(InputError, match="positions, row 2, column 'asset': is the same asset as 'BRK-B' in row 1"):
        trimtab.plan(rows, cash=100, positions={"BRK-B": 2, "BRK/B": 1}, prices={"BRK.B": 1, "AAA": 1})
    with pytest.raises(InputError, match="row 2, column 'asset': is the same asset as"):
        trimtab.plan([{**row, "asset": name, "price": 1} for row, name in zip(rows, SPELLINGS, strict=False)], cash=1)
    (folder / "c.csv").write_text("asset,score\nBRK.B,0.9\nAAA,0.8\n")
    (folder / "shares.csv").write_text("symbol,shares\nHouse,10\nBRK-B,1\n")
    (folder / "prices.csv").write_text("symbol,price\nBRKB,10\nAAA,10\n")
    files = ("--positions", "shares.csv", "--latest-prices", "prices.csv", "--aliases", "aliases.toml")
    files += ("--set", "gates.max_order_share=1", "--set", "gates.max_account_turnover=1")
    result = run("plan", "c.csv", "--cash", "0", *files)
    assert result.exit_code == 0, result.stderr
    assert "joined by alias: House in shares.csv is AAA in c.csv" in result.stderr
    assert "joined by alias: BRKB in prices.csv is BRK.B in c.csv" in result.stderr
