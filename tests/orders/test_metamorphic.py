"""What must not matter to a plan: the order of rows, names that sort alike, the unit of money, tax lots cut in two.

Plain runs try a few accounts; thorough ones more. The setting TRIMTAB_CASES tries as many as it says:

    TRIMTAB_CASES=10000 pytest -m "thorough or not thorough" tests/orders/test_metamorphic.py
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings, strategies as st
from naive_orders import NANO, Lot, NaivePlan
from order_cases import OrderCase, random_order_case
from order_runs import KernelPlan, kernel_plan

CASES = int(os.environ.get("TRIMTAB_CASES", "250"))
LARGE = 4 * 10**13  # micro-units: the kernel is exact up to 10^18


def shuffled(case: OrderCase, rng: random.Random) -> tuple[OrderCase, Callable[[NaivePlan], NaivePlan]]:
    """The rows, the instruments and their tax lots in another order."""
    rows = rng.sample(case.rows, len(case.rows))
    instruments = {
        row["asset"]: replace(own, lots=tuple(rng.sample(own.lots, len(own.lots))))
        for row in rows
        for own in [case.instruments[row["asset"]]]
    }
    return replace(case, rows=rows, instruments=instruments), lambda plan: plan


def renamed(case: OrderCase, rng: random.Random) -> tuple[OrderCase, Callable[[NaivePlan], NaivePlan]]:
    """Other names in the same order."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz\u00e9\u6f22"
    names = sorted(case.instruments)
    fresh = sorted({"".join(rng.choices(letters, k=rng.randint(3, 12))) for _ in range(3 * len(names))})
    new = dict(zip(names, sorted(rng.sample(fresh, len(names))), strict=True))
    old = {after: before for before, after in new.items()}

    def back(plan: NaivePlan) -> NaivePlan:
        return replace(
            plan,
            orders=tuple(replace(order, asset=old[order.asset]) for order in plan.orders),
            quantities={old[name]: quantity for name, quantity in plan.quantities.items()},
            reasons={old[name]: reason for name, reason in plan.reasons.items()},
        )

    rows = [{**row, "asset": new[row["asset"]]} for row in case.rows]
    return replace(case, rows=rows, instruments={new[name]: own for name, own in case.instruments.items()}), back


def in_another_unit(case: OrderCase, rng: random.Random) -> tuple[OrderCase, Callable[[NaivePlan], NaivePlan]]:
    """Whole money in a unit 10, 100 or 1,000 times smaller: every amount is as many times larger, no share moves."""
    unit = 10 ** rng.randint(1, 3)
    instruments = {
        name: replace(
            own,
            price=own.price * unit,
            min_notional=own.min_notional * unit,
            lots=tuple(replace(lot, cost=lot.cost * unit) for lot in own.lots),
        )
        for name, own in case.instruments.items()
    }
    money = ("min_trade_amount", "per_order", "per_share", "minimum", "max_realized_gain")
    changed = {name: getattr(case.settings, name) for name in money}
    changed = {name: value if value is None else value * unit for name, value in changed.items()}
    other = replace(
        case,
        instruments=instruments,
        settings=replace(case.settings, **changed),
        cash=case.cash * unit,
        cash_flow=case.cash_flow * unit,
    )

    def back(plan: NaivePlan) -> NaivePlan:
        orders = tuple(replace(each, amount=each.amount // unit, fee=each.fee // unit) for each in plan.orders)
        return replace(plan, orders=orders, cash=plan.cash // unit, value=plan.value // unit)

    return other, back


def cut_in_two(case: OrderCase, rng: random.Random) -> tuple[OrderCase, Callable[[NaivePlan], NaivePlan]]:
    """Each tax lot as two of the same day and the same cost of a share, where whole numbers allow that."""
    instruments = {}
    for name, own in case.instruments.items():
        lots = []
        for lot in own.lots:
            common = int(np.gcd(lot.quantity, lot.cost))
            first = rng.randint(1, common - 1) if common > 1 else 0
            parts = [(first, "a"), (common - first, "b")] if first else [(common, "")]
            lots += [
                Lot(lot.name + end, lot.quantity // common * part, lot.cost // common * part, lot.acquired)
                for part, end in parts
            ]
        instruments[name] = replace(own, lots=tuple(lots))
    return replace(case, instruments=instruments), lambda plan: plan


Change = Callable[[OrderCase, random.Random], tuple[OrderCase, Callable[[NaivePlan], NaivePlan]]]
CHANGES: dict[str, Change] = {
    "rows in another order": shuffled,
    "assets under other names": renamed,
    "tax lots cut in two": cut_in_two,
}


def in_whole_units(case: OrderCase) -> OrderCase:
    """The case with whole lots of whole cents, so that another unit rounds nothing otherwise."""
    instruments = {
        name: replace(own, lot=max(NANO, own.lot // NANO * NANO), quantity=own.quantity // NANO * NANO, lots=())
        for name, own in case.instruments.items()
    }
    settings = replace(case.settings, rate=0.0, max_realized_gain=None, max_turnover=None)
    return replace(case, instruments=instruments, settings=settings)


def plan_of(case: OrderCase) -> tuple[KernelPlan, NaivePlan | None]:
    plan = kernel_plan(case)
    return plan, plan.as_naive()


def check(number: int, name: str) -> None:
    case = random_order_case(number)
    changed, back = CHANGES[name](case, random.Random(number))
    (_, plan), (_, other) = plan_of(case), plan_of(changed)
    assert (other is None) == (plan is None), number
    assert other is None or back(other) == plan, number


def check_unit(number: int) -> None:
    """The same shares, sides and reasons; amounts to the micro-unit of the larger unit."""
    case = in_whole_units(random_order_case(number))
    changed, back = in_another_unit(case, random.Random(number))
    (_, plan), (_, other) = plan_of(case), plan_of(changed)
    assert (other is None) == (plan is None), number
    if plan is not None and other is not None:
        assert back(other) == plan, number


@pytest.mark.parametrize("name", CHANGES)
def test_a_few_plans_stay_the_same(name: str) -> None:
    for number in range(810_000, 810_010):
        check(number, name)


def test_a_few_plans_stay_the_same_in_another_unit() -> None:
    for number in range(810_000, 810_010):
        check_unit(number)


def many(test: Any) -> Any:
    """As many accounts as asked for, the same in every run."""
    patient = settings(
        max_examples=CASES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    return pytest.mark.thorough(seed(15)(patient(given(number=st.integers(820_000, 2**40))(test))))


@many
def test_the_order_of_rows_does_not_matter(number: int) -> None:
    check(number, "rows in another order")


@many
def test_names_that_sort_alike_do_not_matter(number: int) -> None:
    check(number, "assets under other names")


@many
def test_a_lot_cut_in_two_does_not_matter(number: int) -> None:
    check(number, "tax lots cut in two")


@many
def test_the_unit_of_money_does_not_matter(number: int) -> None:
    check_unit(number)
