"""The limits object: fields, checks, the texts it is read from and written to."""

from __future__ import annotations

import dataclasses
import math
import pickle
import random
import tomllib
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import jsonschema
import numpy as np
import pytest
from cases import random_limits

import trimtab
from trimtab.errors import LimitsError
from trimtab.limits.bucket_limit import BucketLimit
from trimtab.limits.json_schema import limits_schema
from trimtab.limits.old_names import OLD_NAMES
from trimtab.limits.plan_settings import PLAN_SETTINGS
from trimtab.limits.presets import preset_names, preset_text
from trimtab.limits.rebalancing_limits import SIZING_MODES, RebalancingLimits, limit_fields

if TYPE_CHECKING:
    from pathlib import Path

DEFAULTS = {  # the rules, section 2
    "max_total_positions": 10,
    "max_new_positions": 3,
    "min_score_threshold": 0.6,
    "min_score_diversification": 0.6,
    "min_score_new_position": 0.65,
    "target_invested": 0.95,
    "full_investment_positions": None,
    "max_position_weight": 0.2,
    "min_position_weight": 0.02,
    "enable_bucket_diversification": False,
    "max_positions_per_bucket": 4,
    "max_allocation_per_bucket": 0.4,
    "min_buckets_represented": 2,
    "allow_bucket_overflow": False,
    "enforce_position_limits": True,
    "enforce_allocation_limits": True,
    "enforce_min_buckets": True,
    "max_correlation": None,
    "bucket_level": 1,
    "bucket_separator": "/",
    "known_buckets": [],
    "buckets": {},
    "exposures": {},
    "enforce_exposure_limits": True,
    "concentration": {},
    "regime": None,
    "regimes": {},
    "sizing_mode": "equal_weight",
    "residual_strategy": "proportional",
    "no_trade_band": 0.2,
    "min_trade": 0.001,
    "cash_band": 0.02,
    "drift_tolerance": 0.0,
    "dust_weight": 0.001,
    "unscored_positions": "hold",
    "unknown_bucket": "limit",
    "brake_sold_weight": None,
    "brake_closed_positions": None,
    "on_unmet": "report",
}
ON = {"enable_bucket_diversification": True}


def faults(**values: Any) -> tuple[str, ...]:
    with pytest.raises(LimitsError) as caught:
        RebalancingLimits.from_dict(values)
    return caught.value.faults


def the_fault(**values: Any) -> str:
    (sentences,) = faults(**values)
    return sentences


def same(first: RebalancingLimits, other: RebalancingLimits) -> bool:
    """Equal in every value, and in which fields follow from others."""
    return (
        first == other
        and first.derived == other.derived
        and first.to_dict(complete=True) == other.to_dict(complete=True)
    )


# ---- defaults


def test_defaults_are_those_of_the_rules() -> None:
    assert RebalancingLimits().to_dict(complete=True) == DEFAULTS
    assert list(DEFAULTS) == [known.name for known in limit_fields()]


def test_types_are_plain() -> None:
    limits = RebalancingLimits(
        max_total_positions=np.int64(7), target_invested=np.float32(0.5), max_position_weight=1, no_trade_band=0
    )
    assert type(limits.max_total_positions) is int
    assert type(limits.target_invested) is float
    assert type(limits.max_position_weight) is float
    assert type(limits.no_trade_band) is float


def test_frozen() -> None:
    limits = RebalancingLimits()
    with pytest.raises(dataclasses.FrozenInstanceError):
        limits.max_total_positions = 5  # type: ignore[misc]
    with pytest.raises(TypeError):
        limits.buckets["Equity"] = BucketLimit()  # type: ignore[index]


def test_what_came_in_is_not_kept_alive() -> None:
    options = {"Equity": {"max_positions": 2}}
    limits = RebalancingLimits(**ON, buckets=options)
    options["Bond"] = {"max_positions": 1}
    assert set(limits.buckets) == {"Equity"}


def test_hashable_and_equal() -> None:
    first = RebalancingLimits(**ON, buckets={"Equity": {"max_positions": 2}})
    other = RebalancingLimits(**ON, buckets={"Equity": BucketLimit(max_positions=2)})
    assert first == other
    assert hash(first) == hash(other)
    assert first != RebalancingLimits(**ON, buckets={"Equity": {"max_positions": 3}})


def test_positional_arguments_are_refused() -> None:
    with pytest.raises(TypeError):
        RebalancingLimits(10)  # type: ignore[misc]


# ---- single fields

