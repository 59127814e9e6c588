"""The docs say what the code does: their examples run, their sentences are real, no code or field is missing."""

from __future__ import annotations

import dataclasses
import doctest
import re
import runpy
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from trimtab import RebalancingLimits as L, rebalance
from trimtab.limits.bucket_limit import BucketLimit
from trimtab.limits.rebalancing_limits import limit_fields
from trimtab.reasons import Reason, SizeReason

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("docs/*.md"), *ROOT.glob("*.md")])
RULES = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")


def a(asset: str, score: float | None, weight: float = 0, bucket: str | None = None, **more: Any) -> dict[str, Any]:
    return {"asset": asset, "score": score, "current_weight": weight, "bucket": bucket, **more}


B = {"enable_bucket_diversification": True, "min_buckets_represented": 0}
CORRELATIONS = [
    {"asset": asset, "other": other, "correlation": value}
    for asset, other, value in [("T1", "T2", 0.92), ("T1", "T3", 0.5), ("T2", "T3", 0.3), ("T1", "T4", 0.4)]
]
SENTENCES = [
    (
        [a("T1", 0.9, 0.2, "Tech"), a("E1", 0.62, 0, "Tech")],
        L(enable_bucket_diversification=True, min_buckets_represented=1),
    ),
    ([a("AAA", 0.9, 0.5), a("BBB", 0.8), a("CCC", 0.4), a("DDD", 0.5, 0.1), a("EEE", 0.62)], L()),
    (
        [a("T1", 0.95, 0.2, "Tech"), a("T2", 0.9, 0.2, "Tech"), a("H1", 0.62, 0, "Health"), a("T3", 0.93, 0, "Tech")],
        L(enable_bucket_diversification=True, max_total_positions=3, max_new_positions=1),
    ),
    (
        [a("T1", 0.95, 0.2, "Tech"), a("T2", 0.9, 0.2, "Tech"), a("H1", 0.7, 0, "Health")],
        L(enable_bucket_diversification=True, max_total_positions=2),
    ),
    (
        [a("T1", 0.95, 0.2, "Tech"), a("T2", 0.9, 0.2, "Tech"), a("T3", 0.8, 0.1, "Tech"), a("T4", 0.99, 0, "Tech")],
        L(**B, max_positions_per_bucket=2, allow_bucket_overflow=True),
    ),
    (
        [
            a("T1", 0.95, 0.3, restriction="no_trade"),
            a("T2", 0.3, 0.25, restriction="no_sell"),
            a("T3", 0.9, 0, restriction="no_buy"),
            a("T4", 0.9, 0.05, restriction="no_buy"),
            a("D1", 0.9, 0.0005, restriction="no_buy"),
            a("T5", 0.9, 0.03, restriction="no_sell"),
        ],
        L(),
    ),
    ([a("T1", None, 0.3), a("T2", None, 0), a("T3", 0.9)], L()),
    ([a("T1", None, 0.3), a("T3", 0.9)], L(unscored_positions="close")),
    (
        [a("T1", 0.9, 0.1, volatility=None), a("T2", 0.9, 0, volatility=None), a("T3", 0.8, 0, volatility=0.2)],
        L(sizing_mode="inverse_volatility"),
    ),
    (
        [a("T1", 0.9, 0.5, None), a("T2", 0.9, 0), a("T3", 0.8, 0, "Tech")],
        L(**B, unknown_bucket="hold", max_allocation_per_bucket=0.3),
    ),
    ([a("T1", 0.9, 0.0005), a("T2", 0.62, 0.0005), a("T3", 0.4, 0.0005), a("T4", 0.95, 0)], L(max_new_positions=1)),
    ([a("T1", 0.9, 0.1), a("T2", 0.8, 0.1), a("T3", 0.99, 0)], L(max_total_positions=2)),
    ([a("T1", 0.9, 0), a("T2", 0.8, 0), a("T3", 0.99, 0)], L(max_new_positions=2)),
    (
        [a("T1", 0.9, 0.1, "Tech"), a("T2", 0.8, 0.1, "Tech"), a("T3", 0.7, 0.1, "Tech"), a("T4", 0.99, 0, "Tech")],
        L(**B, max_positions_per_bucket=2),
    ),
    (
        [
            a("T1", 0.9, 0.1, "Tech"),
            a("T2", 0.8, 0.1, "Tech"),
            a("T3", 0.7, 0.1, "Tech"),
            a("T4", 0.99, 0, "Bond", max_weight=0.01),
        ],
        L(**B, min_position_weight=0.05, buckets={"Tech": {"max_allocation": 0.1}}),
    ),
    (
        [a("T1", 0.5, 0.3, "Tech", restriction="no_sell"), a("T3", 0.7, 0.1, "Tech")],
        L(**B, max_allocation_per_bucket=0.3),
    ),
    ([a(f"T{i}", 0.9 - i / 100, 0.1) for i in range(4)], L(min_position_weight=0.2, target_invested=0.5)),
    ([a("T1", 0.5, 0.3), a("T2", 0.8, 0.3), a("T3", 0.9)], L(brake_sold_weight=0.2)),
    (
        [a("T1", 0.5, 0.3, "A"), a("T2", 0.5, 0.3, "B"), a("T3", 0.4, 0.1, "C")],
        L(enable_bucket_diversification=True, brake_sold_weight=0.2),
    ),
    (
        [a("T1", 0.9, 0.17), a("T2", 0.8, 0.21), a("T3", 0.9, 0.20), a("T4", 0.8, 0.18), a("T5", 0.8, 0.19)],
        L(max_position_weight=0.25),
    ),
    (
        [a("T1", 0.9, 0.17), a("T2", 0.8, 0.16), a("T3", 0.9, 0.17), a("T4", 0.8, 0.18), a("T5", 0.8, 0.19)],
        L(max_position_weight=0.25),
    ),
    (
        [
            a("T1", 0.9, 0.22, "Tech"),
            a("T2", 0.8, 0.21, "Tech"),
            a("T3", 0.9, 0.20, "Bond"),
            a("T4", 0.8, 0.18, "Bond"),
        ],
        L(**B, max_position_weight=0.25),
    ),
    (
        [
            a("T1", 0.99, 0),
            a("T2", 0.7, 0.05, volatility=3.0),
            a("T3", 0.9, 0, volatility=0.05),
            a("T1b", 0.9, 0, volatility=0.05),
        ],
        L(sizing_mode="inverse_volatility", max_position_weight=0.6, min_position_weight=0.05),
    ),
    (
        [a("T1", 0.99, 0, "Tech"), a("T2", 0.7, 0, "Tech"), a("B1", 0.9, 0, "Bond")],
        L(
            **B,
            max_position_weight=0.6,
            buckets={"Bond": {"min_allocation": 0.4, "max_allocation": 0.5}},
            max_allocation_per_bucket=0.9,
        ),
    ),
    (
        [
            a("T1", 0.9, 0.2, "Tech"),
            a("T2", 0.8, 0.2, "Tech"),
            a("T3", 0.7, 0.2, "Tech"),
            a("B1", 0.55, 0.1, "Bond"),
            a("T4", 0.95, 0, "Tech"),
            a("H1", 0.72, 0, "Health"),
            a("H2", 0.85, 0, "Health"),
            a("U1", 0.63, 0, "Utilities"),
        ],
        L(
            enable_bucket_diversification=True,
            max_total_positions=5,
            max_new_positions=2,
            max_positions_per_bucket=2,
            min_buckets_represented=3,
        ),
    ),
    (
        [
            a("E1", 0.9, 0, "Equity/Tech"),
            a("E2", 0.9, 0, "Equity/Tech"),
            a("E3", 0.9, 0, "Equity/Health"),
            a("B1", 0.9, 0, "Bond"),
            a("B2", 0.9, 0, "Bond"),
        ],
        L(
            **B,
            max_new_positions=5,
            max_position_weight=0.4,
            max_allocation_per_bucket=0.5,
            buckets={"Equity/Tech": {"max_allocation": 0.3}},
        ),
    ),
    (
        [a("T1", 0.9, 0, "Tech"), a("T2", 0.85, 0, "Tech"), a("B1", 0.8, 0, "Bond")],
        L(**B, max_total_positions=2, max_positions_per_bucket=1),
    ),
    (
        [a("T1", 0.9, 0, "Tech"), a("T2", 0.85, 0, "Tech"), a("B1", 0.8, 0, "Bond")],
        L(**B, max_total_positions=2, max_positions_per_bucket=2),
    ),
    (
        [a("T1", 0.9, 0.3, "Tech", restriction="no_trade"), a("T2", 0.85, 0.2, "Tech"), a("B1", 0.8, 0, "Bond")],
        L(enable_bucket_diversification=True, max_allocation_per_bucket=0.25, min_buckets_represented=3),
    ),
    (
        [a("A", 0.9, 0, volatility=0.05), a("B", 0.9, 0, volatility=0.05), a("C", 0.7, 0, volatility=2.0)],
        L(sizing_mode="inverse_volatility", max_position_weight=0.6, min_position_weight=0.05),
    ),
    ([a("T1", 0.9, 0.2, "Tech"), a("U1", 0.62, 0, "Util")], L(enable_bucket_diversification=True, max_new_positions=0)),
    (
        [a("A", 0.9, 0), a("B", 0.9, 0), a("C", 0.7, 0, max_weight=0.1)],
        L(residual_strategy="cash", max_position_weight=0.6),
    ),
    ([a("A", 0.9, 0), a("B", 0.9, 0), a("C", 0.7, 0, max_weight=0.1)], L(max_position_weight=0.6)),
    ([a("A", 0.9, 0.1, desired_weight=0.0)], L(sizing_mode="desired")),
    (
        [a("A", 0.9, 0, desired_weight=0.1), a("B", 0.9, 0, desired_weight=0.3)],
        L(sizing_mode="desired", max_position_weight=0.6),
    ),
    (
        [a("A", 0.9, 0, desired_weight=0.4), a("B", 0.9, 0, desired_weight=0.8)],
        L(sizing_mode="desired", max_position_weight=0.6, max_new_positions=3),
    ),
    ([a("A", 0.9, 0), a("B", 0.9, 0)], L(full_investment_positions=10, max_position_weight=0.6)),
    (
        [a("A", 0.9, 0.21), a("B", 0.9, 0.19), a("C", 0.9, 0.2), a("D", 0.9, 0.2), a("E", 0.9, 0.15)],
        L(drift_tolerance=0.1),
    ),
    (
        [a("T1", 0.9, 0.1, "Tech"), a("T2", 0.9, 0.1, "Tech"), a("H1", 0.9, 0, "Health")],
        L(enable_bucket_diversification=True, max_new_positions=0),
    ),
    (
        [
            a("T1", 0.9, 0.19, "Tech"),
            a("T2", 0.9, 0.19, "Tech"),
            a("B1", 0.9, 0.18, "Bond"),
            a("B2", 0.9, 0.19, "Bond"),
        ],
        L(**B, buckets={"Bond": {"min_allocation": 0.4}}, max_allocation_per_bucket=0.6),
    ),
    (
        [a("T1", 0.9, 0.2, "Tech"), a("T2", 0.95, 0, "Tech"), a("T3", 0.85, 0, "Tech"), a("T4", 0.8, 0, "Tech")],
        L(**B, max_correlation=0.8),
    ),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_examples_run(page: Path) -> None:
    text = re.sub(r"(?m)^\s*```.*$", "", page.read_text(encoding="utf-8"))
    examples = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    assert doctest.DocTestRunner(verbose=False).run(examples).failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    headings: Counter[str] = Counter()
    anchors = set()
    for heading in re.findall(r"(?m)^#+ (.*)$", text):
        name = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        anchors.add(f"{name}-{headings[name]}" if headings[name] else name)
        headings[name] += 1
    assert [link for link in re.findall(r"\]\(#([^)]*)\)", text) if link not in anchors] == []
    files = [link.split("#")[0] for link in re.findall(r"\]\(([^#)][^)]*)\)", text) if not link.startswith("http")]
    assert [link for link in files if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_files_named_are_there(page: Path) -> None:
    if page.name == "CHANGELOG.md":
        return  # history keeps its names
    known = {path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py")}
    named = re.findall(r"`([\w/]+\.py)`", page.read_text(encoding="utf-8"))
    assert [name for name in named if not any(f"/{path}".endswith(f"/{name}") for path in known)] == []


def test_the_table_of_rooms_is_as_made() -> None:
    """If not: python scripts/make_rooms.py."""
    with_table = runpy.run_path(str(ROOT / "scripts" / "make_rooms.py"))["with_table"]
    page = (ROOT / "docs" / "how_it_works.md").read_text(encoding="utf-8")
    assert with_table(page) == page


def details(rows: list[dict[str, Any]], limits: L) -> list[str]:
    return rebalance(rows, limits, correlations=None if limits.max_correlation is None else CORRELATIONS).details()


def test_every_quoted_sentence_is_one_that_details_says() -> None:
    said = "\n".join(sentence for rows, limits in SENTENCES for sentence in details(rows, limits))
    quoted = re.findall(r"(?m)^> (.*)$", RULES)
    assert len(quoted) > 25
    assert [sentence for sentence in quoted if sentence not in said] == []


def test_every_reason_has_its_section() -> None:
    wanted = Counter({member.code for member in Reason if member})
    wanted.update({member.code for member in SizeReason if member})
    counts = Counter(re.findall(r"(?m)^### (\w+)$", RULES))
    assert {code: counts[code] for code in wanted} == dict(wanted)


def test_the_table_of_limits_is_complete_and_right() -> None:
    table = RULES.split("## 2. Limits")[1].split("## 3.")[0]
    cells = re.findall(r"(?m)^\| `(\w+)` \| (.*?) \| (.*?) \|$", table)
    rows = {name: default for name, default, _ in cells}
    limits = L()
    words = {None: "none", True: "true", False: "false", (): "()"}
    for known in limit_fields():
        value = getattr(limits, known.name)
        if known.metadata["kind"] is dict:
            expected = "{}"
        elif value is None or isinstance(value, bool | tuple):
            expected = words[value]
        else:
            expected = f'"{value}"' if isinstance(value, str) else repr(value)
        assert rows[known.name].startswith(expected), known.name
    fields = (*limit_fields(), *dataclasses.fields(BucketLimit))
    assert set(rows) == {field.name for field in fields}
    meanings = {name: meaning.replace("`", "").replace("→", "->") for name, _, meaning in cells}
    for known in fields:
        assert meanings[known.name].startswith(known.metadata["doc"]), known.name
        for choice in known.metadata.get("choices", ()):
            assert choice in meanings[known.name]
