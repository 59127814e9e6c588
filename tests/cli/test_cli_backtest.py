"""`trimtab backtest` and `trimtab sweep`: what the library gives, on screen, as JSON and in a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from backtest_runs import BUCKETS, LIMITS, market, plain, scores
from command_line import run

import trimtab
from trimtab import BacktestResult, TradingCosts


@pytest.fixture
def files(tmp_path: Path) -> list[Any]:
    """Options for a small market; run in the folder of the test."""
    pl.DataFrame(market(1)).write_parquet(tmp_path / "prices.parquet")
    pl.DataFrame(scores(1)).write_csv(tmp_path / "scores.csv")
    buckets = pl.DataFrame({"symbol": list(BUCKETS), "bucket": list(BUCKETS.values())})
    buckets.write_csv(tmp_path / "buckets.csv")
    (tmp_path / "limits.toml").write_text(LIMITS.to_toml())
    named = {"--prices": "prices.parquet", "--scores": "scores.csv", "--classification": "buckets.csv"}
    options = [part for name, file in named.items() for part in (name, tmp_path / file)]
    return [*options, "--limits", tmp_path / "limits.toml", "--every", "week", "--commission-bps", "5"]


def expected(**more: Any) -> BacktestResult:
    options = {"scores": scores(1), "classification": BUCKETS, "every": "week", "costs": TradingCosts(commission_bps=5)}
    return trimtab.backtest(market(1), LIMITS, **(options | more))


def test_backtest_on_screen(files: list[Any]) -> None:
    result = run("backtest", *files, "--versus", "no-buckets", "--versus", "hold:A=0.6,D=0.4")
    assert result.exit_code == 0, result.stderr
    lines = [line.split() for line in result.stdout.splitlines()]
    assert result.stdout.startswith("Backtest of prices.parquet: 2024-01-05 to 2024-04-05, 66 sessions, 13 decisions\n")
    total = next(line for line in lines if line[:2] == ["total", "return"])
    assert total[2] == f"{expected().statistics.total_return:.2%}"
    assert "policy less no-buckets, mean return a year" in result.stdout
    assert "60% A, 40% D, held" in result.stdout
    assert "warning: orders lapsed, without a price to trade at (2 times): C, F\n" in result.stderr


def test_backtest_as_json(files: list[Any]) -> None:
    result = run("backtest", *files, "--format", "json", "-q", "--versus", "equal", "--versus", files[7])
    assert result.exit_code == 0 and not result.stderr
    document = json.loads(result.stdout)
    assert [policy["name"] for policy in document["policies"]] == ["policy", "equal weight", str(files[7])]
    first, _, same = document["policies"]
    assert first["equity"] == expected().equity["equity"][-1] == same["equity"]
    assert first["limits"]["max_positions_per_bucket"] == 2
    assert first["statistics"]["sharpe"] == expected().statistics.sharpe
    assert document["schema_version"] == 1 and len(document["comparisons"]) == 4


def test_a_jump_that_is_real(files: list[Any], tmp_path: Path) -> None:
    """As in Python; a jump on another day is refused, and so is text that is not symbol and day."""
    rows = market(1)
    day = sorted(row["date"] for row in rows if row["symbol"] == "A")[30]
    for row in rows:
        row["close"] *= 4 if row["symbol"] == "A" and row["date"] >= day else 1
    pl.DataFrame(rows).write_parquet(tmp_path / "prices.parquet")
    result = run("backtest", *files, "--format", "json", "-q", "--accept", f"A:{day}")
    assert result.exit_code == 0, result.stderr
    options = {"scores": scores(1), "classification": BUCKETS, "every": "week", "costs": TradingCosts(commission_bps=5)}
    accepted = trimtab.backtest(rows, LIMITS, accepted=[("A", day)], **options)
    assert json.loads(result.stdout)["policies"][0]["equity"] == accepted.equity["equity"][-1]
    assert trimtab.backtest(rows, LIMITS, **options).notes != accepted.notes
    assert run("backtest", *files, "--accept", "A:2024-01-02").exit_code == 3
    assert run("sweep", *files, "--vary", "max_total_positions=3,4", "--accept", "A").exit_code == 2


def test_backtest_into_a_folder(files: list[Any], tmp_path: Path) -> None:
    out = tmp_path / "found"
    for _ in range(2):  # it may be there already
        outcome = run("backtest", *files, "--out", out, "--versus", "equal")
        assert outcome.exit_code == 0, outcome.stderr
    assert f"written: {out}" in outcome.stderr
    result = expected()
    for name in ("equity", "weights", "bucket_weights", "trades", "turnover", "decisions", "removed"):
        table = pl.read_csv(out / f"{name}.csv", try_parse_dates=True)
        assert table.columns == getattr(result, name).columns
        assert table.height == getattr(result, name).height
    assert pl.read_csv(out / "equity.csv")["equity"].to_list() == result.equity["equity"].to_list()
    assert pl.read_csv(out / "equities.csv").columns == ["date", "policy", "equal weight"]
    assert json.loads((out / "summary.json").read_text())["to"] == "2024-04-05"
    assert "<h1" in (out / "report.html").read_text()
    alone = tmp_path / "alone"
    assert run("backtest", *files, "--out", alone, "-q").exit_code == 0
    assert not (alone / "equities.csv").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("asset,step\nA,1\n", "column 'lot': the column is missing: give a table with asset and lot"),
        ("asset,lot\nA,1\nB,ten\n", "row 2, column 'lot': is not a number (received 'ten'): write a number such as"),
        ("asset,lot\nA,0\n", "the lots: the lot of A cannot be used (received 0): give the tradable step"),
        ("asset,lot\nA,-1\n", "the lots: the lot of A cannot be used"),
        ("asset,lot\nA,1\nB,\nA,2\n", "row 3, column 'asset': has its lot in an earlier row (received 'A'): keep one"),
        ("asset,lot\nX,1\n", "the lots: has no price"),
    ],
)
def test_lots_that_cannot_be_used(files: list[Any], tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "lots.csv").write_text(text)
    refused = run("backtest", *files, "--start-value", "1000", "--lots", tmp_path / "lots.csv", COLUMNS="300")
    assert refused.exit_code == 3
    assert message in " ".join(refused.stderr.split())
    assert message.startswith("the lots") or f"{tmp_path / 'lots.csv'}, {message}" in " ".join(refused.stderr.split())


@pytest.mark.thorough
def test_lots_arrive(files: list[Any], tmp_path: Path) -> None:
    (tmp_path / "lots.csv").write_text("symbol,lot\nA,0.01\nB,10\nC,\n")
    result = run(
        *("backtest", *files, "--start-value", "10000", "--lots", tmp_path / "lots.csv"), "--format", "json", "-q"
    )
    assert result.exit_code == 0, result.stderr
    lots = expected(start_value=10000, lots={"A": "0.01", "B": 10})
    assert json.loads(result.stdout)["policies"][0]["equity"] == lots.equity["equity"][-1]
    assert lots.equity["equity"][-1] != expected(start_value=10000).equity["equity"][-1]


def test_exposures_arrive(files: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trimtab.backtesting.backtest.backtest_policy", plain)
    table = pl.DataFrame(
        {"symbol": list("ABCD"), "scheme": "country", "bucket": list("XXYY"), "known_on": "2020-01-01"}
    )
    table.write_csv(tmp_path / "countries.csv")
    result = run(
        *("backtest", *files, "--exposures", tmp_path / "countries.csv", "--set", "exposures.country.max_exposure=0.3"),
        *("--to", "2024-02-02", "--format", "json"),
    )
    assert result.exit_code == 0, result.stderr
    assert "3 candidates without country, counted as Unknown: E, F, G" in result.stderr
    options = {"scores": scores(1), "classification": BUCKETS, "every": "week", "costs": TradingCosts(commission_bps=5)}
    limited = LIMITS.replace(exposures={"country": {"max_exposure": 0.3}})
    known = table.rename({"symbol": "asset"})
    alone = trimtab.backtest(market(1), limited, exposures=known, end="2024-02-02", **options)
    assert json.loads(result.stdout)["policies"][0]["equity"] == alone.equity["equity"][-1]


def test_all_the_terms_arrive(files: list[Any], tmp_path: Path) -> None:
    pl.DataFrame({"symbol": list("ABCDE"), "from": ["2020-01-01"] * 5, "to": [None] * 5}).write_csv(tmp_path / "m.csv")
    outcome = run(
        *("backtest", *files, "--every", "drift", "--drift", "0.04", "--from", "2024-01-10", "--to", "2024-03-15"),
        *("--trade-at", "open", "--spread-bps", "3", "--slippage-bps", "2", "--cash-rate", "0.03", "--gone-after", "2"),
        *("--membership", tmp_path / "m.csv", "--format", "json"),
    )
    assert outcome.exit_code == 0, outcome.stderr
    result = expected(
        every="drift", drift=0.04, start="2024-01-10", end="2024-03-15", trade_at="open", cash_rate=0.03, gone_after=2,
        costs=TradingCosts(commission_bps=5, spread_bps=3, slippage_bps=2), membership=tmp_path / "m.csv",
    )  # fmt: skip
    assert json.loads(outcome.stdout)["policies"][0]["equity"] == result.equity["equity"][-1]


def test_sweep_on_screen_and_into_a_folder(files: list[Any], tmp_path: Path) -> None:
    out = tmp_path / "found"
    vary = ["--vary", "max_total_positions=2..4", "--vary", "sizing_mode=equal_weight,score_weighted"]
    more = ["--vary", "no_trade_band=0.1", "--vary", "allow_bucket_overflow=false,true"]
    result = run("sweep", *files, *vary, *more, "--out", out)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("12 policies, 2024-01-05 to 2024-04-05\n")
    assert "luck" in result.stdout and f"written: {out}" in result.stderr
    table = pl.read_csv(out / "policies.csv")
    assert table["max_total_positions"].to_list() == [2] * 4 + [3] * 4 + [4] * 4
    assert set(table["sizing_mode"]) == {"equal_weight", "score_weighted"}
    assert pl.read_parquet(out / "period_returns.parquet").width == 14
    document = json.loads((out / "summary.json").read_text())
    assert document["policies"] == 12 and document["best"]["sharpe"] == table["sharpe"].max()
    assert "<h1" in (out / "report.html").read_text()


def test_sweep_of_a_sample_as_json(files: list[Any]) -> None:
    vary = ["--vary", "max_allocation_per_bucket=0.2..0.9", "--sample", "5", "--seed", "3", "--format", "json"]
    first, second = run("sweep", *files, *vary), run("sweep", *files, *vary)
    assert first.exit_code == 0, first.stderr
    assert first.stdout == second.stdout
    assert 0.2 <= json.loads(first.stdout)["best"]["max_allocation_per_bucket"] <= 0.9


def test_a_policy_that_buys_nothing_has_no_ratio(files: list[Any]) -> None:
    result = run("sweep", *files, "--set", "min_buckets_represented=0", "--vary", "min_score_new_position=0.5,1.0")
    assert result.exit_code == 0, result.stderr
    last = next(line.split() for line in result.stdout.splitlines() if line.startswith("1 "))
    assert last == ["1", "1", "0.00%", "0.00%", "none", "0.00%", "0.00%"]


def test_combinations_that_contradict_themselves_are_said(files: list[Any]) -> None:
    result = run("sweep", *files, "--vary", "min_position_weight=0.05,0.9", "--format", "json")
    assert result.exit_code == 0
    assert "left out, as their limits contradict each other: 1; first min_position_weight=0.9: " in " ".join(
        result.stderr.split()
    )
    assert len(json.loads(result.stdout)["refused"]) == 1


@pytest.mark.parametrize(
    ("command", "more", "code", "said"),
    [
        (
            "backtest",
            ["--versus", "foo"],
            2,
            "--versus 'foo': write equal, no-buckets, a TOML file of limits, or weights",
        ),
        (
            "backtest",
            ["--versus", "A=much"],
            2,
            "--versus 'A=much': write equal, no-buckets, a TOML file of limits, or weights",
        ),
        ("backtest", ["--versus", "XX=0.5"], 3, "the weights: has no price (received 'XX')"),
        ("backtest", ["--format", "csv"], 2, "'csv' is not one of 'table', 'json'"),
        ("backtest", ["--every", "monthly"], 3, "did you mean 'month'?"),
        ("backtest", ["--set", "max_total_positions=0.5"], 3, "max_total_positions must be a whole number"),
        ("backtest", ["--out", "{tmp}/no/where"], 3, "the folder"),
        ("backtest", ["--out", "{tmp}/scores.csv"], 3, "is not a folder"),
        ("backtest", ["--scores", "{tmp}/trades.csv", "--out", "{tmp}"], 3, "is one of the input files"),
        ("sweep", [], 2, "--vary"),
        ("sweep", ["--vary", "max_total_positions"], 2, "write field=1,2,3 or field=0.2..0.5"),
        ("sweep", ["--vary", "max_total_positions=a..b"], 2, "a range goes from one number to another"),
        ("sweep", ["--vary", "max_total_position=5"], 3, "did you mean 'max_total_positions'?"),
        ("sweep", ["--vary", "max_position_weight=0.1..0.2"], 3, "which a grid cannot use"),
    ],
)
def test_wrong_arguments(files: list[Any], tmp_path: Path, command: str, more: list[str], code: int, said: str) -> None:
    pl.DataFrame(scores(1)).write_csv(tmp_path / "trades.csv")
    result = run(command, *files, *(part.replace("{tmp}", str(tmp_path)) for part in more))
    assert result.exit_code == code
    assert said in " ".join(result.stderr.replace("│", " ").split())


def test_the_first_time_it_says_why_it_takes_long(files: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trimtab.kernel.compilation.is_cached", lambda *_: False)
    assert "compiling the rules on this machine, once" in run("backtest", *files).stderr
