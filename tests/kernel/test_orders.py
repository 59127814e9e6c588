"""The orders stage against its twin, compiled against plain."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from naive_orders import NaivePlan, PlanError, naive_plan
from order_cases import OrderCase, random_order_case
from order_runs import kernel_plan

from trimtab.kernel import money
from trimtab.kernel.compilation import undecorated


def twin(case: OrderCase) -> NaivePlan | None:
    try:
        return naive_plan(
            case.rows, case.instruments, case.limits, cash=case.cash, cash_flow=case.cash_flow, settings=case.settings
        )
    except PlanError:
        return None


def check(first: int, count: int) -> None:
    for seed in range(first, first + count):
        case = random_order_case(seed)
        assert kernel_plan(case).as_naive() == twin(case), seed


@pytest.mark.parametrize("first", range(0, 400, 100))
def test_the_kernel_equals_its_twin(first: int) -> None:
    check(first, 100)


@pytest.mark.thorough
@pytest.mark.parametrize("first", range(400, 3400, 250))
def test_the_kernel_equals_its_twin_in_more_accounts(first: int) -> None:
    check(first, 250)


def test_plain_equals_compiled() -> None:
    check_plain(range(0, 400, 8))


@pytest.mark.thorough
@pytest.mark.parametrize("first", range(0, 2400, 600))
def test_plain_equals_compiled_in_more_accounts(first: int) -> None:
    """Every line of the plain functions runs."""
    check_plain(range(first, first + 600))


def check_plain(seeds: Iterable[int]) -> None:
    for seed in seeds:
        case = random_order_case(seed)
        assert kernel_plan(case, compiled=False).bits == kernel_plan(case).bits, seed


LARGE = (0, 1, 999_999_999, 10**9, 10**9 + 1, 123_456_789_012, 10**15 + 7, 10**18)


@pytest.mark.parametrize("is_compiled", [True, False])
def test_money_is_exact_at_every_size(is_compiled: bool) -> None:
    """Against Python's whole numbers, which have no size."""
    worth, cost, quantity_for, quantity_worth, portion, portion_up, quotient = (
        function if is_compiled else undecorated(function)
        for function in (
            money.worth_of,
            money.cost_of,
            money.quantity_for,
            money.quantity_worth,
            money.portion,
            money.portion_up,
            money.product_quotient,
        )
    )
    for price in (1, 100, 95_500_000, 10**9, 9 * 10**15 - 1):
        for quantity in LARGE:
            if quantity * price < 10**27:
                assert worth(quantity, price) == quantity * price // 10**9
                assert cost(quantity, price) == -(-quantity * price // 10**9)
        for amount in LARGE:
            if amount * 10**9 // price < 4 * 10**18:
                assert quantity_for(amount, price) == amount * 10**9 // price
                assert quantity_worth(amount, price) == ((amount + 1) * 10**9 - 1) // price
    for parts in (0, 1, 2_500_000_000, 333_333_333_333, 10**12, 2 * 10**12):
        for amount in LARGE:
            assert portion(parts, amount) == parts * amount // 10**12
            assert portion_up(parts, amount) == -(-parts * amount // 10**12)
    for first in LARGE:
        for divisor in (1, 3, 10**9 + 7, 10**18):
            assert quotient(first, divisor // 2 + 1, divisor) == first * (divisor // 2 + 1) // divisor
