"""Inputs without effect are reported: columns, limits, buckets that nearly match a limit."""

from __future__ import annotations

from typing import Any

import pytest

import trimtab
from trimtab import RebalancingLimits
from trimtab.candidates.read import read
from trimtab.candidates.unused_inputs import near_buckets, unused_inputs

ON: dict[str, Any] = {"enable_bucket_diversification": True}
ROWS = [{"asset": "A", "score": 0.9}, {"asset": "B", "score": 0.8, "current_weight": 0.1}]


def codes(limits: RebalancingLimits, rows: list[dict[str, Any]] = ROWS) -> dict[str, str]:
    return dict(unused_inputs(read(rows, limits, many=False), limits))


def test_exposures_without_a_limit() -> None:
    table = [{"asset": "A", "scheme": scheme, "bucket": "X"} for scheme in ("country", "currency", "issuer")]

    def said(**fields: Any) -> dict[str, str]:
        limits = RebalancingLimits(**fields)
        return dict(unused_inputs(read(ROWS, limits, many=False, exposures=table), limits))

    assert said() == {"exposures_off": "exposures are given, but no limit is about them (exposures, concentration)"}
    limited: dict[str, Any] = {"exposures": {"country": {"max_exposure": 0.5}}}
    text = "no limit is about currency, issuer, which the table of exposures has"
    assert said(**limited) == {"unlimited_schemes": text}
    assert said(**limited, concentration={"issuer": {}})["unlimited_schemes"].startswith("no limit is about currency,")
    every = {name: {"max_exposure": 0.5} for name in ("country", "currency", "issuer")}
    assert said(exposures=every) == {}


def test_nothing_to_say() -> None:
    assert codes(RebalancingLimits()) == {}


@pytest.mark.parametrize(
    "name",
    [
        "max_positions_per_bucket",
        "max_allocation_per_bucket",
        "min_buckets_represented",
        "allow_bucket_overflow",
        "bucket_level",
        "known_buckets",
        "unknown_bucket",
    ],
)
def test_a_bucket_limit_without_bucket_limits(name: str) -> None:
    values = {"allow_bucket_overflow": True, "known_buckets": ["Gold"], "unknown_bucket": "hold", "bucket_level": 3}
    value = values.get(name, 0.3 if name == "max_allocation_per_bucket" else 3)
    idle = RebalancingLimits(**{name: value})
    assert codes(idle) == {"no_effect": f"{name} has no effect while enable_bucket_diversification is false"}
    assert "no_effect" in {note.code for note in trimtab.rebalance(ROWS, idle).notes}
    assert "no_effect" in {finding.code for finding in trimtab.check(ROWS, idle).warnings}
    assert "no_effect" not in codes(idle.replace(**ON))


@pytest.mark.parametrize(
    ("switch", "name"),
    [
        ("enforce_position_limits", "max_positions_per_bucket"),
        ("enforce_allocation_limits", "max_allocation_per_bucket"),
        ("enforce_min_buckets", "min_buckets_represented"),
    ],
)
def test_a_bucket_limit_that_a_switch_lifts(switch: str, name: str) -> None:
    limits = RebalancingLimits(**ON, **{switch: False, name: 0.5 if "allocation" in name else 5})
    assert codes(limits)["no_effect"] == f"{name} has no effect while {switch} is false"
    assert "no_effect" not in codes(limits.replace(**{switch: True}))


@pytest.mark.parametrize(("mode", "column"), [("inverse_volatility", "volatility"), ("desired", "desired_weight")])
def test_a_sizing_mode_without_its_column(mode: str, column: str) -> None:
    limits = RebalancingLimits(sizing_mode=mode)
    assert column in codes(limits)["no_sizing_input"]
    assert column in codes(limits, [{**row, column: None} for row in ROWS])["no_sizing_input"]
    assert codes(limits, [{**row, column: 0.2} for row in ROWS]) == {}


NEAR = [
    ("Infomation Technology", "Information Technology"),
    ("Financial", "Financials"),
    ("Equity/Helthcare", "Equity/Healthcare"),
]
FAR = [
    ("Financials", "Industrials"),
    ("Equity/Healthcare", "Bond/Healthcare"),
    ("Bonds 2030", "Bonds 2031"),
    ("Gold", "Bold"),
    ("Tech", "Tech"),
    ("Unknown", "Unknowns"),
]


@pytest.mark.parametrize(("bucket", "limited"), NEAR)
def test_a_bucket_near_one_with_a_limit(bucket: str, limited: str) -> None:
    limits = RebalancingLimits(**ON, buckets={limited: {"max_positions": 1}})
    rows = [{"asset": "A", "score": 0.9, "bucket": bucket}, {"asset": "B", "score": 0.9, "bucket": limited}]
    assert repr(limited) in codes(limits, rows)["near_bucket"]
    assert "near_bucket" in {note.code for note in trimtab.rebalance(rows, limits).notes}
    assert "near_bucket" in {finding.code for finding in trimtab.check(rows, limits).warnings}
    assert "near_bucket" not in codes(limits.replace(known_buckets=[bucket]), rows)
    assert "near_bucket" not in codes(limits.replace(buckets={bucket: {}, limited: {}}), rows)


@pytest.mark.parametrize(("bucket", "limited"), FAR)
def test_a_bucket_far_from_those_with_a_limit(bucket: str, limited: str) -> None:
    limits = RebalancingLimits(**ON, buckets={limited: {"max_positions": 1}})
    assert list(near_buckets({bucket, limited}, limits)) == []


@pytest.mark.parametrize(
    ("bucket", "limits", "is_said"), [("", ON, True), ("X", ON, False), ("", {}, False)], ids=["none", "one", "off"]
)
def test_bucket_limits_without_a_bucket(bucket: str, limits: dict[str, Any], is_said: bool) -> None:
    rows = [{**ROWS[0], "bucket": ""}, {**ROWS[1], "bucket": bucket}]
    assert ("all_unknown" in codes(RebalancingLimits(**limits), rows)) is is_said


@pytest.mark.parametrize("bucket", [None, "", "N/A", "-"])
def test_buckets_that_are_all_empty_are_not_given(bucket: str | None) -> None:
    rows = [{**row, "bucket": bucket} for row in ROWS]
    assert "buckets_off" not in codes(RebalancingLimits(), rows)
    assert "buckets_off" in codes(RebalancingLimits(), [*rows, {"asset": "C", "score": 0.7, "bucket": "Tech"}])
