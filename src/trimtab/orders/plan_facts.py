"""Every number of a plan with its text, for the screen and the page: money and shares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from trimtab.facts.assets import TRADES, AssetFact
from trimtab.facts.outcome import Facts, Figure
from trimtab.orders.gates import Gate, Verdict, holding
from trimtab.orders.order import Order
from trimtab.orders.plan_view import PlanView
from trimtab.reasons import OrderReason
from trimtab.report.sankey import Flow
from trimtab.text import counted, percent, printable

_FLOWS = 12  # bands on each side of the chart; the smallest beyond that are drawn as one
_ACTIONS = {(True, True): "close", (True, False): "decrease", (False, True): "open", (False, False): "increase"}


@dataclass(frozen=True)
class OrderFact:
    """An order in texts; `action` and `colour` are those of the rebalance's tables."""

    number: int
    action: str
    asset: str
    bucket: str
    colour: int
    shares: str
    price: str
    amount: str
    fee: str
    cash_after: str
    clause: str
    is_last_sell: bool

    @property
    def trade(self) -> str:
        """The action, as a short label."""
        return TRADES[self.action]


@dataclass(frozen=True)
class HoldingFact:
    """A candidate without an order: its shares, their value, and why."""

    asset: str
    shares: str
    value: str
    clause: str


@dataclass(frozen=True)
class PlanFacts:
    """The facts of a plan beside those of its rebalance."""

    title: str
    answer: str
    lead: str
    figures: tuple[Figure, ...]
    notes: tuple[str, ...]
    held: tuple[str, ...]  # why the orders are held back
    orders: tuple[OrderFact, ...]
    has_fees: bool
    columns: tuple[str, ...]  # of the table of orders; "#": numbers
    columns_before_cash: int
    cash_before: str
    cash_between: str  # after all sells; empty without sells or without buys
    cash_after: str
    cash_parts: tuple[str, ...]
    without_order: tuple[HoldingFact, ...]
    sources: tuple[Flow, ...]
    uses: tuple[Flow, ...]
    plan_id: str


def plan_facts_of(plan: PlanView, gates: Sequence[Gate], title: str) -> PlanFacts:
    """The facts of a plan, with its measured gates."""
    facts = plan.result.facts()
    names = _names(plan)
    by_name = {names[fact.row]: fact for fact in facts.assets}
    details = plan.details()
    sources, uses = _flows(plan, by_name)
    sells = [each for each in plan.orders if each.side == "sell"]
    fee = ("#Fee",) if plan.fees else ()
    columns = ("#", "Trade", "Asset", "Bucket", "#Shares", "#At about", "#Money", *fee, "#Cash after", "Why")
    has_both = 0 < len(sells) < len(plan.orders)
    return PlanFacts(
        title=printable(title),
        answer=answer_of(plan),
        lead=_lead(plan),
        figures=_figures(plan, facts, gates),
        notes=tuple(printable(note) for note in plan.order_notes),
        held=tuple(printable(gate.sentence) for gate in holding(gates)),
        orders=tuple(_orders(plan, by_name, details)),
        has_fees=bool(plan.fees),
        columns=columns,
        columns_before_cash=len(columns) - 2,
        cash_before=money(plan.cash_before),
        cash_between=money(sells[-1].cash_after) if has_both else "",
        cash_after=money(plan.cash),
        cash_parts=tuple(part.sentence for part in plan.cash_parts),
        without_order=tuple(_without_order(plan, details)),
        sources=sources,
        uses=uses,
        plan_id=plan.plan_id,
    )


def money(amount: Decimal) -> str:
    """An amount with two places and separators."""
    return f"{amount:,.2f}"


def price_text(price: Decimal) -> str:
    """The price with all its decimals, at least two."""
    return f"{price:,.2f}" if price == price.quantize(Decimal("0.01")) else f"{price:,f}"


def with_order_reasons(facts: Facts, plan: PlanView) -> Facts:
    """The facts of the rebalance, where a lot that is too large is the reason, instead of the restriction that the pass was given."""
    names, details = _names(plan), plan.details()
    too_large = OrderReason.LOT_TOO_LARGE.code
    assets = tuple(
        replace(fact, about_selection=printable(f"Not selected: {details[name].partition(': ')[2]}"), about_size="")
        if plan.reasons[name := names[fact.row]] == too_large
        else fact
        for fact in facts.assets
    )
    return replace(facts, assets=assets)


def _names(plan: PlanView) -> list[str]:
    """The assets in the order of the table."""
    return [str(name) for name in plan.result.staged.candidates.asset.values()]


def answer_of(plan: PlanView) -> str:
    """The plan in a sentence."""
    if plan.status == "braked":
        return "A brake stopped the account. Nothing is traded."
    sells = sum(order.side == "sell" for order in plan.orders)
    buys = len(plan.orders) - sells
    if not plan.orders:
        return "Nothing to trade."
    steps = [f"{verb} {count}" for verb, count in (("sell", sells), ("buy", buys)) if count]
    text = ", then ".join(steps)
    part = " This is part of the plan; the next one continues it." if plan.status == "limited" else ""
    return f"{text[0].upper()}{text[1:]}.{part}"


