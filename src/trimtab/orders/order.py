"""One order of a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from trimtab.decimals import money_of, shares_of
from trimtab.kernel.records import Records
from trimtab.orders.tax_lots import TaxLot


@dataclass(frozen=True, slots=True)
class LotSold:
    """The part of a tax lot that a sell takes, and what it gains (below 0: loses)."""

    lot_id: str
    shares: Decimal
    gain: Decimal


def lots_sold(lots: Sequence[TaxLot], decided: Records) -> tuple[LotSold, ...]:
    """The lots that a sell takes, from the lots of its asset and the kernel's decision on each."""
    return tuple(
        LotSold(lot.lot_id, shares_of(int(taken["taken"])), money_of(int(taken["gain"])))
        for lot, taken in zip(lots, decided, strict=True)
        if taken["taken"] > 0
    )


@dataclass(frozen=True, slots=True)
class Order:
    """One order. Amounts are in the base currency; the fee is paid beside the amount."""

    asset: str
    side: str  # `sell` or `buy`
    shares: Decimal
    price: Decimal
    amount: Decimal
    fee: Decimal
    closes: bool  # it sells the whole position
    reason: str
    cash_after: Decimal
    phase: int  # 1: sells; 2: buys; 3: buys that wait for the cash of the sells
    lots: tuple[LotSold, ...]
    wash_sale: bool
    client_order_id: str