WHOLE = [known.name for known in limit_fields() if known.metadata["kind"] is int]
REAL = [known.name for known in limit_fields() if known.metadata["kind"] is float]
FLAGS = [known.name for known in limit_fields() if known.metadata["kind"] is bool]
CHOICES = [known.name for known in limit_fields() if known.metadata.get("choices")]
OPTIONAL = ["max_correlation", "full_investment_positions", "brake_sold_weight", "brake_closed_positions"]
BY_KEY = ["buckets", "exposures", "concentration"]
UNSET = ["min_score_diversification", "min_score_new_position", "dust_weight"]


def test_every_field_is_in_one_kind() -> None:
    listed = [*WHOLE, *REAL, *FLAGS, *CHOICES, "bucket_separator", "known_buckets", *BY_KEY, "regime", "regimes"]
    assert sorted(listed) == sorted(DEFAULTS)


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("value", [2.5, "2", True, [2], math.nan])
def test_whole_numbers(name: str, value: Any) -> None:
    fault = the_fault(**{name: value})
    assert fault == f"{name} must be a whole number (received {value!r})"


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("value", ["0.5", True, [0.5], 0.5j, Decimal("0.5")])
def test_real_numbers(name: str, value: Any) -> None:
    assert any(faults == f"{name} must be a number (received {value!r})" for faults in faults(**{name: value}))


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1.01, 1.5, 20, 1000])
def test_real_numbers_out_of_range(name: str, value: float) -> None:
    spans = {"no_trade_band": "at least 0 and below 1", "max_correlation": "between -1 and 1"}
    span = spans.get(name, "between 0 and 1")
    rows = [fault for fault in faults(**{name: value}) if fault.startswith(f"{name} must be ")]
    assert len(rows) == 1
    assert f"must be {span} (received {value!r})" in rows[0]


@pytest.mark.parametrize("name", REAL)
def test_a_percent_is_named_where_a_fraction_belongs(name: str) -> None:
    hint = name not in ("no_trade_band", "drift_tolerance")
    assert ("looks like a percent, write 0.2" in faults(**{name: 20})[0]) is hint
    assert "percent" not in faults(**{name: 101})[0]
    assert "percent" not in faults(**{name: -20})[0]


@pytest.mark.parametrize(
    "name", [name for name in WHOLE if name not in ("max_total_positions", "full_investment_positions", "bucket_level")]
)
def test_counts_may_be_zero(name: str) -> None:
    assert getattr(RebalancingLimits(**{name: 0}), name) == 0
    assert the_fault(**{name: -1}) == f"{name} must be at least 0 (received -1)"


@pytest.mark.parametrize("name", ["max_total_positions", "full_investment_positions", "bucket_level"])
def test_counts_that_start_at_one(name: str) -> None:
    assert getattr(RebalancingLimits(**{name: 1}), name) == 1
    assert the_fault(**{name: 0}) == f"{name} must be at least 1 (received 0)"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("target_invested", 0),
        ("target_invested", 1),
        ("max_position_weight", 1),
        ("min_position_weight", 0),
        ("no_trade_band", 0),
        ("no_trade_band", 0.999),
        ("drift_tolerance", 1),
        ("cash_band", 1),
        ("min_trade", 1),
        ("brake_sold_weight", 0),
        ("brake_sold_weight", 1),
        ("max_allocation_per_bucket", 1),
        ("min_score_new_position", 1),
    ],
)
def test_ends_of_ranges_are_allowed(name: str, value: float) -> None:
    assert getattr(RebalancingLimits(**{name: value}), name) == value


def test_the_band_is_below_one() -> None:
    assert "below 1 (received 1)" in the_fault(no_trade_band=1)


@pytest.mark.parametrize("name", FLAGS)
@pytest.mark.parametrize("value", [0, 1, "true", "false", None])
def test_flags(name: str, value: Any) -> None:
    expected = "must have a value (received None)" if value is None else f"must be true or false (received {value!r})"
    assert the_fault(**{name: value}) == f"{name} {expected}"


@pytest.mark.parametrize("name", CHOICES)
def test_choices(name: str) -> None:
    choices = next(known.metadata["choices"] for known in limit_fields() if known.name == name)
    for choice in choices:
        assert getattr(RebalancingLimits(**{name: choice}), name) == choice
    near = the_fault(**{name: choices[0][:-1]})
    assert near.startswith(f"{name} must be one of {', '.join(choices)} (received ")
    assert near.endswith(f"did you mean {choices[0]!r}?")
    assert the_fault(**{name: 5}) == f"{name} must be text (received 5)"
    assert the_fault(**{name: ""}).startswith(f"{name} must be one of ")
    assert the_fault(**{name: None}) == f"{name} must have a value (received None)"


def test_sizing_modes() -> None:
    assert SIZING_MODES == ("equal_weight", "score_weighted", "adaptive", "inverse_volatility", "desired", "given")


