"""The report: its facts by hand, its page well formed, escaped and the same every time."""

from __future__ import annotations

import functools
import json
import math
import random
import re
from pathlib import Path
from typing import Any

import pytest
from accounts import asset
from cases import random_limits, random_rows
from command_line import run
from hostile_names import PAYLOADS
from pages import Read, hostile
from thorough import mostly_thorough

import trimtab
from trimtab.data.samples import sample_candidates, sample_limits, sample_path
from trimtab.facts.outcome import Facts, Loss
from trimtab.facts.report_facts import ReportFacts
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.report.charts import bucket_chart, dumbbell_chart, treemap_chart, waterfall_chart
from trimtab.report.page import _environment
from trimtab.report.shapes import COLOURS, fitting, number
from trimtab.report.treemap import Box, squarified
from trimtab.text import printable

Row = dict[str, Any]
ON: dict[str, Any] = {"enable_bucket_diversification": True, "min_buckets_represented": 0}
TEMPLATES = sorted((Path(trimtab.__file__).parent / "report" / "templates").glob("*"))
TAGS = {
    "span",
    "html",
    "head",
    "meta",
    "link",
    "title",
    "style",
    "body",
    "a",
    "header",
    "h1",
    "h2",
    "h3",
    "p",
    "dl",
    "div",
    "dt",
    "dd",
    "main",
    "section",
    "svg",
    "defs",
    "pattern",
    "rect",
    "circle",
    "desc",
    "line",
    "text",
    "details",
    "summary",
    "table",
    "caption",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "ul",
    "li",
    "footer",
    "code",
}


def facts(rows: list[Row], **limits: Any) -> Facts:
    return trimtab.rebalance(rows, RebalancingLimits(**limits)).facts("it")


def findings(rows: list[Row], **limits: Any) -> ReportFacts:
    return trimtab.rebalance(rows, RebalancingLimits(**limits)).report_facts("it")


# --- the facts ------------------------------------------------------------------------------------------------------


def test_the_facts_of_a_small_account() -> None:
    rows = [
        asset("T1", 0.9, 0.3, "Tech"),
        asset("T2", 0.8, 0.1, "Tech"),
        asset("T3", 0.7, 0.1, "Tech"),
        asset("B1", 0.5, 0.2, "Bond"),
        asset("G1", None, 0.0, "Gold"),
        asset("H1", 0.9, 0.0, "Health", restriction="no_buy"),
    ]
    # Tech keeps two at 0.2 each, the limit 0.4; T3 and B1 go, G1 and H1 do not come.
    page_facts = facts(rows, **ON, max_positions_per_bucket=2)
    assert {figure.name: figure.text for figure in page_facts.figures} == {
        "limits held": "16 of 16",
        "positions": "2",
        "cash": "60.00%",
        "bought": "10.00%",
        "sold": "40.00%",
        "turnover": "40.00%",
    }
    assert [
        (bucket.path, bucket.positions, bucket.before_text, bucket.after_text, bucket.max_text)
        for bucket in page_facts.buckets
    ] == [
        ("Bond", "0/2", "20.00%", "0%", "40.00%"),
        ("Tech", "2/2", "50.00%", "40.00%", "40.00%"),
    ]
    # Colours by path among what is held before or after, then the others.
    assert {asset.bucket: asset.colour for asset in page_facts.assets} == {"Bond": 0, "Tech": 1, "Gold": 2, "Health": 3}
    assert [asset.asset for asset in page_facts.assets] == ["T1", "T2", "B1", "T3", "H1", "G1"]
    assert page_facts.losses == (
        Loss("without a score", 1, 5),
        Loss("restricted", 1, 4),
        Loss("score too low", 1, 3),
        Loss("max_positions of a bucket", 1, 2),
    )
    explained = findings(rows, **ON, max_positions_per_bucket=2).explained
    assert [entry.fact.asset for entry in explained] == ["T1", "T2", "H1", "T3", "B1", "G1"]
    assert [entry.explanation.asset for entry in explained] == ["T1", "T2", "H1", "T3", "B1", "G1"]
    assert page_facts.assets[0].sentence.startswith("Kept: its score of 0.9")


