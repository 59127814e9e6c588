"""Exposures on the page: from a file, from columns, from the holdings of funds; limits, bars, the slider, the command."""

from __future__ import annotations

import re
from html import unescape

import pyarrow as pa
import pytest
from exposed_pages import FUNDS, HELD, LIMITS, TABLE, browser_with
from web_visits import Browser

import trimtab
from trimtab import RebalancingLimits
from trimtab.files.candidate_file import CandidateFile
from trimtab.web.exposure_form import scheme_forms, typed_exposures
from trimtab.web.exposure_sources import ExposureSources
from trimtab.web.limit_form import changed
from trimtab.web.visits import Form
from trimtab.web.what_if import dials_of


@pytest.fixture(scope="module")
def limited() -> Browser:
    """For thorough tests alone: it is made before the rules of a quick test are undecorated."""
    return browser_with(("parts.csv", TABLE), ("limits.toml", LIMITS))


def test_the_review_says_what_a_table_of_exposures_lacks() -> None:
    page = unescape(browser_with(("parts.csv", TABLE)).page("/review"))
    assert "Read from parts.csv." in page and "country is Unknown for 10.00% of WORLD" in page
    assert 'name="scheme" value="currency"' in page and 'name="scheme" value="country"' in page


def test_columns_become_schemes_when_ticked() -> None:
    browser = browser_with()
    assert 'value="country" checked' not in browser.page("/review")
    assert browser.get("/files/exposures.csv").status_code == 404
    browser.post("/review", {"cash": "4000", "scheme": ["country", "currency"]})
    page = unescape(browser.page("/review"))
    assert 'value="country" checked' in page and "1 candidate without country, counted as Unknown: WORLD" in page
    table = browser.page("/files/exposures.csv").splitlines()
    assert table == ["asset,scheme,bucket,fraction", "AAPL,country,US,1.0", "AAPL,currency,USD,1.0",
                     "SAP,country,Germany,1.0", "SAP,currency,EUR,1.0", "WORLD,country,Unknown,1.0", "WORLD,currency,USD,1.0"]  # fmt: skip


@pytest.mark.thorough
def test_funds_are_looked_through() -> None:
    browser = browser_with(("funds.csv", FUNDS), scheme="country")
    page = unescape(browser.page("/review"))
    assert "Funds looked through with funds.csv." in page and "country is Unknown for 10.00% of WORLD" in page
    assert "WORLD,country,Germany,0.4" in browser.page("/files/exposures.csv").splitlines()


@pytest.mark.thorough
def test_the_plan_is_that_of_the_library(limited: Browser) -> None:
    lines = [line.split(",") for line in limited.page("/files/candidates.csv").splitlines()]
    rows = [{name: cell or None for name, cell in zip(lines[0], cells, strict=True)} for cells in lines[1:]]
    rows = [{**row, "score": float(str(row["score"]))} for row in rows]
    parts = [line.split(",") for line in limited.page("/files/exposures.csv").splitlines()[1:]]
    exposures = [{"asset": a, "scheme": s, "bucket": b, "fraction": float(f)} for a, s, b, f in parts]
    limits = RebalancingLimits.from_toml_text(limited.page("/files/limits.toml"))
    own = trimtab.plan(rows, limits, cash=4000, exposures=exposures)
    assert limited.page("/files/plan.json").split('"plan_id":')[1].split(",")[0].strip(' "') == own.plan_id
    assert "--exposures exposures.csv" in limited.page("/export")
    assert "--exposures" not in browser_with().page("/export")


@pytest.mark.thorough
def test_the_plan_shows_bars_with_limits(limited: Browser) -> None:
    page = unescape(limited.page("/plan"))
    assert ">Country</h2>" in page and "Unknown: WORLD (10.00% of it)." in page
    us = next(row for row in re.findall(r"<tr.*?</tr>", page, re.DOTALL) if "US</th>" in row)
    assert 'class="limit"' in us and "30.0\u202f%" in us
    assert "Exposures: country" in limited.page("/files/report.html")


@pytest.mark.thorough
def test_a_slider_on_an_exposure(limited: Browser) -> None:
    page = unescape(limited.page("/plan?limit=max_exposure|country:US&value=20"))
    assert (
        '<optgroup label="Exposures">' in page
        and "country, US, at most" in page
        and "country, each bucket, at most" in page
    )
    assert "Difference to the plan" in page and "Use 20" in page and "country, US</th>" in page
    result = limited.page("/plan/what-if/result?limit=max_exposure|country:&value=50")
    assert "is-bad" not in result
    browser = browser_with(("parts.csv", TABLE), ("limits.toml", LIMITS))
    browser.post("/what-if", {"limit": "max_exposure|country:US", "value": "20"})
    saved = RebalancingLimits.from_toml_text(browser.page("/files/limits.toml"))
    assert saved.exposures["country"].buckets["US"].max_exposure == 0.2
    browser.post("/what-if", {"limit": "max_exposure|country:", "value": "60"})
    saved = RebalancingLimits.from_toml_text(browser.page("/files/limits.toml"))
    assert saved.exposures["country"].max_exposure == 0.6 and "US" in saved.exposures["country"].buckets