def test_separator_may_be_empty() -> None:
    assert RebalancingLimits(bucket_separator="").bucket_separator == ""
    assert RebalancingLimits(bucket_separator=None).bucket_separator == ""  # type: ignore[arg-type]
    assert the_fault(bucket_separator=5) == "bucket_separator must be text (received 5)"


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in DEFAULTS
        if name not in [*OPTIONAL, *UNSET, *OLD_NAMES, "bucket_separator", *BY_KEY, "regime", "regimes"]
    ],
)
def test_none_is_refused(name: str) -> None:
    assert the_fault(**{name: None}) == f"{name} must have a value (received None)"


@pytest.mark.parametrize("name", OPTIONAL)
def test_none_means_no_limit(name: str) -> None:
    assert getattr(RebalancingLimits(**{name: None}), name) is None


@pytest.mark.parametrize("name", UNSET)
def test_none_means_unset(name: str) -> None:
    assert same(RebalancingLimits(**{name: None}), RebalancingLimits())


def test_known_buckets() -> None:
    assert RebalancingLimits(**ON, known_buckets=["Bond", "Equity/Tech"]).known_buckets == ("Bond", "Equity/Tech")
    assert RebalancingLimits(**ON, known_buckets=(name for name in ["Bond"])).known_buckets == ("Bond",)
    assert the_fault(known_buckets="Bond") == "known_buckets must be a list of names (received 'Bond')"
    assert the_fault(known_buckets=3) == "known_buckets must be a list of names (received 3)"
    assert the_fault(known_buckets=["Bond", 3]) == "known_buckets must be a list of names (received 3 in it)"


# ---- unknown fields, many faults


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("max_position_per_bucket", "max_positions_per_bucket"),
        ("Max_Total_Positions", "max_total_positions"),
        ("min_score_threshhold", "min_score_threshold"),
        ("no_trade_bands", "no_trade_band"),
        ("known_bucket", "known_buckets"),
        ("derived", None),  # a field of the object, but not of the limits
    ],
)
def test_unknown_field(name: str, near: str | None) -> None:
    fault = the_fault(**{name: 1})
    assert fault.startswith(f"unknown field {name!r}: ")
    if near:
        assert fault.endswith(f"did you mean {near!r}?")


def test_unknown_field_far_from_all() -> None:
    fault = the_fault(zzzzzz=1)
    assert fault.startswith("unknown field 'zzzzzz': known: 'allow_bucket_overflow', 'brake_closed_positions'")
    assert fault.endswith(", …")


def test_all_faults_at_once() -> None:
    sentences = faults(
        max_total_positons=1,
        max_new_positions=-1,
        target_invested=95,
        sizing_mode="equal",
        buckets={"Equity": {"max_positions": "two", "max_alocation": 0.2, "min_allocation": 7}, "Bond": 3},
    )
    assert [fault.split(" ")[0] for fault in sentences] == [
        "unknown",
        "max_new_positions",
        "target_invested",
        "sizing_mode",
        "buckets['Equity']:",
        "buckets['Equity']:",
        "buckets['Equity']:",
        "buckets['Bond']",
    ]


def test_the_error_counts_and_lists() -> None:
    with pytest.raises(LimitsError, match=r"^my\.toml: 2 faults in the limits:\n  - max_n.*\n  - target_i") as caught:
        RebalancingLimits.from_dict({"max_new_positions": -1, "target_invested": 2}, source="my.toml")
    assert caught.value.source == "my.toml"
    with pytest.raises(LimitsError, match=r"^max_new_positions must be"):
        RebalancingLimits(max_new_positions=-1)


def test_unknown_field_in_the_constructor() -> None:
    with pytest.raises(LimitsError, match="did you mean 'max_total_positions'") as caught:
        RebalancingLimits(max_total_positons=1, max_new_positions=-1)  # type: ignore[call-arg]
    assert len(caught.value.faults) == 2


@pytest.mark.parametrize("value", [10**30, 10**400])
def test_counts_beyond_reason(value: int) -> None:
    assert the_fault(max_total_positions=value).startswith("max_total_positions must be at most 1,000,000,000")


def test_an_aim_below_one_position() -> None:
    assert "no position fits" in the_fault(target_invested=0.01)


# ---- fields that follow from others

