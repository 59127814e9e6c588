"""One account through the orders stage of the kernel, compiled or plain, for tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from naive_orders import NaiveOrder, NaivePlan, is_long
from order_cases import OrderCase

from trimtab.candidates.candidates import settings_of
from trimtab.candidates.read import read
from trimtab.kernel.compilation import undecorated
from trimtab.kernel.orders import plan_account
from trimtab.kernel.orders_records import (
    INSTRUMENT,
    ORDER,
    ORDER_SETTINGS,
    PLAN,
    TAX_LOT,
    OrderInputs,
    OrderMode,
    PlanStatus,
    Relief,
    empty_work,
    order_limits,
)
from trimtab.kernel.records import NO_LIMIT, NO_PARTNERS, Records
from trimtab.reasons import OrderReason

plain_plan = undecorated(plan_account)


@dataclass(frozen=True)
class KernelPlan:
    """What the kernel fills, and the bytes of it."""

    plan: Records
    orders: Records
    lots: Records
    names: list[str]

    @property
    def bits(self) -> bytes:
        return self.plan.tobytes() + self.orders.tobytes() + self.lots.tobytes()

    def as_naive(self) -> NaivePlan | None:
        """As the twin says it; None where the account fails."""
        plan = self.plan[0]
        if plan["status"] == PlanStatus.NO_VALUE:
            return None
        made = sorted((int(order["place"]), row) for row, order in enumerate(self.orders) if order["place"] >= 0)
        orders = []
        for _, row in made:
            order = self.orders[row]
            side = "sell" if order["quantity"] < self.before[row] else "buy"
            quantity = abs(int(order["quantity"]) - self.before[row])
            orders.append(NaiveOrder(self.names[row], side, quantity, int(order["amount"]), int(order["fee"])))
        return NaivePlan(
            tuple(orders),
            {name: int(self.orders[row]["quantity"]) for row, name in enumerate(self.names)},
            {name: OrderReason(self.orders[row]["reason"]).code for row, name in enumerate(self.names)},
            int(plan["cash"]),
            int(plan["value"]),
            PlanStatus(plan["status"]).name.lower(),
            bool(plan["settled"]),
        )

    before: tuple[int, ...] = ()


def kernel_inputs(case: OrderCase) -> tuple[OrderInputs, list[str]]:
    """The records of an account, rows by asset name."""
    candidates = read([{**row, "current_weight": 0.0} for row in case.rows], case.limits, many=False)
    names = [str(candidates.asset.at(int(row))) for row in candidates.order]
    instruments = np.zeros(len(names), INSTRUMENT)
    lots: list[tuple[Any, ...]] = []
    for at, name in enumerate(names):
        own = case.instruments[name]
        begin = len(lots)
        for lot in sorted(own.lots, key=lambda lot: (lot.acquired, lot.name)):
            is_old = is_long(lot.acquired, case.settings.today)
            lots.append((lot.quantity, lot.cost, lot.acquired.toordinal(), is_old, 0, 0))
        values = (own.price, own.quantity, own.lot, own.min_notional, begin, len(lots), own.tradable)
        for field, value in zip(INSTRUMENT.names or (), values, strict=True):
            instruments[at][field] = value
    tax_lots = np.zeros(len(lots), TAX_LOT)
    for at, lot in enumerate(lots):
        for field, value in zip(TAX_LOT.names or (), lot, strict=True):
            tax_lots[at][field] = value
    own = case.settings
    settings = np.zeros(1, ORDER_SETTINGS)
    values = {
        "mode": OrderMode[own.mode.upper()],
        "cash_buffer": own.cash_buffer,
        "min_trade_amount": -1 if own.min_trade_amount is None else own.min_trade_amount,
        "max_fee_share": own.max_fee_share,
        "per_order": own.per_order,
        "per_share": own.per_share,
        "rate": own.rate,
        "minimum": own.minimum,
        "max_turnover": np.inf if own.max_turnover is None else own.max_turnover,
        "max_realized_gain": NO_LIMIT if own.max_realized_gain is None else own.max_realized_gain,
        "relief": Relief[own.relief.upper()],
        "rate_short": own.rate_short,
        "rate_long": own.rate_long,
    }
    for field, value in values.items():
        settings[field] = value
    limits = order_limits(settings_of(case.limits), settings[0])
    rows, tree = candidates.rows(case.limits), candidates.tree.nodes
    return OrderInputs(rows, instruments, tax_lots, tree, limits, NO_PARTNERS, settings[0]), names


def kernel_plan(case: OrderCase, *, compiled: bool = True) -> KernelPlan:
    """The plan of an account; `compiled=False` runs the same functions undecorated."""
    inputs, names = kernel_inputs(case)
    work = empty_work(len(names), len(inputs.tree), len(inputs.lots))
    orders, plan = np.zeros(len(names), ORDER), np.zeros(1, PLAN)
    decide = plan_account if compiled else plain_plan
    decide(inputs, work, case.cash, case.cash_flow, orders, plan)
    before = tuple(int(quantity) for quantity in inputs.instruments["quantity"])
    return KernelPlan(plan, orders, inputs.lots, names, before)
