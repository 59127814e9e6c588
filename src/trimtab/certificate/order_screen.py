"""The compiled screen before the checker of orders. It proves the plain case: every order is whole, paid and within its limits.

It measures finished orders as `trimtab.certificate.order_checker` does, in code of its own: it shares the compiler with the
kernel, and no rule. A plan whose plain case it cannot prove goes through the checker, which knows what excuses an order.
Money is in micro-units, shares in nano-shares.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from trimtab.kernel.compilation import compiled, entry

_PLAY = 2  # micro-units: minima are decided before the last lot, and money is rounded twice
_SHARE = 10**9  # nano-shares
_WHOLE = 10**12  # parts of a fraction
_THOUSAND = 1000


class ScreenedOrders(NamedTuple):
    """The orders of a block in their order of execution. Account i has those from start[i] to start[i + 1]."""

    start: Any  # shape (accounts + 1,)
    row: Any  # shape (orders,), like the following: the candidate
    change: Any  # shares: above 0 bought, below 0 sold
    amount: Any
    fee: Any
    cash_after: Any


class ScreenedAssets(NamedTuple):
    """The candidates of a block before the orders, shape (rows,)."""

    price: Any
    shares: Any
    lot: Any
    min_notional: Any
    may_buy: Any
    may_sell: Any
    max_weight: Any  # inf = none
    bucket: Any  # its place in `node_of`


class ScreenedAccounts(NamedTuple):
    """Accounts and their settings. Arrays have shape (accounts,), except `start`, of shape (accounts + 1,)."""

    start: Any
    limits: Any
    left_out: Any
    cash: Any  # before the orders, the cash flow included
    cash_after: Any
    value_after: Any
    may_buy: Any  # by the mode
    may_sell: Any


class OrderBounds(NamedTuple):
    """The settings that all accounts share; amounts in micro-units, -1 without one."""

    cash_buffer: float
    min_trade_amount: int
    max_fee_share: float
    per_order: int
    per_share: int
    rate: float
    minimum: int
    max_turnover: float  # inf = none


class NodeTotals(NamedTuple):
    """The totals of an account's plan at each node."""

    load: Any
    positions: Any
    bought: Any  # whether something under it is bought


class OrderLimitBounds(NamedTuple):
    """Limits by number, shape (limits,), as the pass has them: with the aim that the buffer leaves. Nodes as in `ScreenLimits`."""

    bounds: Any  # `BOUNDS`
    min_trade: Any
    drift_tolerance: Any
    bucket_limits: Any
    bucket_limits_start: Any
    node_of: Any


@compiled
def _of(fraction: float, amount: int) -> int:
    """A fraction of an amount, rounded down: estimated in doubles, then corrected by the exact rest, which 64 bits hold."""
    parts = int(np.rint(fraction * 1e12))
    estimate = int(fraction * amount)
    return estimate + (parts * amount - estimate * _WHOLE) // _WHOLE


@compiled
def _product(shares: int, price: int, up: bool) -> int:
    """The product of shares and price, in micro-units, rounded down or up; exact in the same way."""
    estimate = int(float(shares) * float(price) * 1e-9)
    rest = shares * price - estimate * _SHARE
    return estimate + (rest + _SHARE - 1 if up else rest) // _SHARE


@compiled
def _fee(shares: int, amount: int, settings: OrderBounds) -> int:
    down = _of(settings.rate, amount)
    parts = int(np.rint(settings.rate * 1e12))
    share = down + int(parts * amount != down * _WHOLE)
    return int(max(settings.minimum, settings.per_order + _product(shares, settings.per_share, True) + share))


@compiled
def _is_paid(
    orders: ScreenedOrders, assets: ScreenedAssets, accounts: ScreenedAccounts, settings: OrderBounds, number: int
) -> bool:
    """Whether amounts, fees and the cash after each order add up, sells come first, and cash is never short."""
    cash, is_buying = int(accounts.cash[number]), False
    lowest = min(cash, 0)
    for index in range(orders.start[number], orders.start[number + 1]):
        change, price = int(orders.change[index]), int(assets.price[orders.row[index]])
        shares, is_buy = abs(change), change > 0
        amount = _product(shares, price, is_buy)
        fee = _fee(shares, amount, settings)
        cash += (-amount if is_buy else amount) - fee
        if (
            change == 0
            or amount != orders.amount[index]
            or fee != orders.fee[index]
            or cash != orders.cash_after[index]
        ):
            return False
        if (is_buying and not is_buy) or cash < (0 if is_buy else lowest):
            return False
        is_buying = is_buy
    return bool(cash == accounts.cash_after[number])


