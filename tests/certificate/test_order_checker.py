"""The checker of orders accepts every decided plan and rejects every spoiled one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from order_cases import of_case, random_order_case

from trimtab import RebalancingLimits
from trimtab.certificate.order_checker import MadePlan, broken_orders
from trimtab.decimals import NANO
from trimtab.errors import BrokenLimitError, InputError
from trimtab.limits.order_settings import OrderSettings
from trimtab.orders import plan_check
from trimtab.orders.doors import plan
from trimtab.orders.order import LotSold

MICRO = Decimal("0.000001")
LIMITS = RebalancingLimits(
    enable_bucket_diversification=True, max_position_weight=0.25, max_allocation_per_bucket=0.5, min_trade=0.001
)
ROWS: list[dict[str, Any]] = [
    {"asset": "AAA", "bucket": "Tech", "score": 0.90, "price": 180, "shares": 18, "lot": 1},
    {"asset": "BBB", "bucket": "Tech", "score": 0.80, "price": 95.5, "shares": 10, "lot": 0.01},
    {"asset": "CCC", "bucket": "Bond", "score": 0.50, "price": 51.2, "shares": 30, "lot": 1},
    {"asset": "DDD", "bucket": "Bond", "score": 0.85, "price": 102.5, "shares": 0, "lot": 1},
    {"asset": "EEE", "bucket": "Health", "score": 0.70, "price": 412, "shares": 4, "lot": 1},
]
LOTS = [
    {"asset": "AAA", "lot_id": "old", "shares": 3, "cost": 300, "acquired": dt.date(2020, 1, 2)},
    {"asset": "AAA", "lot_id": "new", "shares": 15, "cost": 3000, "acquired": dt.date(2026, 1, 2)},
]
CCC, AAA, DDD, BBB, EEE = range(5)  # the orders, in their order


@pytest.fixture(scope="module")
def sound() -> MadePlan:
    """The worked example of the rules, with tax lots, as the checker is given it."""
    seen: list[MadePlan] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan_check, "broken_orders", lambda facts: seen.append(facts) or [])
        plan(ROWS, LIMITS, cash=2621, fees={"per_order": 1}, tax_lots=LOTS, today=dt.date(2026, 3, 2))
    return seen[0]


def order(index: int, **changes: Any) -> Callable[[MadePlan], MadePlan]:
    """A plan with one order changed."""

    def spoiled(made: MadePlan) -> MadePlan:
        orders = list(made.orders)
        orders[index] = replace(orders[index], **changes)
        return made._replace(orders=orders)

    return spoiled


def shifted(index: int, name: str, by: Decimal) -> Callable[[MadePlan], MadePlan]:
    return lambda made: order(index, **{name: getattr(made.orders[index], name) + by})(made)


def asset(name: str, **changes: Any) -> Callable[[MadePlan], MadePlan]:
    return lambda made: made._replace(assets={**made.assets, name: made.assets[name]._replace(**changes)})


def settings(**changes: Any) -> Callable[[MadePlan], MadePlan]:
    return lambda made: made._replace(settings=made.settings.replace(**changes))


def limits(**changes: Any) -> Callable[[MadePlan], MadePlan]:
    return lambda made: made._replace(limits=made.limits.replace(**changes))


def both(*steps: Callable[[MadePlan], MadePlan]) -> Callable[[MadePlan], MadePlan]:
    def spoiled(made: MadePlan) -> MadePlan:
        for step in steps:
            made = step(made)
        return made

    return spoiled


def lots(*sold: tuple[str, int, str]) -> Callable[[MadePlan], MadePlan]:
    return order(AAA, lots=tuple(LotSold(name, Decimal(shares), Decimal(gain)) for name, shares, gain in sold))


SPOILED: dict[str, tuple[Callable[[MadePlan], MadePlan], str]] = {
    "unknown asset": (order(AAA, asset="ZZZ"), "'ZZZ' is not a candidate"),
    "two orders": (order(CCC, asset="AAA"), "'AAA' has 2 orders"),
    "buys first": (lambda made: made._replace(orders=made.orders[::-1]), "not sells first"),
    "a long id": (order(CCC, client_order_id="x" * 37), "is too long"),
    "no id": (order(CCC, client_order_id=""), "is too long"),
    "no shares": (order(CCC, shares=Decimal(0)), "CCC: 0 shares"),
    "another price": (order(CCC, price=Decimal(52)), "CCC: 30 shares at 52"),
    "amount": (shifted(DDD, "amount", MICRO), "DDD: amount"),
    "amount of a sell": (shifted(AAA, "amount", -MICRO), "AAA: amount"),
    "fee": (shifted(BBB, "fee", -MICRO), "BBB: amount 1419.13 and fee 0.999999"),
    "cash after an order": (shifted(EEE, "cash_after", MICRO), "EEE: cash after it"),
    "cash in the end": (lambda made: made._replace(cash_after=made.cash_after + 10**6), "cash ends at 452.37"),
    "value in the end": (lambda made: made._replace(value_after=made.value_after + 10**6), "ends worth 9996,"),
    "cash below 0": (lambda made: made._replace(cash=made.cash - 500 * 10**6), "EEE: cash falls to -48.63"),
    "no_sell": (asset("AAA", restriction="no_sell"), "AAA: its restriction forbids a sell"),
    "no_buy": (asset("DDD", restriction="no_buy"), "DDD: its restriction forbids a buy"),
    "no_trade": (asset("DDD", restriction="no_trade"), "DDD: its restriction forbids a buy"),
    "not tradable": (asset("CCC", tradable=False), "CCC: its restriction forbids a sell"),
    "buy_only": (settings(mode="buy_only"), "AAA: a sell in the mode buy_only"),
    "sell_only": (settings(mode="sell_only"), "EEE: a buy in the mode sell_only"),
    "closed bucket": (
        both(limits(unknown_bucket="hold"), asset("EEE", bucket="Unknown")),
        "EEE: nothing is bought in its bucket",
    ),
    "oversold": (asset("AAA", shares=4 * NANO), "AAA: 5 shares are sold of 4"),
    "closes": (order(AAA, closes=True), "AAA: closes is True"),
    "does not close": (order(CCC, closes=False), "CCC: closes is False"),
    "no whole lots": (asset("AAA", lot=2 * NANO), "AAA: 5 shares are not whole lots of 2"),
    "min_notional": (asset("AAA", min_notional=901_000_000), "AAA: 900 is below its min_notional"),
    "min_trade_amount": (settings(min_trade_amount=850), "EEE: 824 is below the smallest order"),
    "min_trade": (limits(min_trade=0.09), "EEE: 824 is below the smallest order of 899.55"),
    "max_fee_share": (settings(max_fee_share=0.001), "EEE: the fee 1 is above max_fee_share"),
    "forced at any price": (
        order(AAA, reason="forced_for_limit", fee=Decimal(900)),
        "AAA: the fee 900 is not below 900",
    ),
    "no tax lots": (lots(), "AAA: its tax lots do not add up to 5"),
    "a tax lot twice": (lots(("old", 3, "239.4"), ("old", 2, "1")), "AAA: its tax lots do not add up"),
    "a tax lot that is not there": (lots(("older", 5, "1")), "AAA: more is sold of a tax lot"),
    "more of a tax lot than there is": (lots(("old", 5, "1")), "AAA: more is sold of a tax lot"),
    "gain": (lots(("old", 3, "239.4"), ("new", 2, "0")), "AAA: the gains of its tax lots"),
    "tax lots of a buy": (order(DDD, lots=(LotSold("old", Decimal(1), Decimal(0)),)), "DDD: tax lots of an order"),
    "cap": (limits(max_position_weight=0.24), "EEE: worth 2472, its largest weight allows 2398.8"),
    "own cap": (asset("EEE", max_weight=0.2), "EEE: worth 2472,"),
    "bucket": (limits(max_allocation_per_bucket=0.47), "Tech: worth 4714.13 after a buy"),
    "buffer": (settings(cash_buffer=0.1), "all positions: worth"),
    "aim": (limits(target_invested=0.9), "all positions: worth"),
    "turnover of sells": (settings(max_turnover=0.24), "the sells amount to 2436, max_turnover allows 2400"),
    "turnover of buys": (settings(max_turnover=0.24), "the buys amount to 4600.63"),
    "positions": (limits(max_total_positions=3), "the account: 4 positions, 3 allowed"),
    "positions of a bucket": (limits(max_positions_per_bucket=0), "Bond: 1 position, 0 allowed"),
}


def test_the_worked_example_is_sound(sound: MadePlan) -> None:
    assert [made.asset for made in sound.orders] == ["CCC", "AAA", "DDD", "BBB", "EEE"]
    assert broken_orders(sound) == []


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_plan_is_found(sound: MadePlan, name: str) -> None:
    spoil, sentence = SPOILED[name]
    broken = broken_orders(spoil(sound))
    assert any(sentence in entry for entry in broken), broken


def test_the_same_id_is_found(sound: MadePlan) -> None:
    spoiled = order(CCC, client_order_id=sound.orders[AAA].client_order_id)(sound)
    assert broken_orders(spoiled) == [f"the id {sound.orders[AAA].client_order_id!r} is used twice"]


def test_forced_orders_may_be_small(sound: MadePlan) -> None:
    small = both(settings(min_trade_amount=950), asset("DDD", min_notional=0))(sound)
    assert "AAA: 900 is below the smallest order of 950" in broken_orders(small)
    forced = order(AAA, reason="forced_for_limit")(small)
    assert not any(sentence.startswith("AAA") for sentence in broken_orders(forced))


def test_a_broken_plan_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_check, "broken_orders", lambda _: ["AAA: cash falls to -1"])
    with pytest.raises(BrokenLimitError, match="cash falls to -1"):
        plan(ROWS, LIMITS, cash=2621)


def test_a_brake_that_acts_when_an_unfit_asset_is_left_out() -> None:
    """The first start trades; without the asset of which no lot fits, the account would sell too much."""
    case = random_order_case(5635)
    rows, arguments = of_case(case)
    decided = plan(rows, case.limits, **arguments)
    assert (decided.status, decided.result.status, decided.orders) == ("cash_short", "braked", ())
    assert decided.is_settled and set(decided.reasons.values()) <= {"braked", "not_wanted"}


def test_a_forced_sell_stays_large_enough_for_the_broker() -> None:
    """Two lots are worth 53.76, one 26.88, and the broker takes 50: the last lot is not given back."""
    case = random_order_case(319_856)
    rows, arguments = of_case(case)
    forced = [made for made in plan(rows, case.limits, **arguments).orders if made.reason == "forced_for_limit"]
    assert [(made.asset, made.amount) for made in forced] == [("A00", Decimal("53.7582"))]
    assert case.instruments["A00"].min_notional == 50_000_000


def check(first: int, count: int) -> int:
    """Every plan goes through the checker; an executed one that is settled and whole orders nothing more."""
    planned = 0
    for seed in range(first, first + count):
        case = random_order_case(seed)
        rows, arguments = of_case(case)
        try:
            decided = plan(rows, case.limits, **arguments)  # raises where the checker finds something
        except InputError:
            continue
        planned += len(decided.orders)
    return planned


def test_random_plans_are_sound() -> None:
    assert check(20_000, 60) > 60


@pytest.mark.thorough
@pytest.mark.parametrize("first", range(30_000, 33_000, 500))
def test_more_random_plans_are_sound(first: int) -> None:
    assert check(first, 500) > 500


def test_an_account_without_fees_or_lots_is_measured_too() -> None:
    rows = [{"asset": name, "score": 0.9, "price": 10} for name in "ABCDE"]
    decided = plan(rows, RebalancingLimits(max_new_positions=5), cash=1000, settings=OrderSettings())
    assert len(decided.orders) == 5
