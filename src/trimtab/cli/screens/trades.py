"""The page that `plan` shows: what to trade, step by step, and which assets are left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from trimtab.orders.plan_facts import answer_of, money, price_text
from trimtab.text import counted, percent, printable

if TYPE_CHECKING:
    from trimtab.orders.order import Order
    from trimtab.orders.plan import Plan
    from trimtab.orders.release import Release

_LEFT_SHOWN = 10  # assets without an order, unless --all
_NOT_SHOWN = ("on_target", "not_wanted")  # reasons that a reader of trades does not need


def trade_page(release: Release, title: str, *, ascii_only: bool, show_all: bool) -> RenderableType:
    """The whole page of a plan, with the gates that hold it back."""
    first, *rest = trade_list(release.plan, title, ascii_only=ascii_only, show_all=show_all)
    held: list[RenderableType] = []
    if release.held:
        held = ["", Text("Held back: no order file is written", style="bold red")]
        held += [Text(f"  {printable(gate.sentence)}", overflow="fold") for gate in release.held]
        held += [Text("  Fix the cause, or let a gate through: --acknowledge GATE --purpose TEXT", style="dim")]
    unmeasured: list[RenderableType] = []
    if release.unmeasured and release.plan.orders:
        unmeasured = ["", Text(f"Gates without data: {', '.join(release.unmeasured)}", style="dim")]
    return Group(first, *held, *rest, *unmeasured)


def trade_list(plan: Plan, title: str, *, ascii_only: bool, show_all: bool) -> list[RenderableType]:
    """The answer, the orders step by step, and the assets without one."""
    answer = answer_of(plan)
    parts: list[RenderableType] = [Text(f"{title}: {answer[0].lower()}{answer[1:]}", style="bold"), ""]
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
    return parts


def _trades(plan: Plan, *, ascii_only: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", justify="right")
    table.add_column("order")
    table.add_column("amount", justify="right", no_wrap=True)
    if plan.fees:
        table.add_column("fee", justify="right", no_wrap=True)
    table.add_column("cash after", justify="right", no_wrap=True)
    for number, order in enumerate(plan.orders, 1):
        amounts = [order.amount, *([order.fee] if plan.fees else []), order.cash_after]
        table.add_row(f"{number}.", _order(order, ascii_only=ascii_only), *map(money, amounts))
    return table


def _order(order: Order, *, ascii_only: bool) -> Text:
    """`Sell all 30 CCC at about 51.20`."""
    verb = ("Sell all" if order.closes else "Sell") if order.side == "sell" else "Buy"
    text = Text(f"{verb} {order.shares:,f} {printable(order.asset)} at about {price_text(order.price)}")
    if order.phase == 3:
        text.append(" (after the sales settle)", style="dim")
    if order.wash_sale:
        text.append(" wash sale?" if ascii_only else " ⚠ wash sale?", style="yellow")
    return text


def _ending(plan: Plan) -> str:
    positions, value = plan.value - plan.cash, plan.value
    share = percent(float(plan.cash / value))
    fees = f" Fees: {money(plan.fees)}." if plan.fees else ""
    after = "After that" if plan.orders else "The account has"
    return f"{after}: {money(positions)} in {counted(plan.holdings, 'position')}, {money(plan.cash)} in cash ({share}).{fees}"


def _left_alone(plan: Plan, *, show_all: bool) -> list[tuple[str, str]]:
    """Assets without an order, and why; those on target or not selected only with --all."""
    ordered = {order.asset for order in plan.orders}
    details = plan.details()
    return [
        (printable(asset), details[asset].partition(": ")[2])
        for asset, reason in plan.reasons.items()
        if asset not in ordered and (show_all or reason not in _NOT_SHOWN)
    ]
