"""The plan: what to trade, buckets against limits, every asset with its reason; why, on a click."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from starlette.responses import Response

from trimtab.facts.assets import AssetFact
from trimtab.orders.order import Order
from trimtab.orders.plan import Plan
from trimtab.orders.release import Desk, Release, may_write
from trimtab.text import printable
from trimtab.web.rendering import rendered
from trimtab.web.review import names_of
from trimtab.web.start_pages import empty
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
    facts = plan.result.facts(visit.session.work.title)
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


def headline_of(plan: Plan, lines: Iterable[Any]) -> str:
    """The answer in a sentence.

    Examples
    --------
    >>> import trimtab
    >>> plan = trimtab.plan([{"asset": "AAA", "score": 0.9, "shares": 30, "price": 100}], cash=7000)
    >>> headline_of(plan, plan.result.facts().lines)
    'Sell 1. After that, every limit holds.'
    """
    if plan.status == "braked":
        return "A brake stopped the account. Nothing is traded."
    sells = sum(order.side == "sell" for order in plan.orders)
    counts = (("sell", sells), ("buy", len(plan.orders) - sells))
    trades = ", then ".join(f"{verb} {count}" for verb, count in counts if count)
    unmet = sum(line.status == "unmet" for line in lines)
    state = f"{unmet} limit{'' if unmet == 1 else 's'} cannot be met" if unmet else "every limit holds"
    if plan.status == "limited":
        return f"{trades.capitalize()}. This is a part; the next plan continues."
    return f"{trades.capitalize()}. After that, {state}." if trades else f"Nothing to trade: {state}."


def _trade(order: Order, by_asset: dict[str, AssetFact], names: dict[str, str], details: dict[str, str]) -> TradeRow:
    fact = by_asset[printable(order.asset)]
    sell, buy = "Sell all" if order.closes else "Sell", "Buy" if fact.before > 0 else "Buy new"
    verb = sell if order.side == "sell" else buy
    return TradeRow(order, names.get(order.asset, ""), fact.colour, verb, details[order.asset])


def plan(visit: Visit) -> Response:
    """The page of the plan; `?why=NVDA` opens the drawer of an asset."""
    if not visit.session.work.files.has_holdings:
        return empty(visit, "/plan")
    view = plan_view(visit)
    asset = visit.query.get("why", "")
    why = view.plan.result.explain(asset) if asset else None
    return rendered("plan.html", visit, here="/plan", view=view, why=why, detail=view.plan.details().get(asset, ""))
