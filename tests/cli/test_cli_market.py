"""From prices to scores and targets on the command line: one command gives the same as single steps."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import rich.console
from command_line import rows, run
from price_series import days, long, walks

from trimtab.cli.progress import steps
from trimtab.errors import InputError, LimitsError
from trimtab.market.market_data import MarketData
from trimtab.market.valuation import valued
from trimtab.scoring.combined import ScoreWeights, combined_scores
from trimtab.scoring.fundamental import FundamentalConfig, fundamental_scores
from trimtab.scoring.technical import technical_scores

NAMES = [f"S{number}" for number in range(8)]
LAST = days(260)[-1]


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    path = tmp_path / "prices.csv"
    long(walks(NAMES, 260)).write_csv(path)
    return path


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.fixture
def more(tmp_path: Path) -> list[Any]:
    """Fundamentals, classification and membership as options."""
    fundamentals = "".join(f"{name},2020-06-30,{10 + index}\n" for index, name in enumerate(NAMES))
    sectors = "".join(f"{name},{'Tech' if index < 4 else 'Energy'}\n" for index, name in enumerate(NAMES[:7]))
    members = "".join(f"{name},2019-01-01,\n" for name in NAMES[:6])
    return [
        "--fundamentals",
        written(tmp_path, "fundamentals.csv", f"symbol,known_on,pe\n{fundamentals}"),
        "--classification",
        written(tmp_path, "classes.csv", f"symbol,bucket\n{sectors}"),
        "--membership",
        written(tmp_path, "members.csv", f"symbol,from,to\n{members}"),
    ]


class TestScore:
    def test_csv_on_stdout_is_what_the_library_scores(self, prices: Path) -> None:
        result = run("score", "--prices", prices)
        assert result.exit_code == 0
        expected = technical_scores(MarketData(prices).as_of(LAST))
        assert {row["asset"]: float(row["score"]) for row in rows(result.stdout)} == expected.by_asset
        assert f"scored 8 of 8 assets as of {LAST} (252 sessions a year)\n" in result.stderr
        assert {row["basis"] for row in rows(result.stdout)} == {"technical"}
        assert {row["confidence"] for row in rows(result.stdout)} == {"1.0"}
        assert {row["session"] for row in rows(result.stdout)} == {str(LAST)}

    @pytest.mark.parametrize("suffix", ["parquet", "arrow", "csv"])
    def test_a_file(self, prices: Path, more: list[Any], tmp_path: Path, suffix: str) -> None:
        out = tmp_path / f"scores.{suffix}"
        result = run("score", "--prices", prices, *more, "--as-of", str(LAST), "--out", out)
        assert result.exit_code == 0, result.stderr
        assert f"written: {out}" in result.stderr
        reader = {"parquet": pl.read_parquet, "arrow": pl.read_ipc, "csv": pl.read_csv}[suffix]
        table = reader(out)
        assert table["asset"].to_list() == NAMES
        assert {"confidence", "bucket", "volatility", "technical_momentum_rank", "fundamental_value"} <= set(
            table.columns
        )
        assert dict(table.select("asset", "unscored_because").fill_null("").iter_rows())["S7"] == "not_member"
        assert "without a score: not_member 2" in result.stderr

    def test_a_file_of_scores_goes_into_a_rebalance(self, prices: Path, more: list[Any], tmp_path: Path) -> None:
        """Two commands, or one: the same targets."""
        out = tmp_path / "scores.parquet"
        holdings = written(tmp_path, "h.csv", "asset,current_weight\nS1,0.2\nS2,0.1\nOLD,0.1\n")
        assert run("score", "--prices", prices, *more, "--out", out).exit_code == 0
        two = run("rebalance", "--scores", out, "--holdings", holdings, "--format", "csv")
        result = run("rebalance", "--prices", prices, *more, "--holdings", holdings, "--format", "csv")
        assert (result.exit_code, two.exit_code) == (0, 0), result.stderr
        wanted = [(row["asset"], row["target_weight"], row["reason"]) for row in rows(two.stdout)]
        assert [(row["asset"], row["target_weight"], row["reason"]) for row in rows(result.stdout)] == wanted
        assert "not in the prices, so kept without a score: OLD" in result.stderr
        assert {row["asset"]: row["reason"] for row in rows(result.stdout)}["OLD"] == "held_unscored"

    def test_a_restriction_in_the_holdings_is_kept(self, prices: Path, tmp_path: Path) -> None:
        """`--prices` with `--holdings` once dropped all other columns, and sold restricted holdings."""
        for amounts, cash in (("current_weight", []), ("shares", ["--cash", "0"])):
            text = f"asset,{amounts},restriction,max_weight,desk\nS1,0.2,no_trade,,\nS2,0.2,,0.1,B\n"
            holdings = written(tmp_path, "h.csv", text)
            result = run("rebalance", "--prices", prices, "--holdings", holdings, *cash, "--format", "csv")
            assert result.exit_code == 0, result.stderr
            of = {row["asset"]: row for row in rows(result.stdout)}
            assert of["S1"]["target_weight"] == of["S1"]["current_weight"]
            assert of["S1"]["reason"] == "restricted"
            assert float(of["S2"]["target_weight"]) <= 0.1
            assert [of[name]["desk"] for name in ("S2", "S3")] == ["B", ""]

    @pytest.mark.parametrize(
        ("columns", "said"),
        [
            ("score", "column 'score': comes from the market data: leave it out of the holdings"),
            ("bucket", "column 'bucket': comes from the market data"),
            ("restrction", "column 'restrction': the column is unknown: did you mean 'restriction'?"),
        ],
    )
    def test_holdings_with_a_column_that_cannot_be(
        self, prices: Path, more: list[Any], tmp_path: Path, columns: str, said: str
    ) -> None:
        holdings = written(tmp_path, "h.csv", f"asset,current_weight,{columns}\nS1,0.2,1\n")
        result = run("rebalance", "--prices", prices, *more, "--holdings", holdings)
        assert result.exit_code == 3
        assert said in " ".join(result.stderr.split())

    def test_a_bucket_in_the_holdings_is_theirs(self, prices: Path, tmp_path: Path) -> None:
        holdings = written(tmp_path, "h.csv", "asset,current_weight,bucket\nS1,0.2,Tech\nS2,0.2,A//B\n")
        result = run("rebalance", "--prices", prices, "--holdings", holdings)
        assert result.exit_code == 3
        said = " ".join(result.stderr.split())
        assert f"{holdings.name}, row 2, column 'bucket': the bucket's path has an empty part" in said

    def test_what_the_prices_lack_is_said(self, prices: Path, more: list[Any], tmp_path: Path) -> None:
        for path in more[1::2]:
            path.write_text(path.read_text().replace("S3", "s3"))
        said = " ".join(run("score", "--prices", prices, *more).stderr.split())
        for what in ("fundamentals", "classification", "membership"):
            assert f"Not in the prices, so not used from the {what}: s3 (is 'S3' meant?)" in said
        assert "without a bucket, counted as Unknown: S3, S7" in said
        whole = written(tmp_path, "whole.csv", "symbol,bucket\n" + "".join(f"{name},Tech\n" for name in NAMES))
        quiet = run("score", "--prices", prices, "--classification", whole).stderr
        assert "Not in the prices" not in quiet
        assert "without a bucket" not in quiet

    def test_a_fundamental_that_is_no_number_is_said(self, prices: Path, more: list[Any]) -> None:
        more[1].write_text(more[1].read_text().replace("S3,2020-06-30,13", "S3,2020-06-30,n/a"))
        said = " ".join(run("score", "--prices", prices, *more[:2]).stderr.split())
        assert "scored 8 of 8 assets" in said
        assert (
            "warning: S3, 2020-06-30, row 4: has 1 fundamental without a finite number, counted as missing: "
            "write numbers, or leave them empty" in said
        )
        assert said.count("warning") == 1

    def test_findings_are_said(self, tmp_path: Path) -> None:
        series = walks(NAMES, 260)
        for index, name in enumerate(NAMES[:7]):
            series[name][100 + index] = None
        path = tmp_path / "prices.parquet"
        long(series).write_parquet(path)
        result = run("score", "--prices", path)
        assert result.stderr.count("warning: ") == 6
        assert "warning: S0, 2020-05-20: lacks 1 of the last 253 prices" in result.stderr.replace("\n", " ")
        assert "and 2 more findings" in result.stderr
        assert run("score", "--prices", path, "--quiet").stderr == ""

    def test_five_findings_are_all(self, tmp_path: Path) -> None:
        series = walks(NAMES, 260)
        for index, name in enumerate(NAMES[:5]):
            series[name][100 + index] = None
        path = tmp_path / "prices.parquet"
        long(series).write_parquet(path)
        result = run("score", "--prices", path)
        assert result.stderr.count("warning: ") == 5
        assert "more findings" not in result.stderr

    @pytest.mark.parametrize(
        ("options", "code", "said"),
        [
            (["--as-of", "yesterday"], 3, "the date is not a day (received 'yesterday'): write it as 2020-01-31"),
            (
                ["--as-of", "2019-01-01"],
                3,
                "there is no price on or before 2019-01-01: the first session is 2020-01-01",
            ),
            (["--out", "scores.json"], 2, "scores are written as .csv, .parquet, .arrow or .xlsx"),
            (["--out", "scores.xls"], 2, "the suffix '.xls' is unknown"),
            (["--fundamentals", "none.csv"], 3, "none.csv: there is no such file"),
        ],
    )
    def test_refused(self, prices: Path, options: list[str], code: int, said: str) -> None:
        result = run("score", "--prices", prices, *options)
        assert result.exit_code == code
        assert said in " ".join(result.stderr.replace("│", " ").split())

    def test_the_output_is_no_input(self, prices: Path) -> None:
        result = run("score", "--prices", prices, "--out", prices)
        assert result.exit_code == 3
        assert "is one of the input files" in result.stderr

    def test_no_usable_price(self, tmp_path: Path) -> None:
        path = written(tmp_path, "p.csv", "date,symbol,close\n2020-01-01,A,-1\n")
        result = run("score", "--prices", path)
        assert result.exit_code == 3
        assert f"{path}: holds no usable price: give prices above 0" in result.stderr.replace("\n", "")


class TestRebalance:
    def test_shares_and_cash(self, prices: Path, tmp_path: Path) -> None:
        last = MarketData(prices).as_of(LAST).last_prices(["S0", "S1"])
        holdings = written(tmp_path, "h.csv", "asset,shares\nS0,10\nS1,5\n")
        result = run("rebalance", "--prices", prices, "--holdings", holdings, "--cash", "1000", "--format", "csv")
        total = 10 * last["S0"][0] + 5 * last["S1"][0] + 1000
        weights = {row["asset"]: float(row["current_weight"]) for row in rows(result.stdout)}
        assert result.exit_code == 0, result.stderr
        assert weights["S0"] == pytest.approx(10 * last["S0"][0] / total)
        assert weights["S1"] == pytest.approx(5 * last["S1"][0] / total)
        assert weights["S2"] == 0
        assert f"valued at {LAST}: {total:,.2f} with 1,000.00 in cash" in result.stderr
        assert "is valued at its price of" not in result.stderr

    def test_an_old_price_is_said(self, tmp_path: Path) -> None:
        series = walks(NAMES, 260)
        series["S0"][259] = None
        path = tmp_path / "prices.parquet"
        long(series).write_parquet(path)
        holdings = written(tmp_path, "h.csv", "asset,shares\nS0,10\n")
        result = run("rebalance", "--prices", path, "--holdings", holdings, "--cash", "0", "--format", "csv")
        assert f"S0 is valued at its price of {days(259)[-1]}: it has no price on {LAST}" in result.stderr
        assert {row["asset"]: row["reason"] for row in rows(result.stdout)}["S0"] == "held_unscored"

    def test_shares_at_prices_before_the_last_session_are_said(self, prices: Path, tmp_path: Path) -> None:
        day = days(259)[-1]
        holdings = written(tmp_path, "h.csv", "asset,shares\nS0,10\n")
        options = ("--prices", prices, "--holdings", holdings, "--cash", "0", "--format", "csv")
        earlier = run("rebalance", *options, "--as-of", day)
        assert earlier.exit_code == 0, earlier.stderr
        assert f"shares are valued at prices of {day}, before the last session: adjusted prices" in earlier.stderr
        assert f"valued at {day}: " in earlier.stderr
        assert "before the last session" not in run("rebalance", *options).stderr

    def test_the_holdings_of_one_account(self, prices: Path, tmp_path: Path) -> None:
        holdings = written(tmp_path, "h.csv", "account,asset,current_weight\nx,S0,0.2\ny,S0,0.1\ny,S1,0.3\n")
        options = ("--prices", prices, "--holdings", holdings, "--format", "csv")
        result = run("rebalance", *options, "--account", "y")
        assert result.exit_code == 0, result.stderr
        weights = {row["asset"]: float(row["current_weight"]) for row in rows(result.stdout)}
        assert {asset: weight for asset, weight in weights.items() if weight} == {"S0": 0.1, "S1": 0.3}

    @pytest.mark.parametrize(
        ("text", "options", "code", "said"),
        [
            ("asset,shares\nS0,1\n", [], 2, "holdings in shares need --cash: the amount, or --cash 0"),
            ("asset,current_weight\nS0,0.1\n", ["--cash", "5"], 2, "--cash needs holdings in shares"),
            ("asset,shares,current_weight\nS0,1,0.1\n", [], 3, "has both 'current_weight' and 'shares': keep one"),
            ("asset,weight\nS0,0.1\n", [], 3, "add 'current_weight', or 'shares' and --cash"),
            ("asset,shares\nS0,-1\n", ["--cash", "5"], 3, "row 1, column 'shares': is not a number of shares"),
            ("asset,shares\nS0,\n", ["--cash", "5"], 3, "row 1, column 'shares': is not a number: write"),
            ("asset,shares\nXX,1\n", ["--cash", "5"], 3, "has no price up to"),
            ("asset,shares\nS0,1\n", ["--cash", "nan"], 3, "the cash is not a number"),
            ("asset,shares\nS0,0\n", ["--cash", "0"], 3, "holdings and cash are worth 0"),
            (
                "asset,shares\nS0,1\nS0,2\n",
                ["--cash", "0"],
                3,
                "row 2, column 'asset': the asset is in row 1 already",
            ),
            ("asset,current_weight\nS0,0.9\nS1,0.9\n", [], 3, "h.csv, column 'current_weight': the weights sum to 1.8"),
            ("asset,current_weight\nXX,0.1\nS0,-0.1\n", [], 3, "h.csv, row 2, column 'current_weight': is negative"),
        ],
    )
    def test_holdings_refused(
        self, prices: Path, tmp_path: Path, text: str, options: list[str], code: int, said: str
    ) -> None:
        holdings = written(tmp_path, "h.csv", text)
        result = run("rebalance", "--prices", prices, "--holdings", holdings, *options)
        assert result.exit_code == code, result.stderr
        assert said in " ".join(result.stderr.replace("│", " ").split())

    def test_a_bucket_is_refused_where_it_stands(self, prices: Path, tmp_path: Path) -> None:
        classes = written(tmp_path, "classes.csv", "symbol,bucket\nS1,Equity//Tech\n")
        holdings = written(tmp_path, "h.csv", "asset,current_weight\nS0,0.1\n")
        result = run("rebalance", "--prices", prices, "--classification", classes, "--holdings", holdings)
        assert result.exit_code == 3
        assert f"{classes}, column 'bucket': the bucket's path has an empty part" in result.stderr.replace("\n", "")

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (
                ["--holdings", "h.csv", "--scores", "s.csv", "--prices", "p.csv"],
                "give either --prices or --scores, not both",
            ),
            (["c.csv", "--prices", "p.csv"], "give either --prices or FILE, not both"),
            (["--prices", "p.csv"], "--prices without --holdings"),
            (
                ["c.csv", "--as-of", "2020-01-01", "--fundamentals", "f.csv"],
                "--fundamentals and --as-of without --prices",
            ),
        ],
    )
    def test_mixtures_refused(self, options: list[str], said: str) -> None:
        result = run("rebalance", *options)
        assert result.exit_code == 2
        assert said in " ".join(result.stderr.replace("│", " ").split())


class TestValued:
    def test_shares_that_are_no_number(self) -> None:
        view = MarketData(long({"A": [1.0]})).as_of("2020-01-01")
        with pytest.raises(InputError, match="is not a number of shares that can be held"):
            valued({"A": float("nan")}, 0.0, view)

    def test_debt_is_negative_cash(self) -> None:
        view = MarketData(long({"A": [10.0]})).as_of("2020-01-01")
        assert valued({"A": 11}, -10.0, view).weights == {"A": 1.1}


class TestCombined:
    """S0 has both scores, S1 only the technical, S2 only the fundamental one, S3 is blocked and has none."""

    @pytest.fixture
    def data(self) -> MarketData:
        series = walks(NAMES, 260)
        series["S2"][:100] = [None] * 100
        series["S3"][200] = None
        fundamentals = [
            {"symbol": name, "known_on": "2020-06-30", "pe": 10.0 + index}
            for index, name in enumerate(NAMES)
            if name != "S1"
        ]
        return MarketData(long(series), fundamentals=fundamentals)

    def test_the_basis(self, data: MarketData) -> None:
        view = data.as_of(LAST)
        scores = technical_scores(view)
        two = fundamental_scores(view, FundamentalConfig(min_peers=2, min_confidence=0))
        table = combined_scores(scores, two, ScoreWeights(technical_weight=3, fundamental_weight=1)).table
        by_name = {row["asset"]: row for row in table.iter_rows(named=True)}
        assert [by_name[name]["basis"] for name in ("S0", "S1", "S2", "S3")] == ["both", "technical", "fundamental", ""]
        assert by_name["S0"]["score"] == pytest.approx(0.75 * scores.by_asset["S0"] + 0.25 * two.by_asset["S0"])
        assert by_name["S1"]["score"] == pytest.approx(scores.by_asset["S1"])
        assert by_name["S2"]["score"] == pytest.approx(two.by_asset["S2"])
        assert (by_name["S3"]["score"], by_name["S3"]["reason"]) == (None, "gap")
        assert by_name["S2"]["reason"] == ""
        assert by_name["S2"]["missing"].startswith("momentum,trend,volatility,drawdown,book_to_price")
        confidence = two.table.filter(pl.col("asset") == "S0")["confidence"][0]
        assert by_name["S0"]["confidence"] == pytest.approx(0.75 + 0.25 * confidence)

    def test_a_weight_of_nothing(self, data: MarketData) -> None:
        view = data.as_of(LAST)
        first, second = (
            technical_scores(view),
            fundamental_scores(view, FundamentalConfig(min_peers=2, min_confidence=0)),
        )
        alone = combined_scores(first, second, ScoreWeights(fundamental_weight=0))
        assert alone.by_asset == pytest.approx(first.by_asset)
        assert set(alone.table["basis"]) == {"technical", ""}
        other = combined_scores(first, second, ScoreWeights(technical_weight=0))
        assert other.by_asset == pytest.approx(second.by_asset)
        with pytest.raises(LimitsError, match="both weights are 0"):
            ScoreWeights(technical_weight=0, fundamental_weight=0)


class TestProgress:
    """The clock is not asked: the bar begins at once, or never."""

    @pytest.fixture
    def terminal(self, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
        text = io.StringIO()
        real = rich.console.Console
        monkeypatch.setattr(
            rich.console, "Console", lambda **_: real(file=text, force_terminal=True, width=80, legacy_windows=False)
        )
        return text

    def test_a_bar(self, terminal: io.StringIO) -> None:
        with steps(2, quiet=False, first=0.0) as bar:
            bar.begin("reading")
            while "reading" not in terminal.getvalue():
                time.sleep(0.01)
            bar.begin("scoring")
        assert "0/2" in terminal.getvalue()

    @pytest.mark.parametrize(("quiet", "first"), [(True, 0.0), (False, 3600.0)])
    def test_none(self, terminal: io.StringIO, quiet: bool, first: float) -> None:
        with steps(2, quiet=quiet, first=first) as bar:
            bar.begin("reading")
        assert "reading" not in terminal.getvalue()


class TestAccept:
    """A jump that is real can be accepted on the command line, as in Python."""

    def test_a_jump_that_is_accepted_is_scored(self, tmp_path: Path) -> None:
        path, walked = tmp_path / "prices.csv", walks(NAMES, 260)
        walked["S1"] = [price * (4 if index >= 200 else 1) for index, price in enumerate(walked["S1"])]
        long(walked).write_csv(path)
        day = days(260)[200].isoformat()
        blocked, scored = run("score", "--prices", path), run("score", "--prices", path, "--accept", f"S1:{day}")
        assert "or --accept" in blocked.stderr
        assert [row["score"] for row in rows(blocked.stdout) if row["asset"] == "S1"] == [""]
        assert [row["score"] for row in rows(scored.stdout) if row["asset"] == "S1"] != [""]
        holdings = written(tmp_path, "h.csv", "asset,shares\nS1,1\n")
        args = ("rebalance", "--prices", path, "--holdings", holdings, "--cash", "10", "--format", "csv")
        assert run(*args, "--accept", f"S1:{day}").exit_code == 0
        assert run(*args).exit_code == 3

    @pytest.mark.parametrize("text", ["S1", ":2020-01-01", "S1:", "S1:soon"])
    def test_what_is_not_symbol_and_day(self, prices: Path, text: str) -> None:
        assert run("score", "--prices", prices, "--accept", text).exit_code in (2, 3)

    def test_without_prices(self, tmp_path: Path) -> None:
        result = run("rebalance", written(tmp_path, "c.csv", "asset,score\nA,0.9\n"), "--accept", "A:2020-01-01")
        assert result.exit_code == 2
        assert "--accept without --prices" in result.stderr
