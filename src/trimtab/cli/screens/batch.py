"""The summary of a batch on screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from trimtab.text import printable

if TYPE_CHECKING:
    from trimtab.batch.summary import CountSection, Summary

_RISES = 6


def summary_page(found: Summary, width: int) -> RenderableType:
    """Figures, tables of counts, what rose, and the first failed accounts."""
    style = "bold" if found.status == "published" else "bold red"
    against = f", beside {found.before}" if found.before else ""
    parts: list[RenderableType] = [Text(printable(f"{found.title}: {found.status}{against}"), style=style), ""]
    parts.append(_figures(found, width))
    for section in found.sections:
        parts += ["", Text(section.title, style="bold"), _table(section, found.before)]
    if found.rises:
        before = printable(found.before or "")
        parts += ["", Text(f"Reasons that rose against {before}", style="bold")]
        parts += [
            Text(f"  {one.reason}: {one.before_text} of the rows before, {one.now_text} now")
            for one in found.rises[:_RISES]
        ]
    if found.failed:
        parts += ["", Text(f"Failed accounts ({found.counts.failed:,}; the first of them)", style="bold")]
        parts += [Text(f"  {printable(f'{account}: {reason}')}") for account, reason in found.failed]
    return Group(*parts)


def _figures(found: Summary, width: int) -> Table:
    across = 5 if width >= 100 else 3
    table = Table.grid(padding=(0, 3, 0, 0))
    cells = [Text.assemble((f"{one.name} ", "dim"), (one.text, "bold")) for one in found.figures]
    for at in range(0, len(cells), across):
        table.add_row(*cells[at : at + across])
    return table


def _table(section: CountSection, before: str | None) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 2), pad_edge=False, header_style="dim")
    table.add_column("", overflow="fold")
    for name in ("count", "share", *(("before",) if before else ())):
        table.add_column(name, justify="right", no_wrap=True)
    for line in section.lines:
        name = Text(printable(line.name))
        table.add_row(name, line.count_text, line.share_text, *((line.before_text,) if before else ()))
    return table
