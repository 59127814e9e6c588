"""The books of a backtest, kept slowly and in the open: from decisions and prices to equity and cash.

Written from docs/backtest.md and not from the code: dicts of shares, amounts found by bisection.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field


@dataclass
class Books:
    """What the account is worth at each close, and its cash."""

    equity: dict[dt.date, float] = field(default_factory=dict)
    cash: dict[dt.date, float] = field(default_factory=dict)
    removed: dict[tuple[dt.date, str], float] = field(default_factory=dict)


Prices = dict[dt.date, dict[str, float]]


def value_after_costs(value: float, worth: dict[str, float], orders: dict[str, float], cost: float) -> float:
    """The x with x + cost * sum |target * x - worth| = value, by bisection."""
    low, high = 0.0, value
    for _ in range(200):
        middle = (low + high) / 2
        spent = cost * math.fsum(abs(target * middle - worth.get(asset, 0.0)) for asset, target in orders.items())
        low, high = (middle, high) if middle + spent < value else (low, middle)
    return (low + high) / 2


def trade(
    shares: dict[str, float], cash: float, paid: dict[str, float], orders: dict[str, float], cost: float
) -> tuple[dict[str, float], float]:
    """Shares and cash after the orders, at the prices `paid`."""
    worth = {asset: number * paid[asset] for asset, number in shares.items()}
    after = value_after_costs(cash + math.fsum(worth.values()), worth, orders, cost)
    amounts = {asset: target * after - worth.get(asset, 0.0) for asset, target in orders.items()}
    got = math.fsum(-amount for amount in amounts.values() if amount < 0)
    spent = math.fsum(amount for amount in amounts.values() if amount > 0)
    available = cash + got * (1 - cost)
    part = min(1.0, available / (spent * (1 + cost))) if spent > 0 else 1.0
    left = dict(shares)
    for asset, amount in amounts.items():
        left[asset] = left.get(asset, 0.0) + (amount * part if amount > 0 else amount) / paid[asset]
        if orders[asset] == 0:
            del left[asset]
    return left, available - spent * part * (1 + cost)


def keep_books(
    closes: Prices,
    decisions: dict[dt.date, dict[str, tuple[float, float]]],
    *,
    cost: float = 0.0,
    cash_rate: float = 0.0,
    gone_after: int = 5,
    opens: Prices | None = None,
) -> Books:
    """The books of the decisions: day -> asset -> (current weight, target weight). `closes` has every session."""
    days = sorted(closes)
    books, shares, cash, orders = Books(), dict[str, float](), 1.0, dict[str, float]()
    last, since = dict[str, float](), dict[str, int]()
    begun = False
    for index, day in enumerate(days):
        before = dict(last)
        for asset in {*closes[day], *since}:
            since[asset] = 0 if asset in closes[day] else since[asset] + 1
        last |= closes[day]
        if begun:
            cash *= (1 + cash_rate) ** ((day - days[index - 1]).days / 365)
        there = closes[day] if opens is None else opens[day]
        orders = {asset: target for asset, target in orders.items() if asset in there}
        if orders:
            shares, cash = trade(shares, cash, {**before, **there}, orders, cost)
        for asset in [asset for asset in shares if since[asset] == gone_after]:
            books.removed[day, asset] = shares.pop(asset) * last[asset]
            cash += books.removed[day, asset]
        begun = begun or day in decisions
        if begun:
            books.cash[day] = cash
            books.equity[day] = cash + math.fsum(number * last[asset] for asset, number in shares.items())
        decided = decisions.get(day, {})
        orders = {asset: target for asset, (current, target) in decided.items() if target != current}
    return books
