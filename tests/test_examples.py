"""The examples run, and show what their numbers are meant to show."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def shown(name: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What an example prints."""
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    out, err = capsys.readouterr()
    assert err == ""
    return [" ".join(line.split()) for line in out.splitlines()]


def test_every_example_is_here() -> None:
    named = {name for name in globals() if name.startswith("test_0")}
    assert {f"test_{path.stem}" for path in EXAMPLES.glob("*.py")} == named


def test_01_first_rebalance(capsys: pytest.CaptureFixture[str]) -> None:
    """Four stocks at most, sharing .5: .125 each; KO (.12) and MRK (.115) lie within a fifth of that, and are held."""
    lines = shown("01_first_rebalance.py", capsys)
    assert "5 positions, 31.5% in cash, 48.5% turned over" in lines
    assert [line.split()[:4] for line in lines if " 12.50% " in line and "->" in line] == [
        ["LLY", "16.00%", "->", "12.50%"],
        ["XOM", "17.00%", "->", "12.50%"],
    ]
    assert any(line.startswith("USMV 0.00% -> 20.00% Added: needed to represent Factor ETFs") for line in lines)
    assert "max_allocation of Stocks: 0.485, limit 0.5: met" in lines


def test_02_engine_and_buckets(capsys: pytest.CaptureFixture[str]) -> None:
    """Conservative: Risk shares .35 among three; aggressive: .6 among five; protection: .3 among the four held."""
    lines = shown("02_engine_and_buckets.py", capsys)
    assert lines[0] == "target without conservative aggressive protection"
    assert "Risk Assets 66.3% 35.0% 60.0% 30.0%" in lines
    assert "NVDA 13.6% 11.7% 12.0% 7.5%" in lines
    assert "Risk Assets: positions 5, above max_positions 3: now 3" in lines
    assert "2 assets kept although the bucket is full (allow_bucket_overflow): AMD, AMZN" in lines
    assert any(line.startswith("AMD close Closed: all 3 positions of Risk Assets are taken") for line in lines)


def test_03_protect_what_you_hold(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown("03_protect_what_you_hold.py", capsys)
    assert [line for line in lines if line.endswith(")") and "->" not in line] == [
        "nothing protected: the two best of Tech stay (cash_left)",
        "overflow: all of Tech stays, and shares what Tech may weigh (cash_left)",
        "no_sell: DDD stays, takes a place, and may grow (cash_left)",
        "no score for DDD today: missing data never sells it (cash_left)",
        "a brake: if sales would exceed a tenth, nothing is traded (braked)",
    ]
    assert "waived: max_positions Tech: kept by allow_bucket_overflow: AAA, BBB, CCC, DDD" in lines
    assert sum(line.startswith("DDD 10.0% -> 10.0%") for line in lines) == 2


def test_04_from_prices(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown("04_from_prices.py", capsys)
    assert lines[0] == "25 assets, 756 sessions to 2022-12-28, 0 findings"
    assert lines[1].startswith("MRK score 0.833")
    assert [line.split()[0] for line in lines if "Closed: " in line] == ["AAPL", "JNJ"]
    assert lines[-1] == "scores of 2022-03-31 with and without later prices are the same: True"


def test_05_backtest(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown("05_backtest.py", capsys)
    assert lines[0].startswith("<BacktestResult with buckets: 2021-01-29 to 2022-12-28, 23 decisions, equity ")
    assert lines[1].startswith("2021-02-01: turnover 45.0%, costs 0.022%, 3 positions")
    assert (
        "2021-03-31 AAPL close: Closed: its score of 0.4812 is below the 0.5 that a holding needs (min_score_threshold)."
        in lines
    )
    assert sum("% a year, Sharpe ratio" in line for line in lines) == 4
    assert lines[-1] == "is it likely luck? True"
