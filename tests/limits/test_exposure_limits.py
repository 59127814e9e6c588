"""Limits of exposures: made, refused, written, described; and in regimes."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import jsonschema
import pytest

from trimtab import RebalancingLimits, rebalance
from trimtab.errors import LimitsError
from trimtab.limits.exposure_limits import ConcentrationLimit, ExposureLimit, SchemeLimits, limits_exposures
from trimtab.limits.in_words import rule_sheet
from trimtab.limits.json_schema import limits_schema
from trimtab.limits.without_effect import settings_without_effect

COUNTRY = {
    "max_exposure": 0.4,
    "ignore_below": 0.005,
    "buckets": {"US": {"max_exposure": 0.6}, "Asia/Japan": {"max_exposure": 0.2, "min_exposure": 0.05}},
}


def limits_of(**fields: Any) -> RebalancingLimits:
    return RebalancingLimits(exposures={"country": COUNTRY}, **fields)


def test_fields_become_frozen_limits() -> None:
    country = limits_of().exposures["country"]
    assert country.buckets["US"] == ExposureLimit(max_exposure=0.6)
    with pytest.raises(AttributeError):
        country.max_exposure = 0.5  # type: ignore[misc]
    with pytest.raises(TypeError):
        country.buckets["US"] = ExposureLimit()  # type: ignore[index]


@pytest.mark.parametrize(
    ("path", "in_force"),
    [
        ("US", (0.6, None)),
        ("Asia", (0.4, None)),
        ("Asia/Japan", (0.2, 0.05)),
        ("Asia/Korea", (None, None)),
        ("Unknown", (0.4, None)),
    ],
)
def test_each_field_of_a_bucket_replaces_that_of_the_scheme(
    path: str, in_force: tuple[float | None, float | None]
) -> None:
    assert limits_of().exposures["country"].limits_at(path, "/") == in_force


def test_free_unknown_has_no_limit() -> None:
    country = SchemeLimits(max_exposure=0.4, unknown="free")
    assert country.limits_at("Unknown", "/") == country.limits_at("Unknown/Cash", "/") == (None, None)


@pytest.mark.parametrize("regime", [None, "Deflation"])
def test_limits_survive_toml_json_pickle_and_copies(regime: str | None) -> None:
    limits = limits_of(
        concentration={"issuer": {"small": 0.05, "largest": 0.25, "together": 0.5}},
        known_buckets=("country:Peru",),
        regimes={"Deflation": {"exposures": {"country": {"buckets": {"US": {"max_exposure": 0.3}}}}}},
        regime=regime,
    )
    assert RebalancingLimits.from_toml_text(limits.to_toml()) == limits
    assert RebalancingLimits.from_dict(json.loads(json.dumps(limits.to_dict()))) == limits
    for again in (pickle.loads(pickle.dumps(limits)), copy.deepcopy(limits), limits.replace()):
        assert again == limits
        assert again.exposures == limits.exposures
    assert pickle.loads(pickle.dumps(limits.exposures["country"])) == limits.exposures["country"]
    jsonschema.validate(limits.to_dict(), limits_schema())


def test_a_regime_replaces_single_fields_of_single_buckets() -> None:
    limits = limits_of(
        regimes={"Crisis": {"exposures": {"country": {"buckets": {"US": {"max_exposure": 0.3}}, "unknown": "free"}}}}
    )
    crisis = limits.in_regime("Crisis")
    assert crisis.exposures["country"].buckets["US"].max_exposure == 0.3
    assert crisis.exposures["country"].max_exposure == 0.4
    assert [(change.name, change.general, change.in_force) for change in crisis.changed] == [
        ("exposures['country'].buckets['US'].max_exposure", 0.6, 0.3),
        ("exposures['country'].unknown", "limit", "free"),
    ]


FAULTS = [
    ({"exposures": 3}, "exposures must map a scheme's name to its limits (received 3)"),
    ({"exposures": {3: {}}}, "exposures[3]: a scheme's name must be text"),
    (
        {"exposures": {"country": 0.4}},
        "exposures['country'] must be a table with max_exposure, unknown, ignore_below, buckets",
    ),
    ({"exposures": {"country": {"max_exposur": 0.4}}}, "unknown field 'max_exposur': did you mean 'max_exposure'?"),
    (
        {"exposures": {"country": {"max_exposure": 40}}},
        "max_exposure must be between 0 and 1 (received 40): looks like a percent",
    ),
    ({"exposures": {"country": {"unknown": "open"}}}, "unknown must be one of limit, free"),
    (
        {"exposures": {"country": {"buckets": {"US": {"max_exposure": 0.1, "min_exposure": 0.2}}}}},
        "buckets['US']: min_exposure 0.2 is above",
    ),
    (
        {"exposures": {"country": {"max_exposure": 0.1, "buckets": {"US": {"min_exposure": 0.2}}}}},
        "adds up to 0.2, above max_exposure 0.1",
    ),
    (
        {"exposures": {"country": {"buckets": {"Asia": {"max_exposure": 0.1}, "Asia/Japan": {"min_exposure": 0.2}}}}},
        "buckets['Asia']: min_exposure there and below adds up to 0.2, above max_exposure 0.1",
    ),
    (
        {"exposures": {"country": {"buckets": {"US": {"min_exposure": 0.5}, "Asia/Japan": {"min_exposure": 0.5}}}}},
        "min_exposure adds up to 1 over all buckets, above target_invested 0.95",
    ),
    ({"exposures": {"country": {"buckets": {"US//East": {}}}}}, "the path 'US//East' has an empty part"),
    ({"exposures": {"country": {"buckets": {"unknown": {}}}}}, "write 'Unknown'"),
    ({"exposures": {"country": {"buckets": {"US": {}, "us": {}}}}}, "'us' and 'US' differ only in case"),
    (
        {"exposures": {"country": {"unknown": "free", "buckets": {"Unknown": {"max_exposure": 0.1}}}}},
        'unknown "free" lifts every limit',
    ),
    ({"exposures": {"country": {}, "Country": {}}}, "'Country' and 'country' differ only in case"),
    ({"exposures": {"a:b": {}}}, "the scheme 'a:b' must be a name without spaces around it and without a colon"),
    ({"exposures": {" ": {}}}, "the scheme ' ' must be a name"),
    ({"exposures": {"country": {"buckets": {3: {}}}}}, "buckets[3]: a bucket's path must be text"),
    ({"concentration": {"issuer": {"small": 0.2, "largest": 0.1}}}, "must be above 0 and in this order"),
    ({"concentration": {"issuer": {"largest": 2}}}, "largest must be between 0 and 1 (received 2)"),
]


@pytest.mark.parametrize(("fields", "text"), FAULTS)
def test_contradictions_are_refused(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(LimitsError) as caught:
        RebalancingLimits(**fields)
    assert text in str(caught.value)


def test_minima_inside_each_other_count_once() -> None:
    inside = {"Asia": {"min_exposure": 0.5}, "Asia/Japan": {"min_exposure": 0.4}, "US": {"min_exposure": 0.45}}
    assert (
        RebalancingLimits(exposures={"country": {"buckets": inside}}).exposures["country"].buckets["Asia"].min_exposure
        == 0.5
    )


def test_switched_off_minima_may_contradict() -> None:
    own = {"country": {"max_exposure": 0.1, "buckets": {"US": {"min_exposure": 0.2}}}}
    limits = RebalancingLimits(exposures=own, enforce_exposure_limits=False)
    assert not limits_exposures(limits)
    assert list(settings_without_effect(limits)) == ["exposures has no effect while enforce_exposure_limits is false"]
    assert not list(settings_without_effect(RebalancingLimits(enforce_exposure_limits=False)))


def test_in_words() -> None:
    def sheet(limits: RebalancingLimits) -> tuple[str, ...]:
        return next(section.sentences for section in rule_sheet(limits) if section.title == "Exposures")

    limits = RebalancingLimits(
        exposures={
            "country": COUNTRY,
            "currency": {"unknown": "free", "buckets": {"USD": {}}},
            "issuer": {"max_exposure": 0.1, "unknown": "free"},
        },
        concentration={"issuer": ConcentrationLimit()},
    )
    assert sheet(limits) == (
        "country: hold at most 40% in each bucket, Unknown included.",
        "country: US: at most 60%.",
        "country: Asia/Japan: at most 20%, at least 5%, if its candidates can hold it.",
        "country: fractions below 0.5% count as Unknown.",
        "currency: Unknown is free.",
        "currency: USD: no limit of its own.",
        "issuer: hold at most 10% in each bucket, Unknown is free.",
        "issuer: hold at most 10% in each bucket, and at most 40% in all that weigh more than 5%.",
    )
    assert sheet(limits.replace(enforce_exposure_limits=False)) == (
        "Exposures are not limited (enforce_exposure_limits is off).",
    )


def test_known_buckets_of_a_scheme_are_none_of_the_tree() -> None:
    limits = limits_of(known_buckets=("country:Peru", "Tech"), enable_bucket_diversification=True)
    result = rebalance([{"asset": "A", "score": 0.9, "bucket": "Bond"}], limits.replace(enforce_exposure_limits=False))
    assert [bucket.path for bucket in result.buckets] == ["Bond", "Tech"]


def test_given_weights_are_proportions_and_the_total_is_sought() -> None:
    rows = [
        {"asset": name, "score": 0.9, "desired_weight": size} for name, size in (("A", 0.1), ("B", 0.3), ("C", 0.0))
    ]
    limits = RebalancingLimits(sizing_mode="given", max_position_weight=0.8)
    result = rebalance(rows, limits)
    assert [row["target_weight"] for row in result.targets] == pytest.approx([0.2375, 0.7125, 0.0], abs=1e-15)
    assert result.targets[2]["reason"] == "min_position_capacity"
    assert "a share in proportion to its desired_weight" in result.details()[0]
    assert 'its desired_weight is 0 (sizing_mode "given")' in result.details()[2]