@pytest.mark.thorough
def test_the_form_takes_limits_of_exposures() -> None:
    browser = browser_with(("parts.csv", TABLE), ("limits.toml", LIMITS))
    page = unescape(browser.page("/limits"))
    sent = dict(re.findall(r'name="((?:scheme|exposure)\.[^"]+)"[^>]*? value="([^"]*)"', page))
    us = next(name for name, value in sent.items() if value == "US")
    cap = us.replace(".path.", ".max_exposure.")
    assert sent[cap] == "30" and sent["scheme.name.0"] == "country"
    typed = {**sent, cap: "25", "scheme.max_exposure.0": "40", "scheme.unknown.0": "free", "scheme.ignore_below.0": "1",
             "enforce_exposure_limits": "on"}  # fmt: skip
    findings = unescape(browser.post("/limits/findings", typed).text)
    assert "country: hold at most 40% in each bucket, Unknown is free." in findings
    assert "'x' is not a number" in unescape(browser.post("/limits/findings", {**typed, cap: "x"}).text)
    low = {**typed, cap.replace("max_", "min_"): "30"}
    assert "min_exposure 0.3 is above max_exposure 0.25" in unescape(browser.post("/limits/findings", low).text)
    browser.post("/limits", typed)
    country = RebalancingLimits.from_toml_text(browser.page("/files/limits.toml")).exposures["country"]
    assert (country.max_exposure, country.unknown, country.ignore_below) == (0.4, "free", 0.01)
    assert country.buckets["US"].max_exposure == 0.25
    browser.post("/limits", {"scheme.name.0": "country", "scheme.unknown.0": "limit", "enforce_exposure_limits": "on"})
    assert RebalancingLimits.from_toml_text(browser.page("/files/limits.toml")).exposures == {}


@pytest.mark.thorough
def test_limits_without_a_table_say_what_is_missing() -> None:
    page = unescape(browser_with(("limits.toml", LIMITS)).page("/limits"))
    assert "there is no table of exposures here" in page and 'name="scheme.name.0" value="country"' in page


@pytest.mark.thorough
def test_an_unmet_minimum_has_ways_out_that_work() -> None:
    low = b"max_position_weight = 0.2\n[exposures.country.buckets.US]\nmin_exposure = 0.6\n"
    browser = browser_with(("parts.csv", TABLE), ("limits.toml", low))
    settings = re.findall(r'name="set" value="([^"]+)"', browser.page("/limits"))
    assert settings, "a way out is a button"
    for setting in map(unescape, settings):
        assert "cannot be used" not in browser.post("/limits", {**_form(browser), "set": setting}).text


def _form(browser: Browser) -> dict[str, str]:
    page = unescape(browser.page("/limits"))
    values = dict(
        re.findall(r'<input (?:type="hidden" )?(?:class="n" )?[^>]*?name="([^"]+)"[^>]*? value="([^"]*)"', page)
    )
    values |= dict.fromkeys(re.findall(r'type="checkbox"[^>]*name="([^"]+)"[^>]* checked', page), "on")
    return {name: value for name, value in values.items() if name not in ("csrf", "preset", "set", "next")}


@pytest.mark.thorough
def test_a_table_with_accounts_gives_the_rows_of_one() -> None:
    table = b"account,asset,scheme,bucket\nA,AAPL,country,US\nA,WORLD,country,US\n"
    browser = browser_with(("parts.csv", table))
    assert "AAPL,country,US,1.0" in browser.page("/files/exposures.csv")
    two = table + b"B,AAPL,country,Germany\n"
    answer = browser_with(("parts.csv", two)).get("/review")
    assert "names several accounts, the holdings none" in answer.text


def test_many_buckets_open_with_a_click() -> None:
    forms = scheme_forms(RebalancingLimits(), {"country": [f"C{place}/City" for place in range(20)]}, ())
    assert len(forms[0].rows) == 12 and len(forms[0].others) == 41 - 12
    assert [row.number for row in (*forms[0].rows, *forms[0].others)] == list(range(41))
    assert typed_exposures(Form(), {"country": {"max_exposure": 0.4}}) == ({"country": {"max_exposure": 0.4}}, [])


def test_one_exposure_is_changed() -> None:
    before = RebalancingLimits(exposures={"country": {"max_exposure": 0.4}})
    after = changed(before, "min_exposure", "country:Asia/Japan", 0.1)
    assert after.exposures["country"].buckets["Asia/Japan"].min_exposure == 0.1
    assert after.exposures["country"].max_exposure == 0.4


def test_a_broker_account_takes_its_own_rows() -> None:
    rows = [("A", "AAPL", "country", "US"), ("B", "AAPL", "country", "Ireland"), ("B", "SAP", "country", "Germany")]
    table = pa.table(
        dict(zip(("account", "asset", "scheme", "bucket"), map(list, zip(*rows, strict=True)), strict=True))
    )
    candidates = pa.table({"asset": ["AAPL", "SAP"]})
    sources = ExposureSources(candidates, None, CandidateFile("parts.csv", table), None, account="B")
    made = sources.exposures(())
    assert made is not None
    assert made.select(["asset", "bucket"]).to_pylist() == [
        {"asset": "AAPL", "bucket": "Ireland"}, {"asset": "SAP", "bucket": "Germany"},
    ]  # fmt: skip


def test_limits_open_before_the_cash_is_known() -> None:
    browser = Browser()
    browser.upload(("mine.csv", HELD), ("parts.csv", TABLE), ("limits.toml", LIMITS))
    page = unescape(browser.page("/limits"))
    assert "the cash is unknown" in page and 'name="scheme.name.0" value="country"' in page


def test_limits_that_are_off_have_no_slider() -> None:
    plan = trimtab.plan([{"asset": "A", "score": 0.9, "shares": 1, "price": 10}], cash=100)
    on, off = (dials_of(RebalancingLimits(exposures={"country": {"max_exposure": 0.5}}, enforce_exposure_limits=is_on), plan)
               for is_on in (True, False))  # fmt: skip
    assert not [dial for dial in off if dial.exposure] and len(on) >= len(off)
