"""The page in headless Chromium, at five widths, light and dark; skipped, with a word, where it is not installed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from accounts import asset
from browser import EMPTY, faults, foreign_hosts, logged
from hostile_names import PAYLOADS
from pages import hostile

import trimtab
from trimtab.data.samples import SAMPLE_CASH, sample_candidates, sample_limits, sample_positions

pytestmark = pytest.mark.thorough  # a browser starts for every page


@pytest.fixture(scope="module")
def page() -> str:
    return trimtab.rebalance(sample_candidates(), sample_limits()).to_html("the sample")


@pytest.fixture(scope="module")
def plan_page() -> str:
    limits = sample_limits().replace(gates={"max_order_share": 0.1}, orders={"fees": {"per_order": 1}})
    return trimtab.plan(sample_positions(), limits, cash=SAMPLE_CASH).to_html("the sample")


@pytest.fixture(scope="module")
def large() -> str:
    rng = random.Random(8)
    rows = [
        asset(f"A{index:05}", rng.random(), 0.06 if index < 15 else 0.0, f"S{index % 11}/I{index % 4}")
        for index in range(300)
    ]
    limits = trimtab.RebalancingLimits(
        enable_bucket_diversification=True,
        max_total_positions=20,
        max_new_positions=10,
        max_position_weight=0.04,
        buckets={"S0": {"min_allocation": 0.3}},
    )
    return trimtab.rebalance(rows, limits).to_html("many")


def test_nothing_is_logged_and_nobody_is_asked(page: str, tmp_path: Path) -> None:
    assert logged(page, tmp_path / "a") == []
    assert foreign_hosts(page, tmp_path / "b") == set()


def test_the_console_is_read(page: str, tmp_path: Path) -> None:
    """A page that tries to load something from elsewhere is caught."""
    assert logged(page.replace("<main", '<img src="https://x.test/a.png" alt=""><main', 1), tmp_path) != []


def test_a_foreign_host_is_noticed(tmp_path: Path) -> None:
    assert foreign_hosts(EMPTY.replace("<body>", '<body><img src="https://x.test/a.png" alt="">'), tmp_path) == {
        "x.test"
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280, 320, 500, 768])
def test_axe_finds_nothing_serious(
    page: str, plan_page: str, large: str, width: int, scheme: str, tmp_path: Path
) -> None:
    for name, shown in (("small", page), ("plan", plan_page), ("large", large)):
        sentences = faults(shown, tmp_path / name, width, scheme)
        assert [fault for fault in sentences if fault[1] in ("serious", "critical")] == []


def test_a_page_that_is_too_wide_for_a_phone_is_caught(page: str, tmp_path: Path) -> None:
    wide = page.replace("<main", '<div style="width:900px">wide</div><main', 1)
    assert "page-too-wide" in [rule for rule, _, _ in faults(wide, tmp_path, 320, "light")]


def test_axe_is_asked(page: str, tmp_path: Path) -> None:
    """A page with a fault is caught."""
    sentences = faults(page.replace("<main", '<img src="data:,"><main', 1), tmp_path, 1280, "light")
    assert "image-alt" in [rule for rule, _, _ in sentences]


def test_hostile_names_run_nowhere(tmp_path: Path) -> None:
    """All payloads on one page: nothing is logged, so nothing was run, loaded or refused."""
    rows = [asset(payload, 0.9 - index / 1000, 0.01, "Tech") for index, payload in enumerate(PAYLOADS)]
    shown = trimtab.rebalance(rows, trimtab.RebalancingLimits(max_total_positions=60)).to_html("".join(PAYLOADS))
    assert logged(shown, tmp_path) == []
    assert "alert(1)" in hostile(PAYLOADS[0], "Tech")
