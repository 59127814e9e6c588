"""Ways of naming candidates: stdin, one account of many, shares with prices, other names of the column of assets."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from command_line import CANDIDATES, rows, run
from typer.testing import Result

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str, name: str = "in.csv") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return written


def piped(data: bytes, *args: object) -> Result:
    return run(*args, stdin=data)


def parquet(text: str) -> bytes:
    sink = io.BytesIO()
    table = pa.table({name: [row[name] for row in rows(text)] for name in rows(text)[0]})
    for name in ("score", "current_weight"):
        table = table.set_column(table.column_names.index(name), name, table[name].cast(pa.float64()))
    pyarrow.parquet.write_table(table, sink)
    return sink.getvalue()


# ---- stdin


@pytest.mark.parametrize("data", [CANDIDATES.encode(), parquet(CANDIDATES)], ids=["csv", "parquet"])
def test_a_dash_is_stdin(write: Write, data: bytes) -> None:
    wanted = run("rebalance", write(CANDIDATES), "--format", "csv").stdout
    result = piped(data, "rebalance", "-", "--format", "csv")
    assert (result.exit_code, result.stdout) == (0, wanted)
    assert piped(data, "check", "-").exit_code == 0
    assert piped(data, "explain", "-", "AAA").stdout.startswith("AAA (Tech): selected")
    assert piped(data, "report", "-").stdout.startswith("<!doctype html>")


def test_one_of_three_files_may_be_stdin(write: Write) -> None:
    scores, holdings = "asset,score\nAAA,0.9\n", write("asset,current_weight\nAAA,0.1\n")
    result = piped(scores.encode(), "rebalance", "--scores", "-", "--holdings", holdings, "--format", "csv")
    assert [row["asset"] for row in rows(result.stdout)] == ["AAA"]


@pytest.mark.parametrize(
    ("data", "args", "code", "message"),
    [
        (b"", ["-"], 3, "stdin: is empty"),
        (b"asset,score\n", ["-"], 3, "stdin: has no rows"),
        (b"asset,score\nAAA,high\n", ["-"], 3, "stdin, row 1, line 2, column 'score': is not a number"),
        (b"\x1f\x8b123", ["-"], 3, "stdin: holds gzip: send CSV"),
        (b"asset,score\nAAA,1\n", ["--scores", "-", "--holdings", "-"], 2, "only one file can be - (stdin)"),
    ],
)
def test_what_stdin_cannot_be(data: bytes, args: list[str], code: int, message: str) -> None:
    result = piped(data, "rebalance", *args)
    assert result.exit_code == code
    assert message in result.stderr


# ---- one account of many

MANY = "account,asset,score,current_weight\n7,AAA,0.9,0.1\n8,AAA,0.9,0\n7,BBB,0.8,0.1\n8,CCC,0.8,0.2\n"


@pytest.mark.parametrize("command", [["rebalance", "--format", "csv"], ["report"], ["check"]])
def test_an_account_is_decided_as_if_alone(write: Write, command: list[str]) -> None:
    alone = write("account,asset,score,current_weight\n8,AAA,0.9,0\n8,CCC,0.8,0.2\n")
    wanted = run(*command, alone)
    result = run(*command, write(MANY), "--account", "8")
    assert result.exit_code == wanted.exit_code == 0
    assert result.stdout == wanted.stdout


def test_an_account_is_explained(write: Write) -> None:
    assert "CCC (Unknown): selected" in run("explain", write(MANY), "CCC", "--account", "8").stdout
    assert run("explain", write(MANY), "CCC", "--account", "7").exit_code == 3


def test_a_fault_is_in_the_row_of_the_file(write: Write) -> None:
    path = write(MANY + "8,DDD,1.5,0\n")
    assert run("rebalance", path, "--account", "7").exit_code == 0
    result = run("rebalance", path, "--account", "8")
    assert f"error: {path}, account '8', row 5, column 'score': is above 1" in result.stderr


@pytest.mark.parametrize(
    ("text", "account", "message"),
    [
        (MANY, "9", "column 'account': there is no such account (received '9'): known: '7', '8'"),
        (CANDIDATES, "8", "column 'account': the column is missing: leave out --account"),
    ],
)
def test_an_account_that_is_not_there(write: Write, text: str, account: str, message: str) -> None:
    result = run("rebalance", write(text), "--account", account)
    assert result.exit_code == 3
    assert message in result.stderr


@pytest.mark.parametrize("command", ["rebalance", "report"])
def test_several_accounts_need_one_to_be_picked(write: Write, command: str) -> None:
    result = run(command, write(MANY))
    assert result.exit_code == 3
    assert (
        "there are 2 accounts, and this command takes one: pick one with --account NAME (7, 8), or decide all of them "
        "with `trimtab batch`" in result.stderr
    )


def test_an_account_of_joined_files(write: Write) -> None:
    scores = write("symbol,score\nAAA,0.9\nBBB,0.8\n", "scores.csv")
    holdings = write("account,asset,current_weight\n7,AAA,0.1\n8,AAA,0.3\n8,BBB,x\n8,AAA,0.1\n", "holdings.csv")
    files = ["--scores", scores, "--holdings", holdings]
    result = run("rebalance", *files, "--account", "7", "--format", "csv")
    assert "row 3, line 4, column 'current_weight': is not a number" in result.stderr
    holdings.write_text(holdings.read_text().replace("x", "0.2"))
    result = run("rebalance", *files, "--account", "7", "--format", "csv")
    assert [(row["asset"], row["current_weight"]) for row in rows(result.stdout)] == [("AAA", "0.1"), ("BBB", "0.0")]
    twice = run("rebalance", *files, "--account", "8")
    assert f"{holdings}, row 4, column 'asset': the asset is in row 2 already" in twice.stderr
    several = run("rebalance", *files)
    assert "there are 2 accounts, and this command takes one" in several.stderr
    holdings.write_text("asset,current_weight\nAAA,0.1\n")
    assert "no file has the column: leave out --account" in run("rebalance", *files, "--account", "8").stderr


# ---- shares with prices, beside own scores

SHARES = "asset,score,bucket,shares,price\nAAA,0.9,Tech,10,30\nBBB,0.8,Energy,4,100\nCCC,0.8,Energy,0,\n"


def weights_of(result: Result) -> dict[str, float]:
    assert result.exit_code == 0, result.stderr
    return {row["asset"]: float(row["current_weight"]) for row in rows(result.stdout)}


def test_shares_are_valued_at_the_column_price(write: Write) -> None:
    result = run("rebalance", write(SHARES), "--cash", "300", "--format", "csv")
    assert weights_of(result) == {"AAA": 0.3, "BBB": 0.4, "CCC": 0.0}
    assert rows(result.stdout)[1]["shares"] == "4"
    assert "no rule uses" not in result.stderr
    for command in ("check", "report"):
        assert run(command, write(SHARES), "--cash", "300").exit_code == 0


def test_shares_in_joined_files(write: Write) -> None:
    scores = write("asset,score,price\nAAA,0.9,30\nBBB,0.8,100\nCCC,0.8,10\n", "scores.csv")
    for amounts in ("10", "1e1"):
        holdings = write(f"asset,shares\nAAA,{amounts}\nBBB,4\n", "holdings.csv")
        result = run("rebalance", "--scores", scores, "--holdings", holdings, "--cash", "300", "--format", "csv")
        assert weights_of(result) == {"AAA": 0.3, "BBB": 0.4, "CCC": 0.0}
    short = write("asset,shares\nAAA,\n", "holdings.csv")
    result = run("rebalance", "--scores", scores, "--holdings", short, "--cash", "300")
    assert f"{short}, row 1, column 'shares': is missing: write 0 if it is not held" in result.stderr


def test_an_empty_cell_of_shares_is_none_held(write: Write) -> None:
    result = run("rebalance", write(SHARES.replace("0,\n", ",\n")), "--cash", "300", "--format", "csv")
    assert weights_of(result) == {"AAA": 0.3, "BBB": 0.4, "CCC": 0.0}


def test_shares_as_numbers_of_a_typed_file(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    table = pa.table({"asset": ["A", "B"], "score": [0.9, 0.8], "shares": [1, 3], "price": [2.5, 2.5]})
    pyarrow.parquet.write_table(table, path)
    assert weights_of(run("rebalance", path, "--cash", "10", "--format", "csv")) == {"A": 0.125, "B": 0.375}


@pytest.mark.parametrize(
    ("text", "cash", "code", "message"),
    [
        (SHARES, None, 2, "holdings in shares need --cash"),
        (CANDIDATES, "5", 2, "--cash needs holdings in shares"),
        (
            SHARES.replace("price", "cost"),
            "5",
            3,
            "column 'price': shares cannot be valued without prices: add a column",
        ),
        (SHARES.replace("bucket", "current_weight").replace("Tech", "0").replace("Energy", "0"), "5", 3, "keep one"),
        (
            SHARES.replace("10,30", "10,"),
            "5",
            3,
            "row 1, column 'price': is not a price (received nan): write the price",
        ),
        (SHARES.replace("10,30", "10,0"), "5", 3, "row 1, column 'price': is not a price (received 0.0)"),
        (SHARES.replace("10,30", "-1,30"), "5", 3, "row 1, column 'shares': is not a number of shares (received -1.0)"),
        (SHARES.replace("10,30", "ten,30"), "5", 3, "row 1, column 'shares': is not a number (received 'ten')"),
        (SHARES.replace("10,30", "10,30 $"), "5", 3, "row 1, column 'price': is not a number (received '30 $')"),
        (SHARES, "-700", 3, "holdings and cash are worth 0: give shares, or --cash above 0"),
        (SHARES, "nan", 3, "holdings and cash are worth nan"),
        (
            SHARES.replace("bucket", "currency").replace("Tech", "USD").replace("Energy", "EUR"),
            "5",
            3,
            "column 'currency': the holdings are in several currencies (USD, EUR), which trimtab does not convert",
        ),
    ],
)
def test_shares_that_cannot_be_valued(write: Write, text: str, cash: str | None, code: int, message: str) -> None:
    path = write(text)
    result = run("rebalance", path, *([] if cash is None else [f"--cash={cash}"]))
    assert result.exit_code == code
    assert message in " ".join(result.stderr.split())
    assert code == 2 or str(path) in result.stderr


def test_one_currency_is_no_obstacle(write: Write) -> None:
    text = SHARES.replace("bucket", "currency").replace("Tech", "USD").replace("Energy", "USD")
    assert run("rebalance", write(text), "--cash", "300").exit_code == 0


# ---- the column of assets


@pytest.mark.parametrize("name", ["symbol", "ticker"])
def test_the_column_of_assets_may_be_called_symbol(write: Write, name: str) -> None:
    wanted = run("rebalance", write(CANDIDATES), "--format", "csv").stdout
    path = write(CANDIDATES.replace("asset", name))
    assert run("rebalance", path, "--format", "csv").stdout == wanted
    path.write_text(path.read_text() + "AAA,Tech,0.9,0\n")
    assert f"{path}, row 7, column '{name}': " in run("rebalance", path).stderr


def test_asset_goes_before_symbol(write: Write) -> None:
    result = run("rebalance", write("symbol,asset,score\nx,AAA,0.9\n"), "--format", "csv")
    assert [(row["asset"], row["symbol"]) for row in rows(result.stdout)] == [("AAA", "x")]


# ---- accounts that hold nothing, little, or less than nothing


def prices(folder: Path) -> Path:
    """300 sessions of two symbols."""
    day, lines = dt.date(2023, 1, 2), []
    while len(lines) < 300:
        if day.weekday() < 5:
            lines.append(f"{day},{100 + len(lines) / 5},{50 + len(lines) % 7}")
        day += dt.timedelta(1)
    path = folder / "prices.csv"
    path.write_text("\n".join(["date,AAA,BBB", *lines, ""]))
    return path


def valued(folder: Path, holdings: str, *more: str) -> Result:
    path = folder / "holdings.csv"
    path.write_text(holdings)
    options = ("--set", "min_score_threshold=0", "--format", "csv", *more)
    return run("rebalance", "--prices", prices(folder), "--holdings", path, *options)


@pytest.mark.parametrize(
    ("holdings", "more"),
    [("asset,shares\n", ["--cash", "1000"]), ("asset,current_weight\n", []), ("symbol,shares\n", ["--cash", "1"])],
)
def test_a_new_account_with_only_cash(tmp_path: Path, holdings: str, more: list[str]) -> None:
    valuation = valued(tmp_path, holdings, *more)
    assert valuation.exit_code == 0, valuation.stderr
    assert {row["current_weight"] for row in rows(valuation.stdout)} == {"0.0"}


def test_holdings_of_only_a_header_beside_scores(write: Write) -> None:
    scores = write("asset,score\nAAA,0.9\nBBB,0.8\n", "scores.csv")
    result = run("rebalance", "--scores", scores, "--holdings", write("asset,current_weight\n"), "--format", "csv")
    assert [row["action"] for row in rows(result.stdout)] == ["open", "open"]
    refused = run(
        "rebalance", "--scores", write("asset,score\n", "none.csv"), "--holdings", write("asset,current_weight\n")
    )
    assert (refused.exit_code, "none.csv: has no rows" in refused.stderr) == (3, True)


def test_prices_fill_the_gaps_of_a_brokers_file(tmp_path: Path) -> None:
    valuation = valued(tmp_path, "Account,Symbol,Quantity,Currency\n1,AAA,10,USD\n1,BBB,20,USD\n", "--cash", "0")
    assert valuation.exit_code == 0, valuation.stderr
    last = {"AAA": 100 + 299 / 5, "BBB": 50 + 299 % 7}
    total = 10 * last["AAA"] + 20 * last["BBB"]
    weights = {row["asset"]: float(row["current_weight"]) for row in rows(valuation.stdout)}
    assert weights == pytest.approx({"AAA": 10 * last["AAA"] / total, "BBB": 20 * last["BBB"] / total})


@pytest.mark.parametrize("cash", [-5, -50])
def test_a_little_debt_is_rebalanced(tmp_path: Path, cash: int) -> None:
    assert valued(tmp_path, "asset,shares\nAAA,10\nBBB,20\n", f"--cash={cash}").exit_code == 0


@pytest.mark.parametrize("cash", [-300, -1500])
def test_a_debt_is_refused_by_its_name(tmp_path: Path, cash: int) -> None:
    valuation = valued(tmp_path, "asset,shares\nAAA,10\nBBB,20\n", f"--cash={cash}")
    assert valuation.exit_code == 3
    assert f"error: --cash: cash {cash:,.2f} is a debt: positions are" in valuation.stderr
    assert "current_weight" not in valuation.stderr


@pytest.mark.parametrize("zero", ["0", "0.0", "-0"])
def test_a_line_of_nothing_holds_nothing(tmp_path: Path, write: Write, zero: str) -> None:
    options = ("--cash=100", "--set", "target_invested=0.2")  # all of it is invested: no cash to explain
    valuation = valued(tmp_path, f"asset,shares\nAAA,10\nGONE,{zero}\n", *options)
    assert (valuation.exit_code, "GONE" in valuation.stderr) == (0, False)
    scores = write("asset,score\nAAA,0.9\n", "scores.csv")
    held = write(f"asset,current_weight\nAAA,0.2\nGONE,{zero}\n")
    joined = run("rebalance", "--scores", scores, "--holdings", held)
    assert "kept without a score" not in joined.stderr
    assert "0 holdings without a score" in joined.stderr


# ---- an earlier result, cash rows, numbers as people write them


def test_an_earlier_result_is_the_holdings_of_the_next_run(write: Write, tmp_path: Path) -> None:
    targets = tmp_path / "targets.csv"
    assert run("rebalance", write(CANDIDATES), "--out", targets).exit_code == 0
    scores = write("asset,score,bucket\nAAA,0.9,Tech\nBBB,0.8,Tech\n", "scores.csv")
    result = run("rebalance", "--scores", scores, "--holdings", targets, "--format", "csv")
    assert result.exit_code == 0
    assert (
        f"{targets} is an earlier result: held is its current_weight; left out: bucket, score, target_weight"
        in result.stderr
    )
    assert {row["asset"]: row["current_weight"] for row in rows(result.stdout)}["AAA"] == "0.3"


def test_columns_in_two_files_are_still_refused_without_a_result(write: Write) -> None:
    scores, holdings = (
        write("asset,score\nAAA,0.9\n", "s.csv"),
        write("asset,score,current_weight\nAAA,0.8,0.1\n", "h.csv"),
    )
    result = run("rebalance", "--scores", scores, "--holdings", holdings)
    assert result.exit_code == 3
    assert "the column is in" in result.stderr


@pytest.mark.parametrize("name", ["CASH", "Total", "TOTAL", "USD Cash"])
def test_an_unscored_holding_that_is_cash_or_a_total(write: Write, name: str) -> None:
    result = run("rebalance", write(f"asset,score,current_weight\nAAA,0.9,0.5\n{name},,0.5\n"))
    assert result.exit_code == 3
    assert "drop the row" in result.stderr


@pytest.mark.parametrize("name", ["Cash & Cash Investments", "Cash and Cash Equivalents", "Cash", "Account Total"])
def test_cash_and_totals_are_no_assets_on_any_way_in(write: Write, tmp_path: Path, name: str) -> None:
    scores, holdings = (
        write("asset,score\nAAA,0.9\n", "s.csv"),
        write(f"asset,current_weight\nAAA,0.1\n{name},0.2\n", "h.csv"),
    )
    first = write(f"asset,score,current_weight\nAAA,0.9,0.1\n{name},0.8,0.1\n", "one.csv")
    market = valued(tmp_path, f"asset,shares\nA,1\n{name},10\n", "--cash", "10")
    for outcome in (run("rebalance", first), run("rebalance", "--scores", scores, "--holdings", holdings), market):
        assert outcome.exit_code == 3
        assert "drop the row" in outcome.stderr
        assert repr(name) in outcome.stderr


@pytest.mark.parametrize(("cell", "shares"), [("1,200.00", 1200), ("1,200,000", 1_200_000), ("1200", 1200)])
def test_thousands_separators_that_mean_one_thing(write: Write, cell: str, shares: int) -> None:
    path = write(f'asset,score,shares,price\nAAA,0.9,"{cell}",1\n')
    result = run("rebalance", path, "--cash", shares, "--format", "csv")
    assert result.exit_code == 0
    assert rows(result.stdout)[0]["current_weight"] == "0.5"


@pytest.mark.parametrize("cell", ["1,200", "12 000", "12%", "1.200,5"])
def test_shares_that_may_mean_two_numbers(write: Write, cell: str) -> None:
    result = run("rebalance", write(f'asset,score,shares,price\nAAA,0.9,"{cell}",1\nBBB,0.8,10,1\n'), "--cash", "10")
    assert result.exit_code == 3
    assert "column 'shares'" in result.stderr
    assert repr(cell) in result.stderr