def test_only_the_nearest_misses_are_explained() -> None:
    rows = [asset(f"A{index:03}", 0.95 - index / 1000) for index in range(80)]
    report_facts = findings(rows, max_new_positions=2)
    assert len(report_facts.explained) == 2 + 50
    assert report_facts.explained[-1].explanation.asset == "A051"
    assert len(report_facts.facts.assets) == 80


def test_the_fingerprint_is_that_of_rows_and_limits_and_of_nothing_else() -> None:
    rows = [asset("A", 0.9, 0.1), asset("B", 0.8)]
    prints = {
        findings(rows).fingerprint,
        findings(rows[::-1]).fingerprint,
        trimtab.rebalance(rows).report_facts("another title").fingerprint,
    }
    assert len(prints) == 1
    changed = [
        findings([{**rows[0], "score": 0.91}, rows[1]]),
        findings([{**rows[0], "max_weight": 0.5}, rows[1]]),
        findings([{**rows[0], "bucket": "Tech"}, rows[1]]),
        findings([{**rows[0], "restriction": "no_sell"}, rows[1]]),
        findings(rows, max_total_positions=11),
    ]
    assert len({*prints, *(entry.fingerprint for entry in changed)}) == 6
    limits = trimtab.RebalancingLimits(exposures={"country": {"max_exposure": 0.5}})
    exposed = {
        trimtab.rebalance(
            rows,
            limits,
            exposures=[{"asset": name, "scheme": "country", "bucket": "US", "fraction": fraction} for name in "AB"],
        )
        .report_facts("a title")
        .fingerprint
        for fraction in (0.4, 0.6)
    }
    assert len(exposed) == 2


def test_colours_follow_the_level_and_unknown_has_one() -> None:
    rows = [
        asset("A", 0.9, 0.1, "Equity/Tech/Semis"),
        asset("B", 0.9, 0.1, "Equity/Tech/Software"),
        asset("C", 0.9, 0.1, "Equity/Health"),
        asset("D", 0.9, 0.1, "Equity"),
    ]
    page_facts = facts(rows, **ON, bucket_level=2)
    colour = {asset.asset: asset.colour for asset in page_facts.assets}
    assert colour["A"] == colour["B"] != colour["C"]
    assert {asset.asset: asset.top for asset in page_facts.assets}["D"] == "Unknown"
    off = facts(rows)
    assert {asset.top for asset in off.assets} == {"Equity"}
    flat = facts([asset("A", 0.9, 0.1, "Equity/Tech")], **ON, bucket_separator="")
    assert flat.assets[0].top == "Equity/Tech"


def test_signs_that_steer_a_screen_are_replaced() -> None:
    assert printable("A\u202eB\x1b[0m\nC") == "A?B?[0m?C"


def test_every_number_adds_up_on_random_accounts() -> None:
    for seed in range(95_000, 95_060):
        rng = random.Random(seed)
        rows, limits = random_rows(rng), random_limits(rng)
        result = trimtab.rebalance(rows, limits)
        facts = result.facts()
        left = facts.losses[-1].left if facts.losses else facts.candidates
        assert left == int(result._pass.decided["selected"].sum()), f"seed {seed}"
        assert facts.candidates - sum(losse.lost for losse in facts.losses) == left
        assert math.fsum(asset.after for asset in facts.assets) == pytest.approx(1 - result.cash_weight, abs=1e-9)
        assert len(facts.lines) == len(result.certificate)


# --- charts ---------------------------------------------------------------------------------------------------------


def test_squares_fill_the_box_in_proportion() -> None:
    rng = random.Random(5)
    for _ in range(50):
        weights = sorted((rng.random() + 0.01 for _ in range(rng.randint(1, 20))), reverse=True)
        boxes = squarified(weights, Box(3.0, 4.0, 480.0, 300.0))
        areas = [box.width * box.height for box in boxes]
        assert areas == pytest.approx([weight / sum(weights) * 480 * 300 for weight in weights])
        assert all(box.x >= 3 - 1e-9 and box.x + box.width <= 483 + 1e-9 for box in boxes)
        assert all(box.y >= 4 - 1e-9 and box.y + box.height <= 304 + 1e-9 for box in boxes)
    assert squarified([], Box(0, 0, 1, 1)) == []
    assert squarified([1.0, 1e-18], Box(0, 0, 10, 10)) == [Box(0, 0, 10, 10), Box(10, 0, 0, 0)]


