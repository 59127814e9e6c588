"""Limits of a regime: what is in force, what is refused, and what the certificate says of it."""

from __future__ import annotations

import json
import pickle
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from command_line import run

from trimtab import rebalance
from trimtab.errors import LimitsError
from trimtab.limits.bucket_limit import BucketLimit
from trimtab.limits.json_schema import limits_schema
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.limits.regimes import ChangedLimit, changed_limits, laid_over
from trimtab.rebalancing.result import result_schema

GENERAL: dict[str, Any] = {
    "enable_bucket_diversification": True,
    "min_buckets_represented": 0,
    "max_total_positions": 4,
    "buckets": {"Tech": {"max_positions": 3, "max_allocation": 0.4}},
}
REGIMES: dict[str, Any] = {
    "Deflation": {
        "max_total_positions": 2,
        "min_score_threshold": 0.7,
        "buckets": {"Tech": {"max_positions": 1}, "Bond": {"max_allocation": 0.3}},
    },
    "Reflation": {"sizing_mode": "score_weighted"},
}
LIMITS = RebalancingLimits(**GENERAL, regimes=REGIMES)
CHANGES = (
    ChangedLimit("max_total_positions", 4, 2),
    ChangedLimit("min_score_threshold", 0.6, 0.7),
    ChangedLimit("min_score_diversification", 0.6, 0.7),
    ChangedLimit("min_score_new_position", 0.65, 0.7),
    ChangedLimit("buckets['Bond'].max_allocation", None, 0.3),
    ChangedLimit("buckets['Tech'].max_positions", 3, 1),
)
ROWS = [
    {"asset": f"{bucket[0]}{index}", "bucket": bucket, "score": 0.9 - index / 10}
    for bucket in ("Tech", "Bond")
    for index in range(3)
]


def faults(**values: Any) -> tuple[str, ...]:
    with pytest.raises(LimitsError) as caught:
        RebalancingLimits(**values)
    return caught.value.faults


class TestInForce:
    def test_the_general_ones_without_a_regime(self) -> None:
        assert (LIMITS.regime, LIMITS.max_total_positions, LIMITS.changed) == (None, 4, ())
        assert {**LIMITS.to_dict(), "regimes": {}} == {**RebalancingLimits(**GENERAL).to_dict(), "regimes": {}}

    def test_those_of_the_regime(self) -> None:
        deflation = LIMITS.in_regime("Deflation")
        assert (deflation.regime, deflation.max_total_positions, deflation.sizing_mode) == (
            "Deflation",
            2,
            "equal_weight",
        )
        assert deflation.buckets["Tech"].max_positions == 1
        assert deflation.buckets["Tech"].max_allocation == 0.4
        assert deflation.buckets["Bond"].max_allocation == 0.3
        assert deflation.changed == CHANGES

    def test_unset_fields_follow_those_in_force(self) -> None:
        assert LIMITS.in_regime("Deflation").min_score_new_position == 0.7
        assert "min_score_new_position" in LIMITS.in_regime("Deflation").derived

    def test_from_one_regime_to_another_and_back(self) -> None:
        deflation = LIMITS.in_regime("Deflation")
        reflation = deflation.in_regime("Reflation")
        assert (reflation.max_total_positions, reflation.sizing_mode) == (4, "score_weighted")
        assert deflation.in_regime(None) == LIMITS
        assert deflation.in_regime("Goldilocks") == LIMITS
        assert deflation.in_regime("Unknown").regime is None

    def test_replace_changes_the_general_ones(self) -> None:
        changed = LIMITS.in_regime("Deflation").replace(max_total_positions=9, max_new_positions=1)
        assert (changed.max_total_positions, changed.max_new_positions) == (2, 1)
        assert changed.in_regime(None).max_total_positions == 9

    def test_without_regimes_nothing_is_general(self) -> None:
        assert RebalancingLimits().changed == ()
        assert RebalancingLimits().in_regime("Deflation") == RebalancingLimits()

    def test_a_regime_cannot_be_changed(self) -> None:
        with pytest.raises(TypeError):
            LIMITS.regimes["Deflation"]["max_total_positions"] = 3  # type: ignore[index]

    @pytest.mark.parametrize("regime", [None, "Deflation", "Reflation"])
    def test_round_trips(self, regime: str | None) -> None:
        limits = LIMITS.in_regime(regime)
        for again in (
            RebalancingLimits.from_dict(limits.to_dict()),
            pickle.loads(pickle.dumps(limits)),
            limits.replace(),
            RebalancingLimits.from_toml_text(limits.to_toml()),
        ):
            assert again == limits
            assert hash(again) == hash(limits)
            assert again.in_regime(None) == LIMITS
            assert again.changed == limits.changed


