"""Trading on one session of a backtest: prices, costs, weights."""

from __future__ import annotations

import math
from typing import Any

from trimtab.kernel.backtest_records import Book, Market, RunRecords
from trimtab.kernel.compilation import compiled


@compiled
def _tradable_price(market: Market, session: int, asset: int) -> float:
    """The price at which an asset trades in a session: its price there, else the last known one."""
    price = market.trade_price[session, asset]
    return market.close[session - 1, asset] if math.isnan(price) else price


@compiled
def _change(market: Market, session: int, book: Book, asset: int, value: float) -> float:
    """The money to buy (above 0) or sell for an order, given the portfolio's value."""
    return book.orders[asset] * value - book.shares[asset] * _tradable_price(market, session, asset)


@compiled
def _value_after(market: Market, session: int, book: Book, value: float) -> float:
    """The value x of the portfolio after the trades and their costs: x + cost * sum |target * x - worth| = value.

    The left side is convex, piecewise linear and increasing in x, so Newton's steps from `value` downwards never pass the
    solution, and end after at most one step for each piece.
    """
    cost = market.cost
    after, smaller = value, cost > 0.0
    while smaller:
        excess, slope = after - value, 1.0
        for asset in range(book.orders.size):
            if not math.isnan(book.orders[asset]):
                change = _change(market, session, book, asset, after)
                excess += cost * abs(change)
                slope += cost * book.orders[asset] if change > 0.0 else -cost * book.orders[asset]
        lower = after - excess / slope
        smaller = lower < after - 1e-15 * value
        if smaller:
            after = lower
    return after


@compiled
def _measure_trades(market: Market, session: int, book: Book, money: float, step: Any) -> float:
    """Fill the amounts bought and sold, and the fraction of the buys that cash covers; returns the value after
    costs.
    """
    value, cost = money, market.cost
    for asset in range(book.shares.size):
        if book.shares[asset] > 0.0:
            value += book.shares[asset] * _tradable_price(market, session, asset)
    after = _value_after(market, session, book, value)
    bought, sold = 0.0, 0.0
    for asset in range(book.shares.size):
        if not math.isnan(book.orders[asset]):
            change = _change(market, session, book, asset, after)
            bought += max(change, 0.0)
            sold += max(-change, 0.0)
    available = max(money + sold - cost * sold, 0.0)
    step.buy_fraction = 1.0
    if bought + cost * bought > available:
        step.buy_fraction = available / (bought + cost * bought)
    step.value = value
    step.bought = bought * step.buy_fraction
    step.sold = sold
    step.paid = cost * (step.bought + sold)
    return after


@compiled
def execute_trades(market: Market, session: int, book: Book, money: float, number: int, run: RunRecords) -> float:
    """Bring every ordered asset to its target; an order without a price lapses. Returns the cash after it."""
    kept, step = run.ledger.shape[0] > 0, run.steps[number]
    for asset in range(book.shares.size):
        if not math.isnan(book.orders[asset]) and math.isnan(market.trade_price[session, asset]):
            book.orders[asset] = math.nan
            if kept:
                run.ledger[number, asset].unfilled = True
    after = _measure_trades(market, session, book, money, step)
    step.traded = session
    for asset in range(book.shares.size):
        if not math.isnan(book.orders[asset]):
            price = market.trade_price[session, asset]
            change = book.orders[asset] * after - book.shares[asset] * price
            if change > 0.0:
                change *= step.buy_fraction
            book.shares[asset] = book.shares[asset] + change / price if book.orders[asset] > 0.0 else 0.0
            book.orders[asset] = math.nan
            if kept:
                run.ledger[number, asset].amount = change
    # Rounding must not leave a debt of 1e-17.
    step.cash = max(money + step.sold - step.bought - step.paid, 0.0) if step.buy_fraction >= 1.0 else 0.0
    return float(step.cash)


@compiled
def weigh(market: Market, session: int, book: Book, money: float, number: int, run: RunRecords) -> None:
    """The weights right after the trades, at their prices."""
    value, weights = money, book.traded_weights
    for asset in range(book.shares.size):
        weights[asset] = 0.0
        if book.shares[asset] > 0.0:
            weights[asset] = book.shares[asset] * _tradable_price(market, session, asset)
            value += weights[asset]
    for asset in range(book.shares.size):
        weights[asset] /= value
        if run.ledger.shape[0] > 0:
            run.ledger[number, asset].after = weights[asset]
