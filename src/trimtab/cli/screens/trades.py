"""The page that `plan` shows: what to trade, step by step, and which assets are left alone."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from trimtab.text import counted, percent, printable

if TYPE_CHECKING:
    from trimtab.orders.plan import Order, Plan
    from trimtab.orders.release import Release

_LEFT_SHOWN = 10  # assets without an order, unless --all
_NOT_SHOWN = ("on_target", "not_wanted")  # reasons that a reader of trades does not need


def trade_page(release: Release, title: str, *, ascii_only: bool, show_all: bool) -> RenderableType:
    """The whole page of a plan."""
    plan = release.plan
    parts: list[RenderableType] = [Text(_headline(plan, title), style="bold"), ""]
    if release.held:
        parts += [Text("Held back: no order file is written", style="bold red")]
        parts += [Text(f"  {printable(gate.sentence)}", overflow="fold") for gate in release.held]
        parts += [
            Text("  Fix the cause, or let a gate through: --acknowledge GATE --purpose TEXT", style="dim"),
            "",
        ]
    if plan.orders:
        parts += [_trades(plan, ascii_only=ascii_only), ""]
    parts += [Text(_ending(plan))]
    left = _left_alone(plan, show_all=show_all)
    if left:
        parts += ["", Text("No order", style="bold")]
        shown = left if show_all else left[:_LEFT_SHOWN]
        parts += [Text(f"  {asset}: {clause}", overflow="fold") for asset, clause in shown]
        if len(left) > len(shown):
            parts.append(Text(f"  {len(left) - len(shown)} more; --all shows them", style="dim"))
    if release.unmeasured and plan.orders:
        parts += ["", Text(f"Gates without data: {', '.join(release.unmeasured)}", style="dim")]
    return Group(*parts)


def _headline(plan: Plan, title: str) -> str:
    if plan.status == "braked":
        return f"{title}: a brake stopped the account. Nothing is traded."
    sells = sum(order.side == "sell" for order in plan.orders)
    buys = len(plan.orders) - sells
    if not plan.orders:
        return f"{title}: nothing to trade."
    steps = [f"{verb} {count}" for verb, count in (("sell", sells), ("buy", buys)) if count]
    text = ", then ".join(steps)
    part = " This is part of the plan; the next one continues it." if plan.status == "limited" else ""
    return f"{title}: {text}.{part}"


def _trades(plan: Plan, *, ascii_only: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", justify="right")
    table.add_column("order")
    table.add_column("amount", justify="right", no_wrap=True)
    if plan.fees:
        table.add_column("fee", justify="right", no_wrap=True)
    table.add_column("cash after", justify="right", no_wrap=True)
    for number, order in enumerate(plan.orders, 1):
        fee = [_money(order.fee)] if plan.fees else []
        table.add_row(
            f"{number}.", _order(order, ascii_only=ascii_only), _money(order.amount), *fee, _money(order.cash_after)
        )
    return table


def _order(order: Order, *, ascii_only: bool) -> Text:
    """`Sell all 30 CCC at about 51.20`."""
    verb = ("Sell all" if order.closes else "Sell") if order.side == "sell" else "Buy"
    text = Text(f"{verb} {order.shares:,f} {printable(order.asset)} at about {_price(order.price)}")
    if order.phase == 3:
        text.append(" (after the sales settle)", style="dim")
    if order.wash_sale:
        text.append(" wash sale?" if ascii_only else " ⚠ wash sale?", style="yellow")
    return text


def _money(amount: Decimal) -> str:
    return f"{amount:,.2f}"


def _price(price: Decimal) -> str:
    """The price with all its decimals, at least two."""
    return f"{price:,.2f}" if price == price.quantize(Decimal("0.01")) else f"{price:,f}"


def _ending(plan: Plan) -> str:
    positions, value = plan.value - plan.cash, plan.value
    share = percent(float(plan.cash / value))
    fees = f" Fees: {_money(plan.fees)}." if plan.fees else ""
    after = "After that" if plan.orders else "The account has"
    return f"{after}: {_money(positions)} in {counted(plan.holdings, 'position')}, {_money(plan.cash)} in cash ({share}).{fees}"


def _left_alone(plan: Plan, *, show_all: bool) -> list[tuple[str, str]]:
    """Assets without an order, and why; those on target or not selected only with --all."""
    ordered = {order.asset for order in plan.orders}
    details = plan.details()
    return [
        (printable(asset), details[asset].partition(": ")[2])
        for asset, reason in plan.reasons.items()
        if asset not in ordered and (show_all or reason not in _NOT_SHOWN)
    ]
