"""`[orders]` and `[gates]` in limits: read, written, described, laid over by regimes, without effect on weights."""

from __future__ import annotations

import dataclasses
import tomllib
from decimal import Decimal
from typing import Any

import jsonschema
import pytest
from command_line import run

import trimtab
from trimtab import LimitsError, RebalancingLimits
from trimtab.limits.gate_settings import GateSettings
from trimtab.limits.in_words import rule_sheet_text
from trimtab.limits.json_schema import limits_schema
from trimtab.limits.order_settings import Fees, OrderSettings
from trimtab.limits.plan_in_words import gate_sentences, order_sentences
from trimtab.limits.presets import preset_names

ORDERS: dict[str, tuple[Any, str]] = {
    "mode": ("buy_only", "Only buy."),
    "cash_buffer": (0.01, "Buys leave 1% of the account in cash."),
    "min_trade_amount": (Decimal(2500), "Make no order below 2,500."),
    "max_fee_share": (0.02, "Make no order with a fee above 2% of its amount."),
    "max_turnover": (0.1, "Sell at most 10% of the account, and buy no more than that beyond idle cash."),
    "max_realized_gain": (Decimal(5000), "Realize gains of at most 5,000."),
    "relief": ("hifo", "Sell the most expensive tax lots first."),
    "wait_for_settlement": (True, "Buys wait until the cash of sales has settled."),
}
GATES: dict[str, tuple[Any, str]] = {
    "max_price_age": (2, "Hold orders back if a price is more than 2 sessions older than the last."),
    "need_price_dates": (True, "Hold orders back if a price has no date."),
    "max_price_move": (0.5, "Hold orders back if a price moved more than 50% without explanation."),
    "max_order_share": (0.1, "Hold back an order above 10% of the account, unless it closes a position."),
    "max_order_amount": (Decimal(10000), "Hold back an order above 10,000."),
    "max_account_turnover": (0.3, "Hold an account back that trades more than 30% of its value beyond idle cash."),
    "max_account_orders": (5, "Hold an account back with more than 5 orders."),
    "max_run_amount": (Decimal(10**6), "Hold a run back whose orders exceed 1,000,000 in all."),
    "max_run_orders": (500, "Hold a run back with more than 500 orders."),
    "max_trading_accounts": (0.5, "Hold a run back in which more than 50% of the accounts trade, from 20 accounts on."),
    "repeat_hours": (12, "Hold back an order that was already written in the last 12 hours."),
}
TEXT = """\
max_total_positions = 8

[orders]
max_turnover = 0.2
min_trade_amount = 0.1

[orders.fees]
per_order = 1.10

[gates]
max_order_share = 0.5

[regimes.Deflation.orders]
max_turnover = 0.05
fees.rate = 0.001
"""


def test_a_file_with_orders_and_gates() -> None:
    limits = RebalancingLimits.from_toml_text(TEXT)
    assert limits.orders == OrderSettings(max_turnover=0.2, min_trade_amount="0.1", fees=Fees(per_order="1.1"))
    assert limits.gates == GateSettings(max_order_share=0.5)
    assert limits.to_dict()["orders"] == {
        "min_trade_amount": "0.1",
        "fees": {"per_order": "1.1"},
        "max_turnover": 0.2,
    }
    for again in (RebalancingLimits.from_toml_text(limits.to_toml()), limits.replace(), limits.in_force):
        assert (again.orders, again.gates) == (limits.orders, limits.gates)
    jsonschema.Draft202012Validator(limits_schema()).validate(tomllib.loads(TEXT))
    jsonschema.Draft202012Validator(limits_schema()).validate(limits.to_dict())


def test_a_regime_lays_its_orders_over_the_general_ones() -> None:
    limits = RebalancingLimits.from_toml_text(TEXT).in_regime("Deflation")
    assert limits.orders.max_turnover == 0.05
    assert limits.orders.fees == Fees(per_order="1.1", rate=0.001)
    assert [change.sentence("Deflation") for change in limits.changed] == [
        "orders.fees.rate is 0.001 in the regime 'Deflation', 0.0 in general",
        "orders.max_turnover is 0.05 in the regime 'Deflation', 0.2 in general",
    ]


