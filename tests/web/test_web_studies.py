"""Files beside holdings: results of backtests and sweeps, and histories of prices that become scores."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from web_visits import Browser

from trimtab.data.samples import sample_path
from trimtab.files.encoded_table import encoded_table
from trimtab.web.price_scores import is_price_history
from trimtab.web.study import study_of

STATISTICS = {"total_return": 0.5, "annual_return": 0.1, "volatility": 0.2, "sharpe": None, "max_drawdown": -0.3,
              "turnover": 0.4, "cost_drag": 0.001}  # fmt: skip
SHARED = {"schema_version": 1, "from": "2020-01-01", "to": "2021-01-01", "sessions_per_year": 252}
BACKTEST = {
    **SHARED,
    "policies": [
        {"name": "<b>mine</b>", "equity": 1.5, "decisions": 12, "statistics": STATISTICS, "notes": [{"text": "a note"}]}
    ],
    "comparisons": [
        {"first": "mine", "second": "other",
         "interval": {"statistic": "mean", "low": -0.1, "high": 0.2, "estimate": 0.05, "level": 0.95}}
    ],
}  # fmt: skip
SWEEP = {
    **SHARED,
    "policies": 27,
    "refused": [{"values": {}, "why": "a contradiction"}],
    "best": {"policy": 3, "name": "third", "sharpe": 1.25},
    "is_likely_luck": True,
    "verdict": "likely luck",
}


def test_a_backtest_opens() -> None:
    browser = Browser()
    page = browser.upload(("summary.json", json.dumps(BACKTEST).encode())).text
    assert "1 result" in page and "&lt;b&gt;mine" in page and "-30.00%" in page and "a note" in page
    assert "mine less other, mean: 0.05 (95% interval -0.1 to 0.2)" in page
    assert "Nothing to show yet" in browser.page("/plan")


def test_a_sweep_opens_beside_it() -> None:
    browser = Browser()
    browser.upload(("summary.json", json.dumps(BACKTEST).encode()))
    page = browser.upload(("sweep.json", json.dumps(SWEEP).encode())).text
    assert page.index("27 policies were tried.") < page.index("&lt;b&gt;mine")
    assert "likely luck" in page and "1.25" in page and "Refused: a contradiction" in page and "third" in page


def test_no_results_yet() -> None:
    assert "No results yet" in Browser().page("/studies")


@pytest.mark.parametrize("wrong", [{"policies": [{}]}, {"policies": [1]}, {"policies": "many"}, {"policies": None}])
def test_other_values_are_refused(wrong: dict[str, object]) -> None:
    answer = Browser().upload(("summary.json", json.dumps({**SHARED, **wrong}).encode()))
    assert answer.status_code == 422 and "is not a summary as trimtab writes it" in answer.text


def test_other_json_is_read_as_a_broker_file() -> None:
    answer = Browser().upload(("other.json", b'{"sessions_per_year": 3}'))
    assert answer.status_code == 422 and "summary" not in answer.text


def test_the_documents_of_the_command_line_open() -> None:
    """The keys that the page reads are those that the commands write."""
    assert study_of(BACKTEST, "x").rows[0][1][:2] == ("1.5", "12")


def test_scores_from_a_history_of_prices() -> None:
    browser = Browser()
    history = ("prices.csv", encoded_table(pq.read_table(sample_path("prices.parquet")), "csv"))
    holdings = ("mine.csv", b"asset,shares,price\nAAPL,10,100\nJNJ,10,50\n")
    browser.upload(holdings, history)
    page = browser.post("/review", {"cash": "100"}).text
    assert "without</span>" not in page
    assert page.count('placeholder="0.') > 2  # the other assets of the history may be bought
    empty = browser.upload(("prices.csv", b"date,AAPL\n2020-01-01,0\n"))
    assert empty.status_code == 422 and "/tmp/" not in empty.text


@pytest.mark.parametrize(
    ("text", "is_history"),
    [
        ("date,symbol,close\n2020-01-01,A,5\n", True),
        ("Date,A,B\n2020-01-01,5,\n", True),
        ("Date,Code,Quantity\n2020-01-01,A,5\n", False),
        ("asset,price\nA,5\n", False),
        ("date,A\n", False),
        ("date\n2020-01-01\n", False),
    ],
)
def test_a_history_of_prices_is_recognised(tmp_path: Path, text: str, is_history: bool) -> None:
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    assert is_price_history(tmp_path / "a.csv") is is_history
    assert not is_price_history(tmp_path / "a.json")
