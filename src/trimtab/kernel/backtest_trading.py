"""Trading on one session of a backtest: prices, costs, weights."""

from __future__ import annotations

import math
from typing import Any

from trimtab.kernel.compilation import compiled
from trimtab.kernel.records import Floats, Records


@compiled
def _tradable_price(price: Floats, trade: Floats, session: int, asset: int) -> float:
    """What an asset counts in the trades of a session: its price there, else the last known one."""
    paid = trade[session, asset]
    return price[session - 1, asset] if math.isnan(paid) else paid


@compiled
def _value_after(
    price: Floats, trade: Floats, session: int, shares: Floats, orders: Floats, value: float, cost: float
) -> float:
    """The value x of the portfolio after the trades and their costs: x + cost * sum |target * x - worth| = value.

    The left side is convex, piecewise linear and increasing in x, so Newton's steps from `value` downwards never pass the
    solution, and end after at most one step for each piece.
    """
    after, smaller = value, cost > 0.0
    while smaller:
        excess, slope = after - value, 1.0
        for asset in range(orders.size):
            if not math.isnan(orders[asset]):
                change = orders[asset] * after - shares[asset] * _tradable_price(price, trade, session, asset)
                excess += cost * abs(change)
                slope += cost * orders[asset] if change > 0.0 else -cost * orders[asset]
        found = after - excess / slope
        smaller = found < after - 1e-15 * value
        if smaller:
            after = found
    return after


@compiled
def _measure_trades(
    price: Floats, trade: Floats, session: int, shares: Floats, orders: Floats, money: float, cost: float, done: Any
) -> float:
    """Fill what is bought and sold, and the part of the buys that cash suffices for; returns the value after costs."""
    value = money
    for asset in range(shares.size):
        if shares[asset] > 0.0:
            value += shares[asset] * _tradable_price(price, trade, session, asset)
    after = _value_after(price, trade, session, shares, orders, value, cost)
    bought, sold = 0.0, 0.0
    for asset in range(shares.size):
        if not math.isnan(orders[asset]):
            change = orders[asset] * after - shares[asset] * _tradable_price(price, trade, session, asset)
            bought += max(change, 0.0)
            sold += max(-change, 0.0)
    available = max(money + sold - cost * sold, 0.0)
    done.part = 1.0
    if bought + cost * bought > available:
        done.part = available / (bought + cost * bought)
    done.value = value
    done.bought = bought * done.part
    done.sold = sold
    done.paid = cost * (done.bought + sold)
    return after


@compiled
def execute_trades(
    price: Floats,
    trade: Floats,
    session: int,
    shares: Floats,
    orders: Floats,
    money: float,
    cost: float,
    done: Any,
    step: int,
    ledger: Records,
) -> float:
    """Bring everything that was ordered to its target; an order without a price lapses. Returns the cash after it."""
    kept = ledger.shape[0] > 0
    for asset in range(shares.size):
        if not math.isnan(orders[asset]) and math.isnan(trade[session, asset]):
            orders[asset] = math.nan
            if kept:
                ledger[step, asset].unfilled = True
    after = _measure_trades(price, trade, session, shares, orders, money, cost, done)
    done.traded = session
    for asset in range(shares.size):
        if not math.isnan(orders[asset]):
            paid = trade[session, asset]
            change = orders[asset] * after - shares[asset] * paid
            if change > 0.0:
                change *= done.part
            shares[asset] = shares[asset] + change / paid if orders[asset] > 0.0 else 0.0
            orders[asset] = math.nan
            if kept:
                ledger[step, asset].amount = change
    done.cash = money + done.sold - done.bought - done.paid if done.part >= 1.0 else 0.0
    return float(done.cash)


@compiled
def weigh(
    price: Floats,
    trade: Floats,
    session: int,
    shares: Floats,
    money: float,
    after: Floats,
    step: int,
    ledger: Records,
) -> None:
    """The weights right after the trades, at their prices."""
    value = money
    for asset in range(shares.size):
        after[asset] = 0.0
        if shares[asset] > 0.0:
            after[asset] = shares[asset] * _tradable_price(price, trade, session, asset)
            value += after[asset]
    for asset in range(shares.size):
        after[asset] /= value
        if ledger.shape[0] > 0:
            ledger[step, asset].after = after[asset]