SCORES = ("min_score_threshold", "min_score_diversification", "min_score_new_position")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (0.6, 0.6, 0.65)),
        ({"min_score_threshold": 0.5}, (0.5, 0.6, 0.65)),
        ({"min_score_threshold": 0.62}, (0.62, 0.62, 0.65)),
        ({"min_score_threshold": 0.7}, (0.7, 0.7, 0.7)),
        ({"min_score_threshold": 1}, (1.0, 1.0, 1.0)),
        ({"min_score_diversification": 0.8}, (0.6, 0.8, 0.8)),
        ({"min_score_diversification": 0.61}, (0.6, 0.61, 0.65)),
        ({"min_score_new_position": 0.6}, (0.6, 0.6, 0.6)),
        (
            {"min_score_threshold": 0.5, "min_score_diversification": 0.5, "min_score_new_position": 0.5},
            (0.5, 0.5, 0.5),
        ),
        ({"min_score_threshold": 0.7, "min_score_new_position": 0.7}, (0.7, 0.7, 0.7)),
    ],
)
def test_unset_scores_are_raised(fields: dict[str, float], expected: tuple[float, ...]) -> None:
    limits = RebalancingLimits(**fields)
    assert tuple(getattr(limits, name) for name in SCORES) == expected


@pytest.mark.parametrize(
    ("fields", "upper", "lower"),
    [
        ({"min_score_threshold": 0.7, "min_score_diversification": 0.6}, SCORES[1], SCORES[0]),
        ({"min_score_new_position": 0.5}, SCORES[2], SCORES[1]),
        ({"min_score_threshold": 0.7, "min_score_new_position": 0.65}, SCORES[2], SCORES[1]),
        ({"min_score_diversification": 0.8, "min_score_new_position": 0.7}, SCORES[2], SCORES[1]),
        ({"min_score_diversification": 0.5}, SCORES[1], SCORES[0]),
    ],
)
def test_set_scores_out_of_order(fields: dict[str, float], upper: str, lower: str) -> None:
    fault = the_fault(**fields)
    assert fault.startswith(f"{upper} ")
    assert f" is below {lower} " in fault


def test_two_breaks_of_the_order() -> None:
    sentences = faults(min_score_threshold=0.9, min_score_diversification=0.8, min_score_new_position=0.7)
    assert [fault.split()[0] for fault in sentences] == [SCORES[1], SCORES[2]]


@pytest.mark.parametrize(("min_weight", "dust"), [(0.02, 0.001), (0.001, 0.001), (0.0005, 0.0005), (0.0, 0.0)])
def test_unset_dust_follows_the_minimum(min_weight: float, dust: float) -> None:
    assert RebalancingLimits(min_position_weight=min_weight).dust_weight == dust


def test_dust_above_the_minimum() -> None:
    assert the_fault(dust_weight=0.03).startswith("dust_weight 0.03 is above min_position_weight 0.02: ")
    assert RebalancingLimits(dust_weight=0.02).dust_weight == 0.02
    assert RebalancingLimits(dust_weight=0).dust_weight == 0


# ---- contradictions

