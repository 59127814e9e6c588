"""An order as a file carries it: of the fields of a plan's order, those that the format has."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

SIDES = ("sell", "buy")


@dataclass(frozen=True, slots=True)
class FileOrder:
    """One order. A field is None if the format does not carry it.

    Orders by number have `shares`, orders by amount `amount` alone; files that list the plan have both.
    """

    asset: str  # as the file spells it
    side: str  # `sell` or `buy`
    phase: int  # 1: sells; 2: buys; 3: buys that wait for the cash of the sells
    client_order_id: str
    shares: Decimal | None = None
    amount: Decimal | None = None
    limit_price: Decimal | None = None  # None: at market
    time_in_force: str | None = None
    account: str | None = None
    price: Decimal | None = None  # of the plan
    fee: Decimal | None = None
    closes: bool | None = None
    reason: str | None = None
    cash_after: Decimal | None = None
    wash_sale: bool | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """A price as quoted, with its currency; a plan's own prices are in its base currency."""

    currency: str  # empty: not named
    price: Decimal
    rate: Decimal = Decimal(1)  # of one unit in the base currency
