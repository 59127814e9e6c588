"""The page in Chromium: every screen in every width and both schemes, by keys alone, while typing, without script; thorough."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from page_browser import KEY, SCREENS, Visitor, chromium, served

from trimtab.web.rendering import static_file

pytestmark = pytest.mark.thorough  # a browser starts
HTMX = "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"  # htmx.org 2.0.11, dist/htmx.min.js
SETTLED = "!document.querySelector('.htmx-added, .htmx-swapping, .htmx-settling')"  # what was put in listens now
SHOWN = (
    *SCREENS,
    "/plan?why=AAPL",
    "/plan?why=MSFT",
    "/plan?limit=max_position_weight|&value=9",
    "/plan?show=sell",
    "/studies",
    "/history?verify=1",
    "/nothing",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("page")) as running:
        yield running


def with_sample(browser: Any, address: str, *known: Any, **more: Any) -> Visitor:
    visitor = Visitor(browser, address, *known, **more)
    visitor.click("text=Try the sample")
    return visitor


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_no_serious_fault_no_violation_nobody_asked(browser: Any, address: str, width: int, scheme: str) -> None:
    visitor = with_sample(browser, address, width, scheme)
    for path in SHOWN:
        visitor.go(path)
        visitor.page.wait_for_load_state("networkidle")
        assert visitor.serious_faults() == [], path
    unexpected = [text for text in visitor.logged if "404 (Not Found)" not in text]
    assert unexpected == [] and visitor.foreign == []
    visitor.close()


def test_a_violation_is_noticed(browser: Any, address: str) -> None:
    visitor = Visitor(browser, address)
    visitor.page.evaluate(
        "document.body.append(Object.assign(document.createElement('img'), {src: 'https://x.test/a.png'}))"
    )
    visitor.page.wait_for_timeout(300)
    assert any("CSP img-src" in text for text in visitor.logged)
    visitor.page.evaluate("document.body.append(document.createElement('input'))")
    assert any("label" in fault for fault in visitor.serious_faults())
    visitor.close()


def test_the_first_screen_is_small_and_quick(browser: Any, address: str) -> None:
    visitor = Visitor(browser, address)
    sizes: list[int] = []
    visitor.page.on("response", lambda answer: sizes.append(len(answer.body()) + 300))
    times = []
    for _ in range(5):
        sizes.clear()
        visitor.go("/")
        visitor.page.wait_for_load_state("networkidle")
        times.append(
            float(visitor.page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"))
        )
    print(f"first screen: {sum(sizes):,} bytes, {min(times):.0f} to {max(times):.0f} ms")
    assert sum(sizes) <= 150_000 and min(times) <= 300
    visitor.close()


def test_keys_alone_lead_from_the_sample_to_the_order_file(browser: Any, tmp_path: Path) -> None:
    with served(tmp_path) as address:
        visitor = Visitor(browser, address)
        press, page = visitor.press, visitor.page
        press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"

        def until(words: str) -> None:
            for _ in range(400):
                if words in page.evaluate(
                    "document.activeElement === document.body ? '' : document.activeElement.innerText || document.activeElement.ariaLabel || ''"
                ):
                    return
                press("Tab")
            raise AssertionError(words)

        until("Try the sample")
        press("Enter")
        page.wait_for_url("**/review")
        page.locator("body").press("3")
        page.wait_for_url("**/limits")
        until("See the plan")
        press("Enter")
        page.wait_for_url("**/plan")
        press("j", "j")
        press("Enter")
        page.wait_for_selector("#why-h")
        assert "Why sell" in page.inner_text("#why-h")
        visitor.wait_until("document.activeElement.id === 'why-h'")
        press("Escape")
        visitor.wait_until("document.activeElement.innerText === 'Why'")
        press("/")
        assert page.evaluate("document.activeElement.id") == "find"
        page.keyboard.type("MSFT")
        press("Enter")
        page.wait_for_selector("text=Why not MSFT?")
        page.locator("body").press("?")
        assert page.locator("#keys").is_visible()
        press("Escape")
        assert not page.locator("#keys").is_visible()
        page.locator("body").press("e")
        page.wait_for_url("**/export")
        until("Write")
        with page.expect_navigation():
            press("Enter")
        assert visitor.title == "The order files are written"
        assert visitor.quiet(), visitor.logged
        visitor.close()


def test_findings_follow_while_limits_are_typed(browser: Any, address: str) -> None:
    visitor = with_sample(browser, address)
    visitor.go("/limits")
    field = visitor.page.locator('[name="max_total_positions"]')
    times = []
    for value, words in (("3", "Hold at most 3 positions"), ("4", "Hold at most 4 positions"), ("x", "not a number")):
        began = time.perf_counter()
        field.fill(value)
        visitor.page.wait_for_selector(f"#findings:has-text('{words}')")
        times.append(time.perf_counter() - began)
    print(f"findings after {min(times) * 1000:.0f} to {max(times) * 1000:.0f} ms")
    visitor.close()


def test_the_slider_shows_the_difference(browser: Any, address: str) -> None:
    visitor = with_sample(browser, address)
    visitor.go("/plan")
    page = visitor.page
    page.wait_for_selector("#what-if .stepline")
    visitor.wait_until(SETTLED)
    page.select_option("#wl", label="Positions at most")
    visitor.wait_until(f"document.getElementById('wr').max === '25' && {SETTLED}")
    page.locator("#wr").fill("3")
    page.wait_for_selector("#what-if-result:has-text('Use 3')")
    assert page.inner_text("#wo") == "3"
    with page.expect_navigation():
        page.click("#what-if-result button")
    page.click("text=3 Limits")
    assert page.input_value('[name="max_total_positions"]') == "3"
    assert visitor.quiet(), visitor.logged
    visitor.close()


def test_a_dropped_file_is_read(browser: Any, address: str) -> None:
    visitor = Visitor(browser, address)
    with visitor.page.expect_navigation():
        visitor.page.evaluate(
            """() => {
              const data = new DataTransfer();
              data.items.add(new File(["asset,score,shares,price\\nAAA,0.9,30,100\\n"], "mine.csv"));
              document.querySelector(".drop").dispatchEvent(new DragEvent("drop", {dataTransfer: data, cancelable: true, bubbles: true}));
            }"""
        )
    assert "AAA" in visitor.page.inner_text("main") and visitor.quiet()
    visitor.close()


def test_every_step_works_without_script(browser: Any, tmp_path: Path) -> None:
    with served(tmp_path) as address:
        visitor = Visitor(browser, address, scripts=False)
        visitor.page.set_input_files(
            "#f",
            files=[
                {
                    "name": "a.csv",
                    "mimeType": "text/csv",
                    "buffer": b"asset,score,shares,price\nAAA,0.9,30,100\nBBB,0.9,10,100\n",
                }
            ],
        )
        visitor.click("text=Read the files")
        visitor.type('[name="cash"]', "7000")
        visitor.click("text=Set the limits")
        visitor.click("text=See the plan")
        visitor.go("/plan?why=AAA")
        assert "Why sell" in visitor.page.inner_text("#why-h")
        visitor.page.select_option("#wl", label="One position at most")
        visitor.click("text=Show")
        assert "Difference to the plan" in visitor.page.inner_text("main")
        visitor.click("text=5 Export")
        visitor.click('button[aria-label="Write Order list, CSV"]')
        assert visitor.title == "The order files are written"
        visitor.click("text=History")
        assert visitor.title.startswith("1 run")
        visitor.close()


def test_htmx_is_the_published_file() -> None:
    assert hashlib.sha256(static_file("htmx.min.js")).hexdigest() == HTMX


def test_the_key_is_not_left_in_the_address(browser: Any, address: str) -> None:
    visitor = Visitor(browser, address)
    assert KEY not in visitor.page.url
    visitor.close()