@compiled
def _is_allowed(
    orders: ScreenedOrders, assets: ScreenedAssets, settings: OrderBounds, number: int, smallest: int, may: bool
) -> bool:
    """Whether one order keeps to restrictions, holding, lots and minima."""
    row, change = orders.row[number], int(orders.change[number])
    amount, held, lot = int(orders.amount[number]), int(assets.shares[row]), int(assets.lot[row])
    closes = change == -held
    if not may or not (assets.may_buy[row] if change > 0 else assets.may_sell[row]):
        return False
    if held + change < 0 or (abs(change) % lot != 0 and not closes):
        return False
    if not closes and amount + _PLAY < max(int(assets.min_notional[row]), smallest):
        return False
    return bool(orders.fee[number] <= _of(settings.max_fee_share, amount) + _PLAY)


@compiled
def _are_loads_met(nodes: Any, totals: NodeTotals, bounds: Any, drift: float, cash_buffer: float, value: int) -> bool:
    """Whether each node above a purchase is within its allocation and has no position too many."""
    for node in range(nodes.size):
        if not totals.bought[node]:
            continue
        limit = value
        if node == 0:
            limit = min(_of(1.0 - cash_buffer, value), _of(bounds.max_invested, value))
        elif nodes[node].max_allocation <= 1.0:
            limit = _of(nodes[node].max_allocation * drift, value)
        if totals.load[node] > limit or nodes[node].closed:
            return False
        if totals.positions[node] > (bounds.max_total_positions if node == 0 else nodes[node].max_positions):
            return False
    return True


@compiled
def _turnover(limit: float, value: int) -> int:
    return value * 4 if limit == math.inf else _of(limit, value)


@entry
def screen_orders(
    orders: ScreenedOrders,
    assets: ScreenedAssets,
    accounts: ScreenedAccounts,
    limits: OrderLimitBounds,
    settings: OrderBounds,
    proven: Any,
) -> None:
    """Fill `proven` (accounts,): whether the orders of an account are plainly sound."""
    most_nodes = 0
    for number in range(limits.bucket_limits_start.size - 1):
        most_nodes = max(most_nodes, limits.bucket_limits_start[number + 1] - limits.bucket_limits_start[number])
    totals = NodeTotals(np.zeros(most_nodes, np.int64), np.zeros(most_nodes, np.int64), np.zeros(most_nodes, np.bool_))
    after = np.zeros(assets.shares.size, np.int64)
    for row in range(assets.shares.size):
        after[row] = assets.shares[row]
    for number in range(accounts.start.size - 1):
        proven[number] = False
        if accounts.left_out[number] or not _is_paid(orders, assets, accounts, settings, number):
            continue
        chosen, value = accounts.limits[number], int(accounts.value_after[number])
        bounds, drift = limits.bounds[chosen], 1.0 + limits.drift_tolerance[chosen]
        nodes = limits.bucket_limits[limits.bucket_limits_start[chosen] : limits.bucket_limits_start[chosen + 1]]
        smallest = settings.min_trade_amount
        if smallest < 0:
            smallest = _of(limits.min_trade[chosen], value)
        sound, sold, purchases, before = True, 0, 0, int(accounts.cash[number])
        totals.load[:], totals.positions[:], totals.bought[:] = 0, 0, False
        for index in range(orders.start[number], orders.start[number + 1]):
            row, is_buy = orders.row[index], orders.change[index] > 0
            may = accounts.may_buy[number] if is_buy else accounts.may_sell[number]
            sound = (
                sound
                and after[row] == assets.shares[row]
                and _is_allowed(orders, assets, settings, index, smallest, may)
            )
            after[row] += orders.change[index]
            if is_buy:
                purchases += orders.amount[index]
                cap = min(bounds.max_position_weight, assets.max_weight[row])
                sound = sound and _product(int(after[row]), int(assets.price[row]), False) <= _of(cap, value)
                node = limits.node_of[chosen, assets.bucket[row]]
                while node >= 0:
                    totals.bought[node] = True
                    node = nodes[node].parent
            else:
                sold += orders.amount[index]
        total, dust = int(accounts.cash_after[number]), max(1, _of(bounds.dust_weight, value))
        for row in range(accounts.start[number], accounts.start[number + 1]):
            price = int(assets.price[row])
            before += _product(int(assets.shares[row]), price, False)
            worth = _product(int(after[row]), price, False)
            total += worth
            node = limits.node_of[chosen, assets.bucket[row]]
            while node >= 0:
                totals.load[node] += worth
                totals.positions[node] += int(worth >= dust)
                node = nodes[node].parent
        sound = sound and total == value and max(sold, purchases) <= _turnover(settings.max_turnover, before)
        proven[number] = sound and _are_loads_met(nodes, totals, bounds, drift, settings.cash_buffer, value)
