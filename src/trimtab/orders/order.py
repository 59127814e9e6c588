"""One order of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class LotSold:
    """The part of a tax lot that a sell takes, and what it gains (below 0: loses)."""

    lot_id: str
    shares: Decimal
    gain: Decimal


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
