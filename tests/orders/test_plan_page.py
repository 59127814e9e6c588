"""The page and the tables of a plan: money and shares first, a chart whose two sides are equal, safe names."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from plan_example import LIMITS, ROWS, example

import trimtab
from trimtab import Plan, RebalancingLimits
from trimtab.orders.plan_facts import answer_of, price_text


def test_money_and_shares_come_first() -> None:
    page = example().to_html("an account")
    for text in (
        "<h1>Sell 2, then buy 3.</h1>",
        "The sells bring 2,436.00, the buys cost 4,600.63. Cash goes from 2,621.00 to 451.37.",
        "Cash after all sells",
        "Why is 451.37 left in cash?",
        "43.63 less because shares come in whole lots",
        "Where the money goes",
        "One lot of 1 (2,600.00) is more than it may weigh.",
        "An order costs 1.",
        "Hold back an order above 30% of the account",
    ):
        assert text in page, text
    assert page.index("What to trade") < page.index("The rebalance behind it, in weights")
    assert "its restriction no_buy forbids buying" not in page
    assert "Held back" not in page
    assert example().to_html() == example().to_html()


def test_orders_that_are_held_back_are_said_to_be() -> None:
    limits = LIMITS.replace(gates={"max_order_share": 0.2})
    page = trimtab.plan(ROWS, limits, cash=2621).to_html()
    assert "Held back: no order file is written" in page
    assert "The order of DDD is 23.5" in page


def test_the_notebook_shows_the_same() -> None:
    view = example()._repr_html_()
    assert "Sell 2, then buy 3." in view
    assert "Cash left" in view
    assert "<html" not in view


@pytest.mark.parametrize(
    ("rows", "arguments"),
    [
        (ROWS, {"cash": 2621}),
        (ROWS, {"cash": 2621, "fees": {"per_order": 5}}),
        (
            [{"asset": f"A{index:02}", "score": 0.9, "price": 10, "shares": 60 - index} for index in range(30)],
            {"cash": 100},
        ),
        ([{"asset": "A", "score": 0.9, "price": 10, "shares": 100}], {"cash": -40}),
        ([{"asset": "A", "score": 0.9, "price": 10, "shares": 10, "tradable": False}], {"cash": 5, "cash_flow": -10}),
    ],
)
def test_money_in_is_money_out(rows: list[dict[str, Any]], arguments: dict[str, Any]) -> None:
    facts = trimtab.plan(rows, LIMITS, **arguments).facts()
    for flows in (facts.sources, facts.uses):
        assert sum(flow.share for flow in flows) == pytest.approx(1.0 if facts.orders else 0.0)
        assert len(flows) <= 15
    money_in, money_out = (
        sum(Decimal(flow.text.replace(",", "")) for flow in side) for side in (facts.sources, facts.uses)
    )
    assert abs(money_in - money_out) < Decimal("0.05")


def test_answers() -> None:
    rows = [{"asset": "A", "score": 0.9, "price": 10, "shares": 20}]
    assert answer_of(trimtab.plan(rows, cash=800)) == "Nothing to trade."
    braked = trimtab.plan(ROWS, RebalancingLimits(brake_sold_weight=0.01), cash=0)
    assert answer_of(braked) == "A brake stopped the account. Nothing is traded."
    assert braked.facts().sources == ()
    assert "Cash stays at 800.00." in trimtab.plan(rows, cash=800).to_html()
    part = example(max_turnover=0.05)
    assert answer_of(part).endswith("This is part of the plan; the next one continues it.")
    assert price_text(Decimal("5.625")) == "5.625"


def test_marks_of_single_orders() -> None:
    waiting = example(wait_for_settlement=True).facts()
    assert any("(after the sales settle)" in order.clause for order in waiting.orders)


def test_names_are_escaped() -> None:
    rows = [{"asset": "<b>x</b>", "score": 0.9, "price": 10, "bucket": '"><script>'}]
    page = trimtab.plan(rows, LIMITS, cash=100).to_html("<i>")
    assert "<b>x" not in page
    assert "<script" not in page


@pytest.mark.parametrize(
    ("make", "kind"),
    [(pd.DataFrame, pd.DataFrame), (pl.DataFrame, pl.DataFrame), (pa.Table.from_pylist, pa.Table), (list, list)],
)
def test_orders_come_as_the_kind_of_table_that_came_in(make: Any, kind: type) -> None:
    rows = [{**row, "price": float(row["price"])} for row in ROWS]
    plan: Plan = trimtab.plan(make(rows), LIMITS, cash=2621, fees={"per_order": 1})
    frame = plan.to_frame()
    assert isinstance(frame, kind)
    assert len(frame) == 5
    first = frame[0] if kind is list else pa.table(frame).to_pylist()[0]
    assert (first["asset"], first["shares"], first["cash_after"]) == ("CCC", Decimal(30), Decimal(4156))
