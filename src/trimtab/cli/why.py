"""What `explain` shows: the way of an asset through the stages, what crowded it out, and what would change it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from trimtab.cli.exits import printable
from trimtab.cli.symbols import ASCII, UNICODE, percent
from trimtab.errors import listed
from trimtab.explanation import Crowding, Explanation

_NAMED = 8
_OUTCOME_STYLES = {"passed": "green", "stopped": "bold red", "not reached": "dim"}


def explanations_page(found: Sequence[Explanation], *, ascii_only: bool) -> RenderableType:
    """Some explanations, one below the other."""
    parts: list[RenderableType] = []
    for one in found:
        parts += [*([""] if parts else []), *_explained(one, ascii_only=ascii_only)]
    return Group(*parts)


def _explained(one: Explanation, *, ascii_only: bool) -> Iterable[RenderableType]:
    arrow = (ASCII if ascii_only else UNICODE).arrow
    bucket = f" ({printable(one.bucket, keep='')})" if one.bucket else ""
    weights = f"{percent(one.current_weight)} {arrow} {percent(one.target_weight)}, {one.action}"
    yield Text.assemble((printable(one.asset, keep=""), "bold"), bucket, ": ", (one.decision, "bold"), f", {weights}")
    yield _steps(one)
    for title, lines in (
        ("Merit", [_merit(one)]),
        ("Size", [printable(one.held_by.effect, keep="")] if one.held_by else []),
        ("What would change it", [printable(change.effect, keep="") for change in one.counterfactuals] or [_NOTHING]),
    ):
        if lines:
            yield Text(f"  {title}", style="bold")
            yield _bullets(lines)


_NOTHING = "no change of its score, its restriction or one limit alone, as far as was tried"


def _steps(one: Explanation) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    for _ in range(3):
        table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    for step in one.steps:
        mark = Text(">" if step.decides else " ", "bold")
        outcome = Text(step.outcome, _OUTCOME_STYLES[step.outcome])
        table.add_row(mark, step.stage, outcome, Text(printable(step.text, keep=""), "bold" if step.decides else ""))
    return table


def _merit(one: Explanation) -> str:
    if one.crowded_out is None:
        return "good enough by itself" if one.merit else "not good enough by itself, whatever the others are"
    return f"good enough by itself, but crowded out by {crowd(one.crowded_out)}"


def crowd(found: Crowding) -> str:
    """A limit and who has the places, in words."""
    names = [printable(name, keep="") for name in found.by]
    those = listed(names, _NAMED)
    node = f" of {printable(found.node, keep='')}" if found.node else ""
    return f"{found.limit} {found.value:g}{node}" + (f": {those}" if those else "")


def _bullets(lines: Sequence[str]) -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=3, justify="right")
    grid.add_column()
    for line in lines:
        grid.add_row("-", line)
    return grid
