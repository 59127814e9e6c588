"""Bad input on the command line: exit code 3, one message with place and advice, and nothing left behind."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from command_line import run

if TYPE_CHECKING:
    from pathlib import Path

GOOD = "asset,bucket,score,current_weight\nAAA,Tech,0.9,0.3\nBBB,Bond,0.8,0.1\n"
CANDIDATES = ["rebalance", "in.csv"]
LIMITED = ["rebalance", "in.csv", "--limits", "limits.toml"]
JOINED = ["rebalance", "--scores", "scores.csv", "--holdings", "holdings.csv"]
SCORES, HOLDINGS = "asset,score\nAAA,0.9\nBBB,0.8\n", "asset,current_weight\nBBB,0.1\n"


@dataclass(frozen=True)
class Case:
    """Files to write (None: a folder), arguments, and the expected message."""

    name: str
    files: dict[str, str | bytes | None]
    says: list[str]
    arguments: list[str] = field(default_factory=lambda: CANDIDATES)


def cells(name: str, row: str, *says: str, header: str = "asset,bucket,score,current_weight") -> Case:
    """A bad second row below a good one: row 2, which is line 3."""
    first = ",".join(["AAA", "Tech", "0.9", "0.3", "", "", ""][: header.count(",") + 1])
    return Case(name, {"in.csv": f"{header}\n{first}\n{row}\n"}, ["in.csv", "row 2", *says])


def whole(name: str, text: str | bytes, *says: str, file: str = "in.csv") -> Case:
    return Case(name, {file: text}, [file, *says], ["rebalance", file])


def limits(name: str, toml: str | bytes | None, *says: str) -> Case:
    return Case(name, {"in.csv": GOOD, "limits.toml": toml}, ["limits.toml", *says], LIMITED)


def joined(name: str, scores: str, holdings: str, *says: str) -> Case:
    return Case(name, {"scores.csv": scores, "holdings.csv": holdings}, [*says], JOINED)


def parquet(columns: dict[str, Any]) -> bytes:
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(columns), sink)
    return sink.getvalue()


RISKY = "asset,bucket,score,volatility"
WIDE = "asset,bucket,score,current_weight,restriction,max_weight,desired_weight"
ON = "enable_bucket_diversification = true\n"
BUCKETED = ["rebalance", "in.csv", "--set", "enable_bucket_diversification=true"]
GOOD_PARQUET = parquet({"asset": ["AAA", "BBB"], "score": [0.9, 0.8]})

CASES = [
    # numbers
    cells("score NaN as text", "BBB,Bond,NaN,0.1", "column 'score'", "'NaN'", "leave the cell empty"),
    cells("score n/a", "BBB,Bond,n/a,0.1", "column 'score'", "'n/a'", "leave the cell empty"),
    cells("score null", "BBB,Bond,null,0.1", "column 'score'", "'null'", "leave the cell empty"),
    cells("score dash", "BBB,Bond,-,0.1", "column 'score'", "'-'", "leave the cell empty"),
    cells("score inf", "BBB,Bond,inf,0.1", "column 'score'", "'inf'", "write a finite number"),
    cells("score -Infinity", "BBB,Bond,-Infinity,0.1", "column 'score'", "'-Infinity'", "write a finite number"),
    cells("score too large", "BBB,Bond,1e999,0.1", "column 'score'", "'1e999'", "usable size"),
    cells("score text", "BBB,Bond,high,0.1", "column 'score'", "'high'", "write a number such as"),
    cells("score negative", "BBB,Bond,-0.2,0.1", "column 'score'", "-0.2", "between 0 and 1"),
    cells("score in percent", "BBB,Bond,80,0.1", "column 'score'", "80.0", "divide by 100 if it is a percent"),
    cells("score a little above 1", "BBB,Bond,1.01,0.1", "column 'score'", "1.01", "between 0 and 1"),
    cells("score with a percent sign", "BBB,Bond,180%,0.1", "column 'score'", "1.8", "divide by 100 if it is a percent"),
    cells("score hexadecimal", "BBB,Bond,0x1,0.1", "column 'score'", "'0x1'", "write a number such as"),
    cells("score with an underscore", "BBB,Bond,0.8_5,0.1", "column 'score'", "'0.8_5'", "write a number such as"),
    cells("score in other digits", "BBB,Bond,\u0660.\u0665,0.1", "column 'score'", "'\u0660.\u0665'", "write a number such as"),
    cells("weight empty", "BBB,Bond,0.8,", "column 'current_weight'", "is missing", "write 0 if it is not held"),
    cells("weight negative", "BBB,Bond,0.8,-0.1", "column 'current_weight'", "-0.1", "no short positions"),
    cells("weight infinite", "BBB,Bond,0.8,inf", "column 'current_weight'", "'inf'", "write a finite number"),
    cells("weight text", "BBB,Bond,0.8,ten", "column 'current_weight'", "'ten'", "write a number such as"),
    cells("weight with a comma", 'BBB,Bond,0.8,"0,1"', "column 'current_weight'", "'0,1'", "write a decimal point"),
    cells("weight with thousands", 'BBB,Bond,0.8,"1 000.5"', "column 'current_weight'", "1234.5"),
    cells("weight with a currency", "BBB,Bond,0.8,$100", "column 'current_weight'", "'$100'", "write a number such as"),
    cells("max_weight in percent", "BBB,Bond,0.8,0.1,,5,", "column 'max_weight'", "5.0", "0.05, not 5", header=WIDE),
    cells("max_weight negative", "BBB,Bond,0.8,0.1,,-1,", "column 'max_weight'", "-1.0", "or none", header=WIDE),
    cells("desired_weight -1", "BBB,Bond,0.8,0.1,,,-1", "column 'desired_weight'", "-1", "0 to hold none", header=WIDE),
    cells("volatility 0", "BBB,Bond,0.8,0", "column 'volatility'", "0.0", "above 0", header=RISKY),
    cells("volatility negative", "BBB,Bond,0.8,-1", "column 'volatility'", "-1.0", "above 0", header=RISKY),
    whole(
        "weights in percent",
        "asset,score,current_weight\nAAA,0.9,60\nBBB,0.8,40\n",
        "column 'current_weight'", "the weights sum to 100", "they look like percents: divide by 100",
    ),
    whole(
        "weights in money",
        "asset,score,current_weight\nAAA,0.9,60000\nBBB,0.8,45000\n",
        "column 'current_weight'", "the weights sum to 105000", "give fractions of the account's total value",
    ),
    whole("weights above 1.05", "asset,score,current_weight\nAAA,0.9,0.6\nBBB,0.8,0.5\n", "sum to 1.1", "above 1.05"),
    # names
    cells("asset empty", ",Bond,0.8,0.1", "column 'asset'", "the asset has no name", "name every asset"),
    cells("asset blank", "  ,Bond,0.8,0.1", "column 'asset'", "'  '", "name every asset"),
    cells("asset twice", "AAA,Bond,0.8,0.1", "column 'asset'", "'AAA'", "is in row 1 already", "sum or drop"),
    cells("restriction unknown", "BBB,Bond,0.8,0.1,hold,,", "column 'restriction'", "'hold'", "no_trade", header=WIDE),
    cells("restriction in capitals", "BBB,Bond,0.8,0.1,NO_BUY,,", "column 'restriction'", "'NO_BUY'", "write no_buy", header=WIDE),
    replace(cells("Tech beside tech", "BBB,tech ,0.8,0.1", "column 'bucket'", "'tech '", "differs from 'Tech'", "write both the same way"), arguments=BUCKETED),
    replace(cells("unknown beside Unknown", "BBB,UNKNOWN,0.8,0.1", "column 'bucket'", "'UNKNOWN'", "'Unknown'"), arguments=BUCKETED),
    cells("bucket with an empty part", "BBB,Tech//Semis,0.8,0.1", "column 'bucket'", "'Tech//Semis'", "empty part"),
    whole(
        "two accounts",
        "account,asset,score\none,AAA,0.9\ntwo,AAA,0.8\n",
        "column 'account'", "(one, two)", "there are 2 accounts",
    ),
    whole("account empty", "account,asset,score\none,AAA,0.9\n,BBB,0.8\n", "row 2", "column 'account'", "name the account"),
    # columns
    whole("score missing", "asset,current_weight\nAAA,0.1\n", "column 'score'", "the column is missing", "add a score"),
    whole("asset missing", "name,score\nAAA,0.1\n", "column 'asset'", "the column is missing", "'name'"),
    whole("score misspelled", "asset,scroe\nAAA,0.1\n", "column 'score'", "is 'scroe' meant?"),
    whole("weight misspelled", "asset,score,curent_weight\nAAA,0.9,0.1\n", "column 'curent_weight'", "did you mean 'current_weight'?"),
    whole("bucket in capitals", "asset,score,Bucket\nAAA,0.9,Tech\n", "column 'Bucket'", "did you mean 'bucket'?"),
    whole("column twice", "asset,score,score\nAAA,0.9,0.8\n", "column 'score'", "twice", "rename or drop"),
    whole("column without a name", "asset,score,\nAAA,0.9,1\n", "column 3 has no name", "name it or drop it"),
    whole("a result as input", "asset,score,target_weight\nAAA,0.9,0.1\n", "column 'target_weight'", "if these trades are done"),
    whole("weights under another name", "asset,score,weight\nAAA,0.9,0.1\n", "column 'weight'", "rename it"),
    # the file
    whole("empty file", b"", "is empty", "give a file with a header"),
    whole("only a byte order mark", b"\xef\xbb\xbf", "is empty"),
    whole("only a header", "asset,score\n", "has no rows", "at least one row"),
    whole("only empty lines", "\n\n\n", "is empty"),
    whole("semicolons", "asset;score\nAAA;0,9\n", "semicolons", "separate by commas"),
    whole("tabs", "asset\tscore\nAAA\t0.9\n", "tabs", "separate by commas"),
    whole("bars", "asset|score\nAAA|0.9\n", "bars", "separate by commas"),
    whole("a row too short", "asset,bucket,score\nAAA,Tech,0.9\nBBB,0.8\n", "row 2", "line 3", "2 cells", "3"),
    whole("a row too long", "asset,score\nAAA,0.9\nBBB,0,8\n", "row 2", "line 3", "3 cells", "decimal points, not commas"),
    whole("a quote not closed", 'asset,score\n"AAA,0.9\nBBB,0.8\n', "row 1", "line 2", "close every quote"),
    whole("a cell of 10 MB", f"asset,score\nAAA,0.9\n{'B' * 10_000_000},0.8\n", "row 2", "far too long", "shorten it"),
    whole("a number of 20 kB", f"asset,score\nAAA,0.9\nBBB,0.{'8' * 20_000}\n", "row 2", "column 'score'", "longer than 10000"),
    whole("binary", bytes(range(256)) * 10, "is not a text file", "save it as CSV in UTF-8"),
    whole("Latin-1", "asset,score\nSoci\xe9t\xe9,0.9\n".encode("latin-1"), "line 2", "b'\\xe9'", "UTF-8"),
    whole("UTF-16", "asset,score\nAAA,0.9\n".encode("utf-16"), "UTF-16", "UTF-8"),
    whole("a workbook as CSV", b"PK\x03\x04xl/" + bytes(50), "Excel", "give it the suffix .xlsx"),
    whole("Parquet as CSV", GOOD_PARQUET, "holds Parquet", ".parquet"),
    whole("CSV as Parquet", GOOD, "Parquet", "save it again", file="in.parquet"),
    whole("Parquet cut off", GOOD_PARQUET[:-20], "damaged or truncated", "write the Parquet file again", file="in.parquet"),
    whole("Arrow cut off", b"ARROW1\0\0" + bytes(20), "damaged or truncated", "write the Arrow file again", file="in.arrow"),
    whole("another suffix", GOOD, "'.xls'", "save it as one of .csv", file="in.xls"),
    whole("CSV as a workbook", GOOD, "does not begin like Excel", "save it again", file="in.xlsx"),
    whole("no suffix", GOOD, "no suffix", "save it as one of .csv", file="candidates"),
    Case("a folder", {"in.csv": None}, ["in.csv", "is a folder", "name a file in it"]),
    Case("no such file", {}, ["in.csv", "there is no such file", "check the path"]),
    # Parquet: types, not cells
    whole(
        "Parquet, text for numbers",
        parquet({"asset": ["AAA", "BBB"], "score": ["0.9", "0.8"]}),
        "row 1", "column 'score'", "'0.9'", "convert the column to numbers", file="in.parquet",
    ),
    whole(
        "Parquet, numbers for text",
        parquet({"asset": [1, 2], "score": [0.9, 0.8]}),
        "row 1", "column 'asset'", "read the column as text", file="in.parquet",
    ),
    whole(
        "Parquet, infinite weight",
        parquet({"asset": ["AAA", "BBB"], "score": [0.9, 0.8], "current_weight": [0.1, math.inf]}),
        "row 2", "column 'current_weight'", "inf", "give a fraction", file="in.parquet",
    ),
    whole(
        "Parquet, NaN weight",
        parquet({"asset": ["AAA", "BBB"], "score": [0.9, 0.8], "current_weight": [0.1, math.nan]}),
        "row 2", "column 'current_weight'", "is missing", "write 0", file="in.parquet",
    ),
    # limits
    limits("limits: unknown field", "max_positions = 3\n", "'max_positions'", "did you mean"),
    limits("limits: broken TOML", "max_total_positions = \n", "is not valid TOML", "line 1"),
    limits("limits: binary", b"\xff\xfe\x00\x01", "is not a text file"),
    limits("limits: a folder", None, "cannot be read"),
    Case("limits: no such file", {"in.csv": GOOD}, ["limits.toml", "there is no such file"], LIMITED),
    limits("limits: text for a number", 'max_total_positions = "ten"\n', "max_total_positions", "'ten'"),
    limits("limits: a percent", "target_invested = 95\n", "target_invested", "95", "write 0.95"),
    limits("limits: NaN", "no_trade_band = nan\n", "no_trade_band", "nan"),
    limits("limits: unknown mode", 'sizing_mode = "equal"\n', "sizing_mode", "'equal'", "did you mean 'equal_weight'?"),
    limits("limits: least above most", "min_position_weight = 0.3\n", "min_position_weight", "max_position_weight"),
    limits("limits: scores out of order", "min_score_new_position = 0.5\n", "min_score_new_position", "closed tomorrow"),
    limits("limits: buckets while off", "[buckets.Tech]\nmax_positions = 1\n", "enable_bucket_diversification"),
    limits("limits: unknown bucket", f"{ON}[buckets.Tehc]\nmax_positions = 1\n", "'Tehc'", "did you mean 'Tech'?"),
    limits("limits: unknown bucket field", f"{ON}[buckets.Tech]\nmax_position = 1\n", "'max_position'", "'max_positions'"),
    limits("limits: minima above the aim", f"{ON}target_invested = 0.3\n[buckets.Tech]\nmin_allocation = 0.4\n", "target_invested"),
    Case(
        "a holding without a score where the limits refuse it",
        {"in.csv": "asset,score,current_weight\nAAA,,0.1\n", "limits.toml": 'unscored_positions = "error"\n'},
        ["in.csv", "row 1", "column 'score'", "'AAA' has no score", "set unscored_positions"],
        LIMITED,
    ),
    Case("unknown preset", {"in.csv": GOOD}, ["'prudent'", "known: "], ["rebalance", "in.csv", "--preset", "prudent"]),
    Case("unknown field set", {"in.csv": GOOD}, ["--set", "'max_total'", "did you mean"], ["rebalance", "in.csv", "--set", "max_total=3"]),
    # three files
    joined("join: asset twice", "asset,score\nAAA,0.9\nAAA,0.8\n", HOLDINGS, "scores.csv", "row 2", "column 'asset'", "'AAA'"),
    joined("join: no weight column", SCORES, "asset,weight\nAAA,0.1\n", "holdings.csv", "column 'current_weight'", "did you mean"),
    joined("join: weight empty", SCORES, "asset,current_weight\nAAA,\n", "holdings.csv", "row 1", "write 0 if it is not held"),
    joined("join: score outside", "asset,score\nAAA,0.9\nBBB,8\n", HOLDINGS, "scores.csv", "row 2", "column 'score'", "8.0"),
    joined("join: weight negative", SCORES, "asset,current_weight\nBBB,-0.1\n", "holdings.csv", "row 1", "-0.1"),
    joined("join: column in two files", "asset,score,note\nAAA,0.9,x\n", "asset,current_weight,note\nAAA,0.1,y\n", "column 'note'"),
    Case("join: no such file", {"scores.csv": SCORES}, ["holdings.csv", "there is no such file"], JOINED),
]  # fmt: skip


def put(folder: Path, files: dict[str, str | bytes | None]) -> None:
    for name, content in files.items():
        path = folder / name
        if content is None:
            path.mkdir()
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    put(tmp_path, case.files)
    for more in (["--out", "out.csv", "--quiet"], ["--format", "json", "--quiet"], []):
        result = run(*case.arguments, *more)
        assert result.exit_code == 3, result.stderr
        assert result.stdout == ""
        *notes, error = result.stderr.splitlines()
        assert not notes or not more, "one fault is one line, and the only one where notes are off"
        assert error.startswith("error: ")
        assert len(error) < 1_000
        assert result.stderr.count("error: ") == 1
        assert "Traceback" not in result.stderr
        for words in case.says:
            assert words in error
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(case.files)


GOOD_CASES = {
    "as it is": GOOD.encode(),
    "a byte order mark": b"\xef\xbb\xbf" + GOOD.encode(),
    "Windows line ends": GOOD.replace("\n", "\r\n").encode(),
    "old line ends": GOOD.replace("\n", "\r").encode(),
    "no line end at the end": GOOD.rstrip("\n").encode(),
    "empty lines": GOOD.replace("\n", "\n\n").encode(),
    "spaces around numbers": GOOD.replace("0.9", " 0.9 ").encode(),
    "everything quoted": b"\n".join(
        b",".join(b'"' + cell + b'"' for cell in line.split(b",")) for line in GOOD.encode().splitlines()
    ),
}


@pytest.mark.parametrize("name", GOOD_CASES)
def test_input_that_only_looks_bad(name: str, tmp_path: Path) -> None:
    """The counterpart: these must work, and say the same."""
    outputs = []
    for content in (GOOD.encode(), GOOD_CASES[name]):
        path = tmp_path / "in.csv"
        path.write_bytes(content)
        result = run("rebalance", path, "--format", "csv", "--quiet")
        assert result.exit_code == 0, result.stderr
        outputs.append(result.stdout)
    assert outputs[0] == outputs[1]


def test_many_faults_are_one_message(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("asset,score,current_weight\n" + "".join(f"A{row},2,-1\n" for row in range(30)))
    result = run("rebalance", path, "--quiet")
    assert result.exit_code == 3
    assert result.stdout == ""
    assert result.stderr.startswith("error: 60 faults in the input:\n")
    assert result.stderr.endswith("and 50 more\n")


def test_an_output_that_was_there_is_left_as_it_was(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    out.write_text("old")
    path = tmp_path / "in.csv"
    path.write_text("asset,score\nAAA,high\n")
    assert run("rebalance", path, "--out", out).exit_code == 3
    assert out.read_text() == "old"