class TestRefused:
    def test_what_is_no_table(self) -> None:
        assert faults(regimes=3) == ("regimes must map a regime to its limits (received 3)",)
        assert faults(regimes=None) == ("regimes must map a regime to its limits (received None)",)
        assert faults(regimes={"A": 3}) == ("regimes['A'] must be a table of limits (received 3)",)
        assert faults(regimes={"": {}}) == ("regimes['']: a regime's name must be text",)

    def test_a_regime_without_limits(self) -> None:
        (fault,) = faults(**GENERAL, regimes=REGIMES, regime="Deflatoin")
        assert fault == "regime 'Deflatoin' is not one of regimes: did you mean 'Deflation'?"
        assert faults(regime="A") == ("regime 'A' is not one of regimes: no names are known",)
        assert faults(regime=5) == ("regime 5 is not one of regimes: no names are known",)

    def test_a_regime_inside_a_regime(self) -> None:
        assert faults(regimes={"A": {"regime": "A", "regimes": {}}}) == (
            "regimes['A']: regimes is not allowed inside a regime: leave it out",
            "regimes['A']: regime is not allowed inside a regime: leave it out",
        )

    def test_every_fault_of_every_regime_at_once(self) -> None:
        """Whether it is in force or not, and where its limits contradict the general ones."""
        sentences = faults(
            max_position_weight=0.1,
            regimes={"A": {"max_total_position": 3, "target_invested": 95}, "B": {"min_position_weight": 0.2}},
        )
        assert sentences[0] == "regimes['A']: unknown field 'max_total_position': did you mean 'max_total_positions'?"
        assert sentences[1].startswith("regimes['A']: target_invested must be between 0 and 1")
        assert sentences[2].startswith("regimes['B']: min_position_weight 0.2 is above max_position_weight 0.1")

    def test_faults_of_the_general_ones(self) -> None:
        assert len(faults(max_total_positions=0, regimes={"A": 3})) == 2


class TestCertificate:
    def test_it_names_each_changed_limit(self) -> None:
        result = rebalance(ROWS, LIMITS.in_regime("Deflation"))
        assert (result.certificate.regime, result.certificate.changed) == ("Deflation", CHANGES)
        assert {row["asset"] for row in result.targets if row["target_weight"] > 0} == {"T0", "B0"}
        general = rebalance(ROWS, LIMITS)
        assert (general.certificate.regime, general.certificate.changed) == (None, ())
        assert sum(row["target_weight"] > 0 for row in general.targets) == 3

    def test_as_json(self) -> None:
        document = json.loads(rebalance(ROWS, LIMITS.in_regime("Deflation")).to_json())
        jsonschema.validate(document, result_schema())
        assert document["regime"]["name"] == "Deflation"
        assert document["regime"]["changed"][0] == {"name": "max_total_positions", "general": 4, "in_force": 2}
        assert document["limits"]["max_total_positions"] == 2
        assert json.loads(rebalance(ROWS, LIMITS).to_json())["regime"] is None

    def test_on_the_command_line(self, tmp_path: Path) -> None:
        limits, rows = tmp_path / "limits.toml", tmp_path / "rows.csv"
        limits.write_text(LIMITS.to_toml())
        rows.write_text("asset,bucket,score\nT0,Tech,0.9\nT1,Tech,0.8\nB0,Bond,0.9\n")
        result = run("rebalance", rows, "--limits", limits, "--set", "regime=Deflation", "--format", "csv")
        assert "max_total_positions is 2 in the regime 'Deflation', 4 in general" in result.stderr.replace("\n", " ")
        assert (
            "buckets['Bond'].max_allocation is 0.3 in the regime 'Deflation', none in general"
            in result.stderr.replace("\n", " ")
        )
        assert "in the regime" not in run("rebalance", rows, "--limits", limits, "--format", "csv").stderr