def test_defaults_are_not_written_down_and_every_field_is_shown() -> None:
    assert {"orders", "gates"}.isdisjoint(RebalancingLimits().to_dict(complete=True))
    assert RebalancingLimits(orders={"fees": {}}, gates={}) == RebalancingLimits()
    values = tomllib.loads(RebalancingLimits().to_toml())
    optional = {"min_trade_amount", "max_turnover", "max_realized_gain", "max_order_amount", "max_run_amount"}
    for name, kind in (("orders", OrderSettings), ("gates", GateSettings)):
        assert set(values[name]) == {known.name for known in dataclasses.fields(kind)} - optional
    for preset in preset_names():
        assert RebalancingLimits.preset(preset).orders == OrderSettings()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"orders": {"max_turnovr": 1}}, "orders: unknown field 'max_turnovr': did you mean 'max_turnover'"),
        ({"orders": {"fees": {"rate": 2}}}, "orders: fees: rate must be between 0 and 1"),
        ({"orders": {"fees": 5}}, "orders: fees must be Fees or a mapping of its fields"),
        ({"orders": {5: 1}}, "orders: unknown field 5: a field's name is text"),
        ({"gates": []}, "gates must be GateSettings or a mapping of its fields"),
        ({"gates": {"repeat_hours": -1}}, "gates: repeat_hours must be at least 0"),
    ],
)
def test_faults_are_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(LimitsError, match=message):
        RebalancingLimits(**values)


@pytest.mark.parametrize("name", ORDERS)
def test_each_setting_of_orders_has_its_sentence(name: str) -> None:
    value, sentence = ORDERS[name]
    assert sentence in order_sentences(OrderSettings(**{name: value}))
    assert sentence not in order_sentences(OrderSettings())


@pytest.mark.parametrize("name", GATES)
def test_each_gate_has_its_sentence(name: str) -> None:
    value, sentence = GATES[name]
    assert sentence in gate_sentences(GateSettings(**{name: value}))
    assert sentence not in gate_sentences(GateSettings())


def test_every_setting_has_a_sentence_here() -> None:
    others = {"fees", "rate_short", "rate_long"}
    assert {known.name for known in dataclasses.fields(OrderSettings)} == {*ORDERS, *others}
    assert {known.name for known in dataclasses.fields(GateSettings)} == set(GATES)


def test_fees_and_tax_rates_in_words() -> None:
    fees = {"per_order": 1, "per_share": "0.005", "rate": 0.0005, "minimum": 2}
    sentences = order_sentences(OrderSettings(fees=fees, relief="min_tax", rate_short=0.3, rate_long=0.15))
    assert "An order costs 1, plus 0.005 a share, plus 0.05% of its amount, at least 2." in sentences
    assert "Gains are taxed at 30% within a year, later at 15%." in sentences
    assert "An order costs at least 2." in order_sentences(OrderSettings(fees={"minimum": 2}))
    assert "Orders cost nothing." in order_sentences(OrderSettings())
    assert "Hold orders back if a price is older than the last session." in gate_sentences(GateSettings())


def test_weights_do_not_read_them_and_say_so() -> None:
    rows = [{"asset": "A", "score": 0.9}]
    limits = RebalancingLimits(orders={"mode": "sell_only"}, gates={"max_order_share": 0.01})
    result = trimtab.rebalance(rows, limits)
    assert result.targets == trimtab.rebalance(rows).targets
    assert [note.text for note in result.notes if note.code == "no_effect"] == [
        "[orders] of the limits has an effect on plans only (trimtab.plan, `trimtab plan`)",
        "[gates] of the limits has an effect on plans only (trimtab.plan, `trimtab plan`)",
    ]
    assert "Orders" not in rule_sheet_text(limits)


def test_describe_and_show_on_the_command_line() -> None:
    described = run("limits", "describe", "--set", "orders.max_turnover=0.2", "--set", "gates.repeat_hours=1").stdout
    assert "\nOrders\n  - Sell and buy.\n" in described
    assert "  - Sell at most 20% of the account" in described
    assert "written in the last 1 hour." in described
    assert (
        "[orders.fees]\n# fee of an order\nper_order = 1.5\n"
        in run("limits", "show", "--set", "orders.fees.per_order=1.5").stdout
    )