EQUITY_BOND = {"Equity": {"min_allocation": 0.3}, "Bond": {"min_allocation": 0.4}}
CONTRADICTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "flat names with levels": (
        {"enable_bucket_diversification": True, "bucket_level": 2, "bucket_separator": ""},
        "bucket_level is 2, but without bucket_separator a name has only one level: write 1, or give the separator",
    ),
    "minimum above maximum weight": (
        {"min_position_weight": 0.3},
        "min_position_weight 0.3 is above max_position_weight 0.2: no position is possible; lower it or raise max_position_weight",
    ),
    "buckets while off": (
        {"buckets": {"Equity": {"max_positions": 1}}},
        "buckets has limits, but enable_bucket_diversification is false",
    ),
    "general allocation below a position": (
        {**ON, "max_allocation_per_bucket": 0.01},
        "max_allocation_per_bucket 0.01 is below min_position_weight 0.02",
    ),
    "allocation of a bucket below a position": (
        {**ON, "buckets": {"Equity": {"max_allocation": 0.01}}},
        "buckets['Equity']: max_allocation 0.01 is below min_position_weight 0.02",
    ),
    "minima above the aim": (
        {**ON, "target_invested": 0.6, "buckets": EQUITY_BOND},
        "min_allocation adds up to 0.7 over all buckets, above target_invested 0.6",
    ),
    "minimum above the general maximum": (
        {**ON, "buckets": {"Equity": {"min_allocation": 0.5}}},
        "buckets['Equity']: min_allocation there and below adds up to 0.5, above max_allocation_per_bucket 0.4",
    ),
    "minimum above its maximum": (
        {**ON, "buckets": {"Equity": {"min_allocation": 0.3, "max_allocation": 0.2}}},
        "buckets['Equity']: min_allocation 0.3 is above max_allocation 0.2",
    ),
    "minima of children above their parent": (
        {
            **ON,
            "buckets": {
                "Equity": {"max_allocation": 0.25},
                "Equity/Tech": {"min_allocation": 0.2},
                "Equity/Health": {"min_allocation": 0.1},
            },
        },
        "buckets['Equity']: min_allocation there and below adds up to 0.3, above max_allocation 0.25",
    ),
    "a minimum two levels down": (
        {**ON, "buckets": {"Equity/Tech": {"max_allocation": 0.2}, "Equity/Tech/Semis/Fabs": {"min_allocation": 0.3}}},
        "buckets['Equity/Tech']: min_allocation there and below adds up to 0.3, above max_allocation 0.2",
    ),
    "a minimum below the level under the general maximum": (
        {**ON, "bucket_level": 2, "buckets": {"Equity/Tech/Semis": {"min_allocation": 0.5}}},
        "buckets['Equity/Tech']: min_allocation there and below adds up to 0.5, above max_allocation_per_bucket 0.4",
    ),
    "Unknown's minimum": (
        {**ON, "bucket_level": 2, "buckets": {"Unknown/Foo": {"min_allocation": 0.5}}},
        "buckets['Unknown']: min_allocation there and below adds up to 0.5, above max_allocation_per_bucket 0.4",
    ),
    "minima sum over nested nodes": (
        {
            **ON,
            "target_invested": 0.5,
            "buckets": {
                "Equity": {"min_allocation": 0.1},
                "Equity/Tech": {"min_allocation": 0.2},
                "Equity/Health": {"min_allocation": 0.15},
                "Bond": {"min_allocation": 0.2},
            },
        },
        "min_allocation adds up to 0.55 over all buckets, above target_invested 0.5",
    ),
    "bucket above the level": (
        {**ON, "bucket_level": 2, "buckets": {"Equity": {"max_positions": 2}}},
        "buckets['Equity'] is above bucket_level 2",
    ),
    "empty part": ({**ON, "buckets": {"Equity//Tech": {}}}, "buckets: the path 'Equity//Tech' has an empty part"),
    "blank part": ({**ON, "buckets": {"Equity/ ": {}}}, "buckets: the path 'Equity/ ' has an empty part"),
    "empty path": ({**ON, "buckets": {"": {}}}, "buckets: the path '' has an empty part"),
    "empty part in known_buckets": (
        {**ON, "known_buckets": ["/Equity"]},
        "known_buckets: the path '/Equity' has an empty part",
    ),
    "Unknown in another spelling": (
        {**ON, "buckets": {"unknown": {}}},
        "buckets: 'unknown' is another spelling of the reserved bucket 'Unknown'",
    ),
    "Unknown with spaces in known_buckets": (
        {**ON, "known_buckets": [" Unknown/Foo"]},
        "known_buckets: ' Unknown/Foo' is another spelling of the reserved bucket 'Unknown'",
    ),
    "two spellings of a bucket": (
        {**ON, "buckets": {"Tech": {}, "tech ": {}}},
        "buckets: 'tech ' and 'Tech' differ only in case, spaces, punctuation or invisible signs",
    ),
    "two spellings across fields": (
        {**ON, "buckets": {"Tech": {}}, "known_buckets": ["TECH"]},
        "known_buckets: 'TECH' and 'Tech' differ only in case, spaces, punctuation or invisible signs",
    ),
    "limits for Unknown that is held": (
        {**ON, "unknown_bucket": "hold", "buckets": {"Unknown/Foo": {"max_positions": 1}}},
        "buckets['Unknown/Foo'] has limits, but unknown_bucket \"hold\"",
    ),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_contradiction(name: str) -> None:
    values, expected = CONTRADICTIONS[name]
    assert the_fault(**values).startswith(expected)


def test_contradictions_are_reported_together() -> None:
    sentences = faults(
        **ON, min_position_weight=0.3, dust_weight=0.31, min_score_new_position=0.5, buckets={"A//B": {}}
    )
    assert len(sentences) == 4


@pytest.mark.parametrize(
    "values",
    [
        {**ON, "max_allocation_per_bucket": 0},  # 0 closes the bucket on purpose
        {**ON, "buckets": {"Equity": {"max_allocation": 0}}},
        {**ON, "max_allocation_per_bucket": 0.02},
        {"max_allocation_per_bucket": 0.01},  # off: it says nothing
        {**ON, "enforce_allocation_limits": False, "max_allocation_per_bucket": 0.01},
        {**ON, "enforce_allocation_limits": False, "target_invested": 0.6, "buckets": EQUITY_BOND},
        {**ON, "target_invested": 0.7, "buckets": EQUITY_BOND},
        {**ON, "buckets": {"Equity": {"min_allocation": 0.5, "max_allocation": 0.5}}},
        {
            **ON,
            "buckets": {
                "Equity": {"max_allocation": 0.3},
                "Equity/Tech": {"min_allocation": 0.1},
                "Equity/Health": {"min_allocation": 0.2},
            },
        },
        {
            **ON,
            "target_invested": 0.3,
            "buckets": {"Equity": {"min_allocation": 0.3}, "Equity/Tech": {"min_allocation": 0.3}},
        },
        {**ON, "bucket_level": 2, "buckets": {"Unknown": {"max_positions": 2}}},  # Unknown stands at every level
        # the general maximum stands at Unknown, not at Unknown/Foo, whatever the level
        {
            **ON,
            "bucket_level": 2,
            "buckets": {"Unknown": {"max_allocation": 0.6}, "Unknown/Foo": {"min_allocation": 0.5}},
        },
        {**ON, "bucket_level": 2, "known_buckets": ["Equity"]},
        {**ON, "unknown_bucket": "hold", "known_buckets": ["Unknown/Foo"]},
        {**ON, "bucket_separator": "", "buckets": {"A//B": {"max_positions": 1}, "/": {"max_positions": 1}}},
        {**ON, "buckets": {"Tech": {}, "Equity/Tech": {}}},
        {"min_position_weight": 0.2, "max_position_weight": 0.2},
        {"known_buckets": ["A//B"]},  # off: it says nothing
    ],
)
def test_no_contradiction(values: dict[str, Any]) -> None:
    assert RebalancingLimits.from_dict(values)


