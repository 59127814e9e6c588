"""The settings of a backtest: the keyword arguments, the docs and the command line say the same."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from trimtab import BacktestSettings, InputError, TradingCosts
from trimtab.backtesting.settings import SettingArguments
from trimtab.cli.backtest_options import BacktestOptions

FIELDS = {field.name: field for owner in (BacktestSettings, TradingCosts) for field in dataclasses.fields(owner)}


def test_the_arguments_are_the_fields() -> None:
    assert set(SettingArguments.__annotations__) == {field.name for field in dataclasses.fields(BacktestSettings)}


def test_the_docs_have_every_field_with_its_meaning() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "backtest.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| .* \| (.*) \|$", text, re.MULTILINE))
    assert rows == {name: field.metadata["doc"] for name, field in FIELDS.items()}
    for name, field in FIELDS.items():
        if isinstance(field.default, str | float) and name != "costs":
            assert f"| `{name}` | `{field.default}` |" in text


def test_the_command_line_has_every_field_with_its_default() -> None:
    options = {field.name: field.default for field in dataclasses.fields(BacktestOptions)}
    for name in FIELDS.keys() - {"costs", "orders"}:  # orders are settings of the limits there
        assert options[name] == FIELDS[name].default


def test_all_faults_are_reported_at_once() -> None:
    with pytest.raises(InputError) as error:
        BacktestSettings(gone_after=0, trade_at="noon", every="daily")
    assert [fault.problem.split()[0] for fault in error.value.faults] == ["every", "trade_at", "gone_after"]
