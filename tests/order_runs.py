"""One account through the orders stage of the kernel, compiled or plain, for tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from naive_orders import NaiveOrder, NaivePlan, is_long
from order_cases import OrderCase

from trimtab.candidates.candidates import Candidates, settings_of
from trimtab.candidates.read import read
from trimtab.kernel.compilation import undecorated
from trimtab.kernel.order_block import OrderAccounts, OrderLimits, OrderRecords, plan_block
from trimtab.kernel.order_records import PlanStatus
from trimtab.kernel.records import NO_PARTNERS, Flags, Floats, Records
from trimtab.orders.block_records import Holdings, account_records, lot_records, order_records
from trimtab.reasons import OrderReason

plain_plan = undecorated(plan_block)


@dataclass(frozen=True)
class KernelPlan:
    """What the kernel fills."""

    account: Records
    assets: Records
    lots: Records
    names: list[str]
    selected: Flags  # by the first round, like the weights that it was given and its targets
    weights: Floats
    targets: Floats

    def reason(self, row: int) -> str:
        """The code of a candidate's reason."""
        return OrderReason(self.assets[row]["reason"]).code

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
            {name: self.reason(row) for row, name in enumerate(self.names)},
            int(account["cash_after"]),
            int(account["value_after"]),
            PlanStatus(account["status"]).name.lower(),
            bool(account["is_settled"]),
        )


def records_of(case: OrderCase) -> tuple[Candidates, OrderRecords]:
    """A case as the kernel takes it, without the door."""
    candidates = read(
        [{**row, "current_weight": 0.0} for row in case.rows], case.limits, many=False, exposures=case.exposures
    )
    own = [case.instruments[str(candidates.asset.at(row))] for row in candidates.order.tolist()]
    holdings = Holdings(
        *(np.array([getattr(each, name) for each in own], np.int64) for name in Holdings._fields[:-1]),
        tradable=np.array([each.tradable for each in own]),
    )
    lots = [sorted(each.lots, key=lambda lot: (lot.acquired, lot.name)) for each in own]
    today = case.settings.today
    tax_lots = lot_records((lot, is_long(lot.acquired, today)) for each in lots for lot in each)
    accounts = account_records(case.order_settings, np.array([case.cash]), np.array([case.cash_flow]))
    records = order_records(candidates.rows(case.limits), holdings, accounts, tax_lots)
    ends = np.cumsum([len(each) for each in lots])
    records.assets["lots_begin"], records.assets["lots_end"] = ends - [len(each) for each in lots], ends
    return candidates, records


def kernel_plan(case: OrderCase, *, compiled: bool = True) -> KernelPlan:
    """The plan of an account; `compiled=False` runs the same functions undecorated."""
    candidates, records = records_of(case)
    nodes, first = candidates.tree.nodes, np.zeros(1, np.int64)
    ends = (np.array([0, len(own)]) for own in (records.assets, records.lots))
    accounts = OrderAccounts(*ends, np.zeros(2, np.int64), first, np.zeros(1, np.bool_))
    limits = OrderLimits(settings_of(case.limits), nodes, np.array([0, len(nodes)]))
    (plan_block if compiled else plain_plan)(accounts, limits, NO_PARTNERS, candidates.exposed(case.limits), records)
    names = [str(candidates.asset.at(row)) for row in candidates.order.tolist()]
    chosen = records.answers["selected"], records.rows["current"], records.answers["target"]
    return KernelPlan(records.accounts, records.assets, records.lots, names, *chosen)