def test_the_sum_of_minima_may_round() -> None:
    """0.1 + 0.2 is above 0.3 as a float."""
    buckets = {"A": {"min_allocation": 0.1}, "B": {"min_allocation": 0.2}}
    assert RebalancingLimits(**ON, target_invested=0.3, buckets=buckets)


# ---- buckets


@pytest.mark.parametrize(
    ("buckets", "expected"),
    [
        (["Equity"], "buckets must map a bucket's path to its limits (received ['Equity'])"),
        (None, "buckets must map a bucket's path to its limits (received None)"),
        ({1: {}}, "buckets[1]: a bucket's path must be text"),
        (
            {"Equity": 3},
            "buckets['Equity'] must be a table with max_positions, max_allocation, min_allocation (received 3)",
        ),
        (
            {"Equity": {"max_position": 3}},
            "buckets['Equity']: unknown field 'max_position': did you mean 'max_positions'?",
        ),
        ({"Equity": {"max_positions": -1}}, "buckets['Equity']: max_positions must be at least 0 (received -1)"),
        ({"Equity": {"max_positions": 1.5}}, "buckets['Equity']: max_positions must be a whole number (received 1.5)"),
        (
            {"Equity": {"max_allocation": 25}},
            "buckets['Equity']: max_allocation must be between 0 and 1 (received 25): looks like a percent, write 0.25",
        ),
        (
            {"Equity": {"min_allocation": math.nan}},
            "buckets['Equity']: min_allocation must be between 0 and 1 (received nan)",
        ),
    ],
)
def test_bucket_faults(buckets: Any, expected: str) -> None:
    assert the_fault(**ON, buckets=buckets) == expected


def test_bucket_limit_alone() -> None:
    assert BucketLimit() == BucketLimit(max_positions=None, max_allocation=None, min_allocation=None)
    assert type(BucketLimit(max_allocation=1).max_allocation) is float
    with pytest.raises(LimitsError) as caught:
        BucketLimit(max_positions="2", max_allocation=2)  # type: ignore[arg-type]
    assert len(caught.value.faults) == 2
    with pytest.raises(LimitsError, match=r"min_allocation 0\.5 is above max_allocation 0\.4: "):
        BucketLimit(min_allocation=0.5, max_allocation=0.4)


# ---- replace, dict, pickle, TOML


def test_replace_changes_only_what_is_named() -> None:
    limits = RebalancingLimits(**ON, max_total_positions=7, buckets={"Equity": {"max_positions": 2}})
    changed = limits.replace(max_new_positions=1)
    assert changed.to_dict() == {**limits.to_dict(), "max_new_positions": 1}
    assert limits.max_new_positions == 3


def test_replace_lets_unset_fields_follow() -> None:
    assert RebalancingLimits().replace(min_score_threshold=0.7).min_score_new_position == 0.7
    assert RebalancingLimits().replace(min_position_weight=0.0).dust_weight == 0.0
    raised = RebalancingLimits(min_score_threshold=0.7)
    assert raised.replace(min_score_threshold=0.5).min_score_new_position == 0.65


def test_replace_does_not_move_set_fields() -> None:
    limits = RebalancingLimits(min_score_new_position=0.65)
    with pytest.raises(LimitsError, match=r"min_score_new_position 0\.65 is below"):
        limits.replace(min_score_threshold=0.7)


def test_replace_checks() -> None:
    with pytest.raises(LimitsError, match="did you mean 'max_new_positions'"):
        RebalancingLimits().replace(max_new_position=1)