def test_bars_and_marks_are_where_the_numbers_say() -> None:
    rows = [asset("T1", 0.9, 0.4, "Tech"), asset("B1", 0.9, 0.0, "Bond")]
    limits = {**ON, "buckets": {"Bond": {"min_allocation": 0.1}}, "max_allocation_per_bucket": 0.2}
    chart = bucket_chart(facts(rows, **limits, target_invested=0.4, max_position_weight=0.4))
    # The scale ends at 0.4 (Tech before): 324.4 wide, from 173.6. A swatch, then before and after, for each.
    rects = [(shape.css, shape.x, shape.width) for shape in chart.shapes if shape.kind == "rect"]
    assert rects == [
        *(("c0", "0", "10"), ("before", "173.6", "0"), ("c0", "173.6", "162.2")),
        *(("c1", "0", "10"), ("before", "173.6", "324.4"), ("c1", "173.6", "162.2")),
    ]
    marks = [(shape.css, shape.x) for shape in chart.shapes if shape.kind == "line"]
    assert marks == [("limit", "335.8"), ("limit least", "254.7"), ("limit", "335.8")]
    assert chart.summary == "Bond 0% to 20.00%; Tech 40.00% to 20.00%"


def test_many_buckets_get_patterns_and_no_two_look_alike() -> None:
    rows = [asset(f"A{index:02}", 0.9, 0.03, f"Bucket{index:02}") for index in range(25)]
    chart = bucket_chart(facts(rows, **ON, max_total_positions=25))
    looks = []
    for shape in chart.shapes:
        if shape.kind == "rect" and shape.css.startswith("c"):
            looks.append(shape.css)
        elif shape.kind == "rect" and shape.css.startswith("p-"):
            looks[-1] += shape.css
    assert len(looks) == 2 * 25  # a swatch and a bar
    assert len(set(looks)) == 25
    assert COLOURS * 4 >= 25


def test_the_charts_of_an_account_that_holds_nothing() -> None:
    page_facts = facts([asset("A", 0.2)])
    assert treemap_chart(page_facts).summary == "cash 100.00%"
    assert dumbbell_chart(page_facts).shapes == bucket_chart(page_facts).shapes == ()
    assert waterfall_chart(page_facts).summary == "1 candidate; 1 score too low; 0 selected"
    Read(trimtab.rebalance([asset("A", 0.2)]).to_html())


def test_the_charts_of_an_account_without_cash_and_without_losses() -> None:
    rows = [asset("A", 0.9, 0.6, restriction="no_sell"), asset("B", 0.9, 0.4, restriction="no_sell")]
    page_facts = facts(rows)
    assert [shape.text for shape in treemap_chart(page_facts).shapes if shape.text] == ["A", "60.00%", "B", "40.00%"]
    assert waterfall_chart(page_facts).summary == "2 candidates; 2 selected"


def test_small_tiles_have_no_words() -> None:
    rows = [asset("LARGE", 0.9, 0.9, restriction="no_trade")]
    rows += [asset(f"S{index}", 0.9, 0.0025, restriction="no_trade") for index in range(4)]
    texts = [shape.text for shape in treemap_chart(facts(rows)).shapes if shape.kind == "cut"]
    assert "LARGE" in texts and not [text for text in texts if text.startswith("S")]
    middle = [asset("LARGE", 0.9, 0.9, restriction="no_trade"), asset("M", 0.9, 0.05, restriction="no_trade")]
    assert "M" in [shape.text for shape in treemap_chart(facts(middle)).shapes]


def test_text_is_cut_where_there_is_no_room() -> None:
    assert fitting("Semiconductors", 200) == "Semiconductors"
    assert fitting("Semiconductors", 60) == "Semicon…"
    assert fitting("Semiconductors", 20) == ""
    assert (number(1.0), number(0.125), number(10.0)) == ("1", "0.12", "10")


# --- the page -------------------------------------------------------------------------------------------------------


