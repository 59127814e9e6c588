"""Plans with exposures, by the door: orders inside the limits, sentences that name the row, and the checker."""

from __future__ import annotations

from typing import Any

import pytest
from naive_orders import PlanError, naive_plan
from order_cases import of_case, random_order_case, with_exposures

from trimtab import InputError, LimitsError, RebalancingLimits, plan
from trimtab.certificate.order_checker import broken_orders
from trimtab.orders.neighbours import Rounding
from trimtab.orders.plan_check import made_plan
from trimtab.orders.sentences import facts_of, sentence_of

TABLE = [
    {"asset": "A", "scheme": "country", "bucket": "US"},
    {"asset": "B", "scheme": "country", "bucket": "EU"},
    {"asset": "C", "scheme": "country", "bucket": "EU/DE"},
]
ROWS = [{"asset": name, "score": 0.9, "shares": 0, "price": 1000} for name in "ABC"]


def limits_of(**buckets: Any) -> RebalancingLimits:
    return RebalancingLimits(max_position_weight=0.5, min_trade=0.0, exposures={"country": {"buckets": buckets}})


def test_orders_stay_inside_exposures_and_say_what_was_full() -> None:
    """B and C share 45 % of 10,000: the sizes are 2,250 each, which are two shares each; a fifth would exceed 4,500."""
    made = plan(ROWS, limits_of(EU={"max_exposure": 0.45}), cash=10_000, exposures=TABLE)
    shares = {order.asset: order.shares for order in made.orders}
    assert shares["B"] + shares["C"] == 4
    obstacles = [Rounding(made._decided, place).more() for place in (1, 2)]
    assert any("would take country: EU to 50.00%, above 45.00% (max_exposure)" in text for text in obstacles)
    again = [{**row, "shares": shares.get(row["asset"], 0)} for row in ROWS]
    assert plan(again, made.result.limits, cash=made.cash, exposures=TABLE).orders == ()


def test_exposures_with_room_are_no_obstacle() -> None:
    """One share more of A lies in US, which has room; EU is not its own."""
    made = plan(ROWS, limits_of(EU={"max_exposure": 0.45}, US={"max_exposure": 0.7}), cash=10_000, exposures=TABLE)
    assert list(Rounding(made._decided, 0).full(int(made._decided.assets[0]["now"]) + 10**9)) == []


def test_no_room_names_the_exposure() -> None:
    """B and C aim at 2,250 each; selling one of C is not worth it within one lot, so B gets what its 3,000 leave of 4,500."""
    rows = [*ROWS[:2], {**ROWS[2], "shares": 3}]
    made = plan(
        rows,
        limits_of(EU={"max_exposure": 0.45}).replace(no_trade_band=0.0, max_position_weight=0.4),
        cash=7_000,
        exposures=TABLE,
    )
    assert (made.reasons["B"], made.reasons["C"]) == ("no_room", "within_one_lot")
    sentence = sentence_of(facts_of(made._decided, made._names, 1))
    assert sentence == "Buy 1: country: EU (max_exposure 45.00%) has no room for all 2."


def test_a_table_of_several_accounts_gives_its_own_rows() -> None:
    table = [{**row, "account": account} for row in TABLE for account in ("x", "y")]
    rows = [{**row, "account": "x"} for row in ROWS]
    limits = limits_of(EU={"max_exposure": 0.2})
    assert (
        plan(rows, limits, cash=10_000, exposures=table).reasons
        == plan(ROWS, limits, cash=10_000, exposures=TABLE).reasons
    )


def test_the_id_of_a_plan_knows_its_exposures() -> None:
    limits = RebalancingLimits()
    ids = {plan(ROWS, limits, cash=10_000, exposures=table).plan_id for table in (None, TABLE, TABLE[:2])}
    assert len(ids) == 3


def test_limits_without_a_table_are_refused() -> None:
    with pytest.raises(LimitsError, match="there is no table of exposures here"):
        plan(ROWS, limits_of(EU={"max_exposure": 0.2}), cash=10_000)


def test_concentration_is_refused() -> None:
    limits = RebalancingLimits(concentration={"country": {"small": 0.05, "largest": 0.1, "together": 0.4}})
    with pytest.raises(LimitsError, match="concentration is not limited in whole shares yet"):
        plan(ROWS, limits, cash=10_000, exposures=TABLE)
    assert plan(ROWS, limits.replace(enforce_exposure_limits=False), cash=10_000, exposures=TABLE).orders


def test_the_checker_rejects_a_buy_beyond_an_exposure() -> None:
    made = plan(ROWS, limits_of(EU={"max_exposure": 0.45}), cash=10_000, exposures=TABLE)
    facts = made_plan(made, made._inputs, made._candidates)
    assert broken_orders(facts) == []
    tighter = facts._replace(limits=limits_of(EU={"max_exposure": 0.39}))
    assert broken_orders(tighter) == ["country: EU: worth 4000 after a buy, above 3900"]
    part = facts._replace(limits=limits_of(**{"EU/DE": {"max_exposure": 0.1}}))
    assert broken_orders(part) == ["country: EU/DE: worth 2000 after a buy, above 1000"]
    free = facts._replace(limits=limits_of(EU={"max_exposure": 0.39}).replace(enforce_exposure_limits=False))
    assert broken_orders(free) == []


@pytest.mark.parametrize("first", [0, pytest.param(12, marks=pytest.mark.thorough)])
def test_the_door_equals_the_twin(first: int) -> None:
    for seed in range(first, first * 5 + 3):
        case = with_exposures(random_order_case(seed), seed)
        rows, arguments = of_case(case)
        amounts = {"cash": case.cash, "cash_flow": case.cash_flow, "settings": case.settings}
        try:
            twin = naive_plan(case.rows, case.instruments, case.limits, exposures=case.exposures, **amounts)
        except PlanError:
            with pytest.raises(InputError, match="worth nothing"):
                plan(rows, case.limits, **arguments)
            continue
        made = plan(rows, case.limits, **arguments)
        assert made.reasons == twin.reasons, seed
        assert (made.status, int(made.cash * 10**6)) == (twin.status, twin.cash), seed
