"""The bars of exposures: by hand, against the certificate, and on the pages that show them."""

from __future__ import annotations

import random
from typing import Any

import pytest
from cases import random_rows
from exposure_cases import random_exposure_limits, random_exposures
from pages import Read
from thorough import mostly_thorough

from trimtab import RebalancingLimits, rebalance
from trimtab.facts.exposures import SchemeFact
from trimtab.rebalancing.result import RebalanceResult
from trimtab.report.shapes import COLOURS

ROWS: list[dict[str, Any]] = [
    {"asset": "AAPL", "score": 0.9, "current_weight": 0.3, "bucket": "Tech"},
    {"asset": "SAP", "score": 0.8, "current_weight": 0.0, "bucket": "Tech"},
    {"asset": "WORLD", "score": 0.8, "current_weight": 0.0, "bucket": "Fund"},
]
TABLE = [
    {"asset": "AAPL", "scheme": "country", "bucket": "US", "fraction": 1.0},
    {"asset": "SAP", "scheme": "country", "bucket": "Europe/Germany", "fraction": 1.0},
    {"asset": "WORLD", "scheme": "country", "bucket": "US", "fraction": 0.6},
    {"asset": "WORLD", "scheme": "country", "bucket": "Europe/Germany", "fraction": 0.29},
    {"asset": "WORLD", "scheme": "country", "bucket": "Peru", "fraction": 0.01},
    {"asset": "AAPL", "scheme": "look-through", "bucket": "Tech", "fraction": 1.0},
]


def by_hand(**limits: Any) -> RebalanceResult:
    exposures = {"country": {"buckets": {"US": {"max_exposure": 0.3}, "Japan": {"min_exposure": 0.1}}}}
    known = {"max_position_weight": 0.5, "exposures": exposures, "known_buckets": ("country:Japan",)}
    return rebalance(ROWS, RebalancingLimits(**{**known, **limits}), exposures=TABLE)


def scheme_of(result: RebalanceResult, name: str) -> SchemeFact:
    return next(scheme for scheme in result.facts().schemes if scheme.name == name)


def test_the_bars_of_a_scheme_by_hand() -> None:
    result = by_hand()
    country = scheme_of(result, "country")
    weight = {row["asset"]: row["target_weight"] for row in result.targets}
    after = {bucket.path: bucket.after for bucket in country.buckets}
    assert list(after) == ["Europe", "Europe/Germany", "Japan", "US", "Unknown"]
    assert after["US"] == pytest.approx(weight["AAPL"] + 0.6 * weight["WORLD"])
    assert after["Europe"] == after["Europe/Germany"] == pytest.approx(weight["SAP"] + 0.29 * weight["WORLD"])
    us, japan = (next(bucket for bucket in country.buckets if bucket.path == name) for name in ("US", "Japan"))
    assert (us.before, us.max_text, us.status, us.positions) == (0.3, "30.00%", "full", "")
    assert (japan.after_text, japan.min_text, japan.status) == ("0%", "10.00%", "unmet")
    assert [bucket.depth for bucket in country.buckets] == [0, 1, 0, 0, 0]
    assert country.others == "1 more bucket below 0.50%"
    assert country.unknown == "Unknown: WORLD (10.00% of it)"
    assert country.scale == max(after.values())


def test_buckets_of_the_tree_keep_their_colour_in_a_scheme() -> None:
    facts = by_hand().facts()
    through, country = scheme_of(by_hand(), "look-through"), scheme_of(by_hand(), "country")
    tree = {bucket.path: bucket.colour for bucket in facts.buckets}
    known = {bucket.path: bucket.colour for bucket in through.buckets}
    assert known["Tech"] == tree["Tech"] and known["Unknown"] not in tree.values()
    colours = {bucket.path: bucket.colour for bucket in country.buckets}
    assert colours["Europe"] == colours["Europe/Germany"] and len(set(colours.values())) == 4 < COLOURS


def test_limits_that_are_lifted_are_not_drawn() -> None:
    country = scheme_of(by_hand(enforce_exposure_limits=False), "country")
    assert all(bucket.max_text == bucket.min_text == bucket.status == "" for bucket in country.buckets)


def test_many_assets_in_unknown_are_counted() -> None:
    rows = [{"asset": f"A{place}", "score": 0.9, "current_weight": 0.1} for place in range(8)]
    table = [{"asset": "A0", "scheme": "country", "bucket": "US"}]
    country = rebalance(rows, exposures=table).facts().schemes[0]
    assert country.unknown.startswith("Unknown: A1 (100.00% of it)") and country.unknown.endswith("and 1 more asset")
    whole = rebalance(rows[:1], exposures=table).facts().schemes[0]
    assert whole.unknown == "" and whole.others == ""


def test_without_exposures_there_is_no_scheme() -> None:
    assert rebalance(ROWS).facts().schemes == ()


@pytest.mark.parametrize("seed", mostly_thorough(range(200), quick=4))
def test_the_bars_are_those_of_the_certificate(seed: int) -> None:
    rng = random.Random(seed)
    rows = random_rows(rng, 12)
    table = random_exposures(rng, rows)
    if not table:
        return
    limits = RebalancingLimits(exposures=random_exposure_limits(rng, table))
    result = rebalance(rows, limits, exposures=table)
    facts = {f"{scheme.name}:{bucket.path}": bucket for scheme in result.facts().schemes for bucket in scheme.buckets}
    for constraint in result.certificate:
        bucket = facts.get(constraint.node)
        if constraint.name in ("max_exposure", "min_exposure") and bucket is not None:
            assert bucket.after == pytest.approx(constraint.measured, abs=1e-12)
            assert constraint.limit == (bucket.max_weight if constraint.name == "max_exposure" else bucket.min_weight)


def test_report_and_notebook_show_the_bars() -> None:
    table = [{**row, "scheme": "<b>land</b>" if row["scheme"] == "country" else row["scheme"]} for row in TABLE]
    result = rebalance(ROWS, exposures=table)
    for page in (result.to_html("x"), result._repr_html_()):
        read = Read(page)
        assert read.tags["b"] == 0 and "Exposures: <b>land</b>" in read.texts
        assert {"trimtab-scheme-0-title", "trimtab-scheme-1-narrow-title"} <= set(read.values["id"])
        assert len(read.values["id"]) == len(set(read.values["id"]))
        assert any("1 more bucket below" in text for text in read.texts)
