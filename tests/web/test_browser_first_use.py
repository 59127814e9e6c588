"""First use in Chromium: from a broker's file to an order file, by click and by key; thorough."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from page_browser import Visitor, chromium, served

pytestmark = pytest.mark.thorough  # a browser starts
VALID = Path(__file__).parents[1] / "brokers" / "files" / "valid"
MOST_CLICKS, MOST_SECONDS = 10, 120
SOURCES = {
    "schwab_2025_single.csv": {},
    "fidelity_2026_Portfolio_Positions.csv": {},
    "vanguard_OfxDownload.csv": {},
    "etrade_PortfolioDownload.csv": {},
    "ibkr_flex_summary.xml": {},
    "merrill_Holdings.csv": {},
    "degiro_portfolio_nl.csv": {},
    "alpaca_positions.json": {"cash": "20000"},
    "generic_sheet.csv": {},
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with served(tmp_path) as running:
        yield running


def scores_beside(visitor: Visitor, folder: Path) -> None:
    """A file of scores for the smaller holdings; the rest stays unscored, which keeps it: no check holds the orders."""
    assets = [each.get_attribute("value") for each in visitor.page.query_selector_all('input[name="asset"]')]
    lines = [f'"{asset}",{0.9 if place % 2 else 0.2}\n' for place, asset in enumerate(reversed(assets[-3:]))]
    (folder / "scores.csv").write_text("asset,score\n" + "".join(lines), encoding="utf-8")


def to_the_order_file(visitor: Visitor, files: list[Path], typed: dict[str, str]) -> str:
    """Every step of a first use; the name of the order file that was downloaded."""
    visitor.choose_files(*files)
    for name, text in typed.items():
        visitor.type(f'[name="{name}"]', text)
    groups = {each.get_attribute("name") for each in visitor.page.query_selector_all('input[name^="sector."]')}
    for name in sorted(groups):
        radios = visitor.page.query_selector_all(f'input[name="{name}"]')
        assert not any(radio.is_checked() for radio in radios), "nothing is chosen silently"
        value = radios[0].get_attribute("value")
        visitor.click(f'input[name="{name}"][value="{"open" if value == "other" else value}"]')
    visitor.click("text=Set the limits")
    with visitor.page.expect_navigation():  # a whole page, not the first part of it
        visitor.click("text=See the plan")
    assert visitor.page.locator("table.t tbody tr:not(.sum)").count() > 0, visitor.title
    with visitor.page.expect_navigation():
        visitor.click("text=Check and export")
    while visitor.page.locator("#why-1").count():  # a check holds the orders back: the person reads it and says why
        visitor.type("#why-1", "a first rebalance of this account")
        with visitor.page.expect_navigation():
            visitor.click("button:has-text('Accept and note it')")
    with visitor.page.expect_download() as download:
        visitor.click('button[aria-label="Write Order list, CSV"]')
    return str(download.value.suggested_filename)


@pytest.mark.parametrize("name", SOURCES)
def test_first_use_of_a_broker_file(browser: Any, address: str, name: str, tmp_path: Path) -> None:
    scout = Visitor(browser, address)  # learns the assets of the file, for a file of scores
    scout.choose_files(VALID / name)
    for field, text in SOURCES[name].items():
        scout.type(f'[name="{field}"]', text)
        with scout.page.expect_navigation():
            scout.click("button:has-text('Save')")
    scores_beside(scout, tmp_path)
    scout.close()
    visitor = Visitor(browser, address)
    written = to_the_order_file(visitor, [VALID / name, tmp_path / "scores.csv"], SOURCES[name])
    print(f"{name}: {visitor.clicks} clicks, {visitor.seconds:.1f} s")
    assert written.endswith(".csv")
    assert visitor.clicks <= MOST_CLICKS and visitor.seconds <= MOST_SECONDS
    assert visitor.quiet(), (visitor.logged, visitor.foreign)
    visitor.close()
