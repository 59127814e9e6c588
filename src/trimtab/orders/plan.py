"""A plan: the targets of an account, and the orders that lead there, in the order in which they are made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from trimtab.candidates.candidates import Candidates
from trimtab.candidates.equality import compared_by_value
from trimtab.decimals import money_of, shares_of
from trimtab.errors import Fault, InputError, nearest
from trimtab.facts.outcome import Facts
from trimtab.limits.gate_settings import GateSettings
from trimtab.limits.in_words import RuleSection
from trimtab.limits.order_settings import OrderSettings
from trimtab.limits.plan_in_words import gate_sentences, order_sentences
from trimtab.order_files.file_order import Quote
from trimtab.orders.account_inputs import AccountInputs
from trimtab.orders.cash_left import CashPart, cash_parts
from trimtab.orders.gates import Gate, account_gates
from trimtab.orders.neighbours import worth_of
from trimtab.orders.order import Order
from trimtab.orders.order_explanation import OrderExplanation, explain_order
from trimtab.orders.plan_facts import PlanFacts, plan_facts_of, with_order_reasons
from trimtab.orders.price_history import PriceHistory
from trimtab.orders.sentences import facts_of, sentence_of
from trimtab.orders.stage import DecidedPlan
from trimtab.rebalancing.result import RebalanceResult
from trimtab.text import counted

SCHEMA_VERSION = 1


@compared_by_value
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
    order_notes: tuple[str, ...]  # on shares, prices and settings; `notes` has those on the decision, too
    _inputs: AccountInputs
    _candidates: Candidates  # as the user gave them
    _decided: DecidedPlan
    _names: tuple[str, ...]  # in the order of the records

    def __repr__(self) -> str:
        sells = sum(order.side == "sell" for order in self.orders)
        return f"<Plan {self.status}: {counted(sells, 'sell')}, {counted(len(self.orders) - sells, 'buy')}, cash {self.cash:,.2f}>"

    @property
    def notes(self) -> tuple[str, ...]:
        """Whatever a person should know: unused columns and settings, cash that is left, assets without a price."""
        return (*(note.text for note in self.result.notes), *self.order_notes)

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

    def to_frame(self) -> Any:
        """The orders as a table of the kind that came in: pandas, polars, Arrow, or a list of dicts."""
        if isinstance(self.targets, list):
            return self.to_arrow().to_pylist()
        kind = nw.from_native(self.targets, eager_only=True).implementation
        return nw.from_arrow(self.to_arrow(), backend=kind).to_native()

    def facts(self, title: str = "Plan", gates: Sequence[Gate] | None = None) -> PlanFacts:
        """All facts of the plan in one frozen object; `gates` as `may_write` measured them, else those of the plan alone."""
        known = account_gates(self, self.gate_settings, history=self.price_history) if gates is None else gates
        return plan_facts_of(self, known, title)

    @cached_property
    def traded_facts(self) -> Facts:
        """The facts of the rebalance with the weights that the orders give, in whole lots, in place of the targets."""
        records, candidates = self._decided.assets, self._decided.candidates
        worth = [worth_of(int(now), int(price)) for now, price in zip(records["now"], records["price"], strict=True)]
        weights = np.zeros(candidates.size)
        weights[candidates.order] = [float(money_of(each) / (self.value or 1)) for each in worth]
        return self.result.facts_with_weights(weights)

    def to_html(self, title: str = "Plan", gates: Sequence[Gate] | None = None) -> str:
        """The report of the plan as one page: money and shares first, then the rebalance in weights."""
        from trimtab.report.page import page_of  # noqa: PLC0415 - Jinja, only for a page

        report = self.result.report_facts(title)
        more = (
            RuleSection("Orders", order_sentences(self.settings)),
            RuleSection("Gates", gate_sentences(self.gate_settings)),
        )
        facts = with_order_reasons(report.facts, self)
        return page_of(replace(report, facts=facts, rules=(*report.rules, *more)), self.facts(title, gates))

    def _repr_html_(self) -> str:
        from trimtab.report.page import fragment_of  # noqa: PLC0415 - Jinja, only for a page

        return fragment_of(self.result.facts("Plan"), self.facts())

    def shares_before(self, asset: str) -> Decimal:
        """The shares held before the orders."""
        return shares_of(int(self._record(asset)["quantity"]))

    def worth_of(self, asset: str) -> Decimal:
        """The value of an asset's shares after the orders."""
        record = self._record(asset)
        return money_of(worth_of(int(record["now"]), int(record["price"])))

    def _record(self, asset: str) -> Any:
        return self._decided.assets[self._names.index(asset)]

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
            "notes": list(self.order_notes),
            "settings": self.settings.to_dict(),
            "rebalance": self.result.to_dict(),
        }

    def to_json(self) -> str:
        """The plan as JSON: amounts and shares as text, exact."""
        return json_text(self.to_dict())


def json_text(document: Any) -> str:
    """A plan's values as JSON; decimals as text without exponent."""
    return json.dumps(document, default=lambda value: format(value, "f"), ensure_ascii=False, indent=2)
