"""The plan on the page: why an asset is traded, what if a limit were another, where the money goes."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from web_visits import Browser

import trimtab
from trimtab import RebalancingLimits
from trimtab.limits.presets import preset_names
from trimtab.orders.gates import Gate, Verdict
from trimtab.orders.plan import Plan
from trimtab.web.export_pages import boxes_of
from trimtab.web.limit_form import field_of, named_fields
from trimtab.web.limit_labels import LABELS, PRESETS
from trimtab.web.sessions import Session
from trimtab.web.what_if import curve_of, dials_of, limits_with, what_if
from trimtab.web.work import Work


@pytest.fixture(scope="module")
def sample() -> Browser:
    browser = Browser()
    browser.post("/sample")
    return browser


def plan_of(browser: Browser) -> Plan:
    text = browser.get("/files/limits.toml").text
    return trimtab.plan(_table(browser), trimtab.RebalancingLimits.from_toml_text(text), cash=3000)


def _table(browser: Browser) -> list[dict[str, Any]]:
    lines = [line.split(",") for line in browser.get("/files/candidates.csv").text.splitlines()]
    return [{name: cell or None for name, cell in zip(lines[0], cells, strict=True)} for cells in lines[1:]]


def test_every_field_has_plain_words() -> None:
    assert set(LABELS) == set(named_fields())
    assert not [label for label in LABELS.values() if "_" in label or "bucket" in label.casefold()]
    in_shares = {name for name in preset_names() if not RebalancingLimits.preset(name).concentration}
    assert set(PRESETS) == in_shares  # concentration is not limited in whole shares


def test_no_field_name_is_a_label(sample: Browser) -> None:
    page = sample.page("/limits")
    labels = re.findall(r"<label[^>]*>(.*?)</label>", page, re.DOTALL)
    assert len(labels) >= len(LABELS)
    assert not [label for label in labels if re.search(r"\b[a-z]+_[a-z_]+\b", re.sub(r"<[^>]*>", "", label))]


def test_why_an_asset_is_sold_and_what_would_change_it(sample: Browser) -> None:
    page = unescape(sample.page("/plan?why=XOM"))
    assert "Why sell 65 shares of XOM?" in page and "Why not one share more or less?" in page
    assert "Good enough by itself?" in page and "What would change it" in page
    tries = re.findall(r'href="/plan\?(limit=[^"#]+)#what-if">Try it', sample.page("/plan?why=JNJ"))
    assert tries, "a change of a limit can be tried"
    assert "Difference to the plan" in sample.page(f"/plan?{unescape(tries[0])}")


def test_a_change_is_said_in_the_words_of_the_form(sample: Browser) -> None:
    page = unescape(sample.page("/plan?why=XOM"))
    changes = re.findall(r"<li><div>(.*?)</div>", page)
    assert "Positions at most 2: left out" in changes and "Stocks/Energy, at most 0\u202f%: left out" in changes
    assert all(change[0].isupper() for change in changes)
    assert [
        change
        for change in re.findall(r"<li><div>(.*?)</div>", unescape(sample.page("/plan?why=PG")))
        if ": selected" in change
    ]


def test_orders_that_were_written_before_are_let_through_together() -> None:
    repeated = [Gate("repeated_order", "written", Decimal(24), Verdict.HOLD, asset) for asset in ("A", "B")]
    share = Gate("order_share", Decimal("0.4"), Decimal("0.3"), Verdict.HOLD, "A")
    together, alone = boxes_of([repeated[0], share, repeated[1]])
    assert (together.gate, together.asset, len(together.sentences)) == ("repeated_order", "", 2)
    assert (alone.gate, alone.asset, len(alone.sentences)) == ("order_share", "A", 1)


def test_why_not_and_why_keep(sample: Browser) -> None:
    assert "Why not MSFT?" in sample.page("/plan?why=MSFT")
    assert "<h3>Why not?</h3>" in sample.page("/plan?why=MSFT")
    assert "Why keep KO?" in sample.page("/plan?why=KO")
    alone = sample.page("/plan/why?why=KO")
    assert alone.lstrip().startswith("<aside") and "Why keep KO?" in alone
    assert sample.get("/plan/why?why=NOTHING").status_code == 422


def test_the_money_goes_from_sales_to_purchases(sample: Browser) -> None:
    page = sample.page("/plan")
    assert all(f'id="trimtab-money-{place}-title"' in page for place in ("at-wide", "at-mid", "at-narrow"))
    assert "into cash" in page and "out of cash" in page


def test_assets_are_filtered(sample: Browser) -> None:
    counts = {
        show: sample.page(f"/plan?show={show}").count("show:#why:top") for show in ("", "sell", "buy", "hold", "none")
    }
    assert counts == {"": 25, "sell": 7, "buy": 3, "hold": 2, "none": 13}


def test_another_value_of_a_limit(sample: Browser) -> None:
    page = unescape(sample.page("/plan?limit=max_position_weight|&value=9"))
    assert "Difference to the plan" in page and "Use 9" in page and 'class="stepline"' in page
    result = unescape(sample.page("/plan/what-if/result?limit=max_position_weight|&value=9"))
    assert "<html" not in result and "-> " in result
    panel = sample.page("/plan/what-if?limit=min_buckets_represented|&value=77")
    assert "<html" not in panel and "The orders stay as in the plan." in panel
    for value in ("many", "", "-5", "1e999"):
        assert "is-bad" in sample.page(f"/plan/what-if/result?limit=max_position_weight|&value={value}"), value
    assert sample.get("/plan/what-if/result?limit=nothing|&value=1").status_code == 422


def test_the_value_of_the_slider_is_taken() -> None:
    browser = Browser()
    browser.post("/sample")
    answer = browser.post("/what-if", {"limit": "max_allocation|Stocks/Energy", "value": "10"})
    assert answer.status_code == 200
    saved = trimtab.RebalancingLimits.from_toml_text(browser.get("/files/limits.toml").text)
    assert saved.buckets["Stocks/Energy"].max_allocation == 0.1
    assert browser.post("/what-if", {"limit": "max_position_weight|", "value": "x"}).status_code == 422
    assert browser.post("/what-if", {"limit": "max_position_weight|", "value": "500"}).status_code == 422


def session_of(rows: list[dict[str, Any]], limits: trimtab.RebalancingLimits) -> tuple[Session, Plan]:
    """A session with a plan, without files behind it."""
    import pyarrow as pa

    from trimtab.files.candidate_file import CandidateFile
    from trimtab.web.work import Answers, Files

    table = pa.Table.from_pylist(rows)
    session = Session("", Work(Files(("a",), candidates=CandidateFile("a", table)), Answers(cash="1000"), limits))
    return session, session.plan()


def test_every_dial_is_tried_at_both_ends() -> None:
    rows = [
        {"asset": f"A{n}", "score": 0.1 * n, "shares": 10.0, "price": 10.0, "bucket": f"B{n % 3}"} for n in range(9)
    ]
    limits = trimtab.RebalancingLimits(enable_bucket_diversification=True, buckets={"B1": {"max_positions": 1}})
    session, plan = session_of(rows, limits)
    dials = dials_of(limits, plan)
    assert {dial.name for dial in dials if dial.node} == {"max_positions", "max_allocation", "min_allocation"}
    for dial in dials:
        assert dial.low < dial.high and 0 < dial.step <= dial.high - dial.low
        assert not dial.now or dial.low <= float(dial.now)
        for value in (dial.low, dial.high):
            tried = what_if(session, plan, dial, f"{value:.6g}")
            assert tried.lines or tried.fault, dial
    same = what_if(session, plan, dials[0], dials[0].now)
    assert all(line.before == line.after for line in same.lines) and not same.trades
    points = curve_of(session, plan, next(dial for dial in dials if dial.name == "max_position_weight"))
    assert len(points) > 10 and points == tuple(sorted(points))
    none = next(dial for dial in dials if dial.name == "min_position_weight")
    assert all(0 <= share <= 1 for _, share in curve_of(session, plan, none))


def test_a_large_account_has_no_curve() -> None:
    rows = [{"asset": f"A{n:03}", "score": 0.5, "shares": 1.0, "price": 10.0} for n in range(101)]
    session, plan = session_of(rows, trimtab.RebalancingLimits())
    assert curve_of(session, plan, dials_of(session.work.limits, plan)[0]) == ()


def test_a_changed_limit_is_that_of_its_field() -> None:
    rows = [{"asset": "A", "score": 0.5, "shares": 1.0, "price": 10.0}]
    limits = trimtab.RebalancingLimits()
    _, plan = session_of(rows, limits)
    dial = next(each for each in dials_of(limits, plan) if each.name == "orders.cash_buffer")
    assert limits_with(limits, dial, "3").orders.cash_buffer == 0.03
    assert field_of("orders.cash_buffer").name == "cash_buffer"


def test_an_empty_account_is_shown() -> None:
    browser = Browser()
    browser.upload(("mine.csv", b"asset,score,shares,price\nAAA,0.9,0,10\n"))
    browser.post("/review", {"cash": "0", "asset": "AAA", "buy": "AAA", "sell": "AAA"})
    answer = browser.get("/plan")
    assert answer.status_code in (200, 422)
    assert json.loads(browser.get("/files/plan.json").text)["orders"] == [] if answer.status_code == 200 else True
