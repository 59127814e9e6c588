"""Whole lots in a backtest: the orders of a day by the rules of a plan, and their trades at the next session.

Money is in micro-units and shares in nano-shares, as in a plan. Orders are planned at the prices of the decision and
traded at those of the next session, in their order: sells first. A buy that cash does not cover is cut to whole lots, so
cash never ends below 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trimtab.kernel.backtest_records import Book, Due, Market, PolicyRecords, RunRecords, WholeLots
from trimtab.kernel.block import OUTCOME
from trimtab.kernel.compilation import allocating, compiled
from trimtab.kernel.money import MICRO, NANO, parts_of, portion_up, quantity_for, worth_of
from trimtab.kernel.order_block import OrderAccounts, OrderLimits, OrderRecords, plan_block
from trimtab.kernel.order_records import TAX_LOT
from trimtab.kernel.order_rounding import amount_of, fee_of
from trimtab.kernel.records import SETTINGS, Exposed

# The bounds of 64 bits: the value of the account, and the shares that it could buy.
_MOST_VALUE = 9e17
_MOST_QUANTITY = 3.9e18


@compiled
def in_units(money: int, whole: WholeLots) -> float:
    """An amount in units of the start."""
    return float(money) / float(whole.cash)


@compiled
def is_countable(value: float, price: int, whole: WholeLots) -> bool:
    """Whether an account of a value in units of the start fits into 64 bits, and the shares of this price it could buy."""
    money = value * float(whole.cash)
    return 1.0 <= money <= _MOST_VALUE and (money + 1.0) * 1e9 <= _MOST_QUANTITY * float(price)


@compiled
def earn(growth: float, book: Book, whole: WholeLots) -> float:
    """Let the cash earn, rounded down; returns it in units of the start."""
    if growth != 1.0:
        book.cash[0] = int(np.floor(float(book.cash[0]) * growth))
    return in_units(book.cash[0], whole)


@compiled
def pay_out(asset: int, price: int, book: Book, whole: WholeLots) -> float:
    """Turn a delisted holding into cash at its last price; returns the money in units of the start."""
    money = worth_of(book.quantity[asset], price)
    book.cash[0] += money
    book.quantity[asset] = 0
    return in_units(money, whole)


@compiled
def _fill_assets(whole: WholeLots, day: int, book: Book, count: int, worth: float) -> bool:
    """The assets of a plan, from the rows of the decision; returns whether they can be counted exactly."""
    for index in range(count):
        asset, number, row = book.assets[index], book.asset_of[index], book.rows[index]
        price = whole.price[day, number]
        if price > 0 and not is_countable(worth, price, whole):
            return False
        asset.quantity, asset.now, asset.place = book.quantity[number], book.quantity[number], -1
        asset.price, asset.lot, asset.tradable = price, whole.lot[number], price > 0
        if price == 0:  # neither tradable nor held: any price will do
            asset.price, asset.lot = MICRO, NANO
        asset.min_notional, asset.lots_begin, asset.lots_end = 0, 0, 0
        asset.score, asset.max_weight = row.score, row.max_weight
        asset.leaf, asset.restriction = row.leaf, row.restriction
    return True


@allocating
def decide_orders(
    whole: WholeLots, policy: PolicyRecords, exposed: Exposed | None, due: Due, book: Book, outcome: Any
) -> bool:
    """Plan the orders of the rows of this decision, as `trimtab.plan` does; returns whether it can be counted exactly."""
    count = due.rows
    if not _fill_assets(whole, due.day, book, count, due.worth):
        return False
    account, settings, outcomes = book.account, np.zeros(1, SETTINGS), np.zeros(1, OUTCOME)
    account[0] = policy.account
    account[0].cash = book.cash[0]
    settings[0] = policy.settings
    ends, none = np.zeros(2, np.int64), np.zeros(2, np.int64)
    ends[1] = count
    nodes = np.zeros(2, np.int64)
    nodes[1] = policy.tree.size
    accounts = OrderAccounts(ends, none, none, np.zeros(1, np.int64), np.zeros(1, np.bool_))
    records = OrderRecords(
        book.assets[:count], np.zeros(0, TAX_LOT), account, book.rows[:count], book.answers[:count], outcomes
    )
    plan_block(accounts, OrderLimits(settings, policy.tree, nodes), book.no_partners, exposed, records)
    outcome.braked = outcomes[0].braked
    return True


@compiled
def place_orders(book: Book, count: int, step: int, run: RunRecords) -> None:
    """Keep the orders for the next session; and record them, if a ledger is kept."""
    account = book.account[0]
    for index in range(count):
        book.in_order[index] = -1
    for index in range(count):
        asset = book.assets[index]
        if asset.place >= 0:
            book.in_order[asset.place] = index
        if run.orders.shape[0] > 0:
            order = run.orders[step, book.asset_of[index]]
            order.place, order.price, order.quantity, order.now = asset.place, asset.price, asset.quantity, asset.now
            order.amount, order.fee, order.reason = asset.amount, asset.fee, asset.reason
            order.held = asset.quantity
    if run.plans.shape[0] > 0:
        plan = run.plans[step]
        plan.cash, plan.value, plan.status = account.cash, account.value, account.status
        plan.is_settled, plan.cash_after = account.is_settled, account.cash


@compiled
def _covered(asset: Any, account: Any, cash: int, rate: int) -> int:
    """The quantity to hold after a buy that cash covers with fee and costs: as planned, or fewer whole lots."""
    low, high = 0, (asset.now - asset.quantity) // asset.lot
    high = min(high, quantity_for(cash, asset.price) // asset.lot)
    while low < high:
        lots = (low + high + 1) // 2
        after = asset.quantity + lots * asset.lot
        amount = amount_of(asset, after)
        if amount + fee_of(asset, account, after, amount) + portion_up(rate, amount) <= cash:
            low = lots
        else:
            high = lots - 1
    return int(asset.quantity + low * asset.lot)


@compiled
def _trade(asset: Any, account: Any, cash: int, rate: int, order: Any) -> int:
    """Trade one order at the price that the asset has now; fills `order`, returns the cash after it.

    A sell whose fee cash and proceeds do not cover lapses.
    """
    after = asset.now if asset.now < asset.quantity else _covered(asset, account, cash, rate)
    amount, fee, cost = 0, 0, 0
    if after != asset.quantity:
        amount = amount_of(asset, after)
        fee, cost = fee_of(asset, account, after, amount), portion_up(rate, amount)
        change = (amount if after < asset.quantity else -amount) - fee - cost
        if cash + change < 0:
            after, amount, fee, cost, change = asset.quantity, 0, 0, 0, 0
        cash += change
    order.traded_price, order.traded, order.traded_amount = asset.price, abs(after - asset.quantity), amount
    order.traded_fee, order.traded_cost, order.held, order.cash_after = fee, cost, after, cash
    return cash


@compiled
def _wanted(asset: Any) -> float:
    return float(abs(asset.now - asset.quantity)) * 1e-9 * float(asset.price)


@compiled
def trade_orders(
    market: Market, whole: WholeLots, session: int, day: int, book: Book, number: int, run: RunRecords
) -> float:
    """Trade the orders of the decision at the prices of a session; returns the cash in units of the start, or -1 where
    it cannot be counted exactly.
    """
    step, account, kept = run.steps[number], book.account[0], run.ledger.shape[0] > 0
    rate, value = parts_of(market.cost), in_units(book.cash[0], whole)
    for asset in range(book.shares.size):
        if book.shares[asset] > 0.0:
            price = market.trade_price[session, asset]
            value += book.shares[asset] * (market.close[session - 1, asset] if np.isnan(price) else price)
    bought, sold, fees, costs, wanted = 0, 0, 0, 0, 0.0
    for place in range(book.in_order.size):
        index = book.in_order[place]
        if index < 0:
            break
        asset, source, name = book.trading[0], book.assets[index], book.asset_of[index]
        order = run.orders[number, name] if kept else book.traded[0]
        price = whole.trade_price[day, name]
        if price == 0:
            order.cash_after = book.cash[0]
            if kept:
                run.ledger[number, name].unfilled = True
            continue
        if not is_countable(value, price, whole):
            return -1.0
        asset.quantity, asset.now, asset.lot, asset.price = source.quantity, source.now, source.lot, price
        book.cash[0] = _trade(asset, account, book.cash[0], rate, order)
        book.quantity[name] = order.held
        book.shares[name] = float(order.held) * 1e-3 / float(whole.cash)
        fees, costs = fees + order.traded_fee, costs + order.traded_cost
        if asset.now > asset.quantity:
            bought, wanted = bought + order.traded_amount, wanted + _wanted(asset)
        else:
            sold += order.traded_amount
        if kept:
            signed = order.traded_amount if asset.now > asset.quantity else -order.traded_amount
            run.ledger[number, name].amount = in_units(signed, whole)
            run.ledger[number, name].unfilled = order.traded == 0
    step.traded, step.value = session, value
    step.bought, step.sold = in_units(bought, whole), in_units(sold, whole)
    step.fees, step.paid = in_units(fees, whole), in_units(fees + costs, whole)
    step.buy_fraction = min(1.0, float(bought) / wanted) if wanted > 0.0 else 1.0
    step.cash = in_units(book.cash[0], whole)
    if run.plans.shape[0] > 0:
        run.plans[number].cash_after = book.cash[0]
    return float(step.cash)