def test_to_dict_has_what_was_set() -> None:
    assert RebalancingLimits().to_dict() == {}
    options = {**ON, "known_buckets": ["Bond"], "buckets": {"Equity": {"max_positions": 2}}, "brake_sold_weight": 0.3}
    assert RebalancingLimits.from_dict(options).to_dict() == options
    # set to the value it would have had anyway: it is set, and stays so
    assert RebalancingLimits(min_score_new_position=0.65).to_dict() == {"min_score_new_position": 0.65}


MANY = [random_limits(random.Random(seed)) for seed in range(150)]
ROUND_TRIPS = [
    *(RebalancingLimits.preset(name) for name in preset_names()),
    RebalancingLimits(),
    RebalancingLimits(
        min_score_threshold=0.9, full_investment_positions=4, brake_sold_weight=0.1, brake_closed_positions=0
    ),
    RebalancingLimits(**ON, bucket_separator="", buckets={'a "quoted" [name] = é\\': {"max_positions": 1}, "b.c": {}}),
    *MANY,
]


def test_round_trips() -> None:
    for limits in ROUND_TRIPS:
        assert same(RebalancingLimits.from_dict(limits.to_dict()), limits)
        assert same(pickle.loads(pickle.dumps(limits)), limits)
        assert same(limits.replace(), limits)
        assert RebalancingLimits.from_dict(limits.to_dict(complete=True)) == limits
        assert RebalancingLimits.from_toml_text(limits.to_toml()) == limits


def test_toml_text_is_valid_and_explains_every_field() -> None:
    for limits in ROUND_TRIPS[:12]:
        text = limits.to_toml()
        values = tomllib.loads(text)
        assert RebalancingLimits.from_dict(values) == limits
        lines = text.splitlines()
        for known in limit_fields():
            if known.name in (*BY_KEY, "regimes"):
                continue
            here = [index for index, line in enumerate(lines) if line.split(" =")[0] in (known.name, f"# {known.name}")]
            assert len(here) == 1, known.name
            assert lines[here[0] - 1].startswith(f"# {known.metadata['doc']}")
            assert all(choice in lines[here[0] - 1] for choice in known.metadata["choices"])
            assert len(known.metadata["doc"]) > 10


def test_the_example_of_buckets_in_toml_works() -> None:
    """Without its comment signs it is what it says; where there are buckets it is not needed."""
    text = RebalancingLimits(enable_bucket_diversification=True).to_toml()
    example = text[text.index("# [buckets") :].replace("# [", "[").replace("\n# ", "\n")
    tech = BucketLimit(max_positions=2, max_allocation=0.25, min_allocation=0.05)
    values = {"enable_bucket_diversification": True, **tomllib.loads(example)}
    assert RebalancingLimits.from_dict(values).buckets == {"Equity/Tech": tech}
    limited = RebalancingLimits(enable_bucket_diversification=True, buckets={"Gold": {}})
    assert "for example" not in limited.to_toml()


def test_toml_shows_none_as_a_comment() -> None:
    assert "\n# brake_sold_weight =\n" in RebalancingLimits().to_toml()
    assert "\nbrake_sold_weight = 0.3\n" in RebalancingLimits(brake_sold_weight=0.3).to_toml()


def test_toml_file(tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    text = '# mine\nenable_bucket_diversification = true\n[buckets."Equity/Tech"]\nmax_positions = 2\nmax_allocation = 0.25\n'
    for data in (text.encode(), b"\xef\xbb\xbf" + text.encode(), text.replace("\n", "\r\n").encode()):
        path.write_bytes(data)
        limits = RebalancingLimits.from_toml(path)
        assert limits.buckets == {"Equity/Tech": BucketLimit(max_positions=2, max_allocation=0.25)}
        assert RebalancingLimits.from_toml(str(path)) == limits


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"max_total_positions = \n", "is not valid TOML: "),
        (b"max_total_positions = 5\nmax_total_positions = 6\n", "is not valid TOML: "),
        (b"[buckets.Equity\n", "is not valid TOML: "),
        (b"\x00\x01\xff\xfe", "is not a text file ("),
        (b"\x89PNG\r\n\x1a\n", "is not a text file ("),
        (b"a = " + b"[" * 3_000, "is not valid TOML: tables or lists are nested too deeply"),
        (b"a = " + b"{a=" * 3_000, "is not valid TOML: tables or lists are nested too deeply"),
        (b"max_total_positions = " + b"9" * 5_000, "is not valid TOML: a number is too long"),
        (b"max_total_position = 5\n", "unknown field 'max_total_position': did you mean 'max_total_positions'?"),
        (b'max_total_positions = "five"\n', "max_total_positions must be a whole number (received 'five')"),
        (b"target_invested = nan\n", "target_invested must be between 0 and 1 (received nan)"),
        (b"buckets = 3\n", "buckets must map a bucket's path to its limits (received 3)"),
    ],
)
def test_bad_toml(tmp_path: Path, data: bytes, expected: str) -> None:
    path = tmp_path / "limits.toml"
    path.write_bytes(data)
    with pytest.raises(LimitsError) as caught:
        RebalancingLimits.from_toml(path)
    assert caught.value.source == str(path)
    assert str(caught.value).startswith(f"{path}: {expected}")


