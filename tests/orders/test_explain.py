"""Why an order is what it is: neighbours, changes that were tried, and the cash that is left."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from typing import Any

import pytest
from order_cases import of_case, random_order_case
from plan_example import ROWS, example
from thorough import mostly_thorough

import trimtab
from trimtab import InputError, Plan, RebalancingLimits
from trimtab.reasons import OrderReason


def shares_of(plan: Plan, asset: str) -> Decimal:
    return plan.explain(asset).shares_after


def test_why_13_shares_and_not_14() -> None:
    explanation = example().explain("AAA")
    assert explanation.text.splitlines() == [
        "AAA: Sell 5: its target is 23.75% (2,375.00).",
        "  Kept: its score of 0.9 meets the 0.6 that a holding needs (min_score_threshold). Weight 23.75%: an equal "
        "share.",
        "  2,375.00 would be 13.1944 shares.",
        "  14 shares would weigh 25.21%, above 25.00% (max_position_weight).",
        "  12 shares would be 215.00 below the target of 2,375.00; 13 shares are 35.00 below it.",
        "  - with lot 0.1: sell 4.9 shares instead of sell 5 shares",
        "  - with lot 0.001: sell 4.806 shares instead of sell 5 shares",
        "  - with 3,044.06 more cash: sell 4 shares instead of sell 5 shares",
    ]
    assert (explanation.shares_before, explanation.shares_after) == (18, 13)
    assert explanation.without_effect == ("min_trade", "cash_buffer", "max_fee_share", "fees")


@pytest.mark.parametrize(
    ("asset", "more", "less"),
    [
        ("BBB", "which brings the account as a whole closer to its targets", "24.85 shares would be 1.82 below"),
        ("DDD", "24 shares would be 85.00 above the target of 2,375.00; 23 shares are 17.50 below it", "22 shares"),
        ("EEE", "7 shares would weigh 28.85%, above 25.00% (max_position_weight)", "5 shares would be 315.00 below"),
        ("FFF", "1 share would weigh 26.01%, above 25.00% (max_position_weight)", ""),
        ("CCC", "", ""),
        ("GGG", "", ""),
    ],
)
def test_one_lot_more_and_one_less(asset: str, more: str, less: str) -> None:
    explanation = example().explain(asset)
    assert more in explanation.one_lot_more
    assert less in explanation.one_lot_less
    assert bool(explanation.one_lot_more) == bool(more)
    assert bool(explanation.one_lot_less) == bool(less)


def test_a_target_of_nothing_is_not_counted_in_shares() -> None:
    closed = "Closed: its score of 0.5 is below the 0.6 that a holding needs (min_score_threshold)."
    assert example().explain("CCC").steps == (closed,)


def test_obstacles_are_named() -> None:
    rows = [{"asset": "A", "bucket": "X", "score": 0.9, "price": 10, "shares": 49}]
    rows += [{"asset": "B", "bucket": "X", "score": 0.8, "price": 90, "shares": 0}]
    limits = RebalancingLimits(
        enable_bucket_diversification=True, max_position_weight=0.3, max_allocation_per_bucket=0.4, no_trade_band=0.0
    )
    in_bucket = trimtab.plan(rows, limits, cash=510)
    assert "would take X to 4" in in_bucket.explain("B").one_lot_more
    alone = [{"asset": "A", "score": 0.9, "price": 100, "shares": 0}]
    full = RebalancingLimits(max_position_weight=1.0, target_invested=0.95)
    assert "would invest 100.00%, above 97.00%" in trimtab.plan(alone, full, cash=1000).explain("A").one_lot_more
    whole = RebalancingLimits(max_position_weight=1.0, target_invested=1.0)
    text = trimtab.plan(alone, whole, cash=1000).explain("A").one_lot_more
    assert text == "10 shares would leave 0.00 in cash, below the buffer of 2.50 (cash_buffer)"


def test_directions_that_are_closed() -> None:
    sells = example(mode="sell_only").explain("FFF")
    assert sells.one_lot_more == "1 share cannot be reached: the asset may not be bought"
    rows = [{"asset": "A", "score": 0.9, "price": 100, "shares": 1, "restriction": "no_sell"}]
    kept = trimtab.plan(rows, RebalancingLimits(max_position_weight=0.199, no_trade_band=0.0), cash=900).explain("A")
    assert kept.reason == "within_one_lot"
    assert kept.one_lot_less == "0 shares cannot be reached: the asset may not be sold"


def test_every_change_holds_when_the_plan_is_made_again() -> None:
    plan = example()
    for row in ROWS:
        for change in plan.explain(row["asset"]).changes:
            if change.setting == "lot":
                finer = [{**each, "lot": change.value} if each is row else each for each in ROWS]
                again = example(finer)
            elif change.setting == "cash":
                more = Decimal(change.value.replace(",", ""))
                again = example(cash=2621 + more)
                almost = example(cash=2621 + more - Decimal("0.01"))
                assert shares_of(almost, row["asset"]) == shares_of(plan, row["asset"])
            else:
                raise AssertionError(change)
            assert shares_of(again, row["asset"]) == change.shares_after


@pytest.mark.parametrize(
    ("settings", "setting", "value"),
    [
        ({"max_turnover": 0.05}, "max_turnover", None),
        ({"min_trade_amount": 2000}, "min_trade_amount", 0),
        ({"fees": {"per_order": 20}}, "max_fee_share", 1.0),
        ({"cash_buffer": 0.5}, "cash_buffer", 0.0),
        ({"mode": "sell_only"}, "mode", "full"),
    ],
)
def test_settings_that_hold_an_order_back(settings: dict[str, Any], setting: str, value: Any) -> None:
    plan = example(**settings)
    changes = {change.setting: change for row in ROWS for change in plan.explain(row["asset"]).changes}
    assert setting in changes
    lifted = {**settings, setting: value} if value is not None else {}
    explained = {row["asset"]: plan.explain(row["asset"]) for row in ROWS}
    again = example(**lifted)
    for asset, explanation in explained.items():
        claimed = [change.shares_after for change in explanation.changes if change.setting == setting]
        if claimed:
            assert shares_of(again, asset) == claimed[0]


def test_gains_that_are_not_realized() -> None:
    rows = [{"asset": "A", "score": 0.1, "price": 100, "shares": 10}]
    lots = [{"asset": "A", "lot_id": "1", "shares": 10, "cost": 100, "acquired": "2025-01-02"}]
    day = dt.date(2026, 1, 30)
    limits = RebalancingLimits(max_position_weight=1.0)
    plan = trimtab.plan(rows, limits, cash=100, tax_lots=lots, today=day, max_realized_gain=10)
    (change,) = [each for each in plan.explain("A").changes if each.setting == "max_realized_gain"]
    assert change.effect == "with max_realized_gain none: sell 10 shares instead of no order"


def test_assets_without_a_price_and_unknown_ones() -> None:
    plan = trimtab.plan(
        [{"asset": "A", "score": 0.9, "price": 10}, {"asset": "B", "score": 0.9, "price": None}], cash=100
    )
    explanation = plan.explain("B")
    assert (explanation.target_shares, explanation.one_lot_more) == (None, "")
    assert explanation.about_changes[0].startswith("no setting tried here changes it: ")
    with pytest.raises(InputError, match="not among the candidates"):
        plan.explain("C")


def test_the_cash_that_is_left_adds_up() -> None:
    plan = example()
    assert [(part.cause, part.amount) for part in plan.cash_parts] == [
        ("aim", Decimal(500)),
        ("lots", Decimal("-43.63")),
        ("fees", Decimal(-5)),
    ]
    held = example(min_trade_amount=1000)
    assert "the orders would be too small" in " ".join(part.sentence for part in held.cash_parts)


@pytest.mark.parametrize("seeds", mostly_thorough([range(15), range(15, 75)]))
def test_every_asset_has_one_reason_and_the_cash_adds_up_in_random_accounts(seeds: range) -> None:
    rng, reasons = random.Random(15), set()
    for seed in seeds:
        case = random_order_case(seed)
        rows, arguments = of_case(case)
        try:
            plan = trimtab.plan(rows, case.limits, **arguments)
        except InputError:
            continue
        assert set(plan.reasons) == {row["asset"] for row in rows} == set(plan.details())
        assert sum(part.amount for part in plan.cash_parts) == plan.cash
        explanation = plan.explain(rng.choice(rows)["asset"])
        assert explanation.reason == plan.reasons[explanation.asset]
        reasons.add(explanation.reason)
    assert len(reasons) >= 4
    assert reasons <= {reason.code for reason in OrderReason}