def _lead(plan: PlanView) -> str:
    sold = f"The sells bring {money(plan.sold)}" if plan.sold else ""
    bought = f"{'the' if sold else 'The'} buys cost {money(plan.bought)}" if plan.bought else ""
    traded = ", ".join(part for part in (sold, bought) if part)
    cash = f"Cash goes from {money(plan.cash_before)} to {money(plan.cash)}."
    return f"{traded}. {cash}" if traded else f"Cash stays at {money(plan.cash)}."


def _figures(plan: PlanView, facts: Facts, gates: Sequence[Gate]) -> tuple[Figure, ...]:
    traded = max(plan.sold, plan.bought)
    held = len(holding(gates))
    measured = sum(gate.verdict != Verdict.NOT_MEASURED for gate in gates)
    fees = [Figure("Fees", money(plan.fees), _share(plan.fees, plan.value_before))] if plan.fees else []
    return (
        Figure("Value", money(plan.value), counted(plan.holdings, "position")),
        Figure(
            "Cash", money(plan.cash), f"{_share(plan.cash_before, plan.value_before)} → {_share(plan.cash, plan.value)}"
        ),
        Figure("Traded", _share(traded, plan.value_before), counted(len(plan.orders), "order")),
        *fees,
        Figure("Limits", ", ".join(count.text for count in facts.counts) or "none"),
        Figure("Gates", f"{held or 'none'} hold{'' if held > 1 else 's'}", f"{measured} measured"),
    )


def _share(amount: Decimal, value: Decimal) -> str:
    return percent(float(amount / value))


def _orders(plan: PlanView, by_name: dict[str, AssetFact], details: dict[str, str]) -> Iterator[OrderFact]:
    last_sell = sum(order.side == "sell" for order in plan.orders)
    for number, order in enumerate(plan.orders, 1):
        fact = by_name[order.asset]
        is_new = order.closes if order.side == "sell" else plan.shares_before(order.asset) == 0
        yield OrderFact(
            number=number,
            action=_ACTIONS[order.side == "sell", is_new],
            asset=fact.asset,
            bucket=fact.bucket,
            colour=fact.colour,
            shares=f"{order.shares:,f}",
            price=price_text(order.price),
            amount=money(order.amount),
            fee=money(order.fee),
            cash_after=money(order.cash_after),
            clause=printable(_clause(details[order.asset], order)),
            is_last_sell=number == last_sell,
        )


def _clause(detail: str, order: Order) -> str:
    text = detail.partition(": ")[2]
    marks = ["after the sales settle"] if order.phase == 3 else []
    marks += ["a wash sale?"] if order.wash_sale else []
    more = f" ({', '.join(marks)})" if marks else ""
    return f"{text[0].upper()}{text[1:]}{more}"


def _without_order(plan: PlanView, details: dict[str, str]) -> Iterator[HoldingFact]:
    """Holdings first, then the other candidates."""
    ordered = {order.asset for order in plan.orders}
    rest = [asset for asset in plan.reasons if asset not in ordered]
    for asset in sorted(rest, key=lambda name: (plan.shares_before(name) == 0, name)):
        shares = plan.shares_before(asset)
        clause = details[asset].partition(": ")[2]
        value = money(plan.worth_of(asset)) if shares else ""
        yield HoldingFact(
            printable(asset), f"{shares:,f}" if shares else "", value, printable(f"{clause[0].upper()}{clause[1:]}")
        )


def _flows(plan: PlanView, by_name: dict[str, AssetFact]) -> tuple[tuple[Flow, ...], tuple[Flow, ...]]:
    """The sources of money and its uses; both sides add up to the same."""
    sides: dict[str, list[tuple[str, Decimal, int | None]]] = {"sell": [], "buy": []}
    for order in plan.orders:
        fact = by_name[order.asset]
        sides[order.side].append((fact.asset, order.amount, fact.colour))
    zero = Decimal(0)
    before, after = plan.cash_before, plan.cash
    sources = [
        ("cash now", max(before, zero), None),
        *_few(sides["sell"]),
        ("cash missing", max(-after, zero), None),
    ]
    uses = [("cash owed", max(-before, zero), None), *_few(sides["buy"]), ("fees", plan.fees, None)]
    uses.append(("cash left", max(after, zero), None))
    total = sum((amount for _, amount, _ in sources), zero)
    if not plan.orders or not total:
        return (), ()
    made = [
        tuple(Flow(name, float(amount / total), money(amount), colour) for name, amount, colour in side if amount)
        for side in (sources, uses)
    ]
    return made[0], made[1]


def _few(flows: list[tuple[str, Decimal, int | None]]) -> list[tuple[str, Decimal, int | None]]:
    """The largest flows in their order, and the others as one."""
    if len(flows) <= _FLOWS:
        return flows
    kept = sorted(flows, key=lambda flow: (-flow[1], flow[0]))[: _FLOWS - 1]
    rest = [flow for flow in flows if flow not in kept]
    others = (f"{len(rest)} others", sum((amount for _, amount, _ in rest), Decimal(0)), None)
    return [*(flow for flow in flows if flow in kept), others]
