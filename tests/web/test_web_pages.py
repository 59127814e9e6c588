"""The page, step by step: from files to order files, as a browser with script switched off sees it."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from command_line import run
from web_visits import BASE, KEY, Browser

import trimtab
from trimtab.files.encoded_table import encoded_table
from trimtab.store.record import Kind
from trimtab.store.run_store import Filter
from trimtab.web.audit import AuditLog
from trimtab.web.service import Bounds

HELD = "Account,Symbol,Description,Quantity,Price,Value\n"
SHEET = (
    HELD + "A1,AAPL,Apple,10,100,1000\nA1,SMALLX,Fidelity Select Semiconductors,5,100,500\nA2,JNJ,Johnson,2,50,100\n"
)
OWN = b"asset,score,shares,price,bucket\nAAA,0.9,30,100,Tech\nBBB,0.8,0,49.5,Health\nCCC,0.2,5,20,Tech\n"


def h1(page: str) -> str:
    return unescape(re.findall(r"<h1[^>]*>(.*?)</h1>", page, re.DOTALL)[0])


def own(store: Path | None = None, cash: str = "7000", **more: Any) -> Browser:
    browser = Browser(store, **more)
    assert browser.upload(("mine.csv", OWN)).status_code == 200
    assert browser.post("/review", {"cash": cash, **may("AAA", "BBB", "CCC")}).status_code == 200
    return browser


def may(*assets: str, buy: bool = True, sell: bool = True) -> dict[str, Any]:
    return {"asset": list(assets), "buy": list(assets) if buy else [], "sell": list(assets) if sell else []}


def limits_form(browser: Browser, **changes: str) -> dict[str, Any]:
    """The fields of the form of limits as they are, with some changed."""
    page = browser.page("/limits")
    fields: dict[str, Any] = {}
    for tag in re.findall(r"<input [^>]*>", page.partition('id="limits"')[2]):
        name, value = (unescape((re.findall(rf'{key}="([^"]*)"', tag) or [""])[0]) for key in ("name", "value"))
        if name and name != "csrf" and ('type="checkbox"' not in tag or " checked" in tag):
            fields[name] = value
    for name, options in re.findall(r'<select [^>]*name="([^"]+)">(.*?)</select>', page, re.DOTALL):
        chosen = re.findall(r'value="([^"]+)" selected', options)
        fields[name] = chosen[0] if chosen else ""
    return {**fields, **changes}


def test_the_sample_from_start_to_order_file(tmp_path: Path) -> None:
    browser = Browser(tmp_path / "runs.db")
    assert "Drop your files here" in browser.page("/")
    assert h1(browser.post("/sample").text) == "Everything is read"
    assert "In plain words" in browser.page("/limits")
    plan = browser.page("/plan")
    assert re.match(r"Sell \d+, then buy \d+\. After that, every limit holds\.", h1(plan))
    assert "Cash after all sells" in plan
    assert "Step by step" in browser.page("/plan?why=AAPL")
    assert h1(browser.page("/export")) == "The order files are ready"
    written = browser.post("/orders", {"format": "ibkr"})
    assert h1(written.text) == "The order files are written"
    assert browser.get("/orders/orders-1-sells.csv").text.startswith("Action,")
    assert browser.get("/orders/other.csv").status_code == 404
    assert browser.post("/orders", {"format": "ibkr"}).status_code == 200  # once is enough
    assert "written as ibkr already" in browser.post("/orders", {"format": "csv"}).text
    assert "Recent runs" in browser.page("/")
    run_id = re.findall(r'href="/history/(\w+)"', browser.page("/history"))[0]
    assert "applied on" in browser.page(f"/history/{run_id}")
    assert "the same" in browser.page(f"/history/{run_id}?replay=1")
    with browser.service.opened_store() as store:
        assert [record.kind for record in store.records(Filter())] == [Kind.PLAN, Kind.APPLY]
    other = Browser(tmp_path / "runs.db")  # the same orders, from another browser
    other.post("/sample")
    assert "hold the order files back" in h1(other.page("/export"))
    assert other.post("/orders", {"format": "ibkr"}).status_code == 422


def test_the_page_and_the_command_line_agree(tmp_path: Path) -> None:
    browser = own()
    for name in ("candidates.csv", "limits.toml"):
        (tmp_path / name).write_bytes(browser.get(f"/files/{name}").content)
    command = re.findall(r'aria-label="Command">(.*?)</pre>', browser.page("/export"), re.DOTALL)[0]
    words = unescape(command).replace("\\\n", "").split()[1:]
    words = [str(tmp_path / word) if word.endswith((".csv", ".toml")) else word for word in words]
    assert run(*words, "--no-store").exit_code == 0
    assert browser.post("/orders", {"format": "csv"}).status_code == 200
    assert browser.get("/orders/orders.csv").content == (tmp_path / "orders.csv").read_bytes()
    plan = json.loads(browser.get("/files/plan.json").text)
    assert plan["cash_before"] == "7000" and len(plan["orders"]) == 3 and plan["is_granted"] is True


def test_files_of_the_plan() -> None:
    browser = own()
    assert browser.get("/files/targets.csv").text.startswith("asset,")
    assert browser.get("/files/targets.xlsx").content.startswith(b"PK")
    report = browser.get("/files/report.html")
    assert report.headers["content-disposition"] == 'attachment; filename="report.html"'
    assert "mine.csv" in report.text
    assert browser.get("/files/passwd").status_code == 404
    assert Browser().get("/files/plan.json").status_code == 404


def test_pages_without_holdings() -> None:
    browser = Browser()
    for path in ("/review", "/limits", "/plan", "/export"):
        assert h1(browser.page(path)) == "Nothing to show yet"
    assert h1(browser.page("/history")) == "No runs yet"
    assert browser.get("/history/abcdef").status_code == 404
    assert browser.get("/orders/orders.csv").status_code == 404
    assert "there is no file" in browser.post("/files").text
    assert "there are no holdings yet" in browser.post("/orders", {"format": "csv"}).text


def test_a_broker_file_is_classified_scored_and_planned() -> None:
    browser = Browser()
    page = browser.upload(("../../etc/holdings.csv", SHEET.encode())).text
    assert h1(page) == "1 thing to fill in first"
    assert "how much cash there is" in page and "Fill in the cash below" in page
    scores = b"asset,score,price\nAAPL,0.8,100\nVTI,0.9,200\n"
    page = browser.upload(("scores.csv", scores)).text
    cash = {"cash": "1,000", "account": "A1", **may("AAPL", "SMALLX")}
    page = browser.post("/review", cash).text
    assert h1(page) == "1 asset needs a sector from you"
    assert "Semiconductor" in page and "nearest" in page
    assert 'name="sector.SMALLX" value="open" checked' not in page
    chosen = {"sector.SMALLX": "other", "other.SMALLX": "Equity/Energy", "score.SMALLX": "0.7"}
    page = browser.post("/review", {**cash, **chosen}).text
    assert h1(page) == "Everything is read" and "<option selected>Equity/Energy" in page
    page = browser.post("/review", {**cash, "sector.SMALLX": "open", "next": "limits"}).text
    assert "In plain words" in page
    assert 'value="open" checked' in browser.page("/review")
    assert "Buy new" in browser.page("/plan")
    page = browser.post("/review", {**cash, **may("AAPL", sell=False), **may("AAPL", buy=False, sell=False)}).text
    assert 'value="AAPL" aria-label="AAPL may be sold"' in page
    other = browser.post("/review", {"account": "A2", "cash": "5"}).text  # what was said about A1 does not hold for A2
    assert "how much cash there is" in other
    assert "JNJ" in browser.post("/review", {"account": "A2", "cash": "5", "score.JNJ": " "}).text
    refused = browser.post("/review", {"account": "A2", "score.JNJ": "2"})
    assert refused.status_code == 422 and "from 0 to 1" in refused.text
    assert "from 0 to 1" in browser.post("/review", {"account": "A2", "score.JNJ": "x"}).text
    assert "is not an amount" in browser.post("/review", {"account": "A2", "cash": "much"}).text


def test_prices_and_rates_are_filled_in() -> None:
    browser = Browser()
    sheet = "Symbol,Quantity,Price,Value,Currency\nAAPL,10,,,USD\nSAP,2,100,200,EUR\nCASH,,,50,EUR\n"
    page = browser.upload(("mine.csv", sheet.encode())).text
    assert "there is" not in h1(page)
    missing = re.findall(r'name="(price\.\w+|rate\.\w+)"', page)
    assert {"price.AAPL", "rate.USD"} <= set(missing)
    typed = {name: "100" if name.startswith("price") else "0.9" if name.endswith("USD") else "1" for name in missing}
    page = browser.post("/review", typed).text
    assert "fill in first" not in h1(page), page
    assert 'value="0.9"' in page


def test_own_tables_of_holdings_prices_and_sectors() -> None:
    browser = Browser()
    holdings = b"asset,name,shares\nAAPL,Apple,10\nVTI,,5\n"
    prices = b"asset,price\nAAPL,100\nVTI,200\n"
    sectors = b"asset,bucket\nAAPL,Mine/Tech\n"
    page = browser.upload(("h.csv", holdings), ("p.csv", prices), ("b.csv", sectors)).text
    assert "the cash is unknown" in page
    page = browser.post("/review", {"cash": "0"}).text
    assert h1(page) == "Everything is read" and "Mine/Tech" in page and "Apple" in page
    assert "Nothing to trade" in h1(browser.page("/plan"))
    assert h1(browser.page("/export")) == "Nothing to trade"
    newer = b"asset,shares\nVTI,7\n"
    assert browser.upload(("newer.csv", newer)).status_code == 200  # new holdings begin new work
    assert "Mine/Tech" not in browser.page("/review")


def test_a_pasted_table() -> None:
    browser = Browser()
    page = browser.post("/files", {"table": "asset\tshares\tprice\tscore\nAAA\t30\t100\t0.9\n"}).text
    assert "pasted.csv" in page and "AAA" in page
    page = browser.post("/files", {"table": "asset,shares,price,score\nBBB,3,10,0.9\n"}).text
    assert "BBB" in page


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("mine.exe", b"MZ", "is called &#39;.exe&#39;"),
        ("mine", b"x", "has no suffix"),
        ("weights.csv", b"asset,current_weight\nA,0.5\n", "has weights"),
        ("odd.csv", b"asset,colour\nA,red\n", "has neither shares"),
        ("none.csv", b"score,shares\n0.5,3\n", "the column is missing"),
        ("limits.toml", b"max_total_positions = 0", "max_total_positions"),
        ("limits.toml", b"\xff\xfe", "is not a text file"),
        ("broken.xlsx", b"PK\x03\x04 no workbook", "broken.xlsx"),
        ("mine.xml", b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><FlexQueryResponse>&e;</FlexQueryResponse>", ""),
    ],
)  # fmt: skip
def test_files_that_are_refused(name: str, data: bytes, problem: str) -> None:
    answer = Browser().upload((name, data))
    assert answer.status_code == 422
    assert problem in answer.text
    assert "/tmp/" not in answer.text and "upload-1" not in answer.text and "root:" not in answer.text


def test_several_files_of_positions_and_too_many_rows() -> None:
    broker = SHEET.replace("A1,", "A9,").encode()
    assert "A9" not in Browser().upload(("a.csv", SHEET.encode()), ("b.csv", broker)).text.partition("h1")[0]
    small = Browser(bounds=Bounds(rows=2))
    assert "has 3 rows" in small.upload(("mine.csv", OWN)).text


def test_limits_from_a_file_a_preset_and_the_form() -> None:
    browser = own()
    browser.upload(
        (
            "limits.toml",
            b"max_total_positions = 7\n[orders]\nmode = 'buy_only'\n[regimes.Calm]\nmax_new_positions = 1\n",
        )
    )
    page = browser.page("/limits")
    assert "From limits.toml" in page
    page = browser.post("/limits", limits_form(browser)).text  # saved as it is: nothing changes
    saved = trimtab.RebalancingLimits.from_toml_text(browser.get("/files/limits.toml").text)
    assert saved == trimtab.RebalancingLimits(
        max_total_positions=7, orders={"mode": "buy_only"}, regimes={"Calm": {"max_new_positions": 1}}
    )
    assert "conservative" in browser.post("/limits", {"preset": "conservative"}).text
    form = limits_form(browser, **{"max_position_weight": "12.5 %", "bucket.max_allocation.1": "20", "next": "plan"})
    assert "What to trade" in browser.post("/limits", form).text
    saved = trimtab.RebalancingLimits.from_toml_text(browser.get("/files/limits.toml").text)
    assert saved.max_position_weight == 0.125
    assert {path: own.max_allocation for path, own in saved.buckets.items()} == {"Tech": 0.2}


def test_limits_that_cannot_be_used_are_shown_with_what_was_typed() -> None:
    browser = own()
    wrong = limits_form(
        browser,
        **{
            "max_total_positions": "many",
            "target_invested": "inf",
            "max_new_positions": "1.5",
            "bucket.max_positions.1": "x",
        },
    )
    answer = browser.post("/limits", wrong)
    assert answer.status_code == 422 and "3 limits cannot be used" in h1(answer.text)
    assert 'value="many"' in answer.text and "Positions at most: &#39;many&#39; is not a number" in answer.text
    answer = browser.post("/limits", limits_form(browser, max_new_positions="1.5"))
    assert "must be a whole number" in answer.text and 'aria-invalid="true"' in answer.text
    answer = browser.post("/limits", {"preset": "nothing"})
    assert answer.status_code == 422 and "unknown preset" in answer.text


def test_a_conflict_and_its_way_out() -> None:
    browser = own()
    form = limits_form(browser, enable_bucket_diversification="on", bucket_level="1", max_position_weight="10")
    number = next(
        name.rpartition(".")[2] for name, value in form.items() if name.startswith("bucket.path.") and value == "Health"
    )
    form |= {f"bucket.min_allocation.{number}": "15", "orders.min_trade_amount": "1,000", "no_trade_band": ""}
    page = browser.post("/limits", form).text
    assert "cannot be met" in h1(page) and "Each way was tried" in page
    assert "cannot be met" in h1(browser.page("/plan"))
    settings = [unescape(value) for value in re.findall(r'name="set" value="([^"]+)"', page)]
    assert len(settings) >= 2
    pages = [browser.post("/limits", {**form, "set": setting}).text for setting in settings]
    assert any("min_allocation of Health" not in after for after in pages)  # each conflict has its own way out
    assert all("In plain words" in after for after in pages)
    for odd in ('["max_total_positions", "", 0]', "no json", '["max_positions", "Health", -1]'):
        assert "does not fit" in browser.post("/limits", {**form, "set": odd}).text


def test_findings_while_typing_keep_nothing() -> None:
    browser = own()
    before = browser.get("/files/limits.toml").text
    fragment = browser.post("/limits/findings", limits_form(browser, max_total_positions="3")).text
    assert "Hold at most 3 positions" in fragment and "<html" not in fragment
    assert "is not a number" in browser.post("/limits/findings", limits_form(browser, dust_weight="x")).text
    assert browser.get("/files/limits.toml").text == before


def test_limits_that_no_plan_can_use() -> None:
    browser = own()
    nowhere = b"enable_bucket_diversification = true\n[buckets.Nowhere]\nmax_positions = 1\n"
    assert browser.upload(("limits.toml", nowhere)).status_code == 200
    assert "No plan is possible" in h1(browser.page("/limits"))
    assert browser.get("/plan").status_code == 422
    assert "fill in first" not in h1(browser.page("/review"))


def test_brakes_and_parts_of_a_plan_in_the_headline() -> None:
    browser = own()
    browser.post("/limits", limits_form(browser, brake_sold_weight="0.1"))
    assert "A brake stopped" in h1(browser.page("/plan"))
    browser = own()
    browser.post("/limits", limits_form(browser, **{"orders.max_turnover": "2"}))
    assert "the next one continues it" in h1(browser.page("/plan"))


def test_a_held_order_file_is_let_through_with_a_reason(tmp_path: Path) -> None:
    browser = own(tmp_path / "runs.db")
    browser.post("/limits", limits_form(browser, **{"gates.max_account_orders": "1", "gates.max_order_share": "19.5"}))
    page = browser.page("/export")
    assert "hold the order files back" in h1(page) and "Held back" in page
    assert json.loads(browser.get("/files/plan.json").text)["orders"] == []
    assert browser.post("/acknowledge", {"gate": "account_orders", "why": " "}).status_code == 422
    assets = re.findall(r'name="gate" value="order_share"><input type="hidden" name="asset" value="(\w+)"', page)
    for asset in assets:
        browser.post("/acknowledge", {"gate": "order_share", "asset": asset, "why": "agreed"})
    page = browser.post("/acknowledge", {"gate": "account_orders", "why": "seen <b>and</b> agreed"}).text
    assert h1(page) == "The order files are ready" and "seen &lt;b&gt;and" in page
    assert browser.post("/orders", {"format": "nonsense"}).status_code == 422
    assert h1(browser.post("/orders", {"format": "text"}).text) == "The order files are written"
    with browser.service.opened_store() as store:
        gates = store.records(Filter(kinds=(Kind.APPLY,)))[0].values["gates"]
    assert {gate["note"] for gate in gates if gate["verdict"] == "acknowledged"} >= {"tester: seen <b>and</b> agreed"}


def test_many_assets_are_not_all_listed() -> None:
    rows = pa.table({"asset": [f"A{number:03}" for number in range(520)], "score": [0.5] * 520,
                     "shares": ["1"] * 520, "price": ["10"] * 520})  # fmt: skip
    browser = Browser()
    page = browser.upload(("many.csv", encoded_table(rows, "csv"))).text
    assert "20 more assets count, but are not listed" in page


def test_restrictions_of_a_file_stay_where_they_are_stricter() -> None:
    browser = Browser()
    rows = b"asset,score,shares,price,restriction\nAAA,0.9,30,100,no_sell\nBBB,0.9,3,100,nonsense\n"
    page = browser.upload(("mine.csv", rows)).text
    assert 'aria-label="AAA may be sold"' in page
    assert browser.post("/review", {"cash": "7000", **may("AAA", "BBB", buy=False)}).status_code == 200
    answer = browser.get("/plan")
    assert answer.status_code == 422 and "nonsense" in answer.text


def test_the_key_opens_a_session_and_nothing_else_does() -> None:
    browser = Browser()
    stranger = browser.client
    stranger.cookies.clear()
    for path in ("/", "/plan", "/?key=wrong", "/?key="):
        answer = stranger.get(path)
        assert answer.status_code == 403 and "terminal" in answer.text
    opened = stranger.get(f"/?key={KEY}", follow_redirects=False)
    cookie = opened.headers["set-cookie"]
    assert opened.status_code == 303 and "HttpOnly" in cookie and "SameSite=strict" in cookie
    assert stranger.get("/static/style.css").headers["content-type"].startswith("text/css")
    assert stranger.get("/static/page.js").status_code == 200
    assert stranger.get("/static/app.py").status_code == 404
    assert stranger.get("/nothing").status_code == 404
    assert stranger.post("/plan", headers={"Origin": BASE}).status_code == 405


def test_single_keys_can_be_turned_off() -> None:
    browser = Browser()
    assert "data-keys" not in browser.page("/") and "Turn keys off" in browser.page("/")
    answer = browser.post("/keys", {"back": "/history"})
    assert answer.url.path == "/history" and 'data-keys="off"' in answer.text and "Turn keys on" in answer.text
    answer = browser.post("/keys", {"back": "https://x.test"})
    assert answer.url.path == "/" and "data-keys" not in answer.text


def test_writes_of_the_page_are_in_the_audit_log(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    browser = Browser(tmp_path / "runs.db", audit=AuditLog(log))
    browser.post("/sample")
    browser.post("/limits/findings", {"max_total_positions": "3"})
    browser.page("/plan")
    browser.post("/orders", {"format": "csv"})
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["operation"] for line in lines] == ["page /sample", "page /orders"]
    assert lines[0]["by"] == "tester" and lines[0]["session"] == lines[1]["session"] and lines[0]["run"] is None
    assert lines[1]["run"] in browser.page("/history")
    assert browser.csrf not in log.read_text()
