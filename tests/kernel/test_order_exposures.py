"""The orders stage with exposures against its twin: limits hold after rounding, to the micro-unit."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from naive_orders import NANO, Account, Instrument, NaivePlan, PlanError, Settings, naive_plan
from order_cases import MICRO, OrderCase, random_order_case, with_exposures
from order_runs import kernel_plan

from trimtab.limits.rebalancing_limits import RebalancingLimits as Limits


def twin(case: OrderCase) -> NaivePlan | None:
    amounts = {"cash": case.cash, "cash_flow": case.cash_flow, "settings": case.settings}
    try:
        return naive_plan(case.rows, case.instruments, case.limits, exposures=case.exposures, **amounts)
    except PlanError:
        return None


def random_case(seed: int) -> OrderCase:
    return with_exposures(random_order_case(seed), seed, tight=seed % 3 > 0)


def worths(case: OrderCase, quantities: dict[str, int]) -> dict[str, int]:
    return {name: quantities[name] * own.price // NANO for name, own in case.instruments.items()}


def broken(case: OrderCase, plan: NaivePlan) -> list[str]:
    """The limits of exposures that a buy leaves exceeded, in exact fractions."""
    account = Account(case.rows, case.instruments, case.limits, case.settings, case.cash, 0, case.exposures)
    worth = worths(case, plan.quantities)
    bought = {order.asset for order in plan.orders if order.side == "buy"}
    wrong = []
    for row in account.exposures:
        load = sum((Fraction(share) * worth[name] for name, share in row.shares.items()), Fraction(0))
        limit = Fraction(row.maximum * (1 + case.limits.drift_tolerance)) * plan.value if row.maximum <= 1 else load
        if bought & set(row.shares) and load > limit + len(row.shares) + Fraction(plan.value, 10**12):
            wrong.append(f"{row.scheme}:{row.path}")
    return wrong


def check(first: int, count: int, *, compiled: bool) -> None:
    for seed in range(first, first + count):
        case = random_case(seed)
        made = kernel_plan(case, compiled=compiled).as_naive()
        assert made == twin(case), seed
        assert made is None or not broken(case, made), seed


def test_the_kernel_equals_its_twin() -> None:
    check(14, 4, compiled=False)


@pytest.mark.thorough
@pytest.mark.parametrize("seed", [29, 101, 146])
def test_rare_steps_of_exposures(seed: int) -> None:
    """An asset in a full row that may not be sold for it, a full row that no sell helps, and one that was full before."""
    check(seed, 1, compiled=False)


@pytest.mark.thorough
@pytest.mark.parametrize("first", range(0, 1500, 250))
def test_the_kernel_equals_its_twin_in_more_accounts(first: int) -> None:
    check(first, 250, compiled=True)


@pytest.mark.thorough
def test_plain_and_compiled_are_the_same_bits() -> None:
    for seed in range(2000, 2060):
        case = random_case(seed)
        assert kernel_plan(case).bits == kernel_plan(case, compiled=False).bits, seed


@pytest.mark.thorough
def test_planned_again_nothing_is_ordered() -> None:
    """Where the plan is settled and whole, and the pass selects the same again."""
    count = 0
    for seed in range(3000, 3600):
        case = random_case(seed)
        plan = kernel_plan(case).as_naive()
        if plan is None or plan.status != "ok" or not plan.settled or "no_lot_fits" in plan.reasons.values():
            continue
        after = {name: replace(case.instruments[name], quantity=plan.quantities[name]) for name in case.instruments}
        after = {name: replace(own, lots=()) for name, own in after.items()}
        again = replace(case, instruments=after, cash=plan.cash, cash_flow=0)
        chosen = [
            account.decide(account.start, account.value, None).selected
            for account in (
                Account(
                    each.rows, each.instruments, each.limits, each.settings, each.cash, each.cash_flow, each.exposures
                )
                for each in (case, again)
            )
        ]
        if chosen[0] == chosen[1]:
            made = kernel_plan(again).as_naive()
            assert made is not None and made.orders == (), seed
            count += 1
    assert count > 200


WORLD = {"asset": "W", "scheme": "country", "bucket": "US", "fraction": 0.6}
US = {"asset": "A", "scheme": "country", "bucket": "US", "fraction": 1.0}
EU = {"asset": "B", "scheme": "country", "bucket": "EU", "fraction": 1.0}


def account(maximum: float, *, cash: int = 10_000, held: int = 0, **limits: object) -> OrderCase:
    """A and W lie in the US, W with 0.6; each share costs 100."""
    own = {"country": {"buckets": {"US": {"max_exposure": maximum}}}}
    rows = [{"asset": name, "score": 0.9} for name in "ABW"]
    instruments = {
        "A": Instrument(100 * MICRO, held * NANO),
        "B": Instrument(100 * MICRO),
        "W": Instrument(100 * MICRO),
    }
    settings = Limits(max_position_weight=0.3, min_trade=0.0, exposures=own, **limits)
    return OrderCase(rows, instruments, settings, Settings(), cash * MICRO, 0, [US, EU, WORLD])


def decided(case: OrderCase) -> NaivePlan:
    plan = kernel_plan(case, compiled=False).as_naive()
    assert plan == twin(case) and plan is not None and not broken(case, plan)
    return plan


def test_the_last_lot_stays_out_of_a_full_exposure() -> None:
    """A may have 1,500 - 0.6 · W: the sizes are A = 625.6, W = 1,457.4, and another share of either would exceed 1,500."""
    plan = decided(account(0.15, cash=10_000))
    held = {name: quantity // NANO for name, quantity in plan.quantities.items()}
    assert 100 * held["A"] + 60 * held["W"] <= 1_500 < 100 * (held["A"] + 1) + 60 * held["W"]


def test_a_lot_beyond_its_exposure_takes_no_place() -> None:
    case = account(0.15)
    large = {**case.instruments, "W": Instrument(2_600 * MICRO)}
    plan = decided(replace(case, instruments=large))
    assert plan.reasons["W"] == "lot_too_large"
    assert decided(replace(case, instruments=large, limits=account(0.16).limits)).reasons["W"] != "lot_too_large"


def test_an_exposure_forces_a_small_sale() -> None:
    """25 shares of A are held and 24.9 allowed: the sale of one is below the smallest order, and made all the same."""
    case = account(0.249, cash=7_500, held=25, no_trade_band=0.0)
    case = replace(case, rows=[case.rows[0]], exposures=[US], instruments={"A": case.instruments["A"]})
    small = replace(case, settings=Settings(min_trade_amount=5 * MICRO))
    assert decided(small).reasons["A"] == "forced_for_limit"
    larger = replace(case, settings=Settings(min_trade_amount=150 * MICRO))
    assert decided(larger).orders == ()


ONE_COUNTRY = [US, {**US, "asset": "C"}, EU, {**EU, "asset": "D"}]


def turned_over(table: list[dict[str, object]], **us: float) -> NaivePlan:
    """400 shares of A and B at 10; A should go, C and D come; 0.4 may be turned over, and D is bought before C."""
    scores = {"A": 0.1, "B": 0.8, "C": 0.9, "D": 0.95}
    instruments = {name: Instrument(10 * MICRO, 400 * NANO if name in "AB" else 0) for name in scores}
    limits = Limits(max_position_weight=0.4, exposures={"country": {"buckets": {"US": us}}})
    rows = [{"asset": name, "score": score} for name, score in scores.items()]
    return decided(OrderCase(rows, instruments, limits, Settings(max_turnover=0.4), 2_000 * MICRO, 0, table))


def test_a_sell_waits_that_would_leave_an_exposure_below_its_minimum() -> None:
    """Without A, turnover would buy D, which is not in the US, and leave too little for C, which is."""
    assert turned_over(ONE_COUNTRY, min_exposure=0.3).reasons["A"] == "waits_for_minimum"
    assert turned_over(ONE_COUNTRY, min_exposure=0.05).reasons["A"] == "to_target"


def test_a_tiny_fraction_does_not_limit() -> None:
    table = [*ONE_COUNTRY[:3], {**US, "asset": "D", "fraction": 1e-9}]
    assert turned_over(table, max_exposure=0.45).quantities["D"] == turned_over(table).quantities["D"]


def test_a_sale_is_forced_only_where_it_helps() -> None:
    """Of two small sells the one outside the full exposure stays."""
    table = [US, EU]
    case = account(0.249, cash=5_000, held=25, no_trade_band=0.0)
    held = {"A": case.instruments["A"], "B": Instrument(100 * MICRO, 25 * NANO)}
    limits = case.limits.replace(max_position_weight=0.2497)
    small = replace(case, rows=case.rows[:2], exposures=table, instruments=held, limits=limits)
    plan = decided(replace(small, settings=Settings(min_trade_amount=5 * MICRO)))
    assert (plan.reasons["A"], plan.reasons["B"]) == ("forced_for_limit", "within_one_lot")
