"""One account through the orders stage of the kernel, compiled or plain, for tests."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from naive_orders import NaiveOrder, NaivePlan, Settings, is_long
from order_cases import OrderCase

from trimtab.candidates.candidates import settings_of
from trimtab.candidates.read import read
from trimtab.kernel.compilation import undecorated
from trimtab.kernel.order_records import (
    ASSET,
    TAX_LOT,
    OrderMode,
    PlanStatus,
    Relief,
    order_account,
    order_nodes,
    order_settings,
)
from trimtab.kernel.orders import PassInputs, plan_account
from trimtab.kernel.records import NO_LIMIT, NO_PARTNERS, Flags, Records, empty_answer
from trimtab.reasons import OrderReason

plain_plan = undecorated(plan_account)


@dataclass(frozen=True)
class KernelPlan:
    """What the kernel fills."""

    account: Records
    assets: Records
    lots: Records
    names: list[str]
    selected: Flags  # by the first round

    @property
    def bits(self) -> bytes:
        return self.account.tobytes() + self.assets.tobytes() + self.lots.tobytes()

    def as_naive(self) -> NaivePlan | None:
        """As the twin says it; None where the account fails."""
        account = self.account[0]
        if account["status"] == PlanStatus.NO_VALUE:
            return None
        orders = []
        for row in np.argsort(self.assets["place"], kind="stable"):
            asset = self.assets[row]
            if asset["place"] >= 0:
                change = int(asset["now"]) - int(asset["quantity"])
                side = "sell" if change < 0 else "buy"
                orders.append(NaiveOrder(self.names[row], side, abs(change), int(asset["amount"]), int(asset["fee"])))
        return NaivePlan(
            tuple(orders),
            {name: int(self.assets[row]["now"]) for row, name in enumerate(self.names)},
            {name: OrderReason(self.assets[row]["reason"]).code for row, name in enumerate(self.names)},
            int(account["cash_after"]),
            int(account["value_after"]),
            PlanStatus(account["status"]).name.lower(),
            bool(account["is_settled"]),
        )


def account_values(case: OrderCase) -> dict[str, Any]:
    """The settings of a case as the kernel's record has them."""
    own = case.settings
    values = {field.name: getattr(own, field.name) for field in fields(Settings) if field.name != "today"}
    return values | {
        "cash": case.cash + case.cash_flow,
        "cash_flow": case.cash_flow,
        "mode": OrderMode[own.mode.upper()],
        "min_trade_amount": -1 if own.min_trade_amount is None else own.min_trade_amount,
        "max_turnover": np.inf if own.max_turnover is None else own.max_turnover,
        "max_realized_gain": NO_LIMIT if own.max_realized_gain is None else own.max_realized_gain,
        "relief": Relief[own.relief.upper()],
    }


def kernel_plan(case: OrderCase, *, compiled: bool = True) -> KernelPlan:
    """The plan of an account; `compiled=False` runs the same functions undecorated."""
    candidates = read([{**row, "current_weight": 0.0} for row in case.rows], case.limits, many=False)
    names = [str(candidates.asset.at(int(row))) for row in candidates.order]
    rows, settings = candidates.rows(case.limits), settings_of(case.limits)
    assets = np.zeros(len(names), ASSET)
    lots: list[tuple[int, int, int, bool]] = []
    for name in ("score", "max_weight", "leaf", "restriction"):
        assets[name] = rows[name]
    for index, name in enumerate(names):
        own = case.instruments[name]
        assets[index]["lots_begin"] = len(lots)
        lots += [
            (lot.quantity, lot.cost, lot.acquired.toordinal(), is_long(lot.acquired, case.settings.today))
            for lot in sorted(own.lots, key=lambda lot: (lot.acquired, lot.name))
        ]
        assets[index]["lots_end"] = len(lots)
        for field in ("price", "quantity", "lot", "min_notional", "tradable"):
            assets[index][field] = getattr(own, field)
    tax_lots = np.zeros(len(lots), TAX_LOT)
    for index, lot in enumerate(lots):
        for field, value in zip(("quantity", "cost", "acquired", "is_long"), lot, strict=True):
            tax_lots[index][field] = value
    account = order_account(settings, account_values(case))
    limits = order_settings(settings, account)
    first, answer = empty_answer(len(names)), empty_answer(len(names))
    passes = PassInputs(rows, rows.copy(), candidates.tree.nodes, limits, NO_PARTNERS, first, answer)
    (plan_account if compiled else plain_plan)(assets, order_nodes(candidates.tree.nodes), tax_lots, account, passes)
    return KernelPlan(account, assets, tax_lots, names, first["selected"])
