"""The plan: what to trade, buckets against limits, every asset with its reason; why, on a click."""

from __future__ import annotations

from dataclasses import replace

from starlette.responses import Response

from trimtab.facts.assets import AssetFact
from trimtab.orders.plan_facts import PlanFacts
from trimtab.report.charts import NARROW
from trimtab.report.sankey import SANKEY_WIDTH, sankey_chart
from trimtab.report.shapes import Chart
from trimtab.web.dial_pages import dial_facts
from trimtab.web.drawer import drawer_of
from trimtab.web.plan_view import plan_view
from trimtab.web.rendering import rendered
from trimtab.web.start_pages import empty
from trimtab.web.visits import Visit


def plan(visit: Visit) -> Response:
    """The page of the plan; `?why=NVDA` opens the drawer of an asset, `?limit=...&value=...` tries a limit."""
    if not visit.session.work.files.has_holdings:
        return empty(visit, "/plan")
    view = plan_view(visit)
    asset, show = visit.query.get("why", ""), visit.query.get("show", "")
    money = view.plan.facts(visit.session.work.report_title, view.release.gates)
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
