"""One frozen object of facts: the screen, `explain`, the notebook and the report show its texts and no other numbers."""

from __future__ import annotations

import ast
import dataclasses
import io
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cases import random_limits, random_rows
from pages import Read
from rich.console import Console, RenderableType
from thorough import mostly_thorough

import trimtab
from trimtab.cli.screens.explanation import explanations_page
from trimtab.cli.screens.outcome import page
from trimtab.data.samples import sample_candidates, sample_limits
from trimtab.facts.outcome import Facts
from trimtab.facts.report_facts import ReportFacts
from trimtab.rebalancing.result import RebalanceResult
from trimtab.report.page import fragment_of, page_of
from trimtab.text import counted, percent

PACKAGE = Path(trimtab.__file__).parent
_PERCENT = re.compile(r"-?<?\d+(?:\.\d+)?%")


def texts_of(value: Any) -> Iterator[str]:
    """Every text in a frozen object, those of its properties included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for entry in value:
            yield from texts_of(entry)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        named = [known.name for known in dataclasses.fields(value)]
        named += [name for name, member in vars(type(value)).items() if isinstance(member, property)]
        named = [name for name in named if name != "in_vain"]  # a former name, with a warning
        for name in named:
            yield from texts_of(getattr(value, name))


def rendered(shown: RenderableType) -> str:
    console = Console(width=400, file=io.StringIO(), color_system=None)
    with console.capture() as captured:
        console.print(shown)
    return captured.get()


def screen(facts: Facts) -> str:
    return rendered(page(facts, 400, ascii_only=False, show_all=True))


def explained(result: RebalanceResult) -> str:
    names = [row["asset"] for row in result.to_dict()["targets"]]
    return rendered(explanations_page(result.explained(*names), (), ascii_only=False))


def page_text(html: str) -> str:
    return " ".join(Read(re.sub(r"(?s)<style>.*?</style>", "", html)).texts)


def case(seed: int) -> RebalanceResult:
    rng = random.Random(seed)
    rows, limits = random_rows(rng), random_limits(rng)
    return trimtab.rebalance(rows, limits)


@pytest.fixture(params=mostly_thorough(["sample", *range(97_000, 97_030)], quick=9))
def result(request: pytest.FixtureRequest) -> RebalanceResult:
    if request.param == "sample":
        return trimtab.rebalance(sample_candidates(), sample_limits())
    return case(request.param)


def test_every_number_that_is_shown_is_one_of_the_facts(result: RebalanceResult) -> None:
    findings = result.report_facts("it")
    of_facts = set(_PERCENT.findall(" ".join(texts_of(findings.facts))))
    everything = set(_PERCENT.findall(" ".join(texts_of(findings))))
    names = [row["asset"] for row in result.to_dict()["targets"]]
    of_explained = set(_PERCENT.findall(" ".join(texts_of(result.explained(*names)))))
    assert set(_PERCENT.findall(screen(findings.facts))) <= of_facts
    assert set(_PERCENT.findall(page_text(fragment_of(findings.facts)))) <= of_facts
    assert set(_PERCENT.findall(page_text(page_of(findings)))) <= everything
    assert set(_PERCENT.findall(explained(result))) <= of_explained


def test_the_same_texts_everywhere(result: RebalanceResult) -> None:
    """Each asset's and bucket's texts, the totals, the sentences: on screen, in the notebook, on the page."""
    facts = result.facts("it")
    shown = (screen(facts), page_text(result._repr_html_()), page_text(result.to_html("it")))
    everywhere = [facts.cash_sentence, *facts.cash_reasons, facts.trades, facts.cash_text]
    everywhere += [figure.text for figure in facts.figures if figure.name in ("positions", "cash", "turnover")]
    for text in everywhere:
        assert all(text in entry for entry in shown), text
    for bucket in facts.buckets:
        for text in (
            bucket.positions,
            bucket.before_text,
            bucket.after_text,
            bucket.max_text,
            bucket.min_text,
            bucket.status,
        ):
            assert all(text in place for place in shown), (bucket.path, text)
    assert facts.brake in shown[0] and facts.brake in shown[1] and facts.brake in shown[2]
    lines = shown[0].splitlines()
    why = explained(result)
    for fact in facts.assets:
        (line,) = [line for line in lines if line.split()[:1] == [fact.asset] and fact.action in line.split()]
        assert fact.score_text in line and fact.after_text in line
        assert fact.action == "none" or f"{fact.before_text:>7} → {fact.after_text:>7}" in line
        assert f", {fact.before_text} → {fact.after_text}, {fact.action}\n" in why
        assert all(text in shown[2] for text in (fact.score_text, fact.before_text, fact.after_text, fact.sentence))
    for count in facts.counts:
        assert count.text in shown[0] and count.text in shown[2]


def test_what_is_shown_comes_from_the_object_and_from_nowhere_else() -> None:
    """Facts in which every text about a number is replaced show the replacement."""
    facts = case(97_003).facts("it")
    assets = tuple(
        dataclasses.replace(asset, score_text="S!", before_text="B!", after_text="A!", about_selection="W!")
        for asset in facts.assets
    )
    buckets = tuple(
        dataclasses.replace(
            bucket, positions="P!", before_text="b!", after_text="a!", max_text="m!", min_text="l!", status="unmet"
        )
        for bucket in facts.buckets
    )
    lines = tuple(dataclasses.replace(line, sentence="L!", measured="M!", limit="N!") for line in facts.lines)
    fakes = {
        "headline": "H!",
        "cash_text": "c!",
        "cash_sentence": "C!",
        "cash_reasons": (),
        "trades": "T!",
        "answer": "H!",
        "problems": (),
        "trades_in_order": (),
    }
    groups = dataclasses.replace(facts.groups, held=assets, closed=(), missed=())
    parts = tuple(
        dataclasses.replace(part, assets=tuple(fact for fact in assets if fact.top == part.name and fact.after > 0))
        for part in facts.parts
    )
    figures = tuple(dataclasses.replace(figure, text="F!", beside="") for figure in facts.figures)
    faked = dataclasses.replace(
        facts,
        assets=assets,
        groups=groups,
        buckets=buckets,
        lines=lines,
        parts=parts,
        figures=figures,
        brake="",
        **fakes,
    )
    for shown in (screen(faked), page_text(fragment_of(faked))):
        assert not _PERCENT.findall(shown)
    whole = screen(faked)
    for mark in ("S!", "B!", "A!", "P!", "b!", "a!", "m!", "l!", "H!", "C!", "T!"):
        assert mark in whole
    assert isinstance(case(97_003).report_facts("it"), ReportFacts)


@pytest.mark.parametrize(
    "name",
    [
        "cli/screens/outcome.py",
        "cli/screens/bucket_bars.py",
        "cli/screens/asset_rows.py",
        "cli/screens/explanation.py",
        "report/charts.py",
    ],
)
def test_what_shows_formats_no_number_and_knows_no_result(name: str) -> None:
    tree = ast.parse((PACKAGE / name).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.module not in (
                "trimtab.rebalancing.result",
                "trimtab.certificate.certificate",
                "trimtab.limits.rebalancing_limits",
            )
            assert "percent" not in [alias.name for alias in node.names]
        if isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            assert "%" not in ast.unparse(node.format_spec) and ":g" not in ast.unparse(node.format_spec)


def test_how_numbers_are_written() -> None:
    assert [percent(weight) for weight in (0.0, -0.0, 3e-17, 0.125, 1e-6, -1e-6, -0.02)] == [
        *("0%", "0%", "0%", "12.50%", "<0.01%", "-<0.01%", "-2.00%")
    ]
    assert (counted(1, "position"), counted(0, "position")) == ("1 position", "0 positions")
