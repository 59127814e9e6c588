"""A plan: the targets of an account, and the orders that lead there, in the order in which they are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from trimtab.limits.order_settings import OrderSettings
from trimtab.rebalancing.result import RebalanceResult


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


@dataclass(frozen=True, eq=False)
class Plan:
    """The orders of one account, and the rebalance that they carry out.

    Executed at its prices, a plan that is settled and whole orders nothing when it is planned again.
    """

    result: RebalanceResult
    orders: tuple[Order, ...]
    reasons: Mapping[str, str]  # of every candidate: why it has its order, or none
    settings: OrderSettings
    plan_id: str
    status: str  # `ok`, `limited`, `cash_short` or `braked`
    is_settled: bool
    value_before: Decimal
    cash_before: Decimal  # the cash flow included
    value: Decimal  # after the orders and their fees
    cash: Decimal

    def __repr__(self) -> str:
        sells = sum(order.side == "sell" for order in self.orders)
        return f"<Plan {self.status}: {sells} sells, {len(self.orders) - sells} buys, cash {self.cash:,.2f}>"

    @property
    def targets(self) -> Any:
        """The table of candidates with the columns of the rebalance: `target_weight`, `action`, `reason`, …"""
        return self.result.targets

    @cached_property
    def fees(self) -> Decimal:
        """The fees of all orders."""
        return sum((order.fee for order in self.orders), Decimal(0))

    @cached_property
    def sold(self) -> Decimal:
        """The amount of all sells."""
        return sum((order.amount for order in self.orders if order.side == "sell"), Decimal(0))

    @cached_property
    def bought(self) -> Decimal:
        """The amount of all buys."""
        return sum((order.amount for order in self.orders if order.side == "buy"), Decimal(0))
