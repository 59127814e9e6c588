"""A limit under its old name: accepted wherever limits are given, with a warning at the caller's line."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from command_line import CANDIDATES, run

from trimtab.errors import LimitsError
from trimtab.limits.json_schema import limits_schema
from trimtab.limits.old_names import OLD_NAMES
from trimtab.limits.rebalancing_limits import RebalancingLimits, limit_fields

NEW = RebalancingLimits(brake_sold_weight=0.3)
IN_REGIME: dict[str, Any] = {"regime": "Calm", "regimes": {"Calm": {"brake_turnover": 0.3}}}

WAYS: dict[str, Callable[[], RebalancingLimits]] = {
    "constructor": lambda: RebalancingLimits(brake_turnover=0.3),
    "from_dict": lambda: RebalancingLimits.from_dict({"brake_turnover": 0.3}),
    "TOML": lambda: RebalancingLimits.from_toml_text("brake_turnover = 0.3"),
    "replace": lambda: RebalancingLimits(brake_sold_weight=0.1).replace(brake_turnover=0.3),
    "regimes": lambda: RebalancingLimits.from_dict(IN_REGIME).in_force,
    "regimes in TOML": lambda: (
        RebalancingLimits.from_toml_text(
            'regime = "Calm"\nbrake_sold_weight = 0.1\n[regimes.Calm]\nbrake_turnover = 0.3'
        ).in_force
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_old_name_gives_the_same_limits(way: str) -> None:
    with pytest.warns(
        DeprecationWarning, match="^brake_turnover is now called brake_sold_weight; .* until 1.0$"
    ) as told:
        assert WAYS[way]() == NEW
    assert [Path(warning.filename) for warning in told] == [Path(__file__)]


def test_an_old_name_can_be_read() -> None:
    with pytest.warns(DeprecationWarning, match="brake_sold_weight") as told:
        assert NEW.brake_turnover == 0.3
    assert Path(told[0].filename) == Path(__file__)


def test_what_is_given_back_has_the_new_name() -> None:
    with pytest.warns(DeprecationWarning, match="brake_sold_weight"):
        limits = RebalancingLimits.from_dict(IN_REGIME)
    assert limits.to_dict()["regimes"] == {"Calm": {"brake_sold_weight": 0.3}}
    assert "brake_turnover" not in limits.to_toml()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert RebalancingLimits.from_toml_text(limits.to_toml()) == limits


@pytest.mark.parametrize("values", [{}, {"regimes": 3}, {"regimes": {"Calm": 3}}])
def test_both_names_at_once_are_refused(values: dict[str, Any]) -> None:
    sentence = "^brake_turnover is the old name of brake_sold_weight: give only brake_sold_weight$"
    with pytest.raises(LimitsError, match=sentence):
        RebalancingLimits.from_dict({"brake_turnover": 0.3, "brake_sold_weight": 0.3, **values})


def test_every_old_name_leads_to_a_field() -> None:
    names = {known.name for known in limit_fields()}
    assert set(OLD_NAMES.values()) <= names
    assert not set(OLD_NAMES) & names


def test_the_schema_knows_old_names_as_deprecated() -> None:
    schema = limits_schema()
    validator = jsonschema.Draft202012Validator(schema)
    assert schema["properties"]["brake_turnover"]["deprecated"] is True
    assert validator.is_valid({"brake_turnover": 0.3, **IN_REGIME})
    assert not validator.is_valid({"brake_turnover": 3})


def test_the_command_line_takes_old_names_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(CANDIDATES)
    (tmp_path / "limits.toml").write_text("brake_sold_weight = 0.9\n")
    command = ["rebalance", tmp_path / "in.csv", "--limits", tmp_path / "limits.toml", "--format", "json"]
    outcome = run(*command, "--set", "brake_turnover=0.05")
    assert json.loads(outcome.stdout)["limits"]["brake_sold_weight"] == 0.05
    assert outcome.stderr.count("brake_turnover is now called brake_sold_weight; the old name works until 1.0\n") == 1
