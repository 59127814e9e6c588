"""A plan: the targets of an account, and the orders that lead there, in the order in which they are made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

import pyarrow as pa

from trimtab.candidates.candidates import Candidates
from trimtab.errors import Fault, InputError, nearest
from trimtab.limits.gate_settings import GateSettings
from trimtab.limits.order_settings import OrderSettings
from trimtab.order_files.file_order import Quote
from trimtab.orders.account_inputs import AccountInputs
from trimtab.orders.cash_left import CashPart, cash_parts
from trimtab.orders.order_explanation import OrderExplanation, explain_order
from trimtab.orders.price_history import PriceHistory
from trimtab.orders.sentences import facts_of, sentence_of
from trimtab.orders.stage import DecidedPlan
from trimtab.rebalancing.result import RebalanceResult

SCHEMA_VERSION = 1


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

    After a settled, whole plan is executed at its prices, planning again gives no orders.
    """

    result: RebalanceResult
    orders: tuple[Order, ...]
    reasons: Mapping[str, str]  # of every candidate: why it has its order, or none
    settings: OrderSettings
    gate_settings: GateSettings
    price_history: Mapping[str, PriceHistory]  # of assets whose price has a record
    plan_id: str
    status: str  # `ok`, `limited`, `cash_short` or `braked`
    is_settled: bool
    value_before: Decimal
    cash_before: Decimal  # the cash flow included
    value: Decimal  # after the orders and their fees
    cash: Decimal
    notes: tuple[str, ...]
    _inputs: AccountInputs
    _candidates: Candidates  # as the user gave them
    _decided: DecidedPlan
    _names: tuple[str, ...]  # in the order of the records

    def __repr__(self) -> str:
        sells = sum(order.side == "sell" for order in self.orders)
        return f"<Plan {self.status}: {sells} sells, {len(self.orders) - sells} buys, cash {self.cash:,.2f}>"

    @property
    def braked(self) -> bool:
        """Whether a brake keeps everything unchanged."""
        return self.result.braked

    @property
    def targets(self) -> Any:
        """The table of candidates with the columns of the rebalance: `target_weight`, `action`, `reason`, …"""
        return self.result.targets

    @property
    def quotes(self) -> Mapping[str, Quote]:
        """The price of each asset as given, with its currency."""
        known = [each for each in self._inputs.instruments if each.quoted is not None]
        return {each.asset: Quote(each.currency, each.quoted or Decimal(0), each.rate) for each in known}

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

    def details(self) -> dict[str, str]:
        """A sentence for every candidate: why it has its order, or none.

        Examples
        --------
        >>> import trimtab
        >>> rows = [{"asset": "AAA", "score": 0.9, "shares": 30, "price": 100}]
        >>> trimtab.plan(rows, cash=7000).details()
        {'AAA': 'Sell 10: its target is 20.00% (2,000.00).'}
        """
        facts = [facts_of(self._decided, self._names, index) for index in range(len(self._names))]
        return {each.asset: sentence_of(each) for each in facts}

    def explain(self, asset: str) -> OrderExplanation:
        """Why an asset has its order, or none: one lot more and less, and what would change it; each change was tried.

        Raises
        ------
        InputError
            The asset is not among the candidates.

        Examples
        --------
        >>> import trimtab
        >>> rows = [{"asset": "AAA", "score": 0.9, "shares": 30, "price": 300}]
        >>> explanation = trimtab.plan(rows, cash=1000).explain("AAA")
        >>> explanation.one_lot_more
        '7 shares would weigh 21.00%, above 20.00% (max_position_weight)'
        >>> explanation.about_changes[0]
        'with lot 0.1: sell 23.4 shares instead of sell 24 shares'
        """
        if asset not in self._names:
            advice = nearest(str(asset), self._names)
            raise InputError([Fault("the asset is not among the candidates", advice, column="asset", value=asset)])
        index = self._names.index(asset)
        target = self.result.details()[int(self._candidates.order[index])]
        return explain_order(self._decided, self._candidates, self._inputs, self._names, index, target)

    @cached_property
    def cash_parts(self) -> tuple[CashPart, ...]:
        """The cash that is left, in parts that add up to it, each with its cause."""
        return cash_parts(self._decided, self._names, self.result.facts().cash_reasons)

    def to_records(self) -> list[dict[str, Any]]:
        """The orders as dicts, in the order of execution; numbers are exact decimals."""
        return [asdict(order) for order in self.orders]

    def to_arrow(self) -> pa.Table:
        """The orders as an Arrow table; amounts and shares as exact decimals."""
        money, shares = pa.decimal128(25, 6), pa.decimal128(28, 9)
        columns = {
            "asset": pa.string(),
            "side": pa.string(),
            "shares": shares,
            "price": money,
            "amount": money,
            "fee": money,
            "closes": pa.bool_(),
            "reason": pa.string(),
            "cash_after": money,
            "phase": pa.int64(),
            "wash_sale": pa.bool_(),
            "client_order_id": pa.string(),
        }
        arrays = {
            name: pa.array([getattr(order, name) for order in self.orders], kind) for name, kind in columns.items()
        }
        return pa.table(arrays)

    @cached_property
    def holdings(self) -> int:
        """How many assets are held after the orders."""
        return int((self._decided.assets["now"] > 0).sum())

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain values but for exact decimals; the rebalance as in `result.to_dict`."""
        return {
            "schema_version": SCHEMA_VERSION,
            "plan_id": self.plan_id,
            "status": self.status,
            "is_settled": self.is_settled,
            "value_before": self.value_before,
            "cash_before": self.cash_before,
            "value": self.value,
            "cash": self.cash,
            "fees": self.fees,
            "orders": self.to_records(),
            "reasons": dict(self.reasons),
            "details": self.details(),
            "notes": list(self.notes),
            "settings": self.settings.to_dict(),
            "rebalance": self.result.to_dict(),
        }

    def to_json(self) -> str:
        """The plan as JSON: amounts and shares as text, exact."""
        return json_text(self.to_dict())


def json_text(document: Any) -> str:
    """A plan's values as JSON; decimals as text without exponent."""
    return json.dumps(document, default=lambda value: format(value, "f"), ensure_ascii=False, indent=2)
