"""The plan as its pages show it: orders, facts, and whether they may be written."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trimtab.facts.assets import AssetFact
from trimtab.orders.order import Order
from trimtab.orders.plan import Plan
from trimtab.orders.release import Desk, Release, may_write
from trimtab.text import printable
from trimtab.web.headline import headline_of
from trimtab.web.review import names_of
from trimtab.web.visits import Visit
from trimtab.web.written import orders_before


@dataclass(frozen=True)
class TradeRow:
    """An order as the page shows it."""

    order: Order
    name: str
    colour: int
    verb: str
    detail: str


@dataclass(frozen=True)
class PlanView:
    """Everything on the page of a plan."""

    plan: Plan
    release: Release
    headline: str
    trades: tuple[TradeRow, ...]
    facts: Any
    scale: float
    left: tuple[tuple[str, str], ...]
    names: dict[str, str]

    @property
    def sells(self) -> int:
        """How many orders sell."""
        return sum(order.side == "sell" for order in self.plan.orders)

    @property
    def cash_after_sells(self) -> Decimal:
        """The cash once everything is sold."""
        return self.plan.orders[self.sells - 1].cash_after if self.sells else self.plan.cash_before


def plan_view(visit: Visit) -> PlanView:
    """The plan of a session.

    Raises
    ------
    TrimtabError
        The work cannot be planned.
    """
    plan = visit.session.plan()
    facts = plan.traded_facts
    by_asset = {fact.asset: fact for fact in facts.assets}
    details, names = plan.details(), names_of(visit.session.work.files)
    return PlanView(
        plan=plan,
        release=release_of(visit, plan),
        headline=headline_of(plan, facts.lines),
        trades=tuple(_trade(order, by_asset, names, details) for order in plan.orders),
        facts=facts,
        scale=max(facts.bucket_scale, 1e-9),
        left=tuple((asset, text) for asset, text in details.items() if text.startswith("No order")),
        names=names,
    )


def release_of(visit: Visit, plan: Plan) -> Release:
    """May the orders be written? With what was written before, and what a person let through."""
    known = visit.session.written_for(plan)
    if known is not None:
        return known.release
    stamp = visit.service.stamp()
    written = orders_before(visit.service, visit.session, stamp.now, plan.gate_settings.repeat_hours)
    held = may_write(plan, Desk(now=stamp.now, written=written)).held
    let_through = [
        each
        for each in visit.session.work.acknowledgements
        if any(gate.gate == each.gate and each.asset in ("", gate.asset) for gate in held)
    ]
    return may_write(plan, Desk(now=stamp.now, written=written, acknowledgements=let_through))


def _trade(order: Order, by_asset: dict[str, AssetFact], names: dict[str, str], details: dict[str, str]) -> TradeRow:
    fact = by_asset[printable(order.asset)]
    sell, buy = "Sell all" if order.closes else "Sell", "Buy" if fact.before > 0 else "Buy new"
    verb = sell if order.side == "sell" else buy
    return TradeRow(order, names.get(order.asset, ""), fact.colour, verb, details[order.asset])