def test_toml_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(LimitsError, match="cannot be read: Is a directory"):
        RebalancingLimits.from_toml(tmp_path)
    with pytest.raises(LimitsError, match="cannot be read: No such file"):
        RebalancingLimits.from_toml(tmp_path / "none.toml")


# ---- presets

PRESETS = {  # the brief's configuration examples
    "conservative": (3, 0.35, 3, False),
    "aggressive": (6, 0.6, 2, True),
    "protection": (2, 0.3, 2, True),
}
ISSUERS = {"issuers-5-10-40": (0.05, 0.1, 0.4), "issuers-25-50": (0.05, 0.25, 0.5)}


def test_presets_of_issuers_are_examples_of_rules() -> None:
    """As many issuers as `together` and `small` allow can be held, so that everything is invested."""
    for name, rule in ISSUERS.items():
        limits, text = RebalancingLimits.preset(name), preset_text(name)
        own = limits.concentration["issuer"]
        assert (own.small, own.largest, own.together) == rule
        assert "An example of the rule to copy and change; it does not say that an account complies" in text
        rows = [{"asset": f"A{number:02}", "score": 0.9} for number in range(limits.max_total_positions)]
        table = [{"asset": row["asset"], "scheme": "issuer", "bucket": row["asset"]} for row in rows]
        result = trimtab.rebalance(rows, limits, exposures=table)
        assert (result.positions, round(result.cash_weight, 9)) == (limits.max_total_positions, 0.05)


def test_presets_are_the_briefs() -> None:
    assert preset_names() == sorted([*PRESETS, *ISSUERS])
    for name, (positions, allocation, represented, overflow) in PRESETS.items():
        assert RebalancingLimits.preset(name) == RebalancingLimits(
            enable_bucket_diversification=True,
            max_positions_per_bucket=positions,
            max_allocation_per_bucket=allocation,
            min_buckets_represented=represented,
            allow_bucket_overflow=overflow,
        )
        assert preset_text(name).startswith("# ")


def test_unknown_preset() -> None:
    with pytest.raises(LimitsError, match=r"^unknown preset 'conservativ': did you mean 'conservative'\?$"):
        RebalancingLimits.preset("conservativ")
    with pytest.raises(
        LimitsError, match=r"^unknown preset 'xyz': known: 'aggressive', 'conservative', 'issuers-25-50', "
    ):
        preset_text("xyz")
    with pytest.raises(LimitsError, match=r"^unknown preset '\.\./presets/aggressive': did you mean 'aggressive'"):
        preset_text("../presets/aggressive")


# ---- the JSON Schema

SCHEMA = jsonschema.Draft202012Validator(limits_schema())


def test_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(limits_schema())
    assert set(limits_schema()["properties"]) == {*DEFAULTS, *OLD_NAMES, *PLAN_SETTINGS}
    for name, field in limits_schema()["properties"].items():
        assert field["description"]
        if name not in [*OPTIONAL, *UNSET, *OLD_NAMES, *PLAN_SETTINGS, "known_buckets", *BY_KEY, "regime", "regimes"]:
            assert field["default"] == DEFAULTS[name]


def test_schema_accepts_what_is_good() -> None:
    for limits in ROUND_TRIPS:
        SCHEMA.validate(limits.to_dict())
        SCHEMA.validate(tomllib.loads(limits.to_toml()))


@pytest.mark.parametrize(
    "values",
    [
        {"max_total_position": 5},
        {"max_total_positions": 0},
        {"max_total_positions": 2.5},
        {"max_total_positions": "5"},
        {"target_invested": 95},
        {"target_invested": -0.1},
        {"target_invested": True},
        {"no_trade_band": 1},
        {"drift_tolerance": 1.5},
        {"sizing_mode": "equal"},
        {"on_unmet": ""},
        {"enable_bucket_diversification": 1},
        {"bucket_separator": 5},
        {"known_buckets": "Bond"},
        {"known_buckets": [3]},
        {"buckets": ["Equity"]},
        {"buckets": {"Equity": 3}},
        {"buckets": {"Equity": {"max_position": 3}}},
        {"buckets": {"Equity": {"max_positions": -1}}},
        {"buckets": {"Equity": {"max_allocation": 1.5}}},
    ],
)
def test_schema_and_object_refuse_the_same(values: dict[str, Any]) -> None:
    assert not SCHEMA.is_valid(values)
    assert faults(**values)
