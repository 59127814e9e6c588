"""The page of `explain`: an asset's path through the stages, what crowded it out, and what would change that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from trimtab.cli.screens.outcome import bullets
from trimtab.cli.screens.symbols import ASCII, UNICODE
from trimtab.text import printable

if TYPE_CHECKING:
    from trimtab.explanations.explanation import Explanation
    from trimtab.facts.report_facts import Explained
    from trimtab.orders.order_explanation import OrderExplanation

_OUTCOME_STYLES = {"passed": "green", "stopped": "bold red", "not reached": "dim"}


def explanations_page(
    explained: Sequence[Explained], orders: Sequence[OrderExplanation] = (), *, ascii_only: bool
) -> RenderableType:
    """Some explanations, one below the other; `orders` are those of the same assets' orders, where shares are known."""
    parts: list[RenderableType] = []
    for index, asset in enumerate(explained):
        parts += [*([""] if parts else []), *_explained(asset, ascii_only=ascii_only)]
        if orders:
            parts += _order(orders[index])
    return Group(*parts)


def _order(order: OrderExplanation) -> Iterable[RenderableType]:
    steps = [text for text in (order.one_lot_more, order.one_lot_less) if text]
    for title, lines in (("Order", [order.sentence, *steps]), ("What would change the order", order.about_changes)):
        yield Text(f"  {title}", style="bold")
        yield bullets([printable(line) for line in lines])


def _explained(explained: Explained, *, ascii_only: bool) -> Iterable[RenderableType]:
    arrow = (ASCII if ascii_only else UNICODE).arrow
    fact, explanation = explained.fact, explained.explanation
    bucket = f" ({fact.bucket})" if explanation.bucket else ""
    weights = f"{fact.before_text} {arrow} {fact.after_text}, {fact.action}"
    yield Text.assemble((fact.asset, "bold"), bucket, ": ", (explanation.decision, "bold"), f", {weights}")
    yield _steps(explanation)
    for title, lines in (
        ("Merit", [explanation.about_merit]),
        ("Size", [explanation.held_by.effect] if explanation.held_by else []),
        ("What would change it", explanation.about_changes),
    ):
        if lines:
            yield Text(f"  {title}", style="bold")
            yield bullets(lines)


def _steps(explanation: Explanation) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    for _ in range(3):
        table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    for step in explanation.steps:
        mark = Text(">" if step.decides else " ", "bold")
        outcome = Text(step.outcome, _OUTCOME_STYLES[step.outcome])
        table.add_row(mark, step.stage, outcome, Text(step.text, "bold" if step.decides else ""))
    return table