class TestForms:
    def test_toml(self) -> None:
        text = LIMITS.in_regime("Deflation").to_toml()
        values = tomllib.loads(text)
        assert values["max_total_positions"] == 4
        assert values["regime"] == "Deflation"
        assert values["regimes"] == REGIMES
        jsonschema.validate(values, limits_schema())

    def test_schema(self) -> None:
        jsonschema.Draft202012Validator.check_schema(limits_schema())
        for wrong in ({"A": {"max_total_position": 3}}, {"A": {"regime": "A"}}, {"A": 3}):
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate({"regimes": wrong}, limits_schema())

    def test_laid_over_leaves_both_as_they_were(self) -> None:
        general, overrides = {"a": {"b": 1}}, {"a": {"c": 2}, "d": 3}
        assert laid_over(general, overrides) == {"a": {"b": 1, "c": 2}, "d": 3}
        assert (general, overrides) == ({"a": {"b": 1}}, {"a": {"c": 2}, "d": 3})

    def test_a_bucket_whose_limit_is_lifted(self) -> None:
        old, new = {"buckets": {"A": {"max_positions": 1}}}, {"buckets": {}}
        assert changed_limits(old, new) == (ChangedLimit("buckets['A'].max_positions", 1, None),)


class TestNothingChangesAfterwards:
    def test_tables_inside_regimes_are_frozen(self) -> None:
        for path in (["Deflation"], ["Deflation", "buckets"], ["Deflation", "buckets", "Tech"]):
            table: Any = LIMITS.regimes
            for name in path:
                table = table[name]
            with pytest.raises(TypeError):
                table["max_positions"] = 9

    def test_what_was_given_may_change(self) -> None:
        options: dict[str, Any] = {"Calm": {"known_buckets": ["Gold"], "buckets": {"Tech": {"max_positions": 1}}}}
        limits = RebalancingLimits(**GENERAL, regimes=options)
        before = limits.to_dict()
        options["Calm"]["known_buckets"].append("Silver")
        options["Calm"]["buckets"]["Tech"]["max_positions"] = 9
        options["Calm"]["buckets"]["Bond"] = {}
        assert limits.to_dict() == before
        assert limits.in_regime("Calm").buckets["Tech"].max_positions == 1

    def test_what_is_given_back_may_change(self) -> None:
        values = LIMITS.to_dict()
        values["regimes"]["Deflation"]["buckets"]["Tech"]["max_positions"] = 9
        assert LIMITS.to_dict()["regimes"]["Deflation"]["buckets"]["Tech"]["max_positions"] == 1

    def test_limits_of_buckets_as_objects(self) -> None:
        regimes = {"Calm": {"buckets": {"Tech": BucketLimit(max_positions=1)}}}
        limits = RebalancingLimits(**GENERAL, regimes=regimes)
        assert limits.to_dict()["regimes"] == {"Calm": {"buckets": {"Tech": {"max_positions": 1}}}}
        assert RebalancingLimits.from_toml_text(limits.to_toml()) == limits.replace()
        assert pickle.loads(pickle.dumps(limits)) == limits.replace()
