"""The inputs of the orders stage as the records of the kernel, for one account or many."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from trimtab.decimals import MICRO, NANO, scaled
from trimtab.kernel.block import OUTCOME
from trimtab.kernel.order_block import OrderRecords
from trimtab.kernel.order_records import ASSET, ORDER_ACCOUNT, TAX_LOT, OrderMode, Relief
from trimtab.kernel.records import NO_LIMIT, Flags, Ints, Records, empty_answer
from trimtab.limits.order_settings import OrderSettings
from trimtab.orders.tax_lots import TaxLot


class Holdings(NamedTuple):
    """Prices, shares and how they trade, of shape (rows,), in canonical order. A price of 0 means no price."""

    price: Ints  # micro-units of the base currency
    quantity: Ints  # nano-shares, like `lot`
    lot: Ints
    min_notional: Ints
    tradable: Flags

    def taken(self, rows: Ints) -> Holdings:
        """Some rows, in this order."""
        small = self.lot[rows], self.min_notional[rows]
        return Holdings(self.price[rows], self.quantity[rows], *small, self.tradable[rows])


def order_records(rows: Records, holdings: Holdings, accounts: Records, lots: Records) -> OrderRecords:
    """The records of a block: `rows` of the pass with score, sizing input, largest weight, leaf and restriction."""
    assets = np.zeros(len(rows), ASSET)
    for name in ("score", "max_weight", "leaf", "restriction"):
        assets[name] = rows[name]
    has_price = holdings.price > 0
    assets["price"] = np.where(has_price, holdings.price, MICRO)  # neither tradable nor held: any price will do
    assets["lot"] = np.where(has_price, holdings.lot, NANO)
    assets["quantity"] = holdings.quantity
    assets["min_notional"] = holdings.min_notional
    assets["tradable"] = holdings.tradable & has_price
    outcome = np.zeros(len(accounts), OUTCOME)
    return OrderRecords(assets, lots, accounts, rows, empty_answer(len(rows)), outcome)


def account_records(settings: OrderSettings, cash: Any, cash_flow: Any, mode: Any = None) -> Records:
    """The accounts of a block, from arrays of micro-units of shape (accounts,); `mode` where it differs by account."""
    fees, gain, min_amount = settings.fees, settings.max_realized_gain, settings.min_trade_amount
    accounts = np.zeros(len(cash), ORDER_ACCOUNT)
    values = {
        "cash": np.add(cash, cash_flow),
        "cash_flow": cash_flow,
        "mode": OrderMode[settings.mode.upper()] if mode is None else mode,
        "cash_buffer": settings.cash_buffer,
        "min_trade_amount": -1 if min_amount is None else scaled(min_amount, MICRO),
        "max_fee_share": settings.max_fee_share,
        "per_order": scaled(fees.per_order, MICRO),
        "per_share": scaled(fees.per_share, MICRO),
        "rate": fees.rate,
        "minimum": scaled(fees.minimum, MICRO),
        "max_turnover": math.inf if settings.max_turnover is None else settings.max_turnover,
        "max_realized_gain": NO_LIMIT if gain is None else scaled(gain, MICRO),
        "relief": Relief[settings.relief.upper()],
        "rate_short": settings.rate_short,
        "rate_long": settings.rate_long,
    }
    for name, value in values.items():
        accounts[name] = value
    return accounts


def lot_records(lots: Iterable[tuple[TaxLot, bool]]) -> Records:
    """Tax lots, each with whether its term is long."""
    listed = [(lot.quantity, lot.cost, lot.acquired.toordinal(), is_long) for lot, is_long in lots]
    records = np.zeros(len(listed), TAX_LOT)
    for place, name in enumerate(("quantity", "cost", "acquired", "is_long")):
        records[name] = [values[place] for values in listed]
    return records
