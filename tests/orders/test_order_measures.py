"""The measures of `benchmarks/orders_many.py`: silent on plans of random accounts, and loud on each kind of fault."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from naive_orders import is_long
from order_cases import OrderCase, random_order_case
from order_measures import FAULTS, Brought, Made, Rules, measured, rules_of
from order_runs import KernelPlan, kernel_plan

from trimtab.kernel.order_records import PlanStatus
from trimtab.reasons import OrderReason

pytestmark = pytest.mark.thorough  # the measures compile


def brought(case: OrderCase, plan: KernelPlan, node_of: dict[str, int]) -> Brought:
    """The account as it came, by asset name."""
    rows = {row["asset"]: row for row in case.rows}
    own = [(rows[name], case.instruments[name]) for name in plan.names]
    lots = [sorted(each.lots, key=lambda lot: (lot.acquired, lot.name)) for _, each in own]
    restriction = [row.get("restriction") or "" for row, _ in own]
    mode, every = case.settings.mode, [lot for each in lots for lot in each]
    tradable = [each.tradable for _, each in own]
    sizes = {"desired": "desired_weight", "given": "desired_weight", "inverse_volatility": "volatility"}
    needed = ["score", sizes.get(case.limits.sizing_mode, "score")]
    may_buy = [may and word not in ("no_buy", "no_trade") for may, word in zip(tradable, restriction, strict=True)]
    may_sell = [may and word not in ("no_sell", "no_trade") for may, word in zip(tradable, restriction, strict=True)]
    caps = [row.get("max_weight") for row, _ in own]
    return Brought(
        np.array([0, len(own)]),
        *(np.array([getattr(each, name) for _, each in own]) for name in ("price", "quantity", "lot", "min_notional")),
        np.array(may_buy) & (mode != "sell_only"),
        np.array(may_sell) & (mode != "buy_only"),
        np.array([any(row.get(name) is None for name in needed) for row, _ in own]),
        np.array([np.inf if cap is None else cap for cap in caps]),
        np.array([node_of[row.get("bucket") or "Unknown"] for row, _ in own]),
        np.cumsum([0, *(len(each) for each in lots)]),
        np.array([lot.quantity for lot in every], np.int64),
        np.array([lot.cost for lot in every], np.int64),
        np.array([lot.acquired.toordinal() for lot in every], np.int64),
        np.array([is_long(lot.acquired, case.settings.today) for lot in every], np.bool_),
        np.array([case.cash + case.cash_flow]),
    )


@cache
def planned(seed: int) -> tuple[Brought, Made, Rules] | None:
    """A random account and its plan; None where it is worth nothing."""
    case = random_order_case(seed)
    plan = kernel_plan(case)
    account = plan.account
    if account[0]["status"] == PlanStatus.NO_VALUE:
        return None
    buckets = tuple(sorted({row.get("bucket") or "Unknown" for row in case.rows}))
    rules, node_of = rules_of(case.limits, case.order_settings, buckets)
    made = Made(
        *(np.ascontiguousarray(plan.assets[name]) for name in ("now", "amount", "fee", "place", "reason")),
        *(np.ascontiguousarray(plan.lots[name]) for name in ("taken", "gain")),
        *(np.ascontiguousarray(account[name]) for name in ("cash_after", "value_after", "status")),
        account["is_settled"].astype(np.bool_),
        np.zeros(1, np.bool_),
    )
    return brought(case, plan, node_of), made, rules


def wrong(account: Brought, made: Made, rules: Rules) -> set[str]:
    counts = measured(account, made, rules)
    return {name.removeprefix("wrong: ") for name, count in counts.items() if name.startswith("wrong") and count}


def test_plans_of_random_accounts_are_sound() -> None:
    every = {seed: planned(seed) for seed in range(2000)}
    assert {seed: wrong(*parts) for seed, parts in every.items() if parts is not None and wrong(*parts)} == {}


Spoil = Callable[[Brought, Made, Rules], Any]


def raised(row: Any, name: str, by: int) -> Spoil:
    def spoil(account: Brought, made: Made, rules: Rules) -> None:
        getattr(made, name)[np.flatnonzero(row(account, made))[0]] += by

    return spoil


def sold(account: Brought, made: Made) -> Any:
    return (made.now < account.shares) & (made.now > 0)


def bought(account: Brought, made: Made) -> Any:
    return made.now > account.shares


def replaced(**values: Any) -> Spoil:
    """Rules that the plan was not made for."""

    def spoil(account: Brought, made: Made, rules: Rules) -> tuple[Brought, Made, Rules]:
        new = {name: value(account, made, rules) if callable(value) else value for name, value in values.items()}
        own = [
            each._replace(**{name: new[name] for name in new if name in each._fields})
            for each in (account, made, rules)
        ]
        return own[0], own[1], own[2]

    return spoil


def swapped(account: Brought, made: Made, rules: Rules) -> None:
    """A buy before the sells."""
    place = np.flatnonzero(bought(account, made))[0]
    other = np.flatnonzero(made.place == 0)[0]
    made.place[other], made.place[place] = made.place[place], 0


def too_few(account: Brought, made: Made, rules: Rules) -> None:
    made.now[np.flatnonzero(sold(account, made))[0]] = -1


def worded(account: Brought, made: Made, rules: Rules) -> None:
    """An order that is called on target."""
    made.reason[np.flatnonzero(bought(account, made))[0]] = OrderReason.ON_TARGET


def far(rules: Rules) -> Any:
    return np.full(len(rules.parent), np.inf)


def closed_to(account: Brought, made: Made, rules: Rules) -> Any:
    return account.may_buy & ~bought(account, made)


SPOILS: dict[str, Spoil] = {
    "money": raised(bought, "amount", 1),
    "cash below 0": replaced(cash=np.array([-(10**15)])),
    "oversold": too_few,
    "order of execution": swapped,
    "part of a lot": replaced(lot=lambda account, *_: account.lot * 7919),
    "forbidden": replaced(may_buy=closed_to),
    "too small": replaced(min_trade_amount=10**15),
    "cap of an asset": replaced(max_position_weight=0.001),
    "cap of a bucket": replaced(max_allocation=lambda _given, _made, rules: np.full(len(rules.parent), 0.001)),
    "buffer or aim": replaced(cash_buffer=0.999),
    "positions": replaced(max_positions=lambda _given, _made, rules: np.zeros(len(rules.parent))),
    "turnover": replaced(max_turnover=0.0001),
    "gains": replaced(max_realized_gain=0, max_position_weight=1.0, max_positions=lambda _g, _m, rules: far(rules)),
    "tax lots": raised(lambda _, made: made.taken > 0, "gain", 1),
    "excess of an asset kept": replaced(max_position_weight=0.001),
    "excess of a bucket kept": replaced(max_allocation=lambda _given, _made, rules: np.full(len(rules.parent), 0.001)),
    "reason": worded,
}


def test_every_kind_of_fault_is_spoiled() -> None:
    assert set(SPOILS) == set(FAULTS)


@pytest.mark.parametrize("name", FAULTS)
def test_a_spoiled_plan_is_found(name: str) -> None:
    """In the first of these accounts where it can be spoiled so."""
    for seed in range(400):
        parts = planned(seed)
        if parts is None:
            continue
        account, made, rules = parts
        copy = Made(*(each.copy() for each in made))
        try:
            other = SPOILS[name](account, copy, rules)
        except IndexError:
            continue
        if name in wrong(*(other or (account, copy, rules))):
            return
    pytest.fail(f"{name}: never found")
