"""The plan: what to trade, buckets against limits, every asset with its reason; why, on a click."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from starlette.responses import Response

from trimtab.facts.assets import AssetFact
from trimtab.orders.order import Order
from trimtab.orders.plan import Plan
from trimtab.orders.plan_facts import PlanFacts
from trimtab.orders.release import Desk, Release, may_write
from trimtab.report.charts import NARROW
from trimtab.report.sankey import SANKEY_WIDTH, sankey_chart
from trimtab.report.shapes import Chart
from trimtab.text import printable
from trimtab.web.dial_pages import dial_facts
from trimtab.web.drawer import drawer_of
from trimtab.web.headline import headline_of
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


def _trade(order: Order, by_asset: dict[str, AssetFact], names: dict[str, str], details: dict[str, str]) -> TradeRow:
    fact = by_asset[printable(order.asset)]
    sell, buy = "Sell all" if order.closes else "Sell", "Buy" if fact.before > 0 else "Buy new"
    verb = sell if order.side == "sell" else buy
    return TradeRow(order, names.get(order.asset, ""), fact.colour, verb, details[order.asset])


def plan(visit: Visit) -> Response:
    """The page of the plan; `?why=NVDA` opens the drawer of an asset, `?limit=...&value=...` tries a limit."""
    if not visit.session.work.files.has_holdings:
        return empty(visit, "/plan")
    view = plan_view(visit)
    asset, show = visit.query.get("why", ""), visit.query.get("show", "")
    money = view.plan.facts(visit.session.work.title, view.release.gates)
    return rendered(
        "plan.html",
        visit,
        here="/plan",
        view=view,
        drawer=drawer_of(view, asset) if asset else None,
        money=money,
        flows=[(css, _sankey(money, width, css)) for css, width in _FLOW_WIDTHS.items()],
        show=show,
        kinds=[(key, words, sum(_is_shown(fact, key) for fact in view.facts.assets)) for key, words in _KINDS.items()],
        assets=[fact for fact in view.facts.assets if _is_shown(fact, show)],
        **dial_facts(visit, view.plan),
    )


_KINDS = {"": "All", "sell": "Sell", "buy": "Buy", "hold": "Keep", "none": "Left out"}
_SHOWN_AS = {"close": "sell", "decrease": "sell", "open": "buy", "increase": "buy"}
_FLOW_WIDTHS = {"at-wide": 1168.0, "at-mid": SANKEY_WIDTH, "at-narrow": NARROW}


def _is_shown(fact: AssetFact, kind: str) -> bool:
    return not kind or _SHOWN_AS.get(fact.action, fact.action) == kind


def _sankey(money: PlanFacts, width: float, name: str) -> Chart:
    return replace(sankey_chart(money.sources, money.uses, width), name=f"money-{name}")


def why(visit: Visit) -> Response:
    """The drawer of an asset alone."""
    return rendered("drawer.html", visit, drawer=drawer_of(plan_view(visit), visit.query.get("why", "")))
