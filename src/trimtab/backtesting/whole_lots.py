"""Prices, lots and cash of a backtest in whole numbers, for policies that trade whole lots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from trimtab.backtesting.settings import BacktestSettings
from trimtab.decimals import MICRO, MOST_PRICE, MOST_QUANTITY, NANO, decimal_of, is_whole, scaled
from trimtab.errors import Fault, InputError, LimitsError, nearest
from trimtab.kernel.backtest_records import Market, WholeLots
from trimtab.kernel.records import Floats, Ints
from trimtab.limits.order_settings import OrderSettings, given_settings
from trimtab.limits.rebalancing_limits import RebalancingLimits
from trimtab.orders.stage import check_settings

_LEAST_LOT = 100  # micro-units that one lot is worth at least, as in a plan
_NEAR_TIE = 2.0**-8  # of a micro-unit: nearer to a tie, a double product may round to the wrong side
_EXACT = 2.0**40  # micro-units: a double product of less is closer than that


def whole_lots(market: Market, settings: BacktestSettings, assets: Sequence[str], lots: Any) -> WholeLots | None:
    """The whole numbers behind a market; None where fractions of a share are traded.

    Raises
    ------
    InputError
        Lots that cannot be used, or without a start value; a price at which a lot is worth next to nothing.
    """
    if settings.start_value is None:
        if lots is not None:
            raise InputError([Fault("lots need start_value", "give the cash to begin with, or leave lots out")])
        return None
    decided = market.rebalance_days["session"]
    delisted = market.delisted
    made = WholeLots(
        price=micro_units(market.close[decided]),
        trade_price=micro_units(market.trade_price[decided + 1]),
        last_price=micro_units(market.close[delisted["session"], delisted["asset"]]),
        lot=_lots(lots, assets),
        cash=scaled(settings.start_value, MICRO),
    )
    for prices, source in ((made.price, market.close[decided]), (made.trade_price, market.trade_price[decided + 1])):
        _check_prices(prices, source, made.lot, assets)
    return made


def micro_units(prices: Floats) -> Ints:
    """Prices in micro-units, each the shortest decimal of its double, ties to even; 0 for NaN."""
    known = np.where(np.isfinite(prices), prices, 0.0)
    product = np.minimum(known * 1e6, float(MOST_PRICE))
    units = np.rint(product).astype(np.int64)
    doubtful = (np.abs(product - np.floor(product) - 0.5) < _NEAR_TIE) | (product > _EXACT)
    for place in zip(*np.nonzero(doubtful), strict=True):
        units[place] = min(scaled(decimal_of(float(known[place])), MICRO), MOST_PRICE)
    return units


def _lots(lots: Any, assets: Sequence[str]) -> Ints:
    """The lot of each asset in nano-shares: one number for all, or by asset; 1 where none is given."""
    known = np.full(len(assets), NANO, np.int64)
    if lots is None:
        return known
    if not isinstance(lots, Mapping):
        known[:] = _lot(lots, "all assets")
        return known
    for name, lot in lots.items():
        if name not in assets:
            raise InputError([Fault("has no price", nearest(str(name), assets), value=name)], "the lots")
        known[assets.index(name)] = _lot(lot, name)
    return known


def _lot(value: Any, name: str) -> int:
    try:
        lot: Decimal = decimal_of(value)
    except TypeError:
        lot = Decimal(0)
    if lot <= 0 or not is_whole(lot, NANO) or lot * NANO > MOST_QUANTITY:
        advice = "give the tradable step, such as 1 or 0.001"
        raise InputError([Fault(f"the lot of {name} cannot be used", advice, value=value)], "the lots")
    return scaled(lot, NANO)


def _check_prices(prices: Ints, source: Floats, lots: Ints, assets: Sequence[str]) -> None:
    """Refuse prices that are too large, or at which one lot is worth next to nothing."""
    worths = prices.astype(np.float64) * (lots / NANO)
    wrong = np.argwhere(np.isfinite(source) & ((worths < _LEAST_LOT) | (prices >= MOST_PRICE)))
    if wrong.size:
        row, asset = (int(index) for index in wrong[0])
        advice = "give it a lot of more shares (lots), or prices in other units"
        problem = f"one lot of {assets[asset]} is worth less than 0.0001"
        if prices[row, asset] >= MOST_PRICE:
            problem, advice = f"the price of {assets[asset]} is too large", "give prices in other units"
        raise InputError([Fault(problem, advice, value=float(source[row, asset]))], "the prices")


def order_settings(limits: RebalancingLimits, settings: BacktestSettings) -> OrderSettings:
    """How this policy trades whole lots: as its limits say, with the settings of the backtest on top.

    Raises
    ------
    LimitsError
        Settings that a backtest cannot follow.
    """
    orders = given_settings(limits.orders, settings.orders, {})
    check_settings(limits, orders)
    faults = []
    if orders.max_realized_gain is not None:
        faults.append("max_realized_gain needs tax lots, which a backtest does not keep: leave it out")
    if orders.wait_for_settlement:
        faults.append("wait_for_settlement has no effect in a backtest, where sells settle at once: leave it out")
    if faults:
        raise LimitsError(faults)
    return orders
