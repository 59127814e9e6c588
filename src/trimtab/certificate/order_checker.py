"""The checker of orders: money, lots and limits of a plan in exact whole numbers, sharing no code with the kernel.

It sees the orders, what was held before them, and the limits as the user wrote them (rules, section 19). An order that
breaks a rule without an excuse is a bug of trimtab. Money is in micro-units, quantities in nano-shares.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

from trimtab.certificate.bucket_nodes import CheckedNode, checked_nodes
from trimtab.certificate.order_exposures import Parts, maximum_exposures
from trimtab.decimals import MICRO, NANO, money_of, scaled, shares_of
from trimtab.limits.order_settings import OrderSettings
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.text import counted

_LONGEST_ID = 36
_PLAY = 2  # minima are decided before the last lot, and money is rounded twice
_ROUNDED = Fraction(1, 10**12)  # fractions count in parts of this size
_UNSETTLED = 0.99  # where the rounds did not settle, minima refer to an earlier value
# Why a sell that the rules call for is not made, or only in part.
_LEFT_OVER = frozenset(
    {
        "within_one_lot",
        "below_min_notional",
        "below_min_trade",
        "fee_too_high",
        "max_turnover",
        "max_realized_gain",
        "waits_for_minimum",
        "lot_too_large",
        "no_lot_fits",
    }
)


class TradedAsset(NamedTuple):
    """A candidate before the orders."""

    price: int
    shares: int
    lot: int
    min_notional: int
    tradable: bool
    restriction: str
    bucket: str
    max_weight: float  # inf = none
    lots: Mapping[str, tuple[int, int]]  # tax lots: shares and cost of each


class MadePlan(NamedTuple):
    """A plan as its reader sees it."""

    limits: RebalancingLimits
    settings: OrderSettings
    assets: Mapping[str, TradedAsset]
    cash: int  # before the orders, the cash flow included
    orders: Sequence[Any]  # with the fields of `trimtab.orders.order.Order`
    reasons: Mapping[str, str]  # of every asset
    cash_after: int
    value_after: int
    is_settled: bool  # settled, and all of it made
    exposures: Parts = ()  # of the account, as the user gave them


def broken_orders(plan: MadePlan) -> list[str]:
    """The faults of a plan in sentences; empty unless trimtab has a bug."""
    wrong = list(_wrong_orders(plan))
    if wrong:
        return wrong
    measured = _Measured(plan)
    checks = (_wrong_money, _forbidden, _too_small, _wrong_lots, _above_limits, _above_turnover, _too_many_positions)
    return [sentence for check in checks for sentence in check(plan, measured)]


def _up(dividend: int, divisor: int) -> int:
    return -(-dividend // divisor)


def _parts(fraction: float) -> int:
    """A fraction as the rules count it: the double product with 10^12, rounded to the nearest, ties to even."""
    return round(fraction * 1e12)


def _portion(fraction: float, amount: int) -> int:
    return _parts(fraction) * amount // 10**12


def _money(amount: Decimal) -> int:
    return scaled(amount, MICRO)


def _quantity(order: Any) -> int:
    return scaled(order.shares, NANO)


class _Measured:
    """The totals of a plan, from its orders alone."""

    def __init__(self, plan: MadePlan) -> None:
        change = {order.asset: _quantity(order) * (1 if order.side == "buy" else -1) for order in plan.orders}
        self.plan = plan
        self.shares = {name: asset.shares + change.get(name, 0) for name, asset in plan.assets.items()}
        self.worth_before = {name: asset.shares * asset.price // NANO for name, asset in plan.assets.items()}
        self.worth = {name: self.shares[name] * asset.price // NANO for name, asset in plan.assets.items()}
        self.value_before = plan.cash + sum(self.worth_before.values())
        self.value = plan.cash_after + sum(self.worth.values())
        self.aim = min(plan.limits.target_invested, 1.0 - plan.settings.cash_buffer)
        self._checked = checked_nodes(tuple(sorted({asset.bucket for asset in plan.assets.values()})), plan.limits)
        self.nodes: tuple[CheckedNode, ...] = self._checked.nodes
        self.bought = [order.asset for order in plan.orders if order.side == "buy"]

    def path(self, asset: str) -> Iterator[int]:
        """The nodes that an asset lies under, from the deepest to the portfolio."""
        node = self._checked.leaf_of[self.plan.assets[asset].bucket]
        while node >= 0:
            yield node
            node = self.nodes[node].parent

    @cached_property
    def load(self) -> Counter[int]:
        """The worth under each node after the orders."""
        load: Counter[int] = Counter()
        for name, worth in self.worth.items():
            for node in self.path(name):
                load[node] += worth
        return load


def _wrong_orders(plan: MadePlan) -> Iterator[str]:
    """Unknown assets, two orders for one, sells behind buys, ids."""
    counts = Counter(order.asset for order in plan.orders)
    yield from (f"{name!r} is not a candidate" for name in counts if name not in plan.assets)
    yield from (f"{name!r} has {count} orders" for name, count in counts.items() if count > 1)
    sides = [order.side for order in plan.orders]
    if sides != ["sell"] * sides.count("sell") + ["buy"] * sides.count("buy"):
        yield "the orders are not sells first, then buys"
    ids = Counter(order.client_order_id for order in plan.orders)
    yield from (f"the id {name!r} is used twice" for name, count in ids.items() if count > 1)
    yield from (f"the id {name!r} is too long" for name in ids if not 0 < len(name) <= _LONGEST_ID)


def _wrong_money(plan: MadePlan, measured: _Measured) -> Iterator[str]:
    """Amounts, fees, the cash after each order, and what the account ends with."""
    cash, fees = plan.cash, plan.settings.fees
    for order in plan.orders:
        price, shares, is_buy = plan.assets[order.asset].price, _quantity(order), order.side == "buy"
        amount = _up(shares * price, NANO) if is_buy else shares * price // NANO
        by_size = _up(_money(fees.per_share) * shares, NANO) + _up(_parts(fees.rate) * amount, 10**12)
        fee = max(_money(fees.minimum), _money(fees.per_order) + by_size)
        cash += (-amount if is_buy else amount) - fee
        if shares <= 0 or order.price != money_of(price):
            yield f"{order.asset}: {order.shares} shares at {order.price}"
        if order.amount != money_of(amount) or order.fee != money_of(fee):
            yield f"{order.asset}: amount {order.amount} and fee {order.fee}, not {money_of(amount)} and {money_of(fee)}"
        if order.cash_after != money_of(cash):
            yield f"{order.asset}: cash after it is {order.cash_after}, not {money_of(cash)}"
        if cash < (0 if is_buy else min(plan.cash, 0)):
            yield f"{order.asset}: cash falls to {money_of(cash)}"
    if cash != plan.cash_after:
        yield f"cash ends at {money_of(plan.cash_after)}, not {money_of(cash)}"
    if measured.value != plan.value_after:
        yield f"the account ends worth {money_of(plan.value_after)}, not {money_of(measured.value)}"


def _forbidden(plan: MadePlan, measured: _Measured) -> Iterator[str]:
    """Orders against a restriction, the mode or the holding; and quantities that are not whole lots."""
    for order in plan.orders:
        asset, shares, is_buy = plan.assets[order.asset], _quantity(order), order.side == "buy"
        if not asset.tradable or asset.restriction in ("no_trade", "no_buy" if is_buy else "no_sell"):
            yield f"{order.asset}: its restriction forbids a {order.side}"
        if plan.settings.mode == ("sell_only" if is_buy else "buy_only"):
            yield f"{order.asset}: a {order.side} in the mode {plan.settings.mode}"
        if is_buy and any(measured.nodes[node].closed for node in measured.path(order.asset)):
            yield f"{order.asset}: nothing is bought in its bucket"
        if shares > asset.shares and not is_buy:
            yield f"{order.asset}: {order.shares} shares are sold of {shares_of(asset.shares)}"
        if order.closes != (not is_buy and shares == asset.shares):
            yield f"{order.asset}: closes is {order.closes}"
        if shares % asset.lot and not order.closes:
            yield f"{order.asset}: {order.shares} shares are not whole lots of {shares_of(asset.lot)}"


def _too_small(plan: MadePlan, measured: _Measured) -> Iterator[str]:
    """Orders below a minimum that no limit forces."""
    settings = plan.settings
    smallest = _portion(plan.limits.min_trade * (1 if plan.is_settled else _UNSETTLED), measured.value)
    if settings.min_trade_amount is not None:
        smallest = _money(settings.min_trade_amount)
    for order in plan.orders:
        amount, fee = _money(order.amount), _money(order.fee)
        if amount + _PLAY < plan.assets[order.asset].min_notional and not order.closes:
            yield f"{order.asset}: {order.amount} is below its min_notional"
        if order.reason == "forced_for_limit":
            if fee >= amount:
                yield f"{order.asset}: the fee {order.fee} is not below {order.amount}"
            continue
        if amount + _PLAY < smallest and not order.closes:
            yield f"{order.asset}: {order.amount} is below the smallest order of {money_of(smallest)}"
        if fee > _portion(settings.max_fee_share, amount) + _PLAY:
            yield f"{order.asset}: the fee {order.fee} is above max_fee_share of {order.amount}"


def _wrong_lots(plan: MadePlan, _: _Measured) -> Iterator[str]:
    """Tax lots that do not add up to their sell, and gains that do not follow from cost and proceeds."""
    for order in plan.orders:
        own = plan.assets[order.asset].lots
        if order.side == "buy" or not own:
            if order.lots:
                yield f"{order.asset}: tax lots of an order that takes none"
            continue
        taken = {lot.lot_id: _quantity(lot) for lot in order.lots}
        if len(taken) != len(order.lots) or sum(taken.values()) != _quantity(order):
            yield f"{order.asset}: its tax lots do not add up to {order.shares}"
        elif any(lot_id not in own or not 0 < shares <= own[lot_id][0] for lot_id, shares in taken.items()):
            yield f"{order.asset}: more is sold of a tax lot than there is"
        else:
            cost = sum(own[lot_id][1] * shares // own[lot_id][0] for lot_id, shares in taken.items())
            gain = sum(_money(lot.gain) for lot in order.lots)
            if gain != _money(order.amount) - _money(order.fee) - cost:
                yield f"{order.asset}: the gains of its tax lots add up to {money_of(gain)}"


def _above_limits(plan: MadePlan, measured: _Measured) -> Iterator[str]:
    """Purchases above their cap, and nodes above their limit with a purchase under them."""
    limits, value = plan.limits, measured.value
    drift = 1.0 + limits.drift_tolerance
    for name in measured.bought:
        cap = _portion(min(limits.max_position_weight, plan.assets[name].max_weight), value)
        if measured.worth[name] > cap:
            yield f"{name}: worth {money_of(measured.worth[name])}, its largest weight allows {money_of(cap)}"
    total = min(
        _portion(1.0 - plan.settings.cash_buffer, value), _portion(min(1.0, measured.aim + limits.cash_band), value)
    )
    for node in sorted({node for name in measured.bought for node in measured.path(name)}):
        bucket = measured.nodes[node]
        if node and bucket.max_allocation == math.inf:
            continue
        limit = _portion(bucket.max_allocation * drift, value) if node else total
        if measured.load[node] > limit:
            where = bucket.path or "all positions"
            yield f"{where}: worth {money_of(measured.load[node])} after a buy, above {money_of(limit)}"
    for exposure in maximum_exposures(limits, plan.exposures, list(plan.assets)):
        limit, load = _portion(exposure.maximum * drift, value), exposure.load(measured.worth)
        if any(name in exposure.fractions for name in measured.bought) and load > limit + _PLAY + value * _ROUNDED:
            yield f"{exposure.name}: worth {money_of(math.ceil(load))} after a buy, above {money_of(limit)}"


def _above_turnover(plan: MadePlan, measured: _Measured) -> Iterator[str]:
    """Sells above `max_turnover`; buys above that and the cash that lay idle."""
    limit = plan.settings.max_turnover
    if limit is None:
        return
    budget = _portion(limit, measured.value_before)
    idle = max(0, plan.cash - _portion(1.0 - measured.aim, measured.value_before))
    for side, allowed in (("sell", budget), ("buy", budget + idle)):
        total = sum(_money(order.amount) for order in plan.orders if order.side == side)
        if total > allowed + _PLAY:
            yield f"the {side}s amount to {money_of(total)}, max_turnover allows {money_of(allowed)}"


def _too_many_positions(plan: MadePlan, measured: _Measured) -> Iterator[str]:
    """Positions opened without a free place. A holding that the rules drop but cannot sell does not count, nor does dust
    that is not bought and is dust no longer only because of the costs.
    """
    before, smallest = (
        max(1, _portion(plan.limits.dust_weight, value)) for value in (measured.value_before, measured.value)
    )
    after: Counter[int] = Counter()
    opened: set[int] = set()
    for name, asset in plan.assets.items():
        path = list(measured.path(name))
        is_bought = measured.shares[name] > asset.shares
        is_left_over = not is_bought and (plan.reasons[name] in _LEFT_OVER or measured.worth[name] < before)
        after.update(path if measured.worth[name] >= smallest and not is_left_over else ())
        opened.update(path if asset.shares == 0 < measured.shares[name] else ())
    for node in sorted(opened):
        limit = measured.nodes[node].max_positions if node else plan.limits.max_total_positions
        if after[node] > limit:
            yield f"{measured.nodes[node].path or 'the account'}: {counted(after[node], 'position')}, {limit} allowed"
