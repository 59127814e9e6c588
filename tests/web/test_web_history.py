"""History on the page: allocation over time, two runs compared, a run again, its files, the store verified."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest
from web_visits import Browser

from trimtab.store.history import BucketMoment, History, Moment
from trimtab.web.history_view import history_view

ROWS = "asset,score,shares,price,bucket\nAAA,{score},30,100,Tech\nBBB,0.8,0,49.5,Health\nCCC,0.9,5,20,Tech\n"
LIMITS = b"""enable_bucket_diversification = true
min_buckets_represented = 1
[gates]
repeat_hours = 0
max_order_share = 1
max_account_turnover = 1
"""


def written(store: Path, *scores: str) -> Browser:
    """A browser whose store has a run for each score."""
    for score in scores:
        browser = Browser(store)
        browser.upload(("mine.csv", ROWS.format(score=score).encode()), ("limits.toml", LIMITS))
        browser.post("/review", {"cash": "7000", **{name: ["AAA", "BBB", "CCC"] for name in ("asset", "buy", "sell")}})
        assert browser.page("/export")
        assert browser.post("/orders", {"format": "csv"}).status_code == 200
    return browser


def runs_of(browser: Browser) -> list[str]:
    return list(dict.fromkeys(re.findall(r'href="/history/(\w{12})"', browser.page("/history"))))


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    return written(tmp_path_factory.mktemp("two") / "runs.db", "0.9", "0.1")


def test_allocation_over_time_as_charts_and_as_a_table(two: Browser) -> None:
    page = two.page("/history")
    assert "Allocation over time" in page and page.count('class="area') == 3  # two buckets and cash
    assert "Health" in page and "As a table" in page and "2 runs" in page


def test_two_runs_compared(two: Browser) -> None:
    later, earlier = runs_of(two)
    page = two.page(f"/history?run={later}&run={earlier}")
    assert " against " in page and "AAA" in page and "Sell all" not in page
    assert page.count(" checked>") == 2
    assert "tick two runs" in two.get(f"/history?run={later}").text
    assert two.get("/history?run=nothing&run=other").status_code == 422


def test_the_store_is_verified(two: Browser) -> None:
    assert "are unchanged since they were written" in two.page("/history?verify=1")


def test_a_changed_record_is_shown(tmp_path: Path) -> None:
    browser = written(tmp_path / "runs.db", "0.9")
    with sqlite3.connect(tmp_path / "runs.db") as database:
        database.execute("UPDATE records SET by = 'somebody' WHERE sequence = 1")
    database.close()
    page = browser.page("/history?verify=1")
    assert "was changed: its hash does not fit" in page and "is-bad" in page


def test_a_run_again_and_its_files(two: Browser) -> None:
    run = runs_of(two)[0]
    page = two.page(f"/history/{run}")
    assert 'href="/history/' + run + '/orders.csv"' in page
    assert "The same result again" in two.page(f"/history/{run}?replay=1")
    assert two.get(f"/history/{run}/orders.csv").content == two.get("/orders/orders.csv").content
    assert json.loads(two.get(f"/history/{run}/plan.json").text)["status"] == "ok"
    report = two.get(f"/history/{run}/report.html")
    assert report.headers["content-disposition"] == 'attachment; filename="report.html"' and run in report.text
    assert two.get(f"/history/{run}/other.csv").status_code == 404


def test_a_report_of_inputs_that_are_refused_today(two: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trimtab.web.history_pages.replay", lambda *_: SimpleNamespace(plan=None))
    answer = two.get(f"/history/{runs_of(two)[0]}/report.html")
    assert answer.status_code == 422 and "refused today" in answer.text and "open plan.json instead" in answer.text


def test_without_a_store() -> None:
    browser = Browser()
    assert "No runs yet" in browser.page("/history")
    assert browser.get("/history/abcdef123456").status_code == 404
    assert browser.get("/history/abcdef123456/plan.json").status_code == 404


def test_an_empty_store_has_nothing_to_draw(tmp_path: Path) -> None:
    page = Browser(tmp_path / "runs.db").page("/history")
    assert "No runs yet" in page and "Allocation over time" not in page


def test_two_accounts_are_two_histories(tmp_path: Path) -> None:
    sheet = b"Account,Symbol,Quantity,Price,Value\nA1,AAPL,10,100,1000\nA1,JNJ,20,50,1000\nA2,KO,5,100,500\n"
    browser = Browser(tmp_path / "runs.db")
    for account in ("A1", "A2"):
        browser.upload(("mine.csv", sheet), ("scores.csv", b"asset,score\nAAPL,0.1\nKO,0.1\n"), ("limits.toml", LIMITS))
        browser.post("/review", {"account": account, "cash": "5000"})
        assets = ["AAPL", "JNJ"] if account == "A1" else ["KO"]
        browser.post("/review", {"account": account, "cash": "5000", **dict.fromkeys(("asset", "buy", "sell"), assets)})
        assert "<account" not in browser.page("/export")
        assert browser.post("/orders", {"format": "text"}).status_code == 200
    assert 'aria-label="Account"' in browser.page("/history")
    first = browser.page("/history?account=A1")
    assert first.count('name="run"') == 1 and 'aria-current="true">A1' in first
    assert len(runs_of(browser)) == 1


def moment(day: str, held: float, limit: float | None) -> Moment:
    return Moment("run", f"{day}T00:00", 0.1, (BucketMoment("Tech", 1, held, held, limit, None),))


def test_the_shapes_of_a_history() -> None:
    view = history_view(History("A", (moment("2026-01-01", 0.5, 0.25), moment("2026-02-01", 0.25, None)), 0))
    tech, cash = view.charts
    assert view.scale == 0.5 and view.days == ("2026-01-01", "2026-02-01")
    assert tech.area == "M0 84L0 4L240 44L240 84Z" and tech.limit == "M0 44H240" and tech.breach == ""
    assert cash.is_cash and cash.last == 0.1
    alone = history_view(History("A", (moment("2026-01-01", 0.5, 0.9),), 0)).charts[0]
    assert alone.area == "M0 84L0 4L240 4L240 84Z" and alone.limit == ""
    gone = Moment("run", "2026-03-01T00:00", 0.1, ())
    assert history_view(History("A", (moment("2026-01-01", 0.5, 0.4), gone), 0)).charts[0].last == 0.0