def test_the_page_is_well_formed_and_asks_for_nothing() -> None:
    page = trimtab.rebalance(sample_candidates(), sample_limits()).to_html("the sample")
    reader = Read(page)
    assert set(reader.tags) <= TAGS
    assert not [name for name in reader.attributes if name.startswith("on")]
    assert {"src", "srcset", "action", "style"}.isdisjoint(reader.attributes)
    assert sorted(set(reader.values["href"])) == ["#trimtab-main", "data:,"]
    assert len(reader.values["id"]) == len(set(reader.values["id"]))
    assert "http" not in re.sub(r"http-equiv", "", page)
    assert "default-src 'none'" in page
    for reference in reader.values["aria-labelledby"]:
        assert set(reference.split()) <= set(reader.values["id"])


def test_each_chart_has_its_title_its_words_and_its_table() -> None:
    page = trimtab.rebalance(sample_candidates(), sample_limits()).to_html()
    shown = Read(page)
    assert shown.values["class"].count("chart") == 2 * 4  # of each, one for a screen and one for a phone
    for name in ("bucket-table", "target-table", "selection-table", "candidate-table", "certificate-table"):
        assert page.count(f'id="trimtab-{name}-caption"') == 1
    for name in ("buckets", "portfolio", "selection", "targets"):
        for suffix in ("title", "text", "narrow-title", "narrow-text"):
            assert f'id="trimtab-{name}-{suffix}"' in page


def test_the_page_says_what_the_result_says() -> None:
    result = trimtab.rebalance(sample_candidates(), sample_limits())
    text = " ".join(Read(result.to_html()).texts)
    for sentence in result.details():
        assert sentence in text
    for counterfactual in result.explain("JNJ").counterfactuals:
        assert counterfactual.effect in text
    assert result.report_facts().fingerprint in text


def test_conflicts_notes_and_brakes_are_on_the_page() -> None:
    rows = [asset("A", 0.9, 0, "Tech"), asset("B", 0.8, 0, "Bond")]
    limits = RebalancingLimits(enable_bucket_diversification=True, max_new_positions=1, max_total_positions=1)
    text = " ".join(Read(trimtab.rebalance([{**row, "mine": 1} for row in rows], limits).to_html()).texts)
    assert "min_buckets_represented 2 is not met (1)" in text
    assert "max_new_positions 2 and max_total_positions 2" in text
    assert "still possible: min_buckets_represented 1" in text
    assert "columns that no rule uses" in text
    result = trimtab.rebalance(rows, RebalancingLimits(enable_bucket_diversification=True, max_new_positions=1))
    assert "it is met with max_new_positions 2" in " ".join(Read(result.to_html()).texts)
    braked = trimtab.rebalance([asset("A", 0.1, 0.5)], RebalancingLimits(brake_sold_weight=0.1)).to_html()
    assert "The brake keeps every weight unchanged." in Read(braked).texts


def test_the_same_bytes_for_the_same_input_in_any_order() -> None:
    rng = random.Random(96_000)
    rows, limits = random_rows(rng), random_limits(rng)
    assert trimtab.rebalance(rows, limits).to_html() == trimtab.rebalance(rows[::-1], limits).to_html()


def test_the_part_for_notebooks() -> None:
    shown = trimtab.rebalance(sample_candidates(), sample_limits())._repr_html_()
    reader = Read(shown)
    assert {"html", "head", "body", "meta", "script"}.isdisjoint(reader.tags)
    assert reader.values["class"].count("chart") == 2 * 4
    assert "JNJ" in " ".join(reader.texts)


def test_a_report_of_500_candidates_is_small() -> None:
    rng = random.Random(7)
    rows = [
        asset(f"A{index:05}", rng.random(), 0.1 if index < 9 else 0.0, f"S{index % 11}/I{index % 4}")
        for index in range(500)
    ]
    page = trimtab.rebalance(rows, RebalancingLimits(enable_bucket_diversification=True)).to_html()
    assert len(page.encode()) < 1_000_000


def test_there_are_sixty_payloads() -> None:
    assert len(set(PAYLOADS)) == 60


@functools.cache
def plain_page() -> Read:
    return Read(hostile("AAA", "Tech"))


