"""The pages of backtests and sweeps in headless Chromium; skipped, with a word, where it is not installed."""

from __future__ import annotations

from pathlib import Path

import pytest
from backtest_pages import COSTS, LOOSE, hostile, long, swept
from browser import faults, foreign_hosts, logged
from hostile_names import PAYLOADS

from trimtab.backtesting.pages.backtest_facts import backtest_facts
from trimtab.backtesting.pages.backtest_page import backtest_page
from trimtab.backtesting.pages.sweep_page import sweep_page

pytestmark = pytest.mark.thorough  # a browser starts for every page


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    results = [long("with limits", 600, costs=COSTS), long("without", 600, LOOSE, costs=COSTS)]
    return {
        "backtest": backtest_page(backtest_facts(results, "600 sessions", samples=200)),
        "sweep": sweep_page(swept()),
    }


@pytest.mark.parametrize("name", ["backtest", "sweep"])
def test_nothing_is_logged_and_nobody_is_asked(pages: dict[str, str], name: str, tmp_path: Path) -> None:
    assert logged(pages[name], tmp_path / "a") == []
    assert foreign_hosts(pages[name], tmp_path / "b") == set()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [500, 768, 1280])
@pytest.mark.parametrize("name", ["backtest", "sweep"])
def test_axe_finds_nothing_serious(pages: dict[str, str], name: str, width: int, scheme: str, tmp_path: Path) -> None:
    sentences = faults(pages[name], tmp_path, width, scheme)
    assert [fault for fault in sentences if fault[1] in ("serious", "critical")] == []


def test_hostile_names_run_nowhere(tmp_path: Path) -> None:
    """A policy with all payloads in its name, and each payload once as asset and bucket: nothing is logged."""
    assert logged(hostile("".join(PAYLOADS), PAYLOADS[0]), tmp_path / "all") == []
    for index, payload in enumerate(PAYLOADS[:3]):
        assert logged(hostile(payload, payload), tmp_path / str(index)) == []
