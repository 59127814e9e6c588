"""The screens with exposures in Chromium: by keys from a file to the order file, and without a serious fault; thorough."""

from __future__ import annotations

from pathlib import Path

import pytest
from page_browser import Visitor, chromium, served

from trimtab.web.ready import compile_exposures

pytestmark = pytest.mark.thorough  # a browser starts
HELD = "asset,score,shares,price,bucket,country\nAAPL,0.9,30,100,Tech,US\nSAP,0.8,10,100,Tech,Germany\nWORLD,0.85,20,100,Fund,\n"
PARTS = "asset,scheme,bucket,fraction\nWORLD,country,US,0.6\nWORLD,country,Germany,0.3\nAAPL,country,US,1\nSAP,country,Germany,1\n"
LIMITS = "max_position_weight = 0.5\n[exposures.country.buckets.US]\nmax_exposure = 0.3\n[gates]\nmax_order_share = 1.0\nmax_account_turnover = 1.0\n"


def files(folder: Path) -> list[Path]:
    paths = []
    for name, text in (("mine.csv", HELD), ("parts.csv", PARTS), ("limits.toml", LIMITS)):
        paths.append(folder / name)
        paths[-1].write_text(text, encoding="utf-8")
    return paths


@pytest.fixture(autouse=True, scope="module")
def prepared() -> None:
    """The rules for exposures are ready, as on a computer where the page ran before."""
    compile_exposures()


def test_screens_with_exposures_have_no_serious_fault(tmp_path: Path) -> None:
    with served(tmp_path) as address, chromium() as browser:
        for width in (320, 390, 768, 1280):
            for scheme in ("light", "dark"):
                visitor = Visitor(browser, address, width, scheme)
                visitor.choose_files(*files(tmp_path))
                visitor.type("#cash", "4000")
                with visitor.page.expect_navigation():
                    visitor.page.keyboard.press("Enter")
                for path in ("/review", "/limits", "/plan?limit=max_exposure|country:US&value=20", "/export", "/#keys"):
                    visitor.go(path)
                    visitor.page.wait_for_load_state("networkidle")
                    assert visitor.serious_faults() == [], (path, width, scheme)
                assert visitor.quiet(), visitor.logged
                visitor.close()


def test_keys_alone_lead_from_a_file_to_the_order_file(tmp_path: Path) -> None:
    with served(tmp_path) as address, chromium() as browser:
        visitor = Visitor(browser, address)
        page = visitor.page

        def until(condition: str) -> None:
            for _ in range(400):
                if page.evaluate(condition):
                    return
                visitor.press("Tab")
            raise AssertionError(condition)

        def says(words: str) -> str:
            return f"(document.activeElement.innerText || document.activeElement.ariaLabel || '').startsWith({words!r})"

        until("document.activeElement.id === 'f'")
        with page.expect_file_chooser() as opened:
            visitor.press("Space")
        with page.expect_navigation():
            opened.value.set_files([str(path) for path in files(tmp_path)])
        until("document.activeElement.id === 'cash'")
        page.keyboard.type("4000")
        until(says("Set the limits"))
        with page.expect_navigation():
            visitor.press("Enter")
        until(says("See the plan"))
        with page.expect_navigation():
            visitor.press("Enter")
        assert "then buy" in visitor.title and page.locator("h2:has-text('Country')").count() == 1
        until(says("Check and export"))
        with page.expect_navigation():
            visitor.press("Enter")
        assert "--exposures exposures.csv" in page.inner_text("pre.cmd")
        until(says("Write"))
        with page.expect_navigation():
            visitor.press("Enter")
        assert visitor.title == "The order files are written" and visitor.quiet(), visitor.logged
        visitor.close()