@pytest.mark.parametrize("payload", mostly_thorough(PAYLOADS, quick=12))
def test_names_stay_text(payload: str) -> None:
    """As asset, as bucket, as account, as column, as title and as the name of a bucket with limits."""
    plain, reader = plain_page(), Read(hostile(payload, payload))
    assert reader.tags == plain.tags
    assert set(reader.attributes) == set(plain.attributes)
    assert reader.values["href"] == plain.values["href"]
    assert sum(payload in text for text in reader.texts) >= 10


# --- the templates and the command -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [path for path in TEMPLATES if path.suffix == ".html"], ids=lambda path: path.name)
def test_templates_compute_nothing_and_escape_everything(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for inside in re.findall(r"\{[{%](.*?)[}%]\}", text):
        code = re.sub(r'"[^"]*"', "", inside)
        assert not re.search(r"[-+*/%]|\|", code), inside
    assert "safe" not in re.findall(r"\w+", text)
    assert _environment().autoescape is True


def test_a_template_that_is_not_there() -> None:
    from jinja2 import TemplateNotFound

    with pytest.raises(TemplateNotFound):
        _environment().get_template("nothing.html")


def test_report_on_the_command_line(tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    result = run("report", sample_path(), "-o", out, "--preset", "conservative")
    assert result.exit_code == 0
    assert f"written: {out}" in " ".join(result.stderr.split())
    page = out.read_text(encoding="utf-8")
    assert "<title>trimtab: candidates.csv</title>" in page
    assert run("report", sample_path(), "--preset", "conservative", "--quiet").stdout == page


def test_report_refuses_another_kind_of_file_and_the_input(tmp_path: Path) -> None:
    wrong = run("report", sample_path(), "-o", tmp_path / "report.pdf")
    assert wrong.exit_code == 2
    assert "ends in .html" in " ".join(re.sub(r"[│╭╮╰╯─]", " ", wrong.stderr).split())
    own = tmp_path / "c.html"
    own.write_text("asset,score\nA,0.9\n")
    assert run("report", own, "-o", own).exit_code == 3
    assert own.read_text() == "asset,score\nA,0.9\n"


def test_explain_on_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text(
        "asset,bucket,score,current_weight\nAAA,Tech,0.9,0.1\nBBB,Tech,0.8,0\nCCC,Bond,0.2,0\nDDD,Tech,,0.1\n"
    )
    result = run("explain", path, "AAA", "BBB", "CCC", "DDD", "--set", "max_new_positions=0")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith("AAA (Tech): selected, 10.00% → ")
    assert "  - good enough by itself" in lines
    assert "  - without max_position_weight it would be 85.00%" in lines
    assert "  - good enough by itself, but crowded out by max_new_positions 0" in lines
    assert "  - would be selected with max_new_positions 1" in lines
    assert "  - not good enough, whatever the others are" in lines
    assert "  - would be selected with a score of at least 0.65" not in lines
    assert any(line.startswith(">  totals") for line in lines)
    alone = run("explain", "CCC", "--scores", path, "--holdings", path)
    assert alone.exit_code == 3  # the same file does for both only with the right columns


def test_explain_as_json(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("asset,score\nAAA,0.9\nBBB,0.5\n")
    result = run("explain", path, "AAA", "BBB", "--format", "json", "--quiet")
    assert result.exit_code == 0
    values = json.loads(result.stdout)
    assert [value["decision"] for value in values["explanations"]] == ["selected", "not selected"]
    assert run("explain", path, "AAA", "--format", "csv").exit_code == 2


def test_explain_names_the_nearest_asset_and_wants_one(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("asset,score\nAAA,0.9\n")
    unknown = run("explain", path, "AAB")
    assert unknown.exit_code == 3
    assert "did you mean 'AAA'?" in " ".join(unknown.stderr.split())
    assert run("explain", path).exit_code == 2
    none = run("explain", path, "AAA", "--set", "max_new_positions=0", "--set", "max_total_positions=1")
    assert none.exit_code == 0


def test_explain_says_where_nothing_helps_and_names_only_some(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    rows = "".join(f"A{index:02},1.0,0.05\n" for index in range(10))
    path.write_text(f"asset,score,current_weight\n{rows}ZZZ,0.7,0\n")
    result = run("explain", path, "ZZZ", "--set", "max_new_positions=0").stdout
    assert "no single change does it; tried were its score, min_score_threshold, min_score_new_position" in result
    assert "A07 and 2 more" in result
